//! The pure part of ned, tested on the host: the command line, and the Lua part of the package L4.

#![cfg_attr(not(test), no_std)]
extern crate alloc;

pub mod options;

/// The Lua part of the package L4: its chunk name, which keeps it out of messages (see
/// [`lua::Lua::load`]), and its text.
pub const PRELUDE: (&str, &[u8]) = ("=ned", include_bytes!("prelude.lua"));

#[cfg(test)]
mod prelude_tests;
