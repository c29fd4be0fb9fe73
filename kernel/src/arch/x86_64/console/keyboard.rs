//! The keyboard behind its controller, the PC's 8042: scan codes become the bytes that a terminal would send.
#![allow(unsafe_code)] // the keyboard controller's ports

use ::console::keys::{self, BUSY, DATA, FULL, STATUS};
use ::x86_64::instructions::port::Port;
use kernel::keyboard::{KeyBytes, Keyboard};

const READ_CONFIGURATION: u8 = 0x20;
const WRITE_CONFIGURATION: u8 = 0x60;
const ENABLE_KEYBOARD: u8 = 0xae;
/// Bits of the configuration: the keyboard interrupts; its clock is off; scan codes are translated to set 1.
const INTERRUPTS: u8 = 1;
const CLOCK_OFF: u8 = 1 << 4;
const TRANSLATES: u8 = 1 << 6;
/// How often to look at the status before the controller is given up.
const PATIENCE: u32 = 100_000;

/// The keys that are down.
static KEYBOARD: spin::Mutex<Keyboard> = spin::Mutex::new(Keyboard::new());

fn port(number: u16) -> u8 {
    // SAFETY: one of the controller's ports, whose bytes nobody else reads.
    unsafe { Port::new(number).read() }
}

/// Whether there is a keyboard controller.
pub fn is_there() -> bool {
    keys::is_there(port)
}

/// The next byte of the keyboard, if one has come.
pub fn take() -> Option<u8> {
    keys::take(port)
}

/// The bytes of the next key, which may be none, if the keyboard has sent something.
pub fn read() -> Option<KeyBytes> {
    take().map(|scan_code| KEYBOARD.lock().take(scan_code))
}

fn write(to: u16, byte: u8) -> Option<()> {
    (0..PATIENCE).find(|_| port(STATUS) & BUSY == 0)?;
    // SAFETY: the controller takes a command or its data now; those written here are for the keyboard alone.
    unsafe { Port::new(to).write(byte) };
    Some(())
}

fn configuration() -> Option<u8> {
    while take().is_some() {}
    write(STATUS, READ_CONFIGURATION)?;
    (0..PATIENCE).find(|_| port(STATUS) & FULL != 0)?;
    Some(port(DATA))
}

/// Lets the keyboard interrupt, with scan codes of set 1. Nothing if there is no controller that answers.
pub fn start() -> Option<()> {
    if !is_there() {
        return None;
    }
    let configuration = configuration()?;
    write(STATUS, WRITE_CONFIGURATION)?;
    write(DATA, (configuration | INTERRUPTS | TRANSLATES) & !CLOCK_OFF)?;
    write(STATUS, ENABLE_KEYBOARD)
}
