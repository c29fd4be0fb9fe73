//! Checks the runtime library on the machine: each check prints a line; the last line counts them.
#![no_std]
#![no_main]
#![feature(thread_local)]

extern crate alloc;

mod memory;
mod objects;
mod service;
mod synchronisation;
mod threads;

use harness::program::{Check, expect};
use syscall::Result;

syscall::main!(main);

fn main() -> Result<i32> {
    harness::program::run(
        "runtime",
        &[memory::CHECKS, threads::CHECKS, synchronisation::CHECKS, objects::CHECKS, service::CHECKS],
    )
}
