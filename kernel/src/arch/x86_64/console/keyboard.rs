//! The keyboard behind its controller, the PC's 8042: scan codes become the bytes that a terminal would send.
#![allow(unsafe_code)] // the keyboard controller's ports

use ::x86_64::instructions::port::Port;
use kernel::keyboard::{KeyBytes, Keyboard};

const DATA: u16 = 0x60;
/// Read: the status. Written: commands.
const STATUS: u16 = 0x64;
/// Bits of the status: a byte has come; a byte has not been taken yet; what has come is the mouse's.
const FULL: u8 = 1;
const BUSY: u8 = 1 << 1;
const MOUSE: u8 = 1 << 5;
/// What a port reads as behind which there is nothing.
const NOBODY: u8 = 0xff;
/// Set in the byte for a key that is let go.
const RELEASED: u8 = 0x80;

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
    loop {
        let status = status();
        if status == NOBODY || status & FULL == 0 {
            return None;
        }
        // SAFETY: takes the byte that the status reports.
        let byte = unsafe { Port::new(DATA).read() };
        if status & MOUSE == 0 {
            return Some(byte);
        }
    }
}

/// The bytes of the next key, which may be none, if the keyboard has sent something.
pub fn read() -> Option<KeyBytes> {
    take().map(|scan_code| KEYBOARD.lock().take(scan_code))
}

/// Whether the byte is that of a key that is pressed, not let go.
pub fn is_press(byte: u8) -> bool {
    byte & RELEASED == 0
}

fn write(port: u16, byte: u8) -> Option<()> {
    (0..PATIENCE).find(|_| status() & BUSY == 0)?;
    // SAFETY: the controller takes a command or its data now; those written here are for the keyboard alone.
    unsafe { Port::new(port).write(byte) };
    Some(())
}

fn configuration() -> Option<u8> {
    while take().is_some() {}
    write(STATUS, READ_CONFIGURATION)?;
    (0..PATIENCE).find(|_| status() & FULL != 0)?;
    // SAFETY: takes the answer.
    Some(unsafe { Port::new(DATA).read() })
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
