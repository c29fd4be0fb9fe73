//! The kernel's pure data structures: everything that can be said without a machine.
//!
//! The binary (`main.rs`, its objects and `arch/`) uses them on the bare machine; the host tests
//! (`cargo test -p kernel --lib`) use them on arenas of ordinary memory. Nothing here touches
//! a register, a port or memory that it was not given.
//!
//! One convention runs through all of it. A kernel object is a `&'static T` whose changing fields
//! are `Cell`s, and a queue or a tree is built of such references kept inside its nodes, so the
//! queues are safe code. A `'static` object begins and ends in
//! [`mem::Slab`], a table in the frames below: whoever frees one vouches that no reference to it is left. All of it is
//! used under the one kernel lock; none of these types is `Sync`.
#![cfg_attr(not(test), no_std)]

pub mod acpi;
pub mod cap_space;
pub mod changes;
#[cfg(any(test, feature = "invariants"))]
pub mod invariant;
pub mod keyboard;
pub mod line_discipline;
pub mod mem;
pub mod options;
pub mod planted;
pub mod queue;
pub mod reply_space;
pub mod ring;
pub mod space;
