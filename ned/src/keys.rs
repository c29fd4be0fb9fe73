//! Keys, from the bytes that a terminal sends: characters in UTF-8, control characters, and the escape
//! sequences of the keys that move (ECMA-48, as xterm and the Linux console send them).
//! Pure, tested on the host. What no key sends is left out.

/// A key, named after what it does to the line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Key {
    /// Inserts a character.
    Character(char),
    /// Ends the line.
    Enter,
    /// Completes the name before the cursor.
    Tab,
    /// Takes out the character before the cursor.
    Backspace,
    /// Takes out the character under the cursor; Ctrl-D in an empty line ends the input.
    Delete,
    /// Moves to the left.
    Left,
    /// Moves to the right.
    Right,
    /// Moves to the line's start.
    Home,
    /// Moves to the line's end.
    End,
    /// An older line of the history.
    Older,
    /// A newer line of the history.
    Newer,
    /// Takes out all before the cursor.
    KillBefore,
    /// Takes out all from the cursor on.
    KillBehind,
    /// Takes out the word before the cursor.
    KillWord,
    /// Ctrl-C: gives the line up.
    Interrupt,
    /// Ctrl-D: like [`Key::Delete`], and the end of the input.
    EndOfInput,
    /// Ctrl-L: shows the line anew.
    Redraw,
}

/// Where in a sequence of bytes we are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum State {
    #[default]
    Start,
    /// Behind an escape.
    Escape,
    /// Behind `ESC [`, with the first number so far.
    Sequence(u8),
    /// Behind `ESC O`.
    Single,
    /// In a character of several bytes: what there is of it, and how many bytes are missing.
    Utf8(u32, u8),
}

/// Takes bytes, gives keys.
#[derive(Default)]
pub struct Keys {
    state: State,
}

impl Keys {
    /// The key that `byte` completes.
    pub fn take(&mut self, byte: u8) -> Option<Key> {
        match core::mem::take(&mut self.state) {
            State::Start => self.first(byte),
            State::Escape => match byte {
                b'[' => self.go_on(State::Sequence(0)),
                b'O' => self.go_on(State::Single),
                _ => None,
            },
            State::Sequence(number) => match byte {
                b'0'..=b'9' => self.go_on(State::Sequence(number.saturating_mul(10).saturating_add(byte - b'0'))),
                b';' => self.go_on(State::Sequence(number)),
                b'~' => match number {
                    1 | 7 => Some(Key::Home),
                    3 => Some(Key::Delete),
                    4 | 8 => Some(Key::End),
                    _ => None,
                },
                _ => moved(byte),
            },
            State::Single => moved(byte),
            State::Utf8(code, missing) if byte & 0xc0 == 0x80 => {
                let code = code << 6 | u32::from(byte & 0x3f);
                if missing > 1 { self.go_on(State::Utf8(code, missing - 1)) } else { character(code) }
            }
            State::Utf8(..) => self.first(byte),
        }
    }

    fn go_on(&mut self, state: State) -> Option<Key> {
        self.state = state;
        None
    }

    fn first(&mut self, byte: u8) -> Option<Key> {
        const CTRL: u8 = 0x40;
        match byte {
            b'\r' | b'\n' => Some(Key::Enter),
            b'\t' => Some(Key::Tab),
            0x08 | 0x7f => Some(Key::Backspace),
            0x1b => self.go_on(State::Escape),
            0..0x20 => match byte + CTRL {
                b'A' => Some(Key::Home),
                b'B' => Some(Key::Left),
                b'C' => Some(Key::Interrupt),
                b'D' => Some(Key::EndOfInput),
                b'E' => Some(Key::End),
                b'F' => Some(Key::Right),
                b'K' => Some(Key::KillBehind),
                b'L' => Some(Key::Redraw),
                b'N' => Some(Key::Newer),
                b'P' => Some(Key::Older),
                b'U' => Some(Key::KillBefore),
                b'W' => Some(Key::KillWord),
                _ => None,
            },
            0x20..0x80 => Some(Key::Character(char::from(byte))),
            0xc2..0xe0 => self.go_on(State::Utf8(u32::from(byte & 0x1f), 1)),
            0xe0..0xf0 => self.go_on(State::Utf8(u32::from(byte & 0x0f), 2)),
            0xf0..0xf5 => self.go_on(State::Utf8(u32::from(byte & 0x07), 3)),
            _ => None,
        }
    }
}

/// The key whose sequence ends with this letter.
fn moved(letter: u8) -> Option<Key> {
    match letter {
        b'A' => Some(Key::Older),
        b'B' => Some(Key::Newer),
        b'C' => Some(Key::Right),
        b'D' => Some(Key::Left),
        b'F' => Some(Key::End),
        b'H' => Some(Key::Home),
        _ => None,
    }
}

fn character(code: u32) -> Option<Key> {
    char::from_u32(code).filter(|character| !character.is_control()).map(Key::Character)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec::Vec;

    fn keys(bytes: &[u8]) -> Vec<Key> {
        let mut keys = Keys::default();
        bytes.iter().filter_map(|&byte| keys.take(byte)).collect()
    }

    #[test]
    fn characters_and_control_characters() {
        assert_eq!(keys(b"a~\r"), [Key::Character('a'), Key::Character('~'), Key::Enter]);
        assert_eq!(
            keys(b"\x01\x05\x15\x0b\x17"),
            [Key::Home, Key::End, Key::KillBefore, Key::KillBehind, Key::KillWord]
        );
        assert_eq!(
            keys(b"\x7f\x08\x03\x04\x0c\t"),
            [Key::Backspace, Key::Backspace, Key::Interrupt, Key::EndOfInput, Key::Redraw, Key::Tab]
        );
        assert_eq!(keys(b"\x00\x1c\x1d"), []);
    }

    #[test]
    fn keys_that_move() {
        assert_eq!(keys(b"\x1b[A\x1b[B\x1b[C\x1b[D"), [Key::Older, Key::Newer, Key::Right, Key::Left]);
        assert_eq!(keys(b"\x1bOH\x1bOF\x1b[1~\x1b[4~\x1b[3~"), [Key::Home, Key::End, Key::Home, Key::End, Key::Delete]);
        assert_eq!(keys(b"\x1b[1;5Dx"), [Key::Left, Key::Character('x')]);
        assert_eq!(keys(b"\x1b[99999~\x1bzx"), [Key::Character('x')]);
    }

    #[test]
    fn characters_of_several_bytes() {
        assert_eq!(keys("é€😀".as_bytes()), [Key::Character('é'), Key::Character('€'), Key::Character('😀')]);
        assert_eq!(keys(b"\xc3x\xff\x80y"), [Key::Character('x'), Key::Character('y')]);
        assert_eq!(keys(b"\xed\xa0\x80z"), [Key::Character('z')]);
    }
}
