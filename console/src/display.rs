//! What a machine's screen is drawn on: VGA text, or a framebuffer.

use crate::framebuffer::{Framebuffer, VideoMemory};
use crate::mode::Mode;
use crate::screen::Surface;
use crate::text::{Text, TextMemory};

/// The surface of a machine whose text memory and framebuffer are reached by `T` and `F`.
pub enum Display<T, F> {
    /// VGA's text.
    Text(Text<T>),
    /// A framebuffer.
    Framebuffer(Framebuffer<F>),
}

impl<T: TextMemory, F: VideoMemory> Display<T, F> {
    /// The surface for a mode that is [usable](Mode::usable), or for none.
    pub fn new(mode: &Mode, text: T, framebuffer: impl FnOnce(&Mode) -> F) -> Self {
        if *mode == Mode::NONE {
            Self::Text(Text(text))
        } else {
            Self::Framebuffer(Framebuffer::new(mode, framebuffer(mode)))
        }
    }
}

impl<T: TextMemory, F: VideoMemory> Surface for Display<T, F> {
    fn clear(&mut self, attribute: u8) {
        match self {
            Self::Text(text) => text.clear(attribute),
            Self::Framebuffer(framebuffer) => framebuffer.clear(attribute),
        }
    }

    fn draw(&mut self, column: usize, row: usize, cell: u16) {
        match self {
            Self::Text(text) => text.draw(column, row, cell),
            Self::Framebuffer(framebuffer) => framebuffer.draw(column, row, cell),
        }
    }

    fn draw_cursor(&mut self, column: usize, row: usize, cell: u16) {
        match self {
            Self::Text(text) => text.draw_cursor(column, row, cell),
            Self::Framebuffer(framebuffer) => framebuffer.draw_cursor(column, row, cell),
        }
    }

    fn hide_cursor(&mut self) {
        match self {
            Self::Text(text) => text.hide_cursor(),
            Self::Framebuffer(framebuffer) => framebuffer.hide_cursor(),
        }
    }
}
