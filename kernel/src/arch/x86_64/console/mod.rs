//! The kernel's console: the screen always, the serial line when it is enabled.
//!
//! The screen is crate `console`'s, with the state and text in which bootstrap left it ([`init`]): the kernel's first
//! line continues below bootstrap's last. A program that gets hold of the framebuffer has the screen from then on
//! ([`give_away`]); the text goes on unseen.
//!
//! Invariant: everything printed goes through [`write()`] and [`write_formatted`]. A panic takes the console away from
//! whoever held it ([`seize`]), the screen too, and writes to both outputs.
#![allow(unsafe_code)] // takes over bootstrap's screen, and the lock from its holder when the kernel panics

mod keyboard;
mod serial;
mod surface;

use core::fmt;
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

use ::console::{Screen, State};
use kernel::keyboard::KeyBytes;
use kernel::options::Options;
use spin::Mutex;

use super::kernel_map;
use super::paging::phys_to_virt;
use crate::upkeep;
use surface::{Surface, surface};

struct Console {
    screen: Option<Screen<'static, Surface>>,
    line: serial::Line,
    use_serial: bool,
    use_screen: bool,
    /// Whether drawing waits for [`draw`].
    draws_later: bool,
}

static CONSOLE: Mutex<Console> = Mutex::new(Console {
    screen: None,
    line: serial::Line::new(),
    use_serial: false,
    use_screen: true,
    draws_later: false,
});

/// Physical address of the state of bootstrap's screen, while the kernel answers for failures and has not taken it over; or 0.
static LEFT: AtomicU64 = AtomicU64::new(0);

/// Says that bootstrap has left the screen's state at physical address `state`: from now on a failure takes it over.
pub fn announce(state: u64) {
    LEFT.store(state, Relaxed);
}

/// Takes over the screen that was announced. The kernel's address space is loaded.
pub fn init() {
    let screen = take_over(LEFT.load(Relaxed));
    CONSOLE.lock().screen = screen;
    LEFT.store(0, Relaxed);
}

#[optimize(size)]
fn take_over(state: u64) -> Option<Screen<'static, Surface>> {
    let place = phys_to_virt(state).cast::<State>();
    // SAFETY: bootstrap has put the state there, in memory that it reserved for the kernel and the direct map has.
    // Nobody else uses it.
    let state = unsafe { &mut *place };
    if !state.is_intact() {
        return None;
    }
    // SAFETY: as above; what is kept of its cells is behind it.
    let cells = unsafe { core::slice::from_raw_parts_mut(place.add(1).cast::<u16>(), state.kept_cells()) };
    let surface = surface(&state.mode);
    Some(Screen::new(state, cells, surface))
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
    while read_byte().is_none() && !keyboard::take().is_some_and(::console::keys::is_press) {
        core::hint::spin_loop();
    }
    true
}

/// Tells that user programs get the physical memory from `start` to `end`: if that is the framebuffer, the kernel
/// stops drawing on it.
pub fn give_away(start: u64, end: u64) {
    if let Some(screen) = &mut CONSOLE.lock().screen {
        let mode = screen.state().mode;
        if mode.address < end && start < mode.address + mode.size() {
            screen.hide();
        }
    }
}

/// Writes bytes: UTF-8 text with escape sequences for colours.
pub fn write(bytes: &[u8]) {
    CONSOLE.lock().write_and_show(|console| console.write(bytes));
}

/// Writes formatted text: what `print!` expands to.
pub fn write_formatted(text: fmt::Arguments<'_>) {
    CONSOLE.lock().write_and_show(|console| {
        // Writing to the console does not fail; what can is a value's own formatting, which is then cut short.
        let _ = fmt::Write::write_fmt(console, text);
    });
}

impl Console {
    fn write_and_show(&mut self, write: impl FnOnce(&mut Self)) {
        write(self);
        match self.screen.as_mut().filter(|screen| screen.is_behind()) {
            Some(_) if self.draws_later => upkeep::ask(),
            Some(screen) => screen.show(),
            None => {}
        }
    }

    /// The screen's cells come first: what somebody has read on the serial line, which is slow, is in the report of a failure in
    /// between, too.
    fn write(&mut self, bytes: &[u8]) {
        if self.use_screen
            && let Some(screen) = &mut self.screen
        {
            screen.write(bytes);
        }
        if self.use_serial {
            self.line.write(bytes);
        }
    }
}

impl fmt::Write for Console {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.write(text.as_bytes());
        Ok(())
    }
}

/// From now on what is written is drawn step by step, by [`draw`], for which this asks [`upkeep`].
pub fn draw_later() {
    CONSOLE.lock().draws_later = true;
}

/// Whether something was written that is not drawn yet.
pub fn is_behind() -> bool {
    CONSOLE.lock().screen.as_ref().is_some_and(Screen::is_behind)
}

/// Draws some of what was written, which takes a few thousand instructions.
pub fn draw() {
    if let Some(screen) = &mut CONSOLE.lock().screen {
        screen.show_step();
    }
}

/// The next byte that came in, if any.
pub fn read_byte() -> Option<u8> {
    let mut console = CONSOLE.lock();
    if console.use_serial { console.line.read() } else { None }
}

/// The bytes of the next key that the keyboard has sent, which may be none.
pub fn read_key() -> Option<KeyBytes> {
    keyboard::read()
}

/// Lets the keyboard interrupt. False if there is none.
pub fn start_keyboard() -> bool {
    keyboard::start().is_some()
}

/// Says whether the serial line, if it is in use, interrupts when a byte came in.
pub fn listen(listening: bool) {
    let mut console = CONSOLE.lock();
    if console.use_serial {
        console.line.listen(listening);
    }
}

/// Closes the serial line for a sleep, in which it loses how it was set up: a failure on the way back sets it up, too.
pub fn close() {
    CONSOLE.lock().line.close();
}

/// Sets the serial line up again after a sleep, if it was in use; it does not interrupt.
pub fn reopen() {
    let mut console = CONSOLE.lock();
    if console.use_serial {
        console.line.open();
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

/// For the last words of a kernel: breaks the lock, turns on whatever shows them and takes the screen back.
#[optimize(size)]
pub(super) fn seize() {
    // SAFETY: the holder was interrupted by its own panic and does not go on.
    unsafe { CONSOLE.force_unlock() };
    let mut console = CONSOLE.lock();
    console.use_serial = console.line.open();
    console.use_screen = true;
    console.draws_later = false;
    // Once, so that what fails here is reported without.
    let left = LEFT.swap(0, Relaxed);
    if left != 0 {
        kernel_map::switch_to_kernel_address_space();
        console.screen = take_over(left);
    }
    if let Some(screen) = &mut console.screen {
        screen.reveal();
    }
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
