//! Checks moe and sigma0 as their clients see them: each check prints a line; the last line counts them.
#![no_std]
#![no_main]

extern crate alloc;

mod dataspaces;
mod factories;
mod name_spaces;
mod own_region_map;
mod region_maps;
mod sigma0;

use syscall::{Error, Result, println};

syscall::main!(main);

/// A check: its name and what it does.
type Check = (&'static str, fn() -> Result);

fn main() -> Result<i32> {
    let checks = [
        dataspaces::CHECKS,
        name_spaces::CHECKS,
        factories::CHECKS,
        region_maps::CHECKS,
        own_region_map::CHECKS,
        sigma0::CHECKS,
    ];
    let (mut passed, mut failed) = (0, 0);
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
    println!("services: {passed} passed, {failed} failed");
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

/// An error unless `result` is the error with `code`; the place is printed.
#[track_caller]
fn expect_error<T>(result: Result<T>, code: syscall::Code) -> Result {
    match result {
        Err(Error::Code(got)) if got == code => return Ok(()),
        Ok(_) => println!("no error at {}", core::panic::Location::caller()),
        Err(error) => println!("error '{error}' at {}", core::panic::Location::caller()),
    }
    Err(syscall::Code::Inval.into())
}
