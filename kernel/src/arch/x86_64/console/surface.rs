//! What the kernel's screen is drawn on: VGA text memory, or the framebuffer in a window of its own.
#![allow(unsafe_code)] // video memory and ports

use ::console::text::{ADDRESS, DATA_PORT, INDEX_PORT};
use ::console::{Display, Mode, TextMemory, VideoMemory};
use ::x86_64::instructions::port::Port;

use crate::arch::x86_64::kernel_map;
use crate::arch::x86_64::paging::phys_to_virt;

/// What the screen is drawn on.
pub type Surface = Display<DirectMap, Window>;

/// The surface for a mode that is usable, or for none.
pub fn surface(mode: &Mode) -> Surface {
    Display::new(mode, DirectMap, |mode| Window(kernel_map::map_screen(mode.address, mode.size())))
}

/// Text memory in the direct map.
pub struct DirectMap;

impl TextMemory for DirectMap {
    fn write_cell(&mut self, index: usize, cell: u16) {
        // SAFETY: a cell of text memory, which the direct map has.
        unsafe { phys_to_virt(ADDRESS).cast::<u16>().add(index).write_volatile(cell) };
    }

    fn write_register(&mut self, number: u8, value: u8) {
        // SAFETY: the screen controller's registers belong to the kernel's console.
        unsafe {
            Port::<u8>::new(INDEX_PORT).write(number);
            Port::<u8>::new(DATA_PORT).write(value);
        }
    }
}

/// The framebuffer in the kernel's address space.
pub struct Window(*mut u8);

// SAFETY: all CPUs have the same window, and the console's lock lets one at a time write to it.
unsafe impl Send for Window {}

impl VideoMemory for Window {
    fn write(&mut self, offset: usize, words: &[u64]) {
        for (index, word) in words.iter().enumerate() {
            // SAFETY: within the framebuffer, as crate `console` promises, and hence within the window.
            unsafe { self.0.add(offset + index * 8).cast::<u64>().write_unaligned(*word) };
        }
    }
}
