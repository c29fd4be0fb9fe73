//! Chunks compiled ahead of time: a program's own Lua text, compiled when the program is built. Loading
//! one costs a tenth of compiling it.
//!
//! Lua does not check compiled code, and running altered code is undefined behaviour. So a chunk carries
//! a checksum, and [`Lua::load_compiled`] refuses what [`Lua::compile`] has not made, short of a forgery.

use crate::{Error, Function, ffi, state::Lua, value::Reference};
use alloc::vec::Vec;
use core::ffi::{c_int, c_void};

/// Bytes of the checksum, in front of the chunk.
const CHECKSUM_SIZE: usize = 8;

/// FNV-1a over words: a difference in any bit changes it.
fn checksum(chunk: &[u8]) -> [u8; CHECKSUM_SIZE] {
    let mix = |hash: u64, word: u64| (hash ^ word).wrapping_mul(0x0000_0100_0000_01b3).rotate_left(23);
    let (words, rest) = chunk.as_chunks::<8>();
    let hash = words
        .iter()
        .fold(0xcbf2_9ce4_8422_2325 ^ chunk.len() as u64, |hash, word| mix(hash, u64::from_le_bytes(*word)));
    rest.iter().fold(hash, |hash, byte| mix(hash, u64::from(*byte))).to_le_bytes()
}

/// Appends what Lua dumps to a vector.
unsafe extern "C" fn append(_: *mut ffi::State, piece: *const c_void, size: usize, to: *mut c_void) -> c_int {
    // SAFETY: compile() passes a vector that it does not touch meanwhile; Lua passes a block and its size.
    unsafe { (*to.cast::<Vec<u8>>()).extend_from_slice(core::slice::from_raw_parts(piece.cast(), size)) };
    0
}

impl Lua {
    /// Compiles Lua text for [`Lua::load_compiled`], of the same version of this crate. What only messages
    /// need, line numbers and names of variables, is left out.
    ///
    /// # Errors
    /// A syntax error; `chunk_name` is the name it gives the text, as for [`Lua::load`].
    pub fn compile(self, source: &[u8], chunk_name: &str) -> Result<Vec<u8>, Error> {
        let function = self.load(source, chunk_name)?;
        let mut chunk = Vec::new();
        function.0.push();
        // SAFETY: the function is on top; dumping raises no errors, and `append` keeps nothing.
        unsafe {
            ffi::lua_dump(self.state(), append, (&raw mut chunk).cast(), 1);
            ffi::lua_settop(self.state(), -2);
        }
        Ok([&checksum(&chunk)[..], &chunk].concat())
    }

    /// Loads what [`Lua::compile`] made.
    ///
    /// # Errors
    /// The chunk was altered, or made by another version of Lua.
    pub fn load_compiled(self, chunk: &[u8]) -> Result<Function, Error> {
        let (sum, code) = chunk.split_at_checked(CHECKSUM_SIZE).unwrap_or_default();
        if sum != checksum(code) {
            return Err(Error::new("this is no chunk that was compiled by this crate"));
        }
        // SAFETY: the code is what lua_dump wrote, as the checksum shows; loading is protected, and leaves
        // one value.
        unsafe {
            let (state, start) = (self.state(), code.as_ptr().cast());
            let status = ffi::luaL_loadbufferx(state, start, code.len(), c"=compiled".as_ptr(), c"b".as_ptr());
            if status == ffi::OK { Ok(Function(Reference::pop(self))) } else { Err(self.pop_error()) }
        }
    }
}
