//! Starting a program: what moe does for ned and ned for all others (the job of L4Re's `libloader`).
//!
//! A new program begins as a task holding the service code `l4re`, which then loads the program itself from
//! within. [`start`] makes the task and its first thread, lays the service's ELF segments, its stack, the
//! UTCB area and the kernel info page into the task's region map, writes the initial stack (arguments,
//! environment, auxiliary vector, `l4re_env_t` with the named capabilities), maps the capabilities to their
//! slots and lets the thread run.
//!
//! What differs between starters is behind [`AppModel`]. moe implements it; a program such as ned uses
//! [`Remote`], which does everything through moe's factory:
//!
//! ```ignore
//! // ned: `task` and `thread` are free capability slots, `region_map` came from the user factory; the
//! // caller keeps all three, and deletes the objects when the program has ended.
//! let mut model = loader::Remote::new(mem_alloc, region_map, loader::own_kip());
//! loader::start(&mut model, &program, loader::Slots { task, thread })?;
//! ```
//!
//! The exit of a program comes to whoever serves [`BaseCaps::parent`], as Parent protocol `signal(0, code)`.
//! Pure parts, tested on the host: [`stack`] (initial stack), [`region`] (a task's list of regions, used by
//! `l4re` and fit for moe), [`image`] (which parts of an ELF file go where).
#![cfg_attr(not(test), no_std)]
extern crate alloc;

mod error;
pub mod image;
mod launch;
pub mod layout;
mod model;
mod program;
pub mod region;
mod remote;
pub mod stack;

pub use error::{During, Error, Result};
pub use launch::{Slots, start, unfit};
pub use model::{AppModel, RegionFlags};
pub use program::{BaseCaps, Grant, NamedCap, Program};
pub use remote::{Bytes, Memory, Remote, own_kip};
