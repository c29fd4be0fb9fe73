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

use syscall::{Result, println};

syscall::main!(main);

/// A check: its name and what it does.
type Check = (&'static str, fn() -> Result);

fn main() -> Result<i32> {
    let checks = [memory::CHECKS, threads::CHECKS, synchronisation::CHECKS, objects::CHECKS, service::CHECKS];
    let mut failed = 0;
    let mut passed = 0;
    for (name, check) in checks.into_iter().flatten() {
        match check() {
            Ok(()) => {
                println!("ok: {name}");
                passed += 1;
            }
            Err(error) => {
                println!("FAILED: {name}: {error}");
                failed += 1;
            }
        }
    }
    println!("runtime: {passed} passed, {failed} failed");
    Ok(i32::from(failed > 0))
}

/// An error when `condition` does not hold; the place is printed.
#[track_caller]
fn expect(condition: bool) -> Result {
    if condition {
        return Ok(());
    }
    println!("not as expected at {}", core::panic::Location::caller());
    Err(syscall::Code::Inval.into())
}
