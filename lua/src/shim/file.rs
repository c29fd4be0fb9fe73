//! Files as `loadlib` and `lauxlib` read them: whole, through the embedder's reader, front to back.
//! There is no writing, no seeking and no standard input.

use crate::embedder::{self, FileError};
use alloc::{boxed::Box, vec::Vec};
use core::{
    ffi::{CStr, c_char, c_int},
    sync::atomic::{AtomicI32, Ordering},
};

/// An open file: `struct furore_lua_file`, whose address Lua keeps as `FILE *`.
struct File {
    content: Vec<u8>,
    position: usize,
    at_end: bool,
}

/// Why the last `fopen` failed: a [`FileError`] as a number, 0 for none.
#[unsafe(no_mangle)]
static furore_lua_errno: AtomicI32 = AtomicI32::new(0);

/// Forgets why the last `fopen` failed.
pub(crate) fn reset_error() {
    furore_lua_errno.store(0, Ordering::Relaxed);
}

#[unsafe(no_mangle)]
unsafe extern "C" fn furore_lua_fopen(path: *const c_char, _mode: *const c_char) -> *mut File {
    // SAFETY: Lua passes a terminated string.
    let path = unsafe { CStr::from_ptr(path) }.to_bytes();
    let read = core::str::from_utf8(path).map_err(|_| FileError::NotFound).and_then(embedder::read_file);
    match read {
        Ok(content) => Box::into_raw(Box::new(File { content, position: 0, at_end: false })),
        Err(error) => {
            furore_lua_errno.store(error as i32, Ordering::Relaxed);
            core::ptr::null_mut()
        }
    }
}

/// Lua reopens a file to read it as binary: here every file is.
#[unsafe(no_mangle)]
unsafe extern "C" fn furore_lua_freopen(_path: *const c_char, _mode: *const c_char, file: *mut File) -> *mut File {
    // SAFETY: Lua passes a file that furore_lua_fopen gave it and that it has not closed.
    let open = unsafe { &mut *file };
    (open.position, open.at_end) = (0, false);
    file
}

#[unsafe(no_mangle)]
unsafe extern "C" fn furore_lua_fclose(file: *mut File) -> c_int {
    if !file.is_null() {
        // SAFETY: the box that furore_lua_fopen made; Lua closes a file once.
        drop(unsafe { Box::from_raw(file) });
    }
    0
}

#[unsafe(no_mangle)]
unsafe extern "C" fn furore_lua_feof(file: *const File) -> c_int {
    // SAFETY: null (standard input, which is always at its end) or an open file of Lua's.
    unsafe { file.as_ref() }.is_none_or(|file| file.at_end) as c_int
}

/// Reading cannot fail after the file was opened: its content is at hand.
#[unsafe(no_mangle)]
extern "C" fn furore_lua_ferror(_file: *const File) -> c_int {
    0
}

#[unsafe(no_mangle)]
unsafe extern "C" fn furore_lua_getc(file: *mut File) -> c_int {
    let mut byte = 0u8;
    // SAFETY: a file that Lua holds open, and one byte of this function's own.
    match unsafe { furore_lua_fread(&raw mut byte, 1, 1, file) } {
        1 => c_int::from(byte),
        _ => -1,
    }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn furore_lua_fread(to: *mut u8, size: usize, count: usize, file: *mut File) -> usize {
    // SAFETY: null (standard input) or a file that Lua holds open.
    let Some(file) = (unsafe { file.as_mut() }) else { return 0 };
    let left = &file.content[file.position..];
    let taken = left.len().min(size * count);
    // SAFETY: Lua passes room for `count` objects of `size` bytes; `taken` is no more than that.
    unsafe { core::ptr::copy_nonoverlapping(left.as_ptr(), to, taken) };
    file.position += taken;
    file.at_end = taken < size * count;
    taken / size.max(1)
}

/// Only `debug.debug` reads lines, from standard input: it is at its end.
#[unsafe(no_mangle)]
extern "C" fn furore_lua_fgets(_to: *mut c_char, _size: c_int, _file: *mut File) -> *mut c_char {
    core::ptr::null_mut()
}

#[unsafe(no_mangle)]
extern "C" fn furore_lua_strerror(code: c_int) -> *const c_char {
    FileError::from_code(code).map_or(c"no error", FileError::text).as_ptr()
}
