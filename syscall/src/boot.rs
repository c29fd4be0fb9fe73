//! For boot servers (sigma0, moe): the kernel info page, boot modules, and physical memory, without an
//! environment.
//!
//! ```no_run
//! use syscall::{boot, println};
//!
//! fn main() -> ! {
//!     let kip = boot::map_kip(0x10_0000).expect("sigma0 maps the kernel info page");
//!     for module in boot::modules(kip).1 {
//!         println!("{}: {} bytes", module.name(), module.bytes.len());
//!     }
//!     panic!("nothing else to do")
//! }
//! syscall::boot_main!(main);
//! ```
#![allow(unsafe_code)] // the kernel info page, the module list, memory that sigma0 gave

use core::ffi::{CStr, c_char};

use alloc::vec::Vec;

use abi::{
    kip::{Kip, MemDesc, MemType, RESERVED_HEAP},
    l4re::l4mod::{ModInfo, Module},
    l4re::vbe::ModeInfo,
};

use crate::{Code, Result, env, l4re::sigma0::Sigma0};

/// Has sigma0 map the kernel info page at `address`, a free page of this address space, and returns it.
///
/// # Errors
/// Those of the IPC with sigma0.
pub fn map_kip(address: u64) -> Result<&'static Kip> {
    Sigma0::boot().kip(address)?;
    use_kip(address)
}

/// Uses the kernel info page that already is mapped at `address`, and returns it.
///
/// # Errors
/// `Inval` when there is something else.
pub fn use_kip(address: u64) -> Result<&'static Kip> {
    env::set_kip(address);
    let kip = env::kip();
    if kip.magic == abi::kip::MAGIC { Ok(kip) } else { Err(Code::Inval.into()) }
}

/// The memory descriptors of the kernel info page.
pub fn memory_descriptors(kip: &'static Kip) -> &'static [MemDesc] {
    let start = core::ptr::from_ref(kip).cast::<u8>().wrapping_add(kip.mem_descs as usize);
    // SAFETY: bootstrap has written so many descriptors there, within the page.
    unsafe { core::slice::from_raw_parts(start.cast(), kip.mem_descs_num as usize) }
}

/// Bytes of memory that the kernel has for its objects; 0 where the descriptors do not tell.
pub fn kernel_memory_bytes(descriptors: &[MemDesc]) -> u64 {
    let of_kernel = |desc: &&MemDesc| desc.kind() == MemType::Reserved && desc.sub_type() == RESERVED_HEAP;
    descriptors.iter().filter(of_kernel).map(|desc| desc.last().saturating_sub(desc.start())).sum()
}

/// A boot module.
#[derive(Clone, Copy)]
pub struct BootModule {
    /// Name and arguments, as in the menu.
    pub command_line: &'static str,
    /// What it is: `abi::l4re::l4mod::module_flag`.
    pub flags: u64,
    /// Its bytes, where bootstrap left them.
    pub bytes: &'static [u8],
}

impl BootModule {
    /// The name, without folders and arguments.
    pub fn name(&self) -> &'static str {
        let path = self.command_line.split_ascii_whitespace().next().unwrap_or("");
        path.rsplit('/').next().unwrap_or(path)
    }
}

/// The boot modules, in the order of the menu, and bootstrap's command line.
///
/// The bytes are one-to-one memory of the root task, which gets them from its pager by page faults.
pub fn modules(kip: &'static Kip) -> (&'static str, Vec<BootModule>) {
    if kip.user_ptr == 0 {
        return ("", Vec::new());
    }
    // SAFETY: bootstrap has put the list there, physically; the root task's memory is mapped one to one.
    let info = unsafe { &*(kip.user_ptr as *const ModInfo) };
    // SAFETY: as above.
    let list = unsafe { core::slice::from_raw_parts(info.mods_addr as *const Module, info.mods_count as usize) };
    let modules = list
        .iter()
        .map(|module| BootModule {
            command_line: string(module.cmdline),
            flags: module.flags,
            // SAFETY: as above; nobody writes to modules.
            bytes: unsafe {
                core::slice::from_raw_parts(
                    module.mod_start as *const u8,
                    module.mod_end.saturating_sub(module.mod_start) as usize,
                )
            },
        })
        .collect();
    (string(info.cmdline), modules)
}

/// The graphics mode that the boot loader has set, if it has.
pub fn framebuffer(kip: &'static Kip) -> Option<&'static ModeInfo> {
    if kip.user_ptr == 0 {
        return None;
    }
    // SAFETY: as in `modules`; an address that is not 0 has the block.
    unsafe {
        let info = &*(kip.user_ptr as *const ModInfo);
        (info.vbe_mode_info as *const ModeInfo).as_ref()
    }
}

fn string(address: u64) -> &'static str {
    if address == 0 {
        return "";
    }
    // SAFETY: bootstrap has put a zero-terminated string there.
    unsafe { CStr::from_ptr(address as *const c_char) }.to_str().unwrap_or("?")
}

/// Physical memory that sigma0 has handed to this task, one to one, other than what Rust itself uses
/// (image, stack and heap): read and written by address, with every access checked to lie within.
#[derive(Default)]
pub struct Physical {
    /// Ranges (start, end), sorted and disjoint.
    ranges: Vec<(u64, u64)>,
}

impl Physical {
    /// None yet.
    pub const fn new() -> Self {
        Self { ranges: Vec::new() }
    }

    /// 2^`order` bytes more, from sigma0; returns their address.
    ///
    /// # Errors
    /// `NoMem` when sigma0 has no such piece left, or the heap no room in the list.
    pub fn more(&mut self, order: u8) -> Result<u64> {
        // Make room in the list first: the heap, too, takes memory from sigma0.
        self.ranges.try_reserve(1).map_err(|_| Code::NoMem)?;
        let start = Sigma0::boot().any_memory(order)?;
        insert(&mut self.ranges, start, start + (1 << order));
        Ok(start)
    }

    /// Whether the `size` bytes from `address` lie within.
    pub fn contains(&self, address: u64, size: u64) -> bool {
        let at = self.ranges.partition_point(|&(_, end)| end <= address);
        self.ranges.get(at).is_some_and(|&(start, end)| start <= address && size <= end - address)
    }

    fn check(&self, address: u64, size: u64) -> *mut u8 {
        assert!(self.contains(address, size), "{address:#x}+{size:#x} is no memory from sigma0");
        address as *mut u8
    }

    /// Fills with zeros.
    ///
    /// # Panics
    /// If the range does not lie within; so do all of these.
    pub fn clear(&self, address: u64, size: u64) {
        let start = self.check(address, size);
        // SAFETY: checked to be memory that no Rust object lies in.
        unsafe { start.write_bytes(0, size as usize) }
    }

    /// Copies within.
    pub fn copy(&self, to: u64, from: u64, size: u64) {
        let (to, from) = (self.check(to, size), self.check(from, size));
        // SAFETY: as above.
        unsafe { core::ptr::copy(from, to, size as usize) }
    }

    /// Reads.
    pub fn read(&self, from: u64, buffer: &mut [u8]) {
        let from = self.check(from, buffer.len() as u64);
        // SAFETY: as above.
        unsafe { core::ptr::copy_nonoverlapping(from, buffer.as_mut_ptr(), buffer.len()) }
    }

    /// Writes.
    pub fn write(&self, to: u64, bytes: &[u8]) {
        let to = self.check(to, bytes.len() as u64);
        // SAFETY: as above.
        unsafe { core::ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len()) }
    }
}

/// Inserts a range that overlaps none, and merges it with its neighbours.
fn insert(ranges: &mut Vec<(u64, u64)>, mut start: u64, mut end: u64) {
    let at = ranges.partition_point(|&(_, range_end)| range_end < start);
    let mut behind = at;
    while let Some(&(range_start, range_end)) = ranges.get(behind)
        && range_start <= end
    {
        (start, end) = (start.min(range_start), end.max(range_end));
        behind += 1;
    }
    ranges.splice(at..behind, [(start, end)]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_merge_and_are_checked() {
        let mut physical = Physical::new();
        for (start, end) in [(0x3000, 0x4000), (0x1000, 0x2000), (0x2000, 0x3000), (0x8000, 0x9000)] {
            insert(&mut physical.ranges, start, end);
        }
        assert_eq!(physical.ranges, [(0x1000, 0x4000), (0x8000, 0x9000)]);
        assert!(physical.contains(0x1000, 0x3000) && physical.contains(0x8fff, 1));
        assert!(!physical.contains(0x3fff, 2) && !physical.contains(0xfff, 1) && !physical.contains(0x9000, 1));
    }
}
