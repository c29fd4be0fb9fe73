//! Why a program could not be started: what was being done, to what, and L4Re's error.

use alloc::string::String;
use core::fmt;

/// Result of the loader's functions.
pub type Result<T, E = Error> = core::result::Result<T, E>;

/// An operation that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    /// What was being done, in words: "attaching the stack".
    pub action: String,
    /// Why it failed.
    pub cause: abi::Error,
}

impl Error {
    /// `action` failed because of `cause`.
    pub fn new(action: impl Into<String>, cause: abi::Error) -> Self {
        Self { action: action.into(), cause }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.action, self.cause)
    }
}

impl core::error::Error for Error {}
