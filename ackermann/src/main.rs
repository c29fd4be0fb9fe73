//! Exercise 2: six threads compute Ackermann's function and say who computed what.
#![no_std]
#![no_main]

extern crate alloc;

use alloc::{format, vec::Vec};
use syscall::{Result, println, thread};

syscall::main!(main);

/// Ackermann's function, as the slides define it.
fn ackermann(x: u64, y: u64) -> u64 {
    match (x, y) {
        (0, y) => y + 1,
        (x, 0) => ackermann(x - 1, 1),
        (x, y) => ackermann(x - 1, ackermann(x, y - 1)),
    }
}

fn main() -> Result {
    let threads = (0..6)
        .map(|n| {
            thread::Builder::new().name(format!("a(3,{n})")).stack_size(256 * 1024).spawn(move || {
                let value = ackermann(3, n);
                println!("a(3,{n}) = {value}, computed by thread {}", thread::current().id());
                value
            })
        })
        .collect::<Result<Vec<_>>>()?;
    let sum: u64 = threads.into_iter().map(thread::JoinHandle::join).sum();
    println!("all six threads have ended; the sum of their results is {sum}");
    Ok(())
}
