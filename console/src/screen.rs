//! Text on a screen of cells: escape sequences, cursor, scrolling.
//!
//! Writing changes the cells only; [`Screen::show`] draws those that the surface does not show yet, all at once or, by
//! [`Screen::show_step`], some at a time. What scrolls by unseen is never drawn.
//!
//! Invariant: outside the range that waits to be drawn, a visible surface shows the cells; the cursor is at most one cell
//! behind the last. A full screen scrolls when the next character is written, not before, so that its last line is not lost.

use crate::colour::{ALARM, BRIGHT, FROM_ANSI, PLAIN};
use crate::font::UNKNOWN;
use crate::mode::Mode;
use crate::text;
use core::ops::Range;

/// Where cells are shown. A cell is VGA's: the character below, the attribute above.
pub trait Surface {
    /// Makes all of it, with what lies around the cells, the attribute's background.
    fn clear(&mut self, attribute: u8);
    /// Shows a cell.
    fn draw(&mut self, column: usize, row: usize, cell: u16);
    /// Shows the cursor on a cell, which is drawn already or blank.
    fn draw_cursor(&mut self, column: usize, row: usize, cell: u16);
    /// The cursor is on none of the cells; where it was, the cell is drawn anew.
    fn hide_cursor(&mut self);
}

/// An empty range of cells, which grows by minimum and maximum.
const NOTHING_WAITS: [u32; 2] = [u32::MAX, 0];

/// How many cells are looked at in a step of drawing.
const LOOKS: usize = 256;
/// How many of them are drawn in it: cells of VGA text, and glyphs of 8 by 16 pixels.
const TEXT_CELLS: usize = 64;
const GLYPHS: usize = 2;

/// Most parameters of an escape sequence.
const PARAMETERS: usize = 8;

/// Progress in an escape sequence.
mod progress {
    /// None has begun.
    pub const TEXT: u8 = 0;
    /// After ESC.
    pub const ESCAPE: u8 = 1;
    /// In the parameters after `ESC [`.
    pub const PARAMETERS: u8 = 2;
    /// In those of a sequence that is not known.
    pub const UNKNOWN: u8 = 3;
}

/// The mark of a [`State`] that was made by [`State::new`].
const MAGIC: u64 = u64::from_le_bytes(*b"screen 1");

/// All that there is to know of a screen, except its cells. Plain numbers: bootstrap hands it on to the kernel.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State {
    magic: u64,
    /// The framebuffer; [`Mode::NONE`] for VGA text.
    pub mode: Mode,
    columns: u32,
    rows: u32,
    /// The cell that the next character goes to.
    cursor: u32,
    /// The cell on which the surface shows the cursor; behind the last it is not seen.
    shown_cursor: u32,
    /// The cells that may have to be drawn: from the first to before the last.
    waiting: [u32; 2],
    attribute: u8,
    hidden: u8,
    progress: u8,
    parameter_count: u8,
    parameters: [u16; PARAMETERS],
}

impl State {
    /// VGA's text screen.
    pub const VGA_TEXT: Self = Self::with_size(Mode::NONE, text::SIZE.0 as u32, text::SIZE.1 as u32);

    /// An empty screen in `mode`, which is [usable](Mode::usable), of at most `cells` cells.
    pub fn new(mode: Mode, cells: usize) -> Self {
        let (columns, rows) = mode.text_size();
        let columns = columns.min(cells as u32);
        Self::with_size(mode, columns, rows.min(cells as u32 / columns))
    }

    pub(crate) const fn with_size(mode: Mode, columns: u32, rows: u32) -> Self {
        Self {
            magic: MAGIC,
            mode,
            columns,
            rows,
            cursor: 0,
            shown_cursor: 0,
            waiting: NOTHING_WAITS,
            attribute: PLAIN,
            hidden: 0,
            progress: progress::TEXT,
            parameter_count: 0,
            parameters: [0; PARAMETERS],
        }
    }

    /// Number of cells.
    pub const fn cells(&self) -> usize {
        self.columns as usize * self.rows as usize
    }

    /// How many cells a [`Screen`] keeps: what is written, and what the surface shows.
    pub const fn kept_cells(&self) -> usize {
        2 * self.cells()
    }

    /// Bytes of the state with what is kept of its cells behind it.
    pub const fn bytes(&self) -> usize {
        size_of::<Self>() + self.kept_cells() * size_of::<u16>()
    }

    /// Whether this is what a stage before has left, rather than anything else.
    pub const fn is_intact(&self) -> bool {
        self.magic == MAGIC
            && self.cells() > 0
            && self.cursor as usize <= self.cells()
            && self.shown_cursor as usize <= self.cells()
            && self.waiting[1] as usize <= self.cells()
    }

    /// The column that the next character goes to.
    pub const fn column(&self) -> usize {
        (self.cursor % self.columns) as usize
    }

    /// Number of columns.
    pub const fn columns(&self) -> usize {
        self.columns as usize
    }
}

/// A screen.
pub struct Screen<'a, S> {
    state: &'a mut State,
    cells: &'a mut [u16],
    /// What the surface shows.
    shown: &'a mut [u16],
    surface: S,
}

/// Whether a byte is a character that is shown as it stands.
const fn is_character(byte: u8) -> bool {
    matches!(byte, b' '..=b'~')
}

/// An empty cell.
const fn blank(attribute: u8) -> u16 {
    u16::from_le_bytes([b' ', attribute])
}

impl<'a, S: Surface> Screen<'a, S> {
    /// A screen with [as many cells](State::kept_cells) as `state` says; what the surface shows stays as it is.
    ///
    /// # Panics
    /// If there are fewer cells.
    pub fn new(state: &'a mut State, kept: &'a mut [u16], surface: S) -> Self {
        let (cells, shown) = kept[..state.kept_cells()].split_at_mut(state.cells());
        Self { state, cells, shown, surface }
    }

    /// Empties it.
    pub fn clear(&mut self) {
        self.cells.fill(blank(PLAIN));
        self.state.cursor = 0;
        self.redraw();
    }

    /// From now on text stands out.
    pub fn alarm(&mut self) {
        self.state.attribute = ALARM;
    }

    /// Stops drawing: somebody else has the surface. The cells go on.
    pub fn hide(&mut self) {
        self.state.hidden = 1;
    }

    /// Draws again after [`hide`](Self::hide).
    pub fn reveal(&mut self) {
        if self.is_hidden() {
            self.state.hidden = 0;
            self.redraw();
        }
    }

    /// Whether somebody else has the surface.
    pub fn is_hidden(&self) -> bool {
        self.state.hidden != 0
    }

    /// Its state.
    pub fn state(&self) -> &State {
        self.state
    }

    /// Its cells, line by line.
    pub fn cells(&self) -> &[u16] {
        self.cells
    }

    /// Moves all that is kept of the cells to another place.
    ///
    /// # Panics
    /// If that has not [as many](State::kept_cells).
    pub fn copy_to(&self, place: &mut [u16]) {
        let (cells, shown) = place.split_at_mut(self.cells.len());
        cells.copy_from_slice(self.cells);
        shown.copy_from_slice(self.shown);
    }

    fn redraw(&mut self) {
        if self.is_hidden() {
            return;
        }
        self.surface.clear(PLAIN);
        self.shown.fill(blank(PLAIN));
        self.touch(0, self.cells.len());
        self.show();
    }

    /// Cells from `start` to before `end` have changed.
    fn touch(&mut self, start: usize, end: usize) {
        let [first, last] = self.state.waiting;
        self.state.waiting = [first.min(start as u32), last.max(end as u32)];
    }

    /// Writes text, escape sequences in it; call [`show`](Self::show) when it is all written. Of a
    /// character beyond ASCII a square is shown.
    pub fn write(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while let Some((&byte, behind)) = rest.split_first() {
            rest = behind;
            match self.state.progress {
                progress::TEXT if is_character(byte) => rest = self.characters(byte, behind),
                progress::TEXT => self.text(byte),
                progress::ESCAPE => self.escape(byte),
                _ => self.sequence(byte),
            }
        }
    }

    /// Whether there is something for [`show`](Self::show) to do.
    pub fn is_behind(&self) -> bool {
        !self.is_hidden() && (self.state.waiting != NOTHING_WAITS || self.state.shown_cursor != self.state.cursor)
    }

    /// Puts a character and those of the same kind that follow, as far as the screen goes; returns what is left.
    fn characters<'b>(&mut self, first: u8, text: &'b [u8]) -> &'b [u8] {
        self.put(first);
        let (start, attribute) = (self.state.cursor as usize, self.state.attribute);
        let places = self.cells[start..].iter_mut().zip(text);
        let count = places
            .take_while(|(_, byte)| is_character(**byte))
            .map(|(cell, &byte)| *cell = u16::from_le_bytes([byte, attribute]))
            .count();
        if count > 0 {
            self.touch(start, start + count);
            self.state.cursor += count as u32;
        }
        &text[count..]
    }

    /// Draws what has changed, and where the next character goes.
    pub fn show(&mut self) {
        while !self.show_step() {}
    }

    /// Draws some of the cells that have changed, which takes a few thousand instructions; when none is left, where the
    /// next character goes. True then.
    pub fn show_step(&mut self) -> bool {
        if self.is_hidden() {
            return true;
        }
        let most = if self.state.mode == Mode::NONE { TEXT_CELLS } else { GLYPHS };
        let [first, last] = self.state.waiting.map(|index| index as usize);
        let mut drawn = 0;
        for index in first..last {
            if drawn == most || index == first + LOOKS {
                self.state.waiting[0] = index as u32;
                return false;
            }
            if self.shown[index] != self.cells[index] {
                self.draw(index);
                drawn += 1;
            }
        }
        self.state.waiting = NOTHING_WAITS;
        self.show_cursor();
        true
    }

    fn show_cursor(&mut self) {
        let [shown, cursor] = [self.state.shown_cursor, self.state.cursor].map(|index| index as usize);
        if shown < self.cells.len() {
            self.draw(shown);
        }
        self.state.shown_cursor = self.state.cursor;
        if cursor == self.cells.len() {
            return self.surface.hide_cursor();
        }
        let (column, row) = self.place(cursor);
        self.surface.draw_cursor(column, row, self.cells[cursor]);
    }

    fn place(&self, index: usize) -> (usize, usize) {
        (index % self.state.columns(), index / self.state.columns())
    }

    fn draw(&mut self, index: usize) {
        let (column, row) = self.place(index);
        self.surface.draw(column, row, self.cells[index]);
        self.shown[index] = self.cells[index];
    }

    fn set_cell(&mut self, index: usize, cell: u16) {
        if self.cells[index] != cell {
            self.cells[index] = cell;
            self.touch(index, index + 1);
        }
    }

    fn text(&mut self, byte: u8) {
        let (columns, column) = (self.state.columns, self.state.column() as u32);
        match byte {
            0x1b => self.state.progress = progress::ESCAPE,
            b'\n' => {
                self.make_room();
                self.state.cursor += columns - self.state.cursor % columns;
            }
            b'\r' => self.state.cursor -= column,
            0x08 => self.state.cursor -= u32::from(column > 0),
            b'\t' => (0..8 - column % 8).for_each(|_| self.put(b' ')),
            // The first byte of a character; the others are skipped.
            0xc0.. => self.put(UNKNOWN),
            _ => {}
        }
    }

    fn put(&mut self, character: u8) {
        self.make_room();
        self.set_cell(self.state.cursor as usize, u16::from_le_bytes([character, self.state.attribute]));
        self.state.cursor += 1;
    }

    /// Scrolls if the screen is full.
    fn make_room(&mut self) {
        let columns = self.state.columns();
        if (self.state.cursor as usize) < self.cells.len() {
            return;
        }
        let last_line = self.cells.len() - columns;
        self.cells.copy_within(columns.., 0);
        self.fill(last_line..self.cells.len(), PLAIN);
        self.touch(0, self.cells.len());
        self.state.cursor -= columns as u32;
    }

    fn escape(&mut self, byte: u8) {
        self.state.progress = if byte == b'[' { progress::PARAMETERS } else { progress::TEXT };
        self.state.parameter_count = 0;
        self.state.parameters = [0; PARAMETERS];
    }

    fn sequence(&mut self, byte: u8) {
        let state = &mut *self.state;
        let at = usize::from(state.parameter_count);
        match byte {
            b'0'..=b'9' if at < PARAMETERS => {
                let value = state.parameters[at].saturating_mul(10).saturating_add(u16::from(byte - b'0'));
                state.parameters[at] = value;
            }
            b';' if at < PARAMETERS => state.parameter_count += 1,
            b'0'..=b'9' | b';' => {}
            0x40..=0x7e => {
                let known = core::mem::replace(&mut state.progress, progress::TEXT) == progress::PARAMETERS;
                if known {
                    self.command(byte, (at + 1).min(PARAMETERS));
                }
            }
            _ => state.progress = progress::UNKNOWN,
        }
    }

    /// Carries out the sequence that ends with `letter` and has `count` parameters.
    fn command(&mut self, letter: u8, count: usize) {
        let (columns, rows) = (self.state.columns, self.state.rows);
        let (first, second) = (u32::from(self.state.parameters[0]), u32::from(self.state.parameters[1]));
        let steps = first.max(1);
        let cursor = self.state.cursor.min(columns * rows - 1);
        let (column, row) = (cursor % columns, cursor / columns);
        let (column, row) = match letter {
            b'A' => (column, row.saturating_sub(steps)),
            b'B' => (column, (row + steps).min(rows - 1)),
            b'C' => ((column + steps).min(columns - 1), row),
            b'D' => (column.saturating_sub(steps), row),
            b'G' => (steps.min(columns) - 1, row),
            b'H' => (second.max(1).min(columns) - 1, steps.min(rows) - 1),
            b'J' => return self.erase(first, 0, columns * rows),
            b'K' => return self.erase(first, row * columns, (row + 1) * columns),
            b'm' => return (0..count).for_each(|index| self.select(self.state.parameters[index])),
            _ => return,
        };
        self.state.cursor = row * columns + column;
    }

    /// Empties the cells from `start` to `end`: those from the cursor on (0), those up to it (1), or all (2).
    fn erase(&mut self, which: u32, start: u32, end: u32) {
        let range = match which {
            0 => self.state.cursor..end,
            1 => start..(self.state.cursor + 1).min(end),
            2 => start..end,
            _ => return,
        };
        self.fill(range.start as usize..range.end as usize, self.state.attribute);
    }

    /// Empties these cells. Most are copies of the first few, which takes less than to write one after the other.
    fn fill(&mut self, range: Range<usize>, attribute: u8) {
        const FEW: usize = 32;
        let Some(cells) = self.cells.get_mut(range.clone()) else { return };
        let mut filled = cells.len().min(FEW);
        cells[..filled].fill(blank(attribute));
        while filled < cells.len() {
            let more = filled.min(cells.len() - filled);
            cells.copy_within(..more, filled);
            filled += more;
        }
        self.touch(range.start, range.end);
    }

    /// Graphic rendition `value`.
    fn select(&mut self, value: u16) {
        let attribute = self.state.attribute;
        let colour = |base: u16| FROM_ANSI[usize::from(value - base)];
        self.state.attribute = match value {
            0 => PLAIN,
            1 => attribute | BRIGHT,
            22 => attribute & !BRIGHT,
            30..=37 => attribute & !7 | colour(30),
            39 => attribute & !7 | PLAIN,
            40..=47 => attribute & 0x0f | colour(40) << 4,
            49 => attribute & 0x0f,
            90..=97 => attribute & !0xf | BRIGHT | colour(90),
            _ => attribute,
        };
    }
}
