//! The last step: the page tables that the kernel starts with, and the jump.
//!
//! They lie in pages of their own, which the KIP marks as the kernel's: bootstrap's memory may be given
//! away while they are in use. They map the first 4 GiB one to one, and the highest 2 GiB to the first.
#![allow(unsafe_code)] // fills page tables, jumps

use crate::physical;
use boot::{PAGE_SIZE, layout::START_PAGES};

const PRESENT_WRITABLE: u64 = 3;
const LARGE: u64 = 0x80;
/// Size in bytes of the memory that one page directory maps.
const DIRECTORY_REACH: u64 = 1 << 30;
const LARGE_PAGE_SIZE: u64 = 1 << 21;
/// 64-bit code (selector 8) and data (16).
const DESCRIPTORS: [u64; 3] = [0, 0x00af_9b00_0000_ffff, 0x00cf_9300_0000_ffff];

#[repr(C, packed)]
struct DescriptorTable {
    limit: u16,
    base: u64,
}

unsafe extern "C" {
    /// In `entry.s`; never returns.
    fn enter_kernel(
        kip: u64,
        screen: u64,
        page_tables: u64,
        stack: u64,
        descriptor_table: *const DescriptorTable,
        entry: u64,
    ) -> !;
}

/// Builds the tables in the pages at `pages` and enters the kernel.
///
/// # Safety
/// `pages` are [`START_PAGES`] pages that the layout has set aside; kernel and KIP are complete.
pub unsafe fn kernel(pages: u64, kip: u64, screen: u64, entry: u64) -> ! {
    // SAFETY: set aside, by the caller's promise.
    let memory = unsafe { physical::claim(pages, START_PAGES * PAGE_SIZE) };
    memory.fill(0);
    let page = |index: u64| pages + index * PAGE_SIZE;
    let mut put = |page: u64, slot: u64, value: u64| {
        let at = (page - pages + slot * 8) as usize;
        memory[at..at + 8].copy_from_slice(&value.to_le_bytes());
    };
    // Pages: 0 PML4, 1 low and 2 high directory pointers, 3..=6 directories, 7 descriptors and stack.
    put(page(0), 0, page(1) | PRESENT_WRITABLE);
    put(page(0), 511, page(2) | PRESENT_WRITABLE);
    for gibibyte in 0..4 {
        put(page(1), gibibyte, page(3 + gibibyte) | PRESENT_WRITABLE);
        for slot in 0..512 {
            let address = gibibyte * DIRECTORY_REACH + slot * LARGE_PAGE_SIZE;
            put(page(3 + gibibyte), slot, address | LARGE | PRESENT_WRITABLE);
        }
    }
    put(page(2), 510, page(3) | PRESENT_WRITABLE);
    put(page(2), 511, page(4) | PRESENT_WRITABLE);
    for (slot, descriptor) in DESCRIPTORS.into_iter().enumerate() {
        put(page(7), slot as u64, descriptor);
    }
    let table = DescriptorTable { limit: size_of_val(&DESCRIPTORS) as u16 - 1, base: page(7) };
    // SAFETY: the tables map this code and all that the kernel was promised.
    unsafe { enter_kernel(kip, screen, page(0), page(8), &raw const table, entry) }
}
