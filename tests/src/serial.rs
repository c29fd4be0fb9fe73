//! The serial log of a machine as it grows: bytes from QEMU's pipe, without colour escapes, searched in order. Pure but for
//! the thread that reads; neighbour: [`crate::machine`].

use std::io::Read;
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

/// A log that a thread fills.
#[derive(Clone, Default)]
pub struct Log {
    shared: Arc<(Mutex<Content>, Condvar)>,
}

#[derive(Default)]
struct Content {
    text: String,
    closed: bool,
}

/// What a search in the log came to.
#[derive(Debug, PartialEq, Eq)]
pub enum Found {
    /// It stands there and ends at this position.
    At(usize),
    /// QEMU ended before it came.
    Closed,
    /// The time ran out.
    Late,
}

impl Log {
    /// A log that takes everything from `source` until its end.
    pub fn of(mut source: impl Read + Send + 'static) -> Self {
        let log = Self::default();
        let writer = log.clone();
        std::thread::spawn(move || {
            let mut escapes = Escapes::default();
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = source.read(&mut bytes) {
                let plain = escapes.strip(&bytes[..count]);
                writer.shared.0.lock().unwrap().text.push_str(&plain);
                writer.shared.1.notify_all();
            }
            writer.shared.0.lock().unwrap().closed = true;
            writer.shared.1.notify_all();
        });
        log
    }

    /// Waits until `text` stands at or after `from`.
    pub fn wait_for(&self, text: &str, from: usize, limit: Duration) -> Found {
        let until = Instant::now() + limit;
        let mut content = self.shared.0.lock().unwrap();
        loop {
            if let Some(place) = content.text[from..].find(text) {
                return Found::At(from + place + text.len());
            }
            if content.closed {
                return Found::Closed;
            }
            let Some(left) = until.checked_duration_since(Instant::now()) else { return Found::Late };
            content = self.shared.1.wait_timeout(content, left).unwrap().0;
        }
    }

    /// Everything so far.
    pub fn text(&self) -> String {
        self.shared.0.lock().unwrap().text.clone()
    }

    /// The last `count` lines so far.
    pub fn tail(&self, count: usize) -> String {
        let text = self.text();
        let lines: Vec<&str> = text.lines().collect();
        lines[lines.len().saturating_sub(count)..].iter().map(|line| format!("    | {line}\n")).collect()
    }
}

/// Takes terminal escapes (`ESC [ … letter`) and carriage returns out of a stream that comes in pieces.
#[derive(Default)]
struct Escapes {
    state: State,
}

#[derive(Default, Clone, Copy)]
enum State {
    #[default]
    Plain,
    Escape,
    Sequence,
}

impl Escapes {
    fn strip(&mut self, bytes: &[u8]) -> String {
        let mut plain = String::new();
        for &byte in bytes {
            self.state = match (self.state, byte) {
                (State::Plain, 0x1b) => State::Escape,
                (State::Plain, b'\r') => State::Plain,
                (State::Plain, byte) => {
                    // Bytes beyond ASCII become '?', so that positions in the log stay positions between characters.
                    plain.push(if byte.is_ascii() { byte as char } else { '?' });
                    State::Plain
                }
                (State::Escape, b'[') => State::Sequence,
                (State::Sequence, byte) if !(0x40..0x7f).contains(&byte) => State::Sequence,
                (State::Escape | State::Sequence, _) => State::Plain,
            };
        }
        plain
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_taken_out_across_pieces() {
        let mut escapes = Escapes::default();
        assert_eq!(escapes.strip(b"a\x1b[3"), "a");
        assert_eq!(escapes.strip(b"1;1mb\r\n\x1bcd\xe2"), "b\nd?");
    }

    #[test]
    fn lines_are_found_in_order() {
        let log = Log::of(&b"one\ntwo\none\n"[..]);
        let short = Duration::from_secs(5);
        assert_eq!(log.wait_for("two", 0, short), Found::At(7));
        assert_eq!(log.wait_for("one", 7, short), Found::At(11));
        assert_eq!(log.wait_for("two", 7, short), Found::Closed);
        assert_eq!(log.tail(1), "    | one\n");
    }
}
