//! What bootstrap's screen is drawn on: VGA text memory, or the framebuffer, write-combining through a window of its
//! own, as it may lie anywhere.
#![allow(unsafe_code)] // video memory, page tables, I/O ports

use console::text::{ADDRESS, DATA_PORT, INDEX_PORT};
use console::{Display, Mode, TextMemory, VideoMemory};
use x86_64::instructions::port::Port;
use x86_64::registers::model_specific::Msr;

/// Where the framebuffer is mapped: behind the first 4 GiB, which are mapped one to one.
const WINDOW: u64 = 4 << 30;
const WINDOW_SIZE: u64 = 1 << 30;
const LARGE_PAGE_SIZE: u64 = 2 << 20;
const PRESENT_WRITABLE: u64 = 3;
/// A large page, and PCD alone: write-combining by [`CACHE_TYPES`].
const LARGE_COMBINING: u64 = 0x80 | 1 << 4;
/// The page attribute table, and what the kernel has there, too: entry 2, write-combining; the others, the processor's own.
const PAGE_ATTRIBUTES: u32 = 0x277;
const CACHE_TYPES: u64 = 0x0007_0406_0001_0406;

#[repr(C, align(4096))]
struct Table([u64; 512]);

static mut DIRECTORY: Table = Table([0; 512]);

unsafe extern "C" {
    /// In `entry.s`: the table of GiBs.
    static mut early_pdpt: [u64; 512];
}

/// What the screen is drawn on.
pub type Surface = Display<Memory, Window>;

/// The surface for a mode that is usable, or for none.
pub fn surface(mode: &Mode) -> Surface {
    Display::new(mode, Memory, Window::map)
}

/// Text memory where it is, one to one.
pub struct Memory;

impl TextMemory for Memory {
    fn write_cell(&mut self, index: usize, cell: u16) {
        // SAFETY: a cell of text memory, which is mapped.
        unsafe { (ADDRESS as *mut u16).add(index).write_volatile(cell) };
    }

    fn write_register(&mut self, number: u8, value: u8) {
        // SAFETY: the screen controller's registers are nobody else's.
        unsafe {
            Port::<u8>::new(INDEX_PORT).write(number);
            Port::<u8>::new(DATA_PORT).write(value);
        }
    }
}

/// The framebuffer in its window.
pub struct Window(*mut u8);

impl Window {
    fn map(mode: &Mode) -> Self {
        let first = mode.address & !(LARGE_PAGE_SIZE - 1);
        let end = (mode.address + mode.size()).min(first + WINDOW_SIZE);
        // SAFETY: nothing else has the table or lies in the window; only devices are mapped, and the table of cache
        // types leaves memory as it is.
        unsafe {
            Msr::new(PAGE_ATTRIBUTES).write(CACHE_TYPES);
            for (slot, address) in (first..end).step_by(LARGE_PAGE_SIZE as usize).enumerate() {
                DIRECTORY.0[slot] = address | PRESENT_WRITABLE | LARGE_COMBINING;
            }
            early_pdpt[(WINDOW >> 30) as usize] = &raw const DIRECTORY as u64 | PRESENT_WRITABLE;
        }
        x86_64::instructions::tlb::flush_all();
        Self((WINDOW + (mode.address - first)) as *mut u8)
    }
}

impl VideoMemory for Window {
    fn write(&mut self, offset: usize, words: &[u64]) {
        for (index, word) in words.iter().enumerate() {
            // SAFETY: within the framebuffer, as crate `console` promises, and hence within the window.
            unsafe { self.0.add(offset + index * 8).cast::<u64>().write_unaligned(*word) };
        }
    }
}
