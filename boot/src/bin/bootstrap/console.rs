//! Where bootstrap writes: the VGA text screen always, the first serial line when told to or on failure.
//!
//! Single-threaded: bootstrap runs on one CPU with interrupts off.
#![allow(unsafe_code)] // text memory and I/O ports

use core::{
    fmt::{self, Write},
    sync::atomic::{AtomicBool, AtomicU16, AtomicUsize, Ordering::Relaxed},
};
use x86_64::instructions::port::Port;

const COLUMNS: usize = 80;
const ROWS: usize = 25;
/// VGA text memory: cells of character and colour.
const SCREEN: *mut u16 = 0xb8000 as *mut u16;
/// Light grey on black.
const PLAIN: u16 = 0x0700;
/// White on red.
const ALARM: u16 = 0x4f00;
/// First port of the serial line: COM1's, until an option says otherwise.
static PORT: AtomicU16 = AtomicU16::new(0x3f8);
static SERIAL: AtomicBool = AtomicBool::new(false);
static SERIAL_FORBIDDEN: AtomicBool = AtomicBool::new(false);
static ALARMED: AtomicBool = AtomicBool::new(false);
/// The next cell to write.
static CURSOR: AtomicUsize = AtomicUsize::new(0);

/// The console, for `write!`.
pub struct Console;

impl Write for Console {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for (at, character) in text.char_indices() {
            // In reports words are not broken at the screen's edge, as far as this piece of text tells.
            if character == ' ' && ALARMED.load(Relaxed) {
                let word = text[at + 1..].split([' ', '\n']).next().map_or(0, str::len);
                let column = CURSOR.load(Relaxed) % COLUMNS;
                if column + 1 + word > COLUMNS {
                    screen_put(b'\n');
                }
                // No line begins with the space that ended the one before.
                if column + 1 + word > COLUMNS || (column == 0 && at > 0) {
                    serial_send(b' ');
                    continue;
                }
            }
            // The screen's character set is ASCII where it counts.
            let byte = if character.is_ascii() { character as u8 } else { b'?' };
            screen_put(byte);
            serial_send(byte);
        }
        show_cursor();
        Ok(())
    }
}

/// Prints to the console.
macro_rules! print {
    ($($part:tt)*) => {{ let _ = core::fmt::Write::write_fmt(&mut $crate::console::Console, format_args!($($part)*)); }};
}
/// Prints a line to the console.
macro_rules! println {
    () => { $crate::console::print!("\n") };
    ($($part:tt)*) => {{ $crate::console::print!($($part)*); $crate::console::print!("\n"); }};
}
pub(crate) use {print, println};

/// Empties the screen.
pub fn clear() {
    for cell in 0..COLUMNS * ROWS {
        put_cell(cell, PLAIN | b' ' as u16);
    }
    CURSOR.store(0, Relaxed);
}

/// Says which serial line is meant, and whether it may be used at all.
pub fn configure_serial(port: u16, forbidden: bool) {
    PORT.store(port, Relaxed);
    SERIAL_FORBIDDEN.store(forbidden, Relaxed);
}

/// Sets up the serial line (115200 8n1) and writes there, too, from now on, unless that is forbidden.
pub fn enable_serial() {
    if SERIAL_FORBIDDEN.load(Relaxed) {
        return;
    }
    let settings: [(u16, u8); 7] = [(1, 0), (3, 0x80), (0, 1), (1, 0), (3, 3), (2, 0xc7), (4, 3)];
    for (register, value) in settings {
        // SAFETY: the UART's registers; it changes nothing but the line.
        unsafe { serial_port(register).write(value) };
    }
    SERIAL.store(true, Relaxed);
}

/// From now on all output stands out on the screen and goes to the serial line as well.
pub fn alarm() {
    if !SERIAL.load(Relaxed) {
        enable_serial();
    }
    ALARMED.store(true, Relaxed);
}

/// Sends to the serial line, if it is in use.
fn serial_send(byte: u8) {
    if SERIAL.load(Relaxed) {
        if byte == b'\n' {
            serial_put(b'\r');
        }
        serial_put(byte);
    }
}

/// The serial line's register.
fn serial_port(register: u16) -> Port<u8> {
    Port::new(PORT.load(Relaxed).wrapping_add(register))
}

/// Whether the serial line is in use.
pub fn has_serial() -> bool {
    SERIAL.load(Relaxed)
}

/// The next byte that came over the serial line, if it is in use.
pub fn serial_take() -> Option<u8> {
    // SAFETY: reading the line status, and the byte that it reports.
    unsafe { (has_serial() && serial_port(5).read() & 1 != 0).then(|| serial_port(0).read()) }
}

fn serial_put(byte: u8) {
    // SAFETY: reading the line status and sending a byte have no effect but the line's.
    unsafe {
        let mut status = serial_port(5);
        // Bounded, as there may be no UART.
        for _ in 0..100_000 {
            if status.read() & 0x20 != 0 {
                break;
            }
        }
        serial_port(0).write(byte);
    }
}

fn screen_put(byte: u8) {
    let mut cursor = CURSOR.load(Relaxed);
    if byte != b'\n' && cursor == COLUMNS * ROWS {
        cursor = scroll();
    }
    if byte == b'\n' {
        cursor = (cursor / COLUMNS + 1) * COLUMNS;
        if cursor > COLUMNS * ROWS {
            cursor = scroll() + COLUMNS;
        }
        // A full screen scrolls only when the next line begins, so that the last one is not lost.
    } else {
        let colour = if ALARMED.load(Relaxed) { ALARM } else { PLAIN };
        put_cell(cursor, colour | u16::from(byte));
        cursor += 1;
    }
    CURSOR.store(cursor, Relaxed);
}

/// Moves everything up by one line; the cell at which the last line begins.
fn scroll() -> usize {
    for cell in COLUMNS..COLUMNS * ROWS {
        // SAFETY: inside text memory, which is mapped.
        put_cell(cell - COLUMNS, unsafe { SCREEN.add(cell).read_volatile() });
    }
    for cell in COLUMNS * (ROWS - 1)..COLUMNS * ROWS {
        put_cell(cell, PLAIN | b' ' as u16);
    }
    COLUMNS * (ROWS - 1)
}

fn put_cell(cell: usize, value: u16) {
    debug_assert!(cell < COLUMNS * ROWS);
    // SAFETY: inside text memory, which is mapped.
    unsafe { SCREEN.add(cell).write_volatile(value) };
}

/// Puts the blinking cursor where the next character goes: the kernel's console goes on from there.
fn show_cursor() {
    let cell = CURSOR.load(Relaxed).min(COLUMNS * ROWS - 1) as u16;
    for (register, value) in [(0x0e, (cell >> 8) as u8), (0x0f, cell as u8)] {
        // SAFETY: the CRT controller's cursor registers.
        unsafe {
            Port::<u8>::new(0x3d4).write(register);
            Port::<u8>::new(0x3d5).write(value);
        }
    }
}
