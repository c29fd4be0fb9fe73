//! Why a program could not be started: what was being done, to what, and the error.

use alloc::string::{String, ToString};
use core::fmt;

/// Result of the loader's functions.
pub type Result<T, E = Error> = core::result::Result<T, E>;

/// An operation that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// What was being done, in words: "attaching the stack".
    pub action: String,
    /// Why it failed.
    pub cause: syscall::Error,
    /// Whether `action` says all there is to say to people.
    complete: bool,
}

impl Error {
    /// `action` failed because of `cause`.
    pub fn new(action: impl Into<String>, cause: syscall::Error) -> Self {
        Self { action: action.into(), cause, complete: false }
    }

    /// `text` says what is wrong; programs get `cause`.
    pub fn plain(text: impl Into<String>, cause: syscall::Error) -> Self {
        Self { action: text.into(), cause, complete: true }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.action)?;
        if self.complete { Ok(()) } else { write!(f, ": {}", self.cause) }
    }
}

impl core::error::Error for Error {}

/// Says what was being done when an operation of crate `syscall` failed.
pub trait During<T> {
    /// The same result with `action` added to its error.
    fn during(self, action: impl fmt::Display) -> Result<T>;
}

impl<T> During<T> for syscall::Result<T> {
    fn during(self, action: impl fmt::Display) -> Result<T> {
        self.map_err(|cause| Error::new(action.to_string(), cause))
    }
}
