//! The option `-wait`: waits until a key is pressed, or a byte comes over the serial line.
#![allow(unsafe_code)] // the keyboard controller's ports

use crate::console;
use ::console::keys::{is_press, is_there, take};
use x86_64::instructions::port::Port;

/// Waits. Returns at once, and false, if there is neither keyboard nor serial line.
pub fn wait() -> bool {
    if !is_there(read) && !console::has_serial() {
        return false;
    }
    // What came before the question is no answer.
    while take(read).is_some() || console::serial_take().is_some() {}
    while !take(read).is_some_and(is_press) && console::serial_take().is_none() {
        core::hint::spin_loop();
    }
    true
}

fn read(port: u16) -> u8 {
    // SAFETY: one of the keyboard controller's ports, whose bytes nobody else reads.
    unsafe { Port::new(port).read() }
}
