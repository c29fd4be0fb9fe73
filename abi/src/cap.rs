//! Capability selectors (`l4sys/consts.h`, `l4sys/types.h`).
//!
//! A selector is a capability's index in the object space of its task, shifted left by twelve; the
//! low bits of the register that carries it hold the IPC operation ([`crate::ipc::Operation`]).

/// Position of the index in a selector.
pub const CAP_SHIFT: u32 = 12;
/// Set in a selector that names no capability.
pub const INVALID_BIT: u64 = 1 << (CAP_SHIFT - 1);
/// Set in a selector that names an explicit reply capability.
pub const REPLY_BIT: u64 = 1 << (CAP_SHIFT - 2);

/// A capability selector without operation bits.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[repr(transparent)]
pub struct CapIndex(u64);

impl CapIndex {
    /// The selector that names no capability (`L4_INVALID_CAP`).
    pub const INVALID: Self = Self(u64::MAX << (CAP_SHIFT - 1));
    /// The current task (`L4_BASE_TASK_CAP`).
    pub const TASK: Self = Self::new(1);
    /// The factory that pays for what the task creates.
    pub const FACTORY: Self = Self::new(2);
    /// The first thread.
    pub const THREAD: Self = Self::new(3);
    /// The gate to the pager.
    pub const PAGER: Self = Self::new(4);
    /// The kernel's log.
    pub const LOG: Self = Self::new(5);
    /// The interrupt controller, platform control included.
    pub const ICU: Self = Self::new(6);
    /// The scheduler.
    pub const SCHEDULER: Self = Self::new(7);
    /// The IOMMU.
    pub const IOMMU: Self = Self::new(8);
    /// The kernel debugger's object.
    pub const DEBUGGER: Self = Self::new(10);
    /// Arm's secure monitor calls; always empty on this architecture.
    pub const ARM_SMCCC: Self = Self::new(11);

    /// The selector of slot `index`.
    pub const fn new(index: u64) -> Self {
        Self(index << CAP_SHIFT)
    }

    /// The selector of reply slot `index`, for the operations that reply or wait (`L4_REPLY_CAP_BIT`).
    pub const fn reply(index: u64) -> Self {
        Self(index << CAP_SHIFT | REPLY_BIT)
    }

    /// The selector in a raw register value, without its operation bits.
    pub const fn from_raw(raw: u64) -> Self {
        Self(raw & (u64::MAX << (CAP_SHIFT - 2)))
    }

    /// The raw value, to be combined with an operation by `|`.
    pub const fn raw(self) -> u64 {
        self.0
    }

    /// The slot's index.
    pub const fn index(self) -> u64 {
        self.0 >> CAP_SHIFT
    }

    /// Whether the selector names a slot (which may be empty).
    pub const fn is_valid(self) -> bool {
        self.0 & INVALID_BIT == 0
    }

    /// The selector of the slot `count` behind this one.
    pub const fn offset(self, count: u64) -> Self {
        Self(self.0 + (count << CAP_SHIFT))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_are_those_of_the_header() {
        assert_eq!(CapIndex::TASK.raw(), 0x1000);
        assert_eq!(CapIndex::INVALID.raw(), 0xffff_ffff_ffff_f800);
        assert!(!CapIndex::INVALID.is_valid());
        assert_eq!(CapIndex::from_raw(0x5003).index(), 5);
        assert_eq!(CapIndex::reply(5).raw(), 0x5400);
        assert_eq!(CapIndex::from_raw(0x540f), CapIndex::reply(5));
    }
}
