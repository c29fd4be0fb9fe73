//! Printing to the program's log: [`print!`](crate::print), [`println!`](crate::println) and their
//! `e`-variants, which do the same, since a program has one log.
//!
//! Each thread collects its output until the line is complete; a line of up to 488 bytes goes out in one
//! message, so that no other thread's output gets into it. Longer ones go out in pieces.
//!
//! ```no_run
//! use syscall::{io, print, println};
//!
//! print!("working ");
//! io::flush(); // or else it waits for the line's end
//! println!("- done");
//! ```

use core::{
    fmt,
    sync::atomic::{AtomicU64, Ordering},
};

use abi::CapIndex;

use crate::{Cap, Result, object::vcon::Vcon, thread::control};

static LOG: AtomicU64 = AtomicU64::new(CapIndex::INVALID.raw());

/// Sends all further output to `log`.
pub fn set_log(log: Cap<Vcon>) {
    LOG.store(log.index().raw(), Ordering::Relaxed);
}

/// Where output goes; invalid in a program without a log.
pub fn log() -> Cap<Vcon> {
    Cap::new(CapIndex::from_raw(LOG.load(Ordering::Relaxed)))
}

/// Output to the log with a line buffer of its own: for panics, and for servers that report on their own.
pub struct RawOutput {
    line: [u8; abi::vcon::WRITE_SIZE],
    length: usize,
}

impl RawOutput {
    /// Output with an empty line.
    pub const fn new() -> Self {
        Self { line: [0; abi::vcon::WRITE_SIZE], length: 0 }
    }

    /// Puts out what there is of the line.
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

    /// Appends bytes; puts out every line that is complete, and what no longer fits.
    ///
    /// # Errors
    /// Those of the IPC with the log.
    pub fn write(&mut self, bytes: &[u8]) -> Result {
        let mut rest = bytes;
        while !rest.is_empty() {
            let line_end = rest.iter().position(|&byte| byte == b'\n').map_or(rest.len(), |at| at + 1);
            let count = line_end.min(self.line.len() - self.length);
            self.line[self.length..][..count].copy_from_slice(&rest[..count]);
            self.length += count;
            if rest[count - 1] == b'\n' || self.length == self.line.len() {
                self.flush()?;
            }
            rest = &rest[count..];
        }
        Ok(())
    }
}

impl Default for RawOutput {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for RawOutput {
    fn drop(&mut self) {
        let _ = self.flush();
    }
}

impl fmt::Write for RawOutput {
    fn write_str(&mut self, string: &str) -> fmt::Result {
        self.write(string.as_bytes()).map_err(|_| fmt::Error)
    }
}

/// Output of the calling thread. Every piece is taken over by itself, so that what is being formatted
/// may print too.
struct Line;

impl fmt::Write for Line {
    fn write_str(&mut self, string: &str) -> fmt::Result {
        control::with_line(|line| line.write(string.as_bytes())).map_err(|_| fmt::Error)
    }
}

/// What the printing macros call. Output that cannot be delivered is lost, as with any log.
#[doc(hidden)]
pub fn print(arguments: fmt::Arguments<'_>) {
    let _ = fmt::Write::write_fmt(&mut Line, arguments);
}

/// Puts out what the calling thread has printed of an unfinished line.
pub fn flush() {
    let _ = control::with_line(RawOutput::flush);
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
    ($format:literal $($argument:tt)*) => {
        $crate::io::print(::core::format_args!("{}\n", ::core::format_args!($format $($argument)*)))
    };
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
