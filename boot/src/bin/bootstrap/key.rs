//! The option `-wait`: waits until a key is pressed, or a byte comes over the serial line.
#![allow(unsafe_code)] // ports of keyboard and serial line

use crate::console;
use x86_64::instructions::port::Port;

/// The keyboard controller.
const DATA: u16 = 0x60;
const STATUS: u16 = 0x64;
/// Bits of its status: a byte has come; it is the mouse's.
const FULL: u8 = 1;
const MOUSE: u8 = 1 << 5;
/// What a port reads as behind which there is nothing.
const NOBODY: u8 = 0xff;
/// Set in the byte for a key that is let go.
const RELEASED: u8 = 0x80;

/// Waits. Returns at once, and false, if there is neither keyboard nor serial line.
pub fn wait() -> bool {
    if status() == NOBODY && !console::has_serial() {
        return false;
    }
    // What came before the question is no answer.
    while take_key().is_some() || console::serial_take().is_some() {}
    loop {
        if take_key().is_some_and(|key| key & RELEASED == 0) || console::serial_take().is_some() {
            return true;
        }
        core::hint::spin_loop();
    }
}

fn status() -> u8 {
    // SAFETY: reading the status changes nothing.
    unsafe { Port::new(STATUS).read() }
}

/// The next byte of the keyboard.
fn take_key() -> Option<u8> {
    let status = status();
    if status == NOBODY || status & FULL == 0 {
        return None;
    }
    // SAFETY: takes the byte that the status reports.
    let byte = unsafe { Port::new(DATA).read() };
    (status & MOUSE == 0).then_some(byte)
}
