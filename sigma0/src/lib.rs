//! sigma0's decisions, without the machine: which memory, device memory and ports there are, who owns
//! them, and what the answer to a request is. The program in `main.rs` receives the messages and sends
//! the answers; all of this runs on the host as well.
#![cfg_attr(not(test), no_std)]

pub mod region;
pub mod region_map;
pub mod resources;
pub mod service;

#[cfg(test)]
mod tests;
