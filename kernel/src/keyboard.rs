//! Keys of a PC keyboard, as the bytes that a terminal would send for them.
//!
//! Pure: `arch` reads the scan codes (set 1, to which the controller translates), [`crate`]'s console gets the bytes.
//! The layout is that of US keyboards.

use pc_keyboard::layouts::Us104Key;
use pc_keyboard::{DecodedKey, HandleControl, KeyCode, KeyState, PS2Keyboard, ScancodeSet1};

/// A keyboard: which keys that change others are down.
pub struct Keyboard {
    keys: PS2Keyboard<Us104Key, ScancodeSet1>,
}

/// The bytes of one key, none for most releases.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct KeyBytes {
    bytes: [u8; 4],
    count: usize,
}

impl KeyBytes {
    fn new(bytes: &[u8]) -> Self {
        let mut key = Self { count: bytes.len().min(4), ..Self::default() };
        key.bytes[..key.count].copy_from_slice(&bytes[..key.count]);
        key
    }

    /// What to send.
    pub fn as_slice(&self) -> &[u8] {
        &self.bytes[..self.count]
    }
}

impl Keyboard {
    /// A keyboard of which no key is down.
    pub const fn new() -> Self {
        Self { keys: PS2Keyboard::new(ScancodeSet1::new(), Us104Key, HandleControl::MapLettersToUnicode) }
    }

    /// Takes a scan code. Those that no keyboard sends give nothing.
    pub fn take(&mut self, scan_code: u8) -> KeyBytes {
        let Ok(Some(event)) = self.keys.add_byte(scan_code) else { return KeyBytes::default() };
        let (code, is_down) = (event.code, event.state != KeyState::Up);
        let decoded = self.keys.process_keyevent(event);
        match (sequence(code), decoded) {
            (Some(sequence), _) if is_down => KeyBytes::new(sequence),
            (None, Some(DecodedKey::Unicode(character))) => {
                KeyBytes::new(character.encode_utf8(&mut [0; 4]).as_bytes())
            }
            _ => KeyBytes::default(),
        }
    }
}

impl Default for Keyboard {
    fn default() -> Self {
        Self::new()
    }
}

/// The escape sequence of a key that is no character (ECMA-48, as xterm sends it).
fn sequence(code: KeyCode) -> Option<&'static [u8]> {
    Some(match code {
        KeyCode::Return | KeyCode::NumpadEnter => b"\r",
        KeyCode::Backspace => b"\x7f",
        KeyCode::Delete => b"\x1b[3~",
        KeyCode::Insert => b"\x1b[2~",
        KeyCode::PageUp => b"\x1b[5~",
        KeyCode::PageDown => b"\x1b[6~",
        KeyCode::ArrowUp => b"\x1b[A",
        KeyCode::ArrowDown => b"\x1b[B",
        KeyCode::ArrowRight => b"\x1b[C",
        KeyCode::ArrowLeft => b"\x1b[D",
        KeyCode::Home => b"\x1b[H",
        KeyCode::End => b"\x1b[F",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::vec::Vec;

    fn typed(scan_codes: &[u8]) -> Vec<u8> {
        let mut keyboard = Keyboard::new();
        scan_codes.iter().flat_map(|&code| keyboard.take(code).as_slice().to_vec()).collect()
    }

    #[test]
    fn characters() {
        assert_eq!(typed(&[0x1e, 0x9e, 0x02, 0x82]), b"a1");
        // With shift, with control, with caps lock.
        assert_eq!(typed(&[0x2a, 0x1e, 0x9e, 0x0a, 0x8a, 0xaa, 0x1e]), b"A(a");
        assert_eq!(typed(&[0x1d, 0x2e, 0xae, 0x9d, 0x2e]), b"\x03c");
        assert_eq!(typed(&[0x3a, 0xba, 0x1e, 0x9e, 0x3a, 0xba, 0x1e]), b"Aa");
    }

    #[test]
    fn keys_that_are_no_characters() {
        assert_eq!(typed(&[0x1c, 0x9c, 0x0e, 0x8e, 0x0f, 0x8f]), b"\r\x7f\t");
        assert_eq!(typed(&[0xe0, 0x48, 0xe0, 0xc8, 0xe0, 0x4b, 0xe0, 0x53]), b"\x1b[A\x1b[D\x1b[3~");
        // A function key, and what no keyboard sends.
        assert_eq!(typed(&[0x3b, 0xbb, 0xff, 0x00, 0x1e]), b"a");
    }

    proptest! {
        #[test]
        fn nothing_upsets_it(scan_codes in prop::collection::vec(any::<u8>(), 0..200)) {
            let mut keyboard = Keyboard::new();
            for code in scan_codes {
                prop_assert!(keyboard.take(code).as_slice().len() <= 4);
            }
        }
    }
}
