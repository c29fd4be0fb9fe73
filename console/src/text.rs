//! VGA's text screen as a surface: its memory has the cells as they are, and its controller shows the cursor.

use crate::screen::Surface;

/// Where text memory lies. Cells of character and colour, line by line.
pub const ADDRESS: u64 = 0xb8000;
/// Columns and rows.
pub const SIZE: (usize, usize) = (80, 25);

/// The port to which the number of one of the controller's registers is written, and the one for its value.
pub const INDEX_PORT: u16 = 0x3d4;
/// See [`INDEX_PORT`].
pub const DATA_PORT: u16 = 0x3d5;
/// The registers that say on which cell the cursor is.
const CURSOR_HIGH: u8 = 0x0e;
const CURSOR_LOW: u8 = 0x0f;

/// Text memory and its controller.
pub trait TextMemory {
    /// Writes the cell with this index.
    fn write_cell(&mut self, index: usize, cell: u16);
    /// Writes a register of the controller.
    fn write_register(&mut self, number: u8, value: u8);
}

/// The text screen.
pub struct Text<M>(pub M);

impl<M: TextMemory> Text<M> {
    /// Puts the blinking cursor on a cell; behind the last one it is not seen.
    fn show_cursor(&mut self, index: usize) {
        let [high, low] = (index as u16).to_be_bytes();
        self.0.write_register(CURSOR_HIGH, high);
        self.0.write_register(CURSOR_LOW, low);
    }
}

impl<M: TextMemory> Surface for Text<M> {
    fn clear(&mut self, attribute: u8) {
        let blank = u16::from_le_bytes([b' ', attribute]);
        (0..SIZE.0 * SIZE.1).for_each(|index| self.0.write_cell(index, blank));
    }

    fn draw(&mut self, column: usize, row: usize, cell: u16) {
        self.0.write_cell(row * SIZE.0 + column, cell);
    }

    fn draw_cursor(&mut self, column: usize, row: usize, _: u16) {
        // The cell is there: the controller lets the cursor blink on it.
        self.show_cursor(row * SIZE.0 + column);
    }

    fn hide_cursor(&mut self) {
        self.show_cursor(SIZE.0 * SIZE.1);
    }
}
