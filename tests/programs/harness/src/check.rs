//! What a test finds: nothing wrong, or a text that says where it found something else than it wanted.

use core::fmt::{self, Debug, Write};
use core::panic::Location;

/// Longest text in bytes: the place and two numbers; longer ones are cut.
pub const TEXT: usize = 112;

/// Why a test failed.
pub struct Failure {
    text: [u8; TEXT],
    length: usize,
}

/// The outcome of a test or a step of it.
pub type Check<T = ()> = Result<T, Failure>;

impl Failure {
    /// A failure with this text.
    pub fn new(what: fmt::Arguments<'_>) -> Self {
        let mut failure = Self { text: [0; TEXT], length: 0 };
        let _ = failure.write_fmt(what);
        failure
    }

    /// The text.
    pub fn text(&self) -> &[u8] {
        &self.text[..self.length]
    }
}

impl Write for Failure {
    fn write_str(&mut self, more: &str) -> fmt::Result {
        let room = &mut self.text[self.length..];
        let count = more.len().min(room.len());
        room[..count].copy_from_slice(&more.as_bytes()[..count]);
        self.length += count;
        Ok(())
    }
}

impl Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(core::str::from_utf8(self.text()).unwrap_or("?"))
    }
}

impl From<syscall::Error> for Failure {
    #[track_caller]
    fn from(error: syscall::Error) -> Self {
        let place = Location::caller();
        Self::new(format_args!("{}:{}: {error}", file(place), place.line()))
    }
}

/// The file's name without its folders.
fn file(place: &'static Location<'static>) -> &'static str {
    place.file().rsplit('/').next().unwrap_or("?")
}

/// A failure with this text and the caller's place.
///
/// # Errors
/// Always.
#[track_caller]
pub fn fail<T>(what: &str) -> Check<T> {
    let place = Location::caller();
    Err(Failure::new(format_args!("{}:{}: {what}", file(place), place.line())))
}

/// That the two are the same.
///
/// # Errors
/// When they differ.
#[track_caller]
pub fn same<T: PartialEq + Debug>(got: T, wanted: T) -> Check {
    if got == wanted {
        return Ok(());
    }
    let place = Location::caller();
    Err(Failure::new(format_args!("{}:{}: got {got:?}, wanted {wanted:?}", file(place), place.line())))
}

/// That the condition holds.
///
/// # Errors
/// When it does not.
#[track_caller]
pub fn holds(condition: bool) -> Check {
    if condition { Ok(()) } else { fail("does not hold") }
}
