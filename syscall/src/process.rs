//! The end of the program: [`exit`], and what a `main` may return.
//!
//! A program ends when its `main` returns, whatever its other threads do, or when a thread panics: then the
//! log shows program, thread, place and message, and the exit code is 101. The exit code goes to the
//! parent, usually ned, where `wait` in the script returns it.
//!
//! ```no_run
//! use syscall::{Code, Result, env};
//!
//! fn count() -> Result<i32> {
//!     let path = env::args().nth(1).ok_or(Code::Inval)?;
//!     let file = syscall::memory::Mapping::file(path)?; // an error is printed, the exit code is 1
//!     Ok(if file.is_empty() { 2 } else { 0 })
//! }
//! syscall::main!(count);
//! # fn main() {}
//! ```

use crate::{Result, env, io};

/// What `main` returns, as in std: nothing, an exit code, or a `Result` of these whose error is printed.
pub trait Termination {
    /// The program's exit code, 0 for success.
    fn report(self) -> i32;
}

impl Termination for () {
    fn report(self) -> i32 {
        0
    }
}

impl Termination for i32 {
    fn report(self) -> i32 {
        self
    }
}

impl<T: Termination, E: core::fmt::Display> Termination for Result<T, E> {
    fn report(self) -> i32 {
        match self {
            Ok(value) => value.report(),
            Err(error) => {
                crate::eprintln!("{}: error: {error}", env::program_name());
                1
            }
        }
    }
}

/// Ends the program: what was printed goes out, the parent hears of `code`, and nothing of this program
/// runs any more.
pub fn exit(code: i32) -> ! {
    io::flush();
    end(code)
}

/// Ends the program without any clean-up.
pub(crate) fn end(code: i32) -> ! {
    let parent = env::parent();
    if parent.is_valid() {
        // Where the parent does not take the task away, all that is left is to sleep.
        let _ = parent.exit(code);
    }
    loop {
        let _ = crate::ipc::receive(abi::CapIndex::INVALID, crate::ipc::Timeouts::NEVER);
    }
}
