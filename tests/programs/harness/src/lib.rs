//! Runs tests of the kernel interface, each in a task of its own.
//!
//! A program with this crate stands in moe's place or is started by moe: what it has ([`given`]) is the kernel's own objects and sigma0.
//! The [`runner`] makes a task for each test as `fork` would ([`child`]): the same code, a copy of the data,
//! a few pages and capabilities. In there the test makes calls ([`call`]), starts threads ([`worker`]) and
//! further tasks, and returns what it found ([`check`]). What a test does wrong (a fault, an endless loop, a
//! lost object) is the failure of that test alone. Only the runner uses a heap; tests have none.
#![cfg(target_os = "none")]
#![no_std]

extern crate alloc;

pub mod call;
pub mod check;
pub mod child;
pub mod given;
pub mod program;
pub mod quota;
pub mod runner;
pub mod stretch;
pub mod vectors;
pub mod worker;

pub use call::{Asked, IPC, ask, ask_into};
pub use check::{Check, Failure, fail, holds, same};
pub use runner::Test;
