//! A line of text under the keys of a terminal: editing, history, completion.
//! Pure, tested on the host. Output needs of the terminal no more than `\r` and `\b`; a line that is too
//! long for it is shown in part, around the cursor.

use crate::keys::Key;
use alloc::{string::String, vec::Vec};

/// Columns that are used: one less than a terminal has, so that it never starts a new line by itself.
const COLUMNS: usize = 79;
/// Lines that the history keeps.
const HISTORY: usize = 100;

/// What a key led to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Step {
    /// The line is being edited.
    Editing,
    /// The line is complete.
    Line(String),
    /// The line was given up.
    Interrupted,
    /// There will be no more lines.
    End,
}

/// What could stand in place of the word before the cursor.
#[derive(Clone, Default, PartialEq, Eq, Debug)]
pub struct Candidates {
    /// Characters before the cursor that are the beginning of each of them.
    pub typed: usize,
    /// The whole words, in the order in which they are listed.
    pub words: Vec<String>,
}

/// The line, its history, and what is on the screen.
pub struct LineEditor {
    prompt: &'static str,
    text: Vec<char>,
    /// Where characters are inserted.
    cursor: usize,
    /// The first character that is shown.
    first: usize,
    /// How many characters are shown.
    shown: usize,
    history: Vec<Vec<char>>,
    /// The line of the history that is shown; its length stands for the line that was typed last.
    place: usize,
    /// What was typed before the history was looked at.
    typed: Vec<char>,
    /// The last key was a tab, which could not complete the word.
    undecided: bool,
}

impl LineEditor {
    /// An empty line without a history.
    pub fn new() -> LineEditor {
        LineEditor {
            prompt: "",
            text: Vec::new(),
            cursor: 0,
            first: 0,
            shown: 0,
            history: Vec::new(),
            place: 0,
            typed: Vec::new(),
            undecided: false,
        }
    }

    /// Begins a new line.
    pub fn begin(&mut self, prompt: &'static str, out: &mut impl FnMut(&str)) {
        self.prompt = prompt;
        self.text.clear();
        (self.cursor, self.first, self.shown) = (0, 0, 0);
        self.place = self.history.len();
        out(prompt);
    }

    /// Acts on a key. `complete` gets the text before the cursor.
    pub fn press(&mut self, key: Key, complete: impl FnOnce(&str) -> Candidates, out: &mut impl FnMut(&str)) -> Step {
        let undecided = core::mem::take(&mut self.undecided);
        match key {
            Key::Character(character) => return self.insert(&[character], out),
            Key::Tab => return self.complete(complete, undecided, out),
            Key::Enter => {
                self.move_to(self.text.len(), out);
                out("\n");
                return Step::Line(self.take_line());
            }
            Key::Interrupt => {
                out("^C\n");
                return Step::Interrupted;
            }
            Key::EndOfInput if self.text.is_empty() => {
                out("\n");
                return Step::End;
            }
            Key::Left => self.cursor = self.cursor.saturating_sub(1),
            Key::Right => self.cursor = (self.cursor + 1).min(self.text.len()),
            Key::Home => self.cursor = 0,
            Key::End => self.cursor = self.text.len(),
            Key::Backspace => self.take_out(self.cursor.saturating_sub(1), self.cursor),
            Key::Delete | Key::EndOfInput => self.take_out(self.cursor, self.cursor + 1),
            Key::KillBefore => self.take_out(0, self.cursor),
            Key::KillBehind => self.take_out(self.cursor, self.text.len()),
            Key::KillWord => self.take_out(self.word_before(), self.cursor),
            Key::Older => self.show_history(self.place.saturating_sub(1)),
            Key::Newer => self.show_history(self.place + 1),
            Key::Redraw => out("\n"),
        }
        self.draw(out);
        Step::Editing
    }

    fn insert(&mut self, characters: &[char], out: &mut impl FnMut(&str)) -> Step {
        let at_end = self.cursor == self.text.len();
        self.text.splice(self.cursor..self.cursor, characters.iter().copied());
        self.cursor += characters.len();
        if at_end && self.cursor - self.first <= self.room() {
            out(&String::from_iter(characters));
            self.shown = self.text.len() - self.first;
        } else {
            self.draw(out);
        }
        Step::Editing
    }

    fn take_out(&mut self, from: usize, to: usize) {
        self.text.drain(from..to.min(self.text.len()));
        self.cursor = from;
    }

    /// Where the word before the cursor begins.
    fn word_before(&self) -> usize {
        let before = &self.text[..self.cursor];
        let word_end = before.iter().rposition(|character| *character != ' ').map_or(0, |last| last + 1);
        before[..word_end].iter().rposition(|character| *character == ' ').map_or(0, |space| space + 1)
    }

    fn take_line(&mut self) -> String {
        let line = core::mem::take(&mut self.text);
        self.cursor = 0;
        if line.iter().any(|character| *character != ' ') && self.history.last() != Some(&line) {
            if self.history.len() == HISTORY {
                self.history.remove(0);
            }
            self.history.push(line.clone());
        }
        line.into_iter().collect()
    }

    fn show_history(&mut self, place: usize) {
        if place > self.history.len() || place == self.place {
            return;
        }
        if self.place == self.history.len() {
            self.typed = core::mem::take(&mut self.text);
        }
        self.place = place;
        self.text = self.history.get(place).unwrap_or(&self.typed).clone();
        self.cursor = self.text.len();
    }

    /// Completes the word as far as all candidates agree; the second time in a row, lists them.
    fn complete(&mut self, complete: impl FnOnce(&str) -> Candidates, list: bool, out: &mut impl FnMut(&str)) -> Step {
        let before: String = self.text[..self.cursor].iter().collect();
        let candidates = complete(&before);
        let common = common_start(&candidates.words);
        if common.len() > candidates.typed {
            return self.insert(&common[candidates.typed..], out);
        }
        if list && candidates.words.len() > 1 {
            out("\n");
            list_in_columns(&candidates.words, out);
            self.draw(out);
        } else {
            self.undecided = true;
        }
        Step::Editing
    }

    /// Columns for text.
    fn room(&self) -> usize {
        COLUMNS.saturating_sub(self.prompt.len())
    }

    fn move_to(&mut self, cursor: usize, out: &mut impl FnMut(&str)) {
        if cursor != self.cursor {
            self.cursor = cursor;
            self.draw(out);
        }
    }

    /// Shows the line in the row where the cursor is, and puts the cursor in its place.
    fn draw(&mut self, out: &mut impl FnMut(&str)) {
        let room = self.room();
        if self.cursor < self.first {
            self.first = self.cursor;
        } else if self.cursor > self.first + room {
            self.first = self.cursor - room;
        }
        let visible = &self.text[self.first..self.text.len().min(self.first + room)];
        let mut line = String::from("\r");
        line.push_str(self.prompt);
        line.extend(visible);
        let blanks = self.shown.saturating_sub(visible.len());
        line.extend(core::iter::repeat_n(' ', blanks));
        let back = visible.len() + blanks - (self.cursor - self.first);
        line.extend(core::iter::repeat_n('\u{8}', back));
        self.shown = visible.len();
        out(&line);
    }
}

impl Default for LineEditor {
    fn default() -> Self {
        Self::new()
    }
}

/// What all words begin with.
fn common_start(words: &[String]) -> Vec<char> {
    let Some((first, rest)) = words.split_first() else { return Vec::new() };
    let agrees =
        |(index, character): &(usize, char)| rest.iter().all(|word| word.chars().nth(*index) == Some(*character));
    first.chars().enumerate().take_while(agrees).map(|(_, character)| character).collect()
}

fn list_in_columns(words: &[String], out: &mut impl FnMut(&str)) {
    let width = words.iter().map(|word| word.chars().count()).max().unwrap_or(0) + 2;
    let in_a_line = (COLUMNS / width).max(1);
    for line in words.chunks(in_a_line) {
        let mut text = String::new();
        for word in line {
            text.push_str(word);
            text.extend(core::iter::repeat_n(' ', width - word.chars().count()));
        }
        out(text.trim_end());
        out("\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::Keys;
    use std::borrow::ToOwned;

    /// A terminal's current line, and how often a new one began.
    #[derive(Default)]
    struct Screen {
        row: Vec<char>,
        column: usize,
        rows: Vec<String>,
    }

    impl Screen {
        fn write(&mut self, text: &str) {
            for character in text.chars() {
                match character {
                    '\r' => self.column = 0,
                    '\u{8}' => self.column -= 1,
                    '\n' => {
                        self.rows.push(core::mem::take(&mut self.row).iter().collect());
                        self.column = 0;
                    }
                    _ => {
                        assert!(self.column < 80, "the terminal would begin a new line");
                        self.row.resize(self.row.len().max(self.column + 1), ' ');
                        self.row[self.column] = character;
                        self.column += 1;
                    }
                }
            }
        }

        fn shows(&self) -> String {
            self.row.iter().collect::<String>().trim_end().to_owned()
        }
    }

    struct Typing {
        editor: LineEditor,
        screen: Screen,
        words: Vec<String>,
    }

    impl Typing {
        fn new(words: &[&str]) -> Typing {
            let (mut editor, mut screen) = (LineEditor::new(), Screen::default());
            editor.begin("> ", &mut |text| screen.write(text));
            Typing { editor, screen, words: words.iter().map(|&word| word.to_owned()).collect() }
        }

        fn keys(&mut self, bytes: &[u8]) -> Step {
            let mut keys = Keys::default();
            let mut step = Step::Editing;
            for key in bytes.iter().filter_map(|&byte| keys.take(byte)) {
                let words = &self.words;
                let complete = |before: &str| {
                    let start = before.rfind(' ').map_or(0, |space| space + 1);
                    let typed = &before[start..];
                    let words = words.iter().filter(|word| word.starts_with(typed)).cloned().collect();
                    Candidates { typed: typed.chars().count(), words }
                };
                let screen = &mut self.screen;
                step = self.editor.press(key, complete, &mut |text| screen.write(text));
                if step != Step::Editing {
                    self.editor.begin("> ", &mut |text| screen.write(text));
                }
            }
            step
        }

        /// What the screen shows, with a bar where the cursor is.
        fn shows(&self) -> String {
            let mut row: Vec<char> = self.screen.shows().chars().collect();
            row.resize(row.len().max(self.screen.column), ' ');
            row.insert(self.screen.column, '|');
            row.into_iter().collect()
        }
    }

    fn line(text: &str) -> Step {
        Step::Line(text.to_owned())
    }

    #[test]
    fn characters_go_where_the_cursor_is() {
        let mut typing = Typing::new(&[]);
        typing.keys(b"helo\x1b[Dl");
        assert_eq!(typing.shows(), "> hell|o");
        typing.keys(b"\x01>\x05<");
        assert_eq!(typing.shows(), "> >hello<|");
        assert_eq!(typing.keys(b"\r"), line(">hello<"));
        assert_eq!(typing.screen.rows, ["> >hello<"]);
    }

    #[test]
    fn what_is_taken_out_disappears() {
        let mut typing = Typing::new(&[]);
        typing.keys(b"one two three\x7f\x7f");
        assert_eq!(typing.shows(), "> one two thr|");
        typing.keys(b"\x17");
        assert_eq!(typing.shows(), "> one two |");
        typing.keys(b"\x1b[D\x1b[D\x0b");
        assert_eq!(typing.shows(), "> one tw|");
        typing.keys(b"\x01\x04\x1b[3~");
        assert_eq!(typing.shows(), "> |e tw");
        typing.keys(b"\x1b[C\x15");
        assert_eq!(typing.shows(), "> | tw");
        assert_eq!(typing.keys(b"\x7f\r"), line(" tw"));
    }

    #[test]
    fn the_history_goes_up_and_down() {
        let mut typing = Typing::new(&[]);
        typing.keys(b"first\rsecond\r\r  \rsecond\rnew");
        typing.keys(b"\x1b[A");
        assert_eq!(typing.shows(), "> second|");
        typing.keys(b"\x1b[A\x1b[A");
        assert_eq!(typing.shows(), "> first|");
        typing.keys(b"!\x1b[B\x1b[B\x1b[B");
        assert_eq!(typing.shows(), "> new|");
        assert_eq!(typing.keys(b"\x10\x10\r"), line("first"));
        for _ in 0..3 * HISTORY {
            typing.keys(b"a\rb\r");
        }
        assert_eq!(typing.editor.history.len(), HISTORY);
    }

    #[test]
    fn names_are_completed() {
        let mut typing = Typing::new(&["print", "printf", "pairs"]);
        typing.keys(b"x pri\t");
        assert_eq!(typing.shows(), "> x print|");
        typing.keys(b"\t\t");
        assert_eq!(typing.screen.rows, ["> x print", "print   printf"]);
        assert_eq!(typing.shows(), "> x print|");
        typing.keys(b"\x15pa\t");
        assert_eq!(typing.shows(), "> pairs|");
        typing.keys(b"\x15zz\t\t");
        assert_eq!((typing.shows().as_str(), typing.screen.rows.len()), ("> zz|", 2));
    }

    #[test]
    fn long_lines_are_shown_around_the_cursor() {
        let mut typing = Typing::new(&[]);
        let text: Vec<u8> = (0..200).map(|index| b'a' + index % 26).collect();
        typing.keys(&text);
        assert!(typing.shows().ends_with("opqr|") && typing.screen.shows().len() == COLUMNS);
        typing.keys(b"\x01");
        assert!(typing.shows().starts_with("> |abc"));
        typing.keys(b"\x1b[C\x0b");
        assert_eq!(typing.shows(), "> a|");
        assert_eq!(typing.keys(b"\r"), line("a"));
    }

    #[test]
    fn lines_are_given_up() {
        let mut typing = Typing::new(&[]);
        assert_eq!(typing.keys(b"abc\x03"), Step::Interrupted);
        assert_eq!(typing.screen.rows, ["> abc^C"]);
        assert_eq!(typing.keys(b"\x04"), Step::End);
    }
}
