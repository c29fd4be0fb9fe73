//! The kernel's console: the VGA text screen always, the serial line when it is enabled.
//!
//! Invariant: everything printed goes through [`write`]. A panic takes the console away from whoever held
//! it ([`seize`]) and writes to both outputs.
#![allow(unsafe_code)] // takes the lock from its holder when the kernel panics

mod serial;
mod vga;

use core::fmt;

use spin::Mutex;

struct Console {
    screen: vga::Screen,
    line: serial::Line,
    use_serial: bool,
}

static CONSOLE: Mutex<Console> =
    Mutex::new(Console { screen: vga::Screen::new(), line: serial::Line::new(), use_serial: false });

/// Takes over the screen where bootstrap left it.
pub fn init() {
    CONSOLE.lock().screen.take_over();
}

/// Switches output to the serial line on or off.
pub fn enable_serial(enabled: bool) {
    let mut console = CONSOLE.lock();
    console.use_serial = enabled && console.line.open();
}

/// Writes bytes: UTF-8 text with escape sequences for colours.
pub fn write(bytes: &[u8]) {
    let mut console = CONSOLE.lock();
    let Console { screen, line, use_serial } = &mut *console;
    if *use_serial {
        line.write(bytes);
    }
    screen.write(bytes);
}

/// The next byte that came in, if any.
pub fn read_byte() -> Option<u8> {
    let mut console = CONSOLE.lock();
    if console.use_serial { console.line.read() } else { None }
}

/// For the last words of a kernel: breaks the lock and turns the serial line on.
pub(super) fn seize() {
    // SAFETY: the holder was interrupted by its own panic and does not go on.
    unsafe { CONSOLE.force_unlock() };
    enable_serial(true);
}

/// Target of the formatting macros.
pub struct Writer;

impl fmt::Write for Writer {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        write(text.as_bytes());
        Ok(())
    }
}

/// Prints to the kernel's console.
macro_rules! print {
    ($($argument:tt)*) => {{
        // Writing to the console does not fail; a formatting error would be that of a Display implementation.
        let _ = ::core::fmt::Write::write_fmt(
            &mut $crate::arch::console::Writer, ::core::format_args!($($argument)*));
    }};
}

/// Prints a line to the kernel's console.
macro_rules! println {
    () => { $crate::arch::console::print!("\n") };
    ($($argument:tt)*) => {
        $crate::arch::console::print!("{}\n", ::core::format_args!($($argument)*))
    };
}

pub(crate) use {print, println};
