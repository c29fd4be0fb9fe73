//! The environment that a loader writes on a new program's stack (`l4re/include/env.h`): its first
//! capabilities and the resources it may hand out itself. Found by the auxiliary vector.

/// `l4re_env_t`. All capabilities are selectors (slot number shifted by 12); an invalid one has bit
/// 11 set.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Env {
    /// Parent of the program.
    pub parent: u64,
    /// Region map of the program.
    pub rm: u64,
    /// Memory allocator (user factory).
    pub mem_alloc: u64,
    /// Log.
    pub log: u64,
    /// Main thread.
    pub main_thread: u64,
    /// Kernel factory.
    pub factory: u64,
    /// Scheduler.
    pub scheduler: u64,
    /// In-task service, or invalid.
    pub itas: u64,
    /// Debugger events, or invalid.
    pub dbg_events: u64,
    /// First free capability slot, as a slot number (not a selector).
    pub first_free_cap: u64,
    /// First free explicit reply capability.
    pub first_free_reply_cap: u64,
    /// The UTCB area, a memory flexpage.
    pub utcb_area: u64,
    /// Address of the first UTCB in the area that no thread uses.
    pub first_free_utcb: u64,
    /// Address of the array of [`EnvCap`], ended by an entry with flags `!0`.
    pub caps: u64,
}

/// `l4re_env_cap_entry_t`: one named capability.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EnvCap {
    /// Selector.
    pub cap: u64,
    /// Flags; [`EnvCap::END`] marks the end of the array.
    pub flags: u64,
    /// Name, filled up with zeros; 16 bytes long it has no terminator.
    pub name: [u8; EnvCap::NAME_MAX],
}

impl EnvCap {
    /// Longest name in bytes.
    pub const NAME_MAX: usize = 16;
    /// Value of `flags` in the entry that ends the array.
    pub const END: u64 = !0;

    /// The entry that ends the array.
    pub const fn end() -> Self {
        Self { cap: 1 << 11, flags: Self::END, name: [0; Self::NAME_MAX] }
    }

    /// An entry for `selector` under `name`; `None` when the name is longer than 16 bytes.
    pub fn new(name: &str, selector: u64, flags: u64) -> Option<Self> {
        let mut entry = Self { cap: selector, flags, name: [0; Self::NAME_MAX] };
        entry.name.get_mut(..name.len())?.copy_from_slice(name.as_bytes());
        Some(entry)
    }

    /// The name without its padding.
    pub fn name(&self) -> &[u8] {
        let end = self.name.iter().position(|&byte| byte == 0).unwrap_or(Self::NAME_MAX);
        &self.name[..end]
    }
}

const _: () = assert!(size_of::<Env>() == 14 * 8);
const _: () = assert!(size_of::<EnvCap>() == 32);

#[cfg(test)]
mod tests {
    use super::EnvCap;

    #[test]
    fn names_fit_in_sixteen_bytes() {
        assert_eq!(EnvCap::new("rom", 0x1000, 0).unwrap().name(), b"rom");
        assert_eq!(EnvCap::new("0123456789abcdef", 0, 0).unwrap().name(), b"0123456789abcdef");
        assert!(EnvCap::new("0123456789abcdefg", 0, 0).is_none());
    }
}
