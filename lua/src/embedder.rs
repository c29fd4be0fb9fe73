//! What an interpreter needs of the program around it: a place for its output, and files.
//!
//! Lua's C functions name no interpreter when they open a file, so the embedder is one for the
//! program: the first [`Lua::new`](crate::Lua::new) sets it.

use alloc::vec::Vec;
use core::ffi::CStr;
use spin::Once;

/// The program around the interpreter, as two functions.
#[derive(Clone, Copy)]
pub struct Embedder {
    /// Writes text of `print` and of warnings: bytes, usually UTF-8, with line ends.
    pub write: fn(&[u8]),
    /// Reads a whole file, for `require`, `dofile` and [`Lua::load_file`](crate::Lua::load_file).
    pub read_file: fn(&str) -> Result<Vec<u8>, FileError>,
}

/// Why a file cannot be read. The numbers are `errno`'s; Lua's messages carry the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(i32)]
pub enum FileError {
    /// There is no file of this name.
    NotFound = 2,
    /// The file is there, but reading it failed.
    Unreadable = 5,
    /// The program has no right to read the file.
    Refused = 13,
}

impl FileError {
    /// The error with this number.
    pub(crate) fn from_code(code: i32) -> Option<FileError> {
        [FileError::NotFound, FileError::Unreadable, FileError::Refused].into_iter().find(|error| *error as i32 == code)
    }

    /// The error in words.
    pub(crate) fn text(self) -> &'static CStr {
        match self {
            FileError::NotFound => c"no such file",
            FileError::Unreadable => c"reading failed",
            FileError::Refused => c"no right to read it",
        }
    }
}

impl core::fmt::Display for FileError {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.write_str(&self.text().to_string_lossy())
    }
}

static EMBEDDER: Once<Embedder> = Once::new();

/// Sets the embedder, once for the program.
pub(crate) fn install(embedder: Embedder) {
    EMBEDDER.call_once(|| embedder);
}

/// Writes `text`; before an interpreter exists there is nobody to write for.
pub(crate) fn write(text: &[u8]) {
    if let Some(embedder) = EMBEDDER.get() {
        (embedder.write)(text);
    }
}

/// Reads the file at `path`.
pub(crate) fn read_file(path: &str) -> Result<Vec<u8>, FileError> {
    let embedder = EMBEDDER.get().ok_or(FileError::NotFound)?;
    (embedder.read_file)(path)
}
