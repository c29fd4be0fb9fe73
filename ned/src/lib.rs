//! The pure part of ned, tested on the host: the command line, the prompt's line editor, and ned's own Lua text.

#![cfg_attr(not(test), no_std)]
extern crate alloc;

pub mod keys;
pub mod line_editor;
pub mod options;

/// The Lua part of the package L4, `prelude.lua`, compiled by the build script for
/// [`lua::Lua::load_compiled`].
pub const PRELUDE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/prelude.luac"));

/// What the prompt adds to Lua, `prompt.lua`, compiled likewise.
pub const PROMPT: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/prompt.luac"));

#[cfg(test)]
mod prelude_tests;
#[cfg(test)]
mod prompt_tests;
