//! The VGA text screen, 80 by 25: scrolling, cursor, colours by escape sequence.
//!
//! Invariant: `cells` is what the screen shows; the screen's memory, slow to read, is read only once.
#![allow(unsafe_code)] // the screen's memory and ports

use ::x86_64::instructions::port::Port;

use crate::arch::x86_64::paging::phys_to_virt;

const COLUMNS: usize = 80;
const ROWS: usize = 25;
const CELLS: usize = COLUMNS * ROWS;
const TEXT_MEMORY: u64 = 0xb8000;
const PLAIN: u8 = 0x07;
/// What is shown for a character that the screen's font does not have.
const UNKNOWN: u8 = 0xfe;
/// Colours of the escape sequences 30 to 37 in the screen's numbering.
const COLOURS: [u8; 8] = [0, 4, 2, 6, 1, 5, 3, 7];
const BRIGHT: u8 = 8;

/// Progress in an escape sequence.
#[derive(Clone, Copy)]
enum State {
    Text,
    Escape,
    /// Parameters, with the one being read.
    Parameters(u8),
}

/// The screen.
pub struct Screen {
    cells: [u16; CELLS],
    cursor: usize,
    attribute: u8,
    state: State,
}

impl Screen {
    /// A screen that is not shown yet.
    pub const fn new() -> Self {
        Self { cells: [0; CELLS], cursor: 0, attribute: 0, state: State::Text }
    }

    fn memory() -> *mut u16 {
        phys_to_virt(TEXT_MEMORY).cast()
    }

    /// Goes on behind what the screen shows.
    pub fn take_over(&mut self) {
        for (index, cell) in self.cells.iter_mut().enumerate() {
            // SAFETY: the text memory is mapped by the direct map.
            *cell = unsafe { Self::memory().add(index).read_volatile() };
        }
        self.attribute = PLAIN;
        self.cursor = usize::from(read_cursor()).min(CELLS - 1);
    }

    /// Writes text; see `console::write`.
    pub fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.state = match self.state {
                State::Text => self.text(byte),
                State::Escape if byte == b'[' => State::Parameters(0),
                State::Escape => State::Text,
                State::Parameters(value) => self.parameter(value, byte),
            };
        }
    }

    /// Moves the hardware's cursor to where the text goes on.
    pub fn show_cursor(&self) {
        write_cursor(self.cursor as u16);
    }

    fn text(&mut self, byte: u8) -> State {
        match byte {
            0x1b => return State::Escape,
            b'\n' => self.cursor += COLUMNS - self.cursor % COLUMNS,
            b'\r' => self.cursor -= self.cursor % COLUMNS,
            0x08 => self.cursor -= usize::from(!self.cursor.is_multiple_of(COLUMNS)),
            b'\t' => {
                for _ in 0..8 - self.cursor % 8 {
                    self.put(b' ');
                }
            }
            0x20..=0x7e => self.put(byte),
            0xc0..=0xff => self.put(UNKNOWN), // first byte of a character; the others are skipped
            _ => {}
        }
        if self.cursor >= CELLS {
            self.scroll();
        }
        State::Text
    }

    fn put(&mut self, glyph: u8) {
        if self.cursor >= CELLS {
            self.scroll();
        }
        let cell = u16::from_le_bytes([glyph, self.attribute]);
        self.cells[self.cursor] = cell;
        // SAFETY: the cursor is below CELLS; the text memory is mapped by the direct map.
        unsafe { Self::memory().add(self.cursor).write_volatile(cell) };
        self.cursor += 1;
    }

    fn scroll(&mut self) {
        self.cells.copy_within(COLUMNS.., 0);
        self.cells[CELLS - COLUMNS..].fill(u16::from_le_bytes([b' ', PLAIN]));
        self.cursor -= COLUMNS;
        let words = self.cells.as_chunks::<4>().0;
        for (index, four) in words.iter().enumerate() {
            let value = four.iter().rev().fold(0, |word, &cell| word << 16 | u64::from(cell));
            // SAFETY: as above, four cells at a time.
            unsafe { Self::memory().cast::<u64>().add(index).write_volatile(value) };
        }
    }

    fn parameter(&mut self, value: u8, byte: u8) -> State {
        match byte {
            b'0'..=b'9' => State::Parameters(value.wrapping_mul(10).wrapping_add(byte - b'0')),
            b';' => {
                self.select(value);
                State::Parameters(0)
            }
            b'm' => {
                self.select(value);
                State::Text
            }
            0x40..=0x7e => State::Text, // any other sequence has no effect
            _ => State::Parameters(value),
        }
    }

    /// Graphic rendition `value`.
    fn select(&mut self, value: u8) {
        let foreground = self.attribute & 7;
        self.attribute = match value {
            0 => PLAIN,
            1 => self.attribute | BRIGHT,
            22 => self.attribute & !BRIGHT,
            30..=37 => self.attribute & !7 | COLOURS[usize::from(value - 30)],
            39 => self.attribute & !7 | PLAIN,
            40..=47 => self.attribute & 0x0f | COLOURS[usize::from(value - 40)] << 4,
            49 => self.attribute & 0x0f,
            90..=97 => self.attribute & !0xf | BRIGHT | COLOURS[usize::from(value - 90)],
            _ => self.attribute & !7 | foreground,
        };
    }
}

const INDEX: u16 = 0x3d4;
const DATA: u16 = 0x3d5;
const CURSOR_HIGH: u8 = 0x0e;
const CURSOR_LOW: u8 = 0x0f;

fn read_cursor() -> u16 {
    let (mut index, mut data) = (Port::<u8>::new(INDEX), Port::<u8>::new(DATA));
    let mut register = |number| {
        // SAFETY: the screen controller's registers belong to the kernel's console.
        unsafe {
            index.write(number);
            data.read()
        }
    };
    u16::from_be_bytes([register(CURSOR_HIGH), register(CURSOR_LOW)])
}

fn write_cursor(position: u16) {
    let (mut index, mut data) = (Port::<u8>::new(INDEX), Port::<u8>::new(DATA));
    let [high, low] = position.to_be_bytes();
    for (number, value) in [(CURSOR_HIGH, high), (CURSOR_LOW, low)] {
        // SAFETY: as above.
        unsafe {
            index.write(number);
            data.write(value);
        }
    }
}
