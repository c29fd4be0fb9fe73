//! The kernel's half of every address space: the direct map and the image.
//!
//! Invariant (W^X): text is executable and read-only, read-only data read-only, everything else writable and
//! not executable; the same holds for the image's pages in the direct map. Nothing here is a user page.
//! The tables are static and cover the first 4 GiB; [`init_paging`] adds what lies above.
#![allow(unsafe_code)] // writes page tables

use core::cell::Cell;

use super::paging::{DIRECT_MAP, ENTRIES, IMAGE_OFFSET, PAGE_SIZE, Pte, SUPERPAGE_SIZE, phys_to_virt, virt_to_phys};
use super::percpu;

/// A page table. All CPUs share the kernel's half; it changes only in [`init_paging`].
#[repr(C, align(4096))]
struct Table([Cell<Pte>; ENTRIES]);
// SAFETY: written by the boot CPU only, before any other CPU or task uses it.
unsafe impl Sync for Table {}

impl Table {
    const fn new() -> Self {
        Self([const { Cell::new(Pte::EMPTY) }; ENTRIES])
    }

    fn phys(&self) -> u64 {
        self as *const Self as u64 - IMAGE_OFFSET
    }

    fn set(&self, index: usize, entry: Pte) {
        self.0[index].set(entry);
    }
}

static ROOT: Table = Table::new();
static DIRECT_POINTERS: Table = Table::new();
static DIRECT: [Table; 4] = [const { Table::new() }; 4];
static IMAGE_POINTERS: Table = Table::new();
static IMAGE_DIRECTORY: Table = Table::new();
/// The 2 MiB that hold the image: once where it runs, once in the direct map.
static IMAGE: Table = Table::new();
static IMAGE_ALIAS: Table = Table::new();
static SCREEN: Table = Table::new();

/// For a start in low memory: the lowest 2 MiB one to one, to be executed, and the kernel's half.
static LOW: [Table; 3] = [const { Table::new() }; 3];

const GIB: u64 = 1 << 30;
const TABLE: u64 = Pte::PRESENT | Pte::WRITABLE;
const DATA: u64 = Pte::PRESENT | Pte::WRITABLE | Pte::GLOBAL | Pte::NO_EXECUTE;
const RODATA: u64 = Pte::PRESENT | Pte::GLOBAL | Pte::NO_EXECUTE;
const TEXT: u64 = Pte::PRESENT | Pte::GLOBAL;
const UNCACHED: u64 = Pte::CACHE_DISABLE | Pte::WRITE_THROUGH;
/// Write-combining, by `cpu::set_cache_types`.
const COMBINING: u64 = Pte::CACHE_DISABLE;

/// The last GiB of the address space shows the framebuffer, wherever that lies.
const SCREEN_WINDOW: u64 = 0xffff_ffff_c000_0000;

unsafe extern "C" {
    static __kernel_start: u8;
    static __text_end: u8;
    static __rodata_end: u8;
    static __stack_guard: u8;
    static __kernel_end: u8;
}

fn index(address: u64, level: u32) -> usize {
    (address >> (12 + 9 * level)) as usize % ENTRIES
}

/// Builds the tables. Called once, on bootstrap's tables.
#[optimize(size)]
pub fn build_boot_map() {
    ROOT.set(index(DIRECT_MAP, 3), Pte::new(DIRECT_POINTERS.phys(), TABLE));
    ROOT.set(index(IMAGE_OFFSET, 3), Pte::new(IMAGE_POINTERS.phys(), TABLE));
    for (gib, directory) in DIRECT.iter().enumerate() {
        DIRECT_POINTERS.set(gib, Pte::new(directory.phys(), TABLE));
        for slot in 0..ENTRIES {
            let phys = gib as u64 * GIB + slot as u64 * SUPERPAGE_SIZE;
            directory.set(slot, Pte::new(phys, DATA | Pte::HUGE));
        }
    }
    IMAGE_POINTERS.set(index(IMAGE_OFFSET, 2), Pte::new(IMAGE_DIRECTORY.phys(), TABLE));
    map_image();
}

/// Physical address of a root table in which low memory can be executed. It lies below 4 GiB.
pub fn low_root() -> u64 {
    let [root, pointers, directory] = &LOW;
    for (slot, entry) in ROOT.0.iter().enumerate() {
        root.set(slot, entry.get());
    }
    root.set(0, Pte::new(pointers.phys(), TABLE));
    pointers.set(0, Pte::new(directory.phys(), TABLE));
    directory.set(0, Pte::new(0, TABLE | Pte::HUGE));
    root.phys()
}

fn map_image() {
    let start = &raw const __kernel_start as u64;
    let text_end = &raw const __text_end as u64;
    let rodata_end = &raw const __rodata_end as u64;
    let guard = &raw const __stack_guard as u64;
    let end = &raw const __kernel_end as u64;
    let base = start & !(SUPERPAGE_SIZE - 1);
    for slot in 0..ENTRIES {
        let address = base + slot as u64 * PAGE_SIZE;
        let phys = address - IMAGE_OFFSET;
        let (image, alias) = match address {
            a if a < start || a >= end => (Pte::EMPTY, Pte::new(phys, DATA)),
            a if a < text_end => (Pte::new(phys, TEXT), Pte::new(phys, RODATA)),
            a if a < rodata_end => (Pte::new(phys, RODATA), Pte::new(phys, RODATA)),
            a if a == guard => (Pte::EMPTY, Pte::EMPTY),
            _ => (Pte::new(phys, DATA), Pte::new(phys, DATA)),
        };
        IMAGE.set(slot, image);
        IMAGE_ALIAS.set(slot, alias);
    }
    IMAGE_DIRECTORY.set(index(base, 1), Pte::new(IMAGE.phys(), TABLE));
    DIRECT[0].set(index(base - IMAGE_OFFSET, 1), Pte::new(IMAGE_ALIAS.phys(), TABLE));
}

/// Makes the `size` bytes of device memory at `phys` visible, write-combining, for ever; returns where. Called for one
/// framebuffer at most, with the boot map loaded.
pub fn map_screen(phys: u64, size: u64) -> *mut u8 {
    let first = phys & !(SUPERPAGE_SIZE - 1);
    let pages = (first..phys + size).step_by(SUPERPAGE_SIZE as usize);
    for (slot, page) in pages.take(ENTRIES).enumerate() {
        SCREEN.set(slot, Pte::new(page, DATA | Pte::HUGE | COMBINING));
    }
    IMAGE_POINTERS.set(index(SCREEN_WINDOW, 2), Pte::new(SCREEN.phys(), TABLE));
    core::ptr::with_exposed_provenance_mut((SCREEN_WINDOW + (phys - first)) as usize)
}

/// Completes the direct map. `ranges` is the RAM (start, end), in any order; `alloc` gives a frame (its
/// physical address, below 4 GiB) for a page table and does not fail. Superpages below 4 GiB without any
/// RAM become uncached: devices. Call once, before the first task exists.
pub fn init_paging(ranges: &[(u64, u64)], alloc: &mut dyn FnMut() -> u64) {
    for (number, directory) in DIRECT.iter().enumerate() {
        for (slot, entry) in directory.0.iter().enumerate() {
            let start = number as u64 * GIB + slot as u64 * SUPERPAGE_SIZE;
            let end = start + SUPERPAGE_SIZE;
            if start != 0 && entry.get().is_huge() && !ranges.iter().any(|r| r.0 < end && start < r.1) {
                entry.set(Pte::new(start, DATA | Pte::HUGE | UNCACHED));
            }
        }
    }
    let top = ranges.iter().map(|range| range.1).max().unwrap_or(0);
    let mut phys = 4 * GIB;
    while phys < top {
        let directory = table_below(&ROOT, index(DIRECT_MAP + phys, 3), alloc);
        let directory = table_below(directory, index(DIRECT_MAP + phys, 2), alloc);
        directory.set(index(phys, 1), Pte::new(phys, DATA | Pte::HUGE));
        phys += SUPERPAGE_SIZE;
    }
    flush_everything();
}

/// The table that entry `slot` of `table` refers to; made if it is not there.
fn table_below(table: &Table, slot: usize, alloc: &mut dyn FnMut() -> u64) -> &'static Table {
    let mut entry = table.0[slot].get();
    let fresh = !entry.is_present();
    if fresh {
        entry = Pte::new(alloc(), TABLE);
    }
    let pointer = phys_to_virt(entry.address()).cast::<Table>();
    if fresh {
        // SAFETY: a frame that `alloc` gave away, below 4 GiB and hence mapped.
        unsafe { pointer.write_bytes(0, 1) };
        table.set(slot, entry);
    }
    // SAFETY: a page table of the kernel's half lives for ever.
    unsafe { &*pointer }
}

/// Forgets all translations, global ones included.
fn flush_everything() {
    use ::x86_64::registers::control::{Cr4, Cr4Flags};
    let cr4 = Cr4::read();
    // SAFETY: clearing CR4.PGE flushes; then it is as before.
    unsafe {
        Cr4::write(cr4 - Cr4Flags::PAGE_GLOBAL);
        Cr4::write(cr4);
    }
}

/// The upper half of every root table: what a new address space copies behind its 256 user entries.
pub fn kernel_root_template() -> &'static [Cell<Pte>] {
    &ROOT.0[ENTRIES / 2..]
}

/// Loads the address space without user pages: what a CPU runs on when its task goes away.
pub fn switch_to_kernel_address_space() {
    super::paging::switch_address_space(kernel_root());
}

/// Physical address of the root table without user pages.
pub fn kernel_root() -> u64 {
    ROOT.phys()
}

/// Virtual addresses of the kernel's image, in whole pages.
pub fn image_range() -> core::ops::Range<u64> {
    &raw const __kernel_start as u64..&raw const __kernel_end as u64
}

/// Physical addresses of the kernel's image: start and end, in whole pages.
pub fn image_phys_range() -> (u64, u64) {
    (virt_to_phys(&raw const __kernel_start), virt_to_phys(&raw const __kernel_end))
}

/// Whether `address` lies in the kernel's text.
pub fn is_text(address: u64) -> bool {
    (&raw const __kernel_start as u64..&raw const __text_end as u64).contains(&address)
}

const _: () = assert!(percpu::STACK_SIZE.is_multiple_of(4096));
