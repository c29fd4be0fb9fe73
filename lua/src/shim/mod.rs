//! What Lua's C files ask of a libc: one function of `lua/include` each, under the linker name
//! `furore_lua_<name>`, so that nothing here collides with a libc that a host test links.
//!
//! Invariant: the callers are Lua's own C files only, and they keep the C standard's contract of each
//! function (valid pointers, terminated strings); every SAFETY comment below leans on that.

mod file;
mod format;
mod jump;
mod math;
mod number;
mod text;

pub(crate) use file::reset_error;

use core::ffi::{CStr, c_char};

/// A number that differs from call to call, for hash seeds: the time stamp counter.
#[unsafe(no_mangle)]
extern "C" fn furore_lua_seed() -> u32 {
    // SAFETY: every x86-64 processor has the time stamp counter; reading it touches no memory.
    let ticks = unsafe { core::arch::x86_64::_rdtsc() };
    (ticks ^ (ticks >> 32)) as u32
}

/// `print` and the warning functions write through the embedder.
#[unsafe(no_mangle)]
unsafe extern "C" fn furore_lua_write(text: *const u8, bytes: usize) {
    // SAFETY: Lua passes a string of its own and that string's length.
    crate::embedder::write(unsafe { core::slice::from_raw_parts(text, bytes) });
}

/// Writes `format` with its one `%s` replaced by `text`.
#[unsafe(no_mangle)]
unsafe extern "C" fn furore_lua_write_error(format: *const c_char, text: *const c_char) {
    // SAFETY: Lua passes a literal and a terminated string.
    let (format, text) = unsafe { (CStr::from_ptr(format).to_bytes(), CStr::from_ptr(text).to_bytes()) };
    let gap = format.windows(2).position(|pair| pair == b"%s");
    let (before, after) = gap.map_or((format, &b""[..]), |at| (&format[..at], &format[at + 2..]));
    crate::embedder::write(before);
    if gap.is_some() {
        crate::embedder::write(text);
    }
    crate::embedder::write(after);
}

/// Lua ends here after an error outside every protected call; the safe binding makes none.
#[unsafe(no_mangle)]
extern "C" fn furore_lua_abort() -> ! {
    panic!("Lua gave up: an error outside every protected call")
}
