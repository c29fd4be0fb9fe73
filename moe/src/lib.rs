//! moe's objects without the machine: dataspaces and their memory, quotas, name spaces, logs, options.
//! The program in `main.rs` serves them by IPC; all of this runs on the host as well.
#![cfg_attr(not(test), no_std)]

extern crate alloc;

pub mod dataspace;
pub mod frames;
pub mod limits;
pub mod line;
pub mod names;
pub mod object_table;
pub mod options;
pub mod page_table;
pub mod quota;
pub mod rescue;
pub mod row;
pub mod store;
