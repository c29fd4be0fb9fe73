//! The keyboard, as far as `-wait` needs it: whether a key was pressed.
#![allow(unsafe_code)] // the keyboard controller's ports

use ::x86_64::instructions::port::Port;

const DATA: u16 = 0x60;
const STATUS: u16 = 0x64;
/// Bits of the status: a byte has come; it is the mouse's.
const FULL: u8 = 1;
const MOUSE: u8 = 1 << 5;
/// What a port reads as behind which there is nothing.
const NOBODY: u8 = 0xff;
/// Set in the byte for a key that is let go.
const RELEASED: u8 = 0x80;

fn status() -> u8 {
    // SAFETY: reading the status changes nothing.
    unsafe { Port::new(STATUS).read() }
}

/// Whether there is a keyboard controller.
pub fn is_there() -> bool {
    status() != NOBODY
}

/// The next byte of the keyboard, if one has come.
pub fn take() -> Option<u8> {
    let status = status();
    if status == NOBODY || status & FULL == 0 {
        return None;
    }
    // SAFETY: takes the byte that the status reports.
    let byte = unsafe { Port::new(DATA).read() };
    (status & MOUSE == 0).then_some(byte)
}

/// Whether the byte is that of a key that is pressed, not let go.
pub fn is_press(byte: u8) -> bool {
    byte & RELEASED == 0
}
