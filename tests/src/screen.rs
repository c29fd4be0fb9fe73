//! What a person would read on the screen: text memory's characters, or the glyphs in a picture of a framebuffer.

use anyhow::{Context, Result, ensure};
use console::{Mode, font};

/// Size of the picture that QEMU makes of VGA's text screen.
const TEXT_PICTURE: (usize, usize) = (720, 400);
/// Columns of VGA's text screen.
pub const TEXT_COLUMNS: usize = 80;

/// A picture as QEMU's `screendump` writes it in the format PPM.
pub struct Picture {
    width: usize,
    height: usize,
    /// Red, green and blue of each pixel.
    pixels: Vec<u8>,
}

impl Picture {
    /// Reads a PPM file of the binary kind with 8 bits a colour.
    pub fn parse(file: &[u8]) -> Result<Self> {
        let mut fields = file.splitn(4, u8::is_ascii_whitespace);
        let mut field = || fields.next().context("a PPM file without header");
        ensure!(field()? == b"P6", "not a PPM file");
        let mut number = || -> Result<usize> { Ok(std::str::from_utf8(field()?)?.parse()?) };
        let (width, height) = (number()?, number()?);
        let rest = field()?;
        let pixels = rest.strip_prefix(b"255\n").context("a PPM file of another depth")?.to_vec();
        ensure!(pixels.len() == width * height * 3, "a PPM file that is cut off");
        Ok(Self { width, height, pixels })
    }

    /// What this memory of a framebuffer with 32 bits a pixel shows: blue, green, red and a byte for nothing.
    pub fn of_memory(mode: &Mode, memory: &[u8]) -> Self {
        let (width, height) = (mode.width as usize, mode.height as usize);
        let lines = memory.chunks(mode.pitch as usize).take(height).map(|line| &line[..width * 4]);
        let pixels = lines.flat_map(|line| line.chunks(4)).flat_map(|pixel| [pixel[2], pixel[1], pixel[0]]).collect();
        Self { width, height, pixels }
    }

    /// Whether the machine shows VGA text.
    pub fn is_text(&self) -> bool {
        (self.width, self.height) == TEXT_PICTURE
    }

    /// Pixels of a line, and lines.
    pub fn size(&self) -> (usize, usize) {
        (self.width, self.height)
    }

    /// The red, green and blue of a pixel.
    pub fn pixel(&self, x: usize, y: usize) -> [u8; 3] {
        let at = (y * self.width + x) * 3;
        [self.pixels[at], self.pixels[at + 1], self.pixels[at + 2]]
    }

    /// The mode that the console sees, as far as it says where glyphs are.
    fn mode(&self) -> Mode {
        Mode { width: self.width as u32, height: self.height as u32, ..Mode::NONE }
    }

    /// Columns of the console on it.
    pub fn columns(&self) -> usize {
        if self.is_text() { TEXT_COLUMNS } else { self.mode().text_size().0 as usize }
    }

    /// The rows of text, without trailing blanks; what is no glyph reads as `?`.
    pub fn text(&self) -> Vec<String> {
        let (columns, rows) = self.mode().text_size();
        let row = |row| (0..columns as usize).map(|column| self.character(column, row)).collect::<String>();
        (0..rows as usize).map(row).map(|row| row.trim_end().to_owned()).collect()
    }

    fn character(&self, column: usize, row: usize) -> char {
        let (left, top) = self.mode().text_origin();
        let scale = self.mode().scale() as usize;
        let (x, y) = (left as usize + column * font::WIDTH * scale, top as usize + row * font::HEIGHT * scale);
        // No glyph reaches into its first line.
        let paper = self.pixel(x, y);
        let bit = |dx: usize, dy: usize| u8::from(self.pixel(x + dx * scale, y + dy * scale) != paper);
        let mut glyph: font::Glyph =
            std::array::from_fn(|dy| (0..font::WIDTH).fold(0, |bits, dx| bits << 1 | bit(dx, dy)));
        if glyph[font::HEIGHT - 2..] == [0xff; 2] {
            // The cursor.
            glyph[font::HEIGHT - 2..].fill(0);
        }
        font::character(&glyph).map_or('?', char::from)
    }
}

/// How a screen shows a log: its lines broken at the last column, the last of them that fit.
pub fn lay_out(log: &str, columns: usize, rows: usize) -> Vec<String> {
    let pieces = |line: &str| -> Vec<String> {
        let characters: Vec<char> = line.chars().collect();
        let pieces = characters.chunks(columns).map(|piece| piece.iter().collect::<String>().trim_end().to_owned());
        if characters.is_empty() { vec![String::new()] } else { pieces.collect() }
    };
    let all: Vec<String> = log.lines().flat_map(pieces).collect();
    all[all.len().saturating_sub(rows)..].to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use console::{Framebuffer, Screen, State, VideoMemory};

    struct Memory<'a>(&'a mut [u8]);

    impl VideoMemory for Memory<'_> {
        fn write(&mut self, offset: usize, words: &[u64]) {
            for (index, word) in words.iter().enumerate() {
                self.0[offset + index * 8..][..8].copy_from_slice(&word.to_le_bytes());
            }
        }
    }

    #[test]
    fn what_the_console_draws_is_read() {
        let part = |shift| abi::l4re::goos::Component { size: 8, shift };
        let pixels = abi::l4re::goos::PixelInfo {
            red: part(0),
            green: part(8),
            blue: part(16),
            bytes_per_pixel: 3,
            ..Default::default()
        };
        let mode = Mode { address: 1, width: 640, height: 200, pitch: 1920, pixels }.usable().unwrap();
        let mut memory = vec![0; mode.size() as usize];
        let mut state = State::new(mode, 2000);
        let mut cells = vec![0; state.kept_cells()];
        let mut screen = Screen::new(&mut state, &mut cells, Framebuffer::new(&mode, Memory(&mut memory)));
        screen.clear();
        screen.write(b"Hello,\n\x1b[31m  world_ (y|~)\n");
        screen.show();
        let picture = Picture::parse(&[b"P6\n640 200\n255\n", &memory[..]].concat()).unwrap();
        assert_eq!(picture.text()[..3], ["Hello,", "  world_ (y|~)", ""]);
        assert_eq!(lay_out("ab \ncdefg\n\nh", 3, 4), ["cde", "fg", "", "h"]);
    }
}
