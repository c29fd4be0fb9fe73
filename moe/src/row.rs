//! The console's last row, while somebody has begun it and not ended it: the line at ned's prompt, say. Whole lines of
//! others go above it. Pure.
//!
//! Invariant: what is written again brings the row back as its owner left it, the cursor's place included.

use abi::vcon::WRITE_SIZE;

/// Back to the row's start, and empty from there on.
const ERASE: &[u8] = b"\r\x1b[K";

/// The row.
pub struct Row {
    /// Whose it is, by the number of a log.
    owner: u64,
    /// All that was written to it since its start, or since the last carriage return.
    text: [u8; WRITE_SIZE],
    length: usize,
}

impl Row {
    /// An empty row.
    pub const fn new() -> Row {
        Row { owner: 0, text: [0; WRITE_SIZE], length: 0 }
    }

    /// Writes what the log `owner` was given, by `out`. In a row of somebody else's, whole lines go above it, and what is
    /// none leaves it behind.
    pub fn write(&mut self, owner: u64, text: &[u8], mut out: impl FnMut(&[u8])) {
        if self.length > 0 && self.owner != owner {
            if text.ends_with(b"\n") {
                out(ERASE);
                out(text);
                out(&self.text[..self.length]);
                return;
            }
            out(b"\n");
            self.length = 0;
        }
        out(text);
        self.owner = owner;
        for &byte in text {
            match byte {
                b'\n' | b'\r' => self.length = 0,
                _ if self.length < WRITE_SIZE => {
                    self.text[self.length] = byte;
                    self.length += 1;
                }
                // Longer than any row: its end is lost where others write.
                _ => {}
            }
        }
    }
}

impl Default for Row {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::String;

    const EDITOR: u64 = 1;
    const OTHER: u64 = 2;

    fn written(row: &mut Row, owner: u64, text: &str) -> String {
        let mut all = String::new();
        row.write(owner, text.as_bytes(), |bytes| all.push_str(std::str::from_utf8(bytes).unwrap()));
        all
    }

    #[test]
    fn lines_of_others_go_above() {
        let mut row = Row::new();
        assert_eq!(written(&mut row, OTHER, "a line\n"), "a line\n");
        assert_eq!(written(&mut row, EDITOR, "> "), "> ");
        assert_eq!(written(&mut row, EDITOR, "ab"), "ab");
        assert_eq!(written(&mut row, OTHER, "a line\n"), "\r\x1b[Ka line\n> ab");
        assert_eq!(written(&mut row, EDITOR, "\r> abc\u{8}\u{8}"), "\r> abc\u{8}\u{8}");
        assert_eq!(written(&mut row, OTHER, "1\n2\n"), "\r\x1b[K1\n2\n> abc\u{8}\u{8}");
        assert_eq!(written(&mut row, EDITOR, "\n"), "\n");
        assert_eq!(written(&mut row, OTHER, "a line\n"), "a line\n");
    }

    #[test]
    fn an_unfinished_line_is_its_owners() {
        let mut row = Row::new();
        written(&mut row, OTHER, "name? ");
        assert_eq!(written(&mut row, EDITOR, "> "), "\n> ");
        assert_eq!(written(&mut row, OTHER, "name? "), "\nname? ");
        assert_eq!(written(&mut row, OTHER, "none\n"), "none\n");
        written(&mut row, OTHER, &"x".repeat(2 * WRITE_SIZE));
        assert_eq!(written(&mut row, EDITOR, "a line\n").len(), ERASE.len() + 7 + WRITE_SIZE);
    }
}
