//! The pure part of ned, tested on the host: the command line, and the Lua part of the package L4.

#![cfg_attr(not(test), no_std)]
extern crate alloc;

pub mod options;

/// The Lua part of the package L4, `prelude.lua`, compiled by the build script for
/// [`lua::Lua::load_compiled`].
pub const PRELUDE: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/prelude.luac"));

#[cfg(test)]
mod prelude_tests;
