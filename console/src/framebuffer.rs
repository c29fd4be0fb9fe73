//! A framebuffer as the surface of a screen: draws glyphs in the coding of its pixels, in whole lines of a glyph.

use crate::colour::PALETTE;
use crate::font::{self, glyph};
use crate::mode::{MAX_SCALE, Mode};
use crate::screen::Surface;

/// Video memory: written, never read.
pub trait VideoMemory {
    /// Writes `words` from byte `offset` of the framebuffer on, which need not be aligned.
    fn write(&mut self, offset: usize, words: &[u64]);
}

/// The most words that a line of a glyph takes; eight pixels of two, three or four bytes are whole words.
const LINE_WORDS: usize = font::WIDTH * 4 / 8 * MAX_SCALE as usize;

/// Lines of the cursor, at the bottom of a glyph.
const CURSOR_LINES: usize = 2;

/// A framebuffer.
pub struct Framebuffer<M> {
    memory: M,
    pitch: usize,
    pixel_bytes: usize,
    scale: usize,
    /// Byte offset of the first cell.
    origin: usize,
    width: usize,
    height: usize,
    /// The palette in the coding of the pixels.
    colours: [u32; 16],
}

impl<M: VideoMemory> Framebuffer<M> {
    /// The framebuffer of `mode`, which is [usable](Mode::usable), in `memory`.
    pub fn new(mode: &Mode, memory: M) -> Self {
        let (left, top) = mode.text_origin();
        let pixel_bytes = u32::from(mode.pixels.bytes_per_pixel);
        Self {
            memory,
            pitch: mode.pitch as usize,
            pixel_bytes: pixel_bytes as usize,
            scale: mode.scale() as usize,
            origin: (top * mode.pitch + left * pixel_bytes) as usize,
            width: mode.width as usize,
            height: mode.height as usize,
            colours: PALETTE.map(|(red, green, blue)| mode.pixels.encode(red, green, blue)),
        }
    }

    /// Byte offset of a cell's first pixel.
    fn place(&self, column: usize, row: usize) -> usize {
        let glyph_width = font::WIDTH * self.scale * self.pixel_bytes;
        self.origin + row * font::HEIGHT * self.scale * self.pitch + column * glyph_width
    }

    /// One line of a glyph with its bits as pixels.
    fn line(&self, bits: u8, ink: u32, paper: u32) -> [u64; LINE_WORDS] {
        let mut words = [0; LINE_WORDS];
        let pixel = |at: usize| u64::from(if bits << at & 0x80 != 0 { ink } else { paper });
        if self.pixel_bytes == 4 && self.scale == 1 {
            for (at, word) in words.iter_mut().take(font::WIDTH / 2).enumerate() {
                *word = pixel(2 * at) | pixel(2 * at + 1) << 32;
            }
            return words;
        }
        let width = 8 * self.pixel_bytes;
        for at in 0..font::WIDTH * self.scale {
            let (value, first) = (pixel(at / self.scale), at * width);
            words[first / 64] |= value << (first % 64);
            if first % 64 + width > 64 {
                words[first / 64 + 1] |= value >> (64 - first % 64);
            }
        }
        words
    }

    fn draw_lines(&mut self, column: usize, row: usize, cell: u16, cursor: bool) {
        let [character, attribute] = cell.to_le_bytes();
        let (ink, paper) = (self.colours[usize::from(attribute & 15)], self.colours[usize::from(attribute >> 4)]);
        let count = self.pixel_bytes * self.scale;
        let mut at = self.place(column, row);
        let mut known = 0;
        let mut words = self.line(known, ink, paper);
        for (index, &glyph_bits) in glyph(character).iter().enumerate() {
            let bits = if cursor && index >= font::HEIGHT - CURSOR_LINES { 0xff } else { glyph_bits };
            // Most lines are like the one above.
            if bits != known {
                (known, words) = (bits, self.line(bits, ink, paper));
            }
            for _ in 0..self.scale {
                self.memory.write(at, &words[..count]);
                at += self.pitch;
            }
        }
    }
}

impl<M: VideoMemory> Surface for Framebuffer<M> {
    fn clear(&mut self, attribute: u8) {
        let paper = self.colours[usize::from(attribute >> 4)];
        let words = self.line(0, paper, paper);
        let (step, end) = (font::WIDTH * self.pixel_bytes, self.width * self.pixel_bytes);
        for line in 0..self.height {
            let start = line * self.pitch;
            for at in (0..end.saturating_sub(step)).step_by(step) {
                self.memory.write(start + at, &words[..self.pixel_bytes]);
            }
            // The last of a line whose width is no multiple of a glyph's overlaps the one before.
            self.memory.write(start + end - step, &words[..self.pixel_bytes]);
        }
    }

    fn draw(&mut self, column: usize, row: usize, cell: u16) {
        self.draw_lines(column, row, cell, false);
    }

    fn draw_cursor(&mut self, column: usize, row: usize, cell: u16) {
        self.draw_lines(column, row, cell, true);
    }

    fn hide_cursor(&mut self) {}
}
