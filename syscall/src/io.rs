//! Printing to the program's log: [`print!`](crate::print), [`println!`](crate::println) and their
//! `e`-variants, which do the same, since a program has one log.
//!
//! Output is collected to lines, one line goes out in one message (if it fits), and no other thread's
//! output gets into it.

use core::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
};

use abi::CapIndex;

use crate::{Cap, Result, object::vcon::Vcon};

static LOG: AtomicU64 = AtomicU64::new(CapIndex::INVALID.raw());

/// Sends all further output to `log`.
pub fn set_log(log: Cap<Vcon>) {
    LOG.store(log.index().raw(), Ordering::Relaxed);
}

/// Where output goes; invalid in a program without a log.
pub fn log() -> Cap<Vcon> {
    Cap::new(CapIndex::from_raw(LOG.load(Ordering::Relaxed)))
}

/// Output straight to the log, line by line, without the lock that keeps threads' lines apart: for panics
/// and for servers that report on their own.
pub struct RawOutput {
    line: [u8; abi::vcon::WRITE_SIZE],
    length: usize,
}

impl RawOutput {
    /// Output with an empty line buffer.
    pub const fn new() -> Self {
        Self { line: [0; abi::vcon::WRITE_SIZE], length: 0 }
    }

    /// Puts out what is left in the buffer.
    ///
    /// # Errors
    /// Those of the IPC with the log.
    pub fn flush(&mut self) -> Result {
        let length = core::mem::take(&mut self.length);
        if length == 0 || !log().is_valid() {
            return Ok(());
        }
        log().write(&self.line[..length])
    }

    /// Appends bytes, putting out every full line.
    ///
    /// # Errors
    /// Those of the IPC with the log.
    pub fn write(&mut self, bytes: &[u8]) -> Result {
        for &byte in bytes {
            self.line[self.length] = byte;
            self.length += 1;
            if byte == b'\n' || self.length == self.line.len() {
                self.flush()?;
            }
        }
        Ok(())
    }
}

impl Default for RawOutput {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Write for RawOutput {
    fn write_str(&mut self, string: &str) -> fmt::Result {
        self.write(string.as_bytes()).map_err(|_| fmt::Error)
    }
}

/// What the printing macros call. Output that cannot be delivered is lost, as with any log.
#[doc(hidden)]
pub fn print(arguments: fmt::Arguments<'_>) {
    let mut output = RawOutput::new();
    let _ = fmt::Write::write_fmt(&mut output, arguments);
    let _ = output.flush();
}

/// Prints to the program's log.
#[macro_export]
macro_rules! print {
    ($($argument:tt)*) => { $crate::io::print(::core::format_args!($($argument)*)) };
}

/// Prints a line to the program's log.
#[macro_export]
macro_rules! println {
    () => { $crate::print!("\n") };
    ($format:literal $($argument:tt)*) => { $crate::io::print(::core::format_args!("{}\n", ::core::format_args!($format $($argument)*))) };
}

/// Prints to the program's log.
#[macro_export]
macro_rules! eprint {
    ($($argument:tt)*) => { $crate::print!($($argument)*) };
}

/// Prints a line to the program's log.
#[macro_export]
macro_rules! eprintln {
    ($($argument:tt)*) => { $crate::println!($($argument)*) };
}
