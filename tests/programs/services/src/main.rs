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

use harness::program::{Check, expect};
use syscall::{Error, Result, println};

syscall::main!(main);

fn main() -> Result<i32> {
    harness::program::run(
        "services",
        &[
            dataspaces::CHECKS,
            name_spaces::CHECKS,
            factories::CHECKS,
            region_maps::CHECKS,
            own_region_map::CHECKS,
            sigma0::CHECKS,
        ],
    )
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
