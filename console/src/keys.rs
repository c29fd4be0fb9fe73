//! The keyboard's controller, the PC's 8042, as far as bootstrap and kernel both need it: whether it is there, and the
//! bytes that come.
//!
//! Ports are read by a function of who has them.

/// The port of data.
pub const DATA: u16 = 0x60;
/// The port that reads as the status; what is written to it are commands.
pub const STATUS: u16 = 0x64;

/// A bit of the status: a byte has come.
pub const FULL: u8 = 1;
/// A bit of the status: the byte that was written last has not been taken yet.
pub const BUSY: u8 = 1 << 1;
/// A bit of the status: the byte that has come is the mouse's.
const MOUSE: u8 = 1 << 5;
/// What a port reads as behind which there is nothing.
const NOBODY: u8 = 0xff;
/// Set in the byte for a key that is let go.
const RELEASED: u8 = 0x80;

/// Whether there is a controller.
pub fn is_there(read: impl Fn(u16) -> u8) -> bool {
    read(STATUS) != NOBODY
}

/// The next byte of the keyboard, if one has come. What is the mouse's is dropped.
pub fn take(read: impl Fn(u16) -> u8) -> Option<u8> {
    loop {
        let status = read(STATUS);
        if status == NOBODY || status & FULL == 0 {
            return None;
        }
        let byte = read(DATA);
        if status & MOUSE == 0 {
            return Some(byte);
        }
    }
}

/// Whether the byte is that of a key that is pressed, not let go.
pub const fn is_press(byte: u8) -> bool {
    byte & RELEASED == 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::cell::Cell;

    #[test]
    fn bytes_of_the_keyboard_alone_are_taken() {
        let bytes = [(MOUSE | FULL, 8), (FULL, 0x1e), (FULL, 0x9e), (MOUSE | FULL, 1)];
        let place = Cell::new(0);
        let read = |port| match (port, bytes.get(place.get())) {
            (STATUS, Some((status, _))) => *status,
            (DATA, Some((_, byte))) => {
                place.set(place.get() + 1);
                *byte
            }
            _ => 0,
        };
        let taken = [take(read), take(read), take(read)];
        assert_eq!(taken, [Some(0x1e), Some(0x9e), None]);
        assert_eq!(taken.map(|byte| byte.is_some_and(is_press)), [true, false, false]);
        assert!(is_there(read) && !is_there(|_| 0xff) && take(|_| 0xff).is_none());
    }
}
