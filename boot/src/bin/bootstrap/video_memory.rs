//! What bootstrap's screen is drawn on: VGA text memory, or the framebuffer, write-combining through a window of its
//! own, as it may lie anywhere.
#![allow(unsafe_code)] // video memory, page tables, I/O ports

use console::{Framebuffer, Mode, VideoMemory};
use x86_64::instructions::port::Port;
use x86_64::registers::model_specific::Msr;

/// VGA text memory: cells of character and colour.
const TEXT: *mut u16 = 0xb8000 as *mut u16;
const TEXT_COLUMNS: usize = 80;
const TEXT_ROWS: usize = 25;

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
pub enum Surface {
    /// VGA's text.
    Text,
    /// A framebuffer.
    Framebuffer(Framebuffer<Window>),
}

impl Surface {
    /// The surface for a mode that is usable, or for none.
    pub fn new(mode: &Mode) -> Self {
        if *mode == Mode::NONE { Self::Text } else { Self::Framebuffer(Framebuffer::new(mode, Window::map(mode))) }
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

impl console::Surface for Surface {
    fn clear(&mut self, attribute: u8) {
        match self {
            Self::Text => {
                let blank = u16::from_le_bytes([b' ', attribute]);
                (0..TEXT_ROWS * TEXT_COLUMNS)
                    .for_each(|index| self.draw(index % TEXT_COLUMNS, index / TEXT_COLUMNS, blank));
            }
            Self::Framebuffer(framebuffer) => framebuffer.clear(attribute),
        }
    }

    fn draw(&mut self, column: usize, row: usize, cell: u16) {
        match self {
            // SAFETY: a cell of text memory, which is mapped.
            Self::Text => unsafe { TEXT.add(row * TEXT_COLUMNS + column).write_volatile(cell) },
            Self::Framebuffer(framebuffer) => framebuffer.draw(column, row, cell),
        }
    }

    fn draw_cursor(&mut self, column: usize, row: usize, cell: u16) {
        self.draw(column, row, cell);
        match self {
            Self::Text => show_cursor((row * TEXT_COLUMNS + column) as u16),
            Self::Framebuffer(framebuffer) => framebuffer.draw_cursor(column, row, cell),
        }
    }

    fn hide_cursor(&mut self) {
        if let Self::Text = self {
            show_cursor((TEXT_COLUMNS * TEXT_ROWS) as u16);
        }
    }
}

/// Puts VGA's blinking cursor on a cell; behind the last one it is not seen.
fn show_cursor(cell: u16) {
    for (register, value) in [(0x0e, (cell >> 8) as u8), (0x0f, cell as u8)] {
        // SAFETY: the CRT controller's cursor registers.
        unsafe {
            Port::<u8>::new(0x3d4).write(register);
            Port::<u8>::new(0x3d5).write(value);
        }
    }
}
