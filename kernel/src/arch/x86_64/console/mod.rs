//! The kernel's console: the VGA text screen always, the serial line when it is enabled.
//!
//! Invariant: everything printed goes through [`write()`] and [`write_formatted`]. A panic takes the console away from whoever held
//! it ([`seize`]) and writes to both outputs.
#![allow(unsafe_code)] // takes the lock from its holder when the kernel panics

mod keyboard;
mod serial;
mod vga;

use core::fmt;

use kernel::options::Options;
use spin::Mutex;

struct Console {
    screen: vga::Screen,
    line: serial::Line,
    use_serial: bool,
    use_screen: bool,
}

static CONSOLE: Mutex<Console> =
    Mutex::new(Console { screen: vga::Screen::new(), line: serial::Line::new(), use_serial: false, use_screen: true });

/// Takes over the screen where bootstrap left it.
pub fn init() {
    CONSOLE.lock().screen.take_over();
}

/// Does as the user says: which outputs there are, and where the serial line is.
pub fn configure(options: &Options) {
    let mut console = CONSOLE.lock();
    console.line.configure(options.serial_port, options.no_serial);
    console.use_serial = options.serial && console.line.open();
    console.use_screen = !options.no_screen;
}

/// Waits for a key, on the keyboard or over the serial line. Returns at once, and false, if there is neither.
pub fn wait_for_key() -> bool {
    if !keyboard::is_there() && !CONSOLE.lock().use_serial {
        return false;
    }
    while read_byte().is_some() || keyboard::take().is_some() {}
    while read_byte().is_none() && !keyboard::take().is_some_and(keyboard::is_press) {
        core::hint::spin_loop();
    }
    true
}

/// Writes bytes: UTF-8 text with escape sequences for colours.
pub fn write(bytes: &[u8]) {
    let mut console = CONSOLE.lock();
    console.write(bytes);
    console.screen.show_cursor();
}

/// Writes formatted text: what `print!` expands to.
pub fn write_formatted(text: fmt::Arguments<'_>) {
    let mut console = CONSOLE.lock();
    // Writing to the console does not fail; what can is a value's own formatting, which is then cut short.
    let _ = fmt::Write::write_fmt(&mut *console, text);
    console.screen.show_cursor();
}

impl Console {
    fn write(&mut self, bytes: &[u8]) {
        if self.use_serial {
            self.line.write(bytes);
        }
        if self.use_screen {
            self.screen.write(bytes);
        }
    }
}

impl fmt::Write for Console {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.write(text.as_bytes());
        Ok(())
    }
}

/// The next byte that came in, if any.
pub fn read_byte() -> Option<u8> {
    let mut console = CONSOLE.lock();
    if console.use_serial { console.line.read() } else { None }
}

/// Says whether the serial line, if it is in use, interrupts when a byte came in.
pub fn listen(listening: bool) {
    let mut console = CONSOLE.lock();
    if console.use_serial {
        console.line.listen(listening);
    }
}

/// Whether the serial line is in use.
pub fn uses_serial() -> bool {
    CONSOLE.lock().use_serial
}

/// Whether somebody is writing right now: true only for one who interrupts the kernel.
pub(super) fn is_busy() -> bool {
    CONSOLE.is_locked()
}

/// For the last words of a kernel: breaks the lock and turns on whatever shows them.
pub(super) fn seize() {
    // SAFETY: the holder was interrupted by its own panic and does not go on.
    unsafe { CONSOLE.force_unlock() };
    let mut console = CONSOLE.lock();
    console.use_serial = console.line.open();
    console.use_screen = true;
}

/// Prints to the kernel's console.
macro_rules! print {
    ($($argument:tt)*) => { $crate::arch::console::write_formatted(::core::format_args!($($argument)*)) };
}

/// Prints a line to the kernel's console.
macro_rules! println {
    () => { $crate::arch::console::print!("\n") };
    ($($argument:tt)*) => {
        $crate::arch::console::print!("{}\n", ::core::format_args!($($argument)*))
    };
}

pub(crate) use {print, println};
