//! Where bootstrap writes: the screen always, the first serial line when told to or on failure.
//!
//! The screen is crate `console`'s, on VGA text memory or on the framebuffer that the loader has set up. Its state
//! lies in bootstrap's own memory until [`hand_on`], and then where the kernel will find it.
//!
//! Single-threaded: bootstrap runs on one CPU with interrupts off.
#![allow(unsafe_code)] // one console for all, and I/O ports

use crate::video_memory::{Surface, surface};
use console::{Mode, Screen, State};
use core::{
    fmt::{self, Write},
    sync::atomic::{AtomicBool, AtomicU16, AtomicU32, Ordering::Relaxed},
};
use x86_64::instructions::port::Port;

/// Cells of the largest screen of text: 4 K with glyphs of double size has half of that.
const MAX_CELLS: usize = 32 * 1024;
/// First port of the serial line: COM1's, until an option says otherwise.
static PORT: AtomicU16 = AtomicU16::new(0x3f8);
/// How often a line that has taken a byte is asked whether it takes the next. One that does not is asked once per byte from
/// there on: it may be that there is none, or that nobody listens, which must not hold up the screen.
const MAX_PATIENCE: u32 = 100_000;
static PATIENCE: AtomicU32 = AtomicU32::new(MAX_PATIENCE);
static SERIAL: AtomicBool = AtomicBool::new(false);
static SERIAL_FORBIDDEN: AtomicBool = AtomicBool::new(false);
static ALARMED: AtomicBool = AtomicBool::new(false);

static mut STATE: State = State::VGA_TEXT;
static mut CELLS: [u16; 2 * MAX_CELLS] = [0; 2 * MAX_CELLS];
static mut SCREEN: Option<Screen<'static, Surface>> = None;

/// The screen, once there is one.
fn screen() -> Option<&'static mut Screen<'static, Surface>> {
    let screen = &raw mut SCREEN;
    // SAFETY: one CPU without interrupts; a reference does not outlive the call that asked for it, and a CPU
    // exception in the midst of one never returns to it.
    unsafe { (*screen).as_mut() }
}

/// Takes the screen, and empties it: the framebuffer if there is one, else VGA's text.
pub fn start(framebuffer: Option<Mode>) {
    let state = framebuffer.map_or(State::VGA_TEXT, |mode| State::new(mode, MAX_CELLS));
    let (place, cells) = (&raw mut STATE, &raw mut CELLS);
    // SAFETY: called once, before anybody writes.
    unsafe {
        place.write(state);
        SCREEN = Some(Screen::new(&mut *place, &mut *cells, surface(&state.mode)));
    }
    if let Some(screen) = screen() {
        screen.clear();
    }
}

/// Bytes that [`hand_on`] needs.
pub fn size() -> usize {
    screen().map_or(0, |screen| screen.state().bytes())
}

/// Moves what is on the screen to the memory at `address`, from where it goes on.
///
/// # Safety
/// The [`size`] bytes there are RAM, aligned to a page, and nobody else's from now on.
pub unsafe fn hand_on(address: u64) {
    let Some(old) = screen() else { return };
    let state = address as *mut State;
    let (count, surface) = (old.state().kept_cells(), surface(&old.state().mode));
    // SAFETY: the caller's promise; the cells are behind the state.
    unsafe {
        state.write(*old.state());
        let cells = core::slice::from_raw_parts_mut(state.add(1).cast::<u16>(), count);
        old.copy_to(cells);
        SCREEN = Some(Screen::new(&mut *state, cells, surface));
    }
}

/// The console, for `write!`.
pub struct Console;

impl Write for Console {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let Some(screen) = screen() else { return Ok(()) };
        for (at, character) in text.char_indices() {
            // In reports words are not broken at the screen's edge, as far as this piece of text tells.
            if character == ' ' && ALARMED.load(Relaxed) {
                let word = text[at + 1..].split([' ', '\n']).next().map_or(0, str::len);
                let (column, columns) = (screen.state().column(), screen.state().columns());
                if column + 1 + word > columns {
                    screen.write(b"\n");
                }
                // No line begins with the space that ended the one before.
                if column + 1 + word > columns || (column == 0 && at > 0) {
                    serial_send(b' ');
                    continue;
                }
            }
            // The screen's character set is ASCII where it counts.
            let byte = if character.is_ascii() { character as u8 } else { b'?' };
            screen.write(&[byte]);
            serial_send(byte);
        }
        screen.show();
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
    if screen().is_none() {
        // Nobody has asked the loader about a framebuffer yet.
        start(None);
    }
    if let Some(screen) = screen() {
        screen.alarm();
    }
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
    let mut status = serial_port(5);
    // SAFETY: reading the line status and sending a byte have no effect but the line's.
    let is_free = (0..PATIENCE.load(Relaxed)).any(|_| unsafe { status.read() } & 0x20 != 0);
    if is_free {
        // SAFETY: as above.
        unsafe { serial_port(0).write(byte) };
    }
    PATIENCE.store(if is_free { MAX_PATIENCE } else { 1 }, Relaxed);
}
