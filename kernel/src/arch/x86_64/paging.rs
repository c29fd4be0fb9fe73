//! Page-table entries, the direct map of physical memory, and the TLB.
//!
//! Invariant: `phys_to_virt` is valid for all RAM and for the first 4 GiB from the kernel's first Rust
//! instruction on (`kernel_map.rs`); user pages lie below [`USER_END`].
#![allow(unsafe_code)] // loads CR3 and invalidates TLB entries

use core::arch::asm;

use super::percpu::PerCpu;

/// Where the direct map of physical memory begins.
pub const DIRECT_MAP: u64 = 0xffff_8000_0000_0000;
/// Difference of virtual and physical addresses of the kernel's image.
pub const IMAGE_OFFSET: u64 = 0xffff_ffff_8000_0000;
/// End of what can be mapped for user programs.
pub const USER_END: u64 = 1 << 47;
/// Bytes of a page.
pub const PAGE_SIZE: u64 = 4096;
/// Bytes of a superpage.
pub const SUPERPAGE_SIZE: u64 = 2 << 20;
/// Entries of a page table.
pub const ENTRIES: usize = 512;

/// A page-table entry of any level of the kernel's half; user tables are `kernel::space`'s.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
#[repr(transparent)]
pub struct Pte(pub u64);

impl Pte {
    /// The entry is valid.
    pub const PRESENT: u64 = 1;
    /// Writes are allowed.
    pub const WRITABLE: u64 = 1 << 1;
    /// Write-through.
    pub const WRITE_THROUGH: u64 = 1 << 3;
    /// Not cached.
    pub const CACHE_DISABLE: u64 = 1 << 4;
    /// In a directory: a superpage.
    pub const HUGE: u64 = 1 << 7;
    /// Survives a load of CR3.
    pub const GLOBAL: u64 = 1 << 8;
    /// Instruction fetches are refused.
    pub const NO_EXECUTE: u64 = 1 << 63;
    /// The bits that hold the address.
    pub const ADDRESS: u64 = 0x000f_ffff_ffff_f000;

    /// No entry.
    pub const EMPTY: Self = Self(0);

    /// An entry for `phys` with the given flags.
    pub const fn new(phys: u64, flags: u64) -> Self {
        Self((phys & Self::ADDRESS) | flags)
    }

    /// Whether all bits of `flags` are set.
    pub const fn has(self, flags: u64) -> bool {
        self.0 & flags == flags
    }

    /// Whether the entry is valid.
    pub const fn is_present(self) -> bool {
        self.has(Self::PRESENT)
    }

    /// Whether the entry is a superpage (asked of a directory's entry).
    pub const fn is_huge(self) -> bool {
        self.has(Self::HUGE)
    }

    /// Physical address of the page or table.
    pub const fn address(self) -> u64 {
        self.0 & Self::ADDRESS
    }
}

/// The nearest canonical reading of `address`: its low 48 bits, sign-extended.
#[inline(always)]
pub const fn canonical(address: u64) -> u64 {
    ((address << 16) as i64 >> 16) as u64
}

/// Where physical memory is reached.
#[inline(always)]
pub const fn phys_to_virt(phys: u64) -> *mut u8 {
    core::ptr::with_exposed_provenance_mut((DIRECT_MAP + phys) as usize)
}

/// Physical address of something in the direct map or in the kernel's image.
#[inline(always)]
pub fn virt_to_phys<T: ?Sized>(pointer: *const T) -> u64 {
    let address = pointer.expose_provenance() as u64;
    if address >= IMAGE_OFFSET { address - IMAGE_OFFSET } else { address - DIRECT_MAP }
}

/// Loads the address space with root table `root` (physical) unless it is loaded.
///
/// `root` must hold the kernel's half ([`super::kernel_root_template`]) and stay valid while it is loaded.
#[inline(always)]
pub fn switch_address_space(root: u64) {
    let cpu = PerCpu::get();
    if cpu.root.get() != root {
        cpu.load_root(root);
    }
}

/// The root table that this CPU has loaded.
#[inline(always)]
pub fn current_root() -> u64 {
    PerCpu::get().root.get()
}

/// Forgets the translation of one page.
#[inline(always)]
pub fn flush_page(va: u64) {
    // SAFETY: only the TLB changes.
    unsafe { asm!("invlpg [{}]", in(reg) va, options(nostack, preserves_flags)) };
}

/// Forgets all translations that are not global: those of user pages.
pub fn flush_all() {
    // SAFETY: loads what is loaded.
    unsafe { asm!("mov {0}, cr3", "mov cr3, {0}", out(reg) _, options(nostack, preserves_flags)) };
}
