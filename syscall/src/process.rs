//! The end of the program: [`exit`], and what a `main` may return.

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
