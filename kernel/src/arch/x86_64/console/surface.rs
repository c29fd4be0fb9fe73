//! What the kernel's screen is drawn on: VGA text memory, or the framebuffer in a window of its own.
#![allow(unsafe_code)] // video memory and ports

use ::console::{Framebuffer, Mode, VideoMemory};
use ::x86_64::instructions::port::Port;

use crate::arch::x86_64::kernel_map;
use crate::arch::x86_64::paging::phys_to_virt;

/// VGA text memory: cells of character and colour.
const TEXT_MEMORY: u64 = 0xb8000;
const TEXT_COLUMNS: usize = 80;
const TEXT_ROWS: usize = 25;

/// What the screen is drawn on.
pub enum Surface {
    /// VGA's text.
    Text,
    /// A framebuffer.
    Framebuffer(Framebuffer<Window>),
}

// SAFETY: all CPUs have the same window, and the console's lock lets one at a time write to it.
unsafe impl Send for Surface {}

impl Surface {
    /// The surface for a mode that is usable, or for none. Called once.
    pub fn new(mode: &Mode) -> Self {
        if *mode == Mode::NONE {
            return Self::Text;
        }
        Self::Framebuffer(Framebuffer::new(mode, Window(kernel_map::map_screen(mode.address, mode.size()))))
    }
}

/// The framebuffer in the kernel's address space.
pub struct Window(*mut u8);

impl VideoMemory for Window {
    fn write(&mut self, offset: usize, words: &[u64]) {
        for (index, word) in words.iter().enumerate() {
            // SAFETY: within the framebuffer, as crate `console` promises, and hence within the window.
            unsafe { self.0.add(offset + index * 8).cast::<u64>().write_unaligned(*word) };
        }
    }
}

impl ::console::Surface for Surface {
    fn clear(&mut self, attribute: u8) {
        match self {
            Self::Text => {
                let blank = u16::from_le_bytes([b' ', attribute]);
                let cells = 0..TEXT_ROWS * TEXT_COLUMNS;
                cells.for_each(|index| self.draw(index % TEXT_COLUMNS, index / TEXT_COLUMNS, blank));
            }
            Self::Framebuffer(framebuffer) => framebuffer.clear(attribute),
        }
    }

    fn draw(&mut self, column: usize, row: usize, cell: u16) {
        match self {
            Self::Text => {
                let place = phys_to_virt(TEXT_MEMORY).cast::<u16>();
                // SAFETY: a cell of text memory, which the direct map has.
                unsafe { place.add(row * TEXT_COLUMNS + column).write_volatile(cell) };
            }
            Self::Framebuffer(framebuffer) => framebuffer.draw(column, row, cell),
        }
    }

    fn draw_cursor(&mut self, column: usize, row: usize, cell: u16) {
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
    const INDEX: u16 = 0x3d4;
    const DATA: u16 = 0x3d5;
    const CURSOR_HIGH: u8 = 0x0e;
    const CURSOR_LOW: u8 = 0x0f;
    let [high, low] = cell.to_be_bytes();
    for (number, value) in [(CURSOR_HIGH, high), (CURSOR_LOW, low)] {
        // SAFETY: the screen controller's registers belong to the kernel's console.
        unsafe {
            Port::<u8>::new(INDEX).write(number);
            Port::<u8>::new(DATA).write(value);
        }
    }
}
