//! The pure parts of the service code `l4re`, tested on the host: naming the cause of a fault and writing
//! the report of a crash. The service itself is the binary beside it (`main.rs`).
#![cfg_attr(not(test), no_std)]

pub mod cause;
pub mod report;
