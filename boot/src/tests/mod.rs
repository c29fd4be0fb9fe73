//! Tests of bootstrap's pure half, one file per concern; `memory` builds the physical memory they read.

mod contents;
mod framebuffer;
mod fuzz;
mod gather;
mod gzip;
mod layout;
mod memory;
mod memory_map;
mod menu;
mod region;
