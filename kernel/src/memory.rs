//! The kernel's memory, and what the operations on spaces need of the machine.
//!
//! Set up once from the kernel info page ([`crate::kip`]); everything that allocates comes through here.

use crate::arch;
use crate::locked::Locked;
use core::cell::OnceCell;
use core::sync::atomic::Ordering;
use kernel::mem::KernelMemory;
use kernel::space::{Cache, Database, Machine, Root};

static MEMORY: Locked<OnceCell<KernelMemory<'static>>> = Locked::new(OnceCell::new());
static MACHINE: Locked<OnceCell<TheMachine>> = Locked::new(OnceCell::new());

/// Physical memory as user programs may have it, by sigma0.
#[derive(Clone, Copy)]
pub struct PhysicalMap {
    /// What the kernel keeps for itself: start and end.
    pub kept: [(u64, u64); KEPT],
    /// RAM: start and end. All else is devices.
    pub ram: [(u64, u64); abi::kip::MEM_DESCS_MAX],
}

/// How many ranges the kernel can keep for itself.
pub const KEPT: usize = 2 + arch::irq::MAX_REGISTER_PAGES;

/// The machine, as [`kernel::space`] sees it.
pub struct TheMachine {
    database: Database,
    physical: PhysicalMap,
}

/// Says where the kernel's memory is. Called once, before any object is created.
pub fn initialise(memory: KernelMemory<'static>, physical: PhysicalMap) {
    assert!(MEMORY.set(memory).is_ok(), "the kernel's memory is set up once");
    let machine = TheMachine { database: Database::new(self::memory()), physical };
    assert!(MACHINE.set(machine).is_ok(), "the kernel's memory is set up once");
}

/// The kernel's memory.
#[inline]
pub fn memory() -> &'static KernelMemory<'static> {
    MEMORY.get().expect("the kernel's memory is set up before it is used")
}

/// Bytes of the kernel's memory that are free, after everything that is kept for reuse has been given back.
#[cfg(feature = "measure")]
pub fn free_bytes() -> u64 {
    crate::object::trim_slabs();
    machine().database.trim();
    memory().frames().free_frames() * kernel::mem::FRAME_SIZE
}

/// The machine.
#[inline]
pub fn machine() -> &'static TheMachine {
    MACHINE.get().expect("the kernel's memory is set up before it is used")
}

fn overlaps(ranges: &[(u64, u64)], start: u64, end: u64) -> bool {
    ranges.iter().any(|range| range.0 < end && start < range.1)
}

impl Machine for TheMachine {
    fn database(&self) -> &Database {
        &self.database
    }

    fn enter_kernel_half(&self, root: &Root) {
        for (entry, template) in root.kernel_half().iter().zip(arch::kernel_root_template()) {
            entry.store(template.get().0, Ordering::Relaxed);
        }
    }

    #[inline]
    fn flush_page(&self, root: u64, address: u64) {
        // A space that no CPU runs in is flushed when it is switched to.
        if arch::paging::current_root() == root {
            arch::flush_page(address);
        }
    }

    fn flush_space(&self, root: u64) {
        if arch::paging::current_root() == root {
            arch::flush_all();
        }
    }

    fn root_page(&self, address: u64) -> Option<(u8, Cache)> {
        let cache = |start: u64, size: usize| {
            if overlaps(&self.physical.ram, start, start + size as u64) { Cache::Cached } else { Cache::Uncached }
        };
        let large = address & !(abi::SUPERPAGE_SIZE as u64 - 1);
        let large_end = large + abi::SUPERPAGE_SIZE as u64;
        arch::console::give_away(large, large_end);
        if !overlaps(&self.physical.kept, large, large_end) && is_uniform(&self.physical.ram, large, large_end) {
            return Some((abi::SUPERPAGE_SHIFT, cache(large, abi::SUPERPAGE_SIZE)));
        }
        let page = address & !(abi::PAGE_SIZE as u64 - 1);
        let is_kept = overlaps(&self.physical.kept, page, page + abi::PAGE_SIZE as u64);
        (!is_kept).then(|| (abi::PAGE_SHIFT, cache(page, abi::PAGE_SIZE)))
    }
}

/// Whether the range is all within one RAM range or has none of it.
fn is_uniform(ram: &[(u64, u64)], start: u64, end: u64) -> bool {
    ram.iter().any(|range| range.0 <= start && end <= range.1) || !overlaps(ram, start, end)
}
