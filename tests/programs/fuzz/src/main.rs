//! The fuzzer of the kernel interface: for each seed two tasks of threads that make random calls on every capability
//! they have, and do what programs should not. Its module line says `seeds=20 calls=100000 first=1`.
//!
//! It finds a kernel that panics, hangs, loses memory, or lets a program see or do what it must not ([`finding`],
//! [`witness`], [`supervisor`]); a kernel that checks itself says more. Last line: how many seeds failed.
#![no_std]
#![no_main]

mod call;
mod finding;
mod handler;
mod random;
mod registers;
mod stunt;
mod supervisor;
mod victim;
mod witness;

use core::sync::atomic::{AtomicU64, Ordering::Relaxed};
use harness::{runner, stretch};
use syscall::{boot, println};

syscall::boot_main!(main);

/// Time limit for a seed in microseconds.
const LIMIT_US: u64 = 300_000_000;

static CALLS: AtomicU64 = AtomicU64::new(100_000);

/// In a seed's task.
fn work(seed: u64) {
    runner::tell(supervisor::run(seed, CALLS.load(Relaxed)));
}

fn main() -> ! {
    let (mut seeds, mut first, mut failed) = (20, 1, 0);
    match boot::map_kip(harness::child::KIP) {
        Ok(kip) => {
            let modules = boot::modules(kip).1;
            let line = modules.iter().find(|module| module.name() == "fuzz").map_or("", |module| module.command_line);
            for (word, value) in line.split_whitespace().filter_map(|word| word.split_once('=')) {
                match (word, value.parse()) {
                    ("seeds", Ok(number)) => seeds = number,
                    ("first", Ok(number)) => first = number,
                    ("calls", Ok(number)) => CALLS.store(number, Relaxed),
                    _ => println!("fuzz: what is {word}={value}?"),
                }
            }
        }
        Err(error) => panic!("no kernel info page: {error}"),
    }
    stretch::longest();
    let done = runner::each(work, first..first + seeds, LIMIT_US, |seed, outcome| {
        if let Some(stretch) = stretch::longest() {
            println!("fuzz: seed {seed}: the longest stretch with interrupts off: {stretch}");
            failed += u64::from(stretch.instructions > stretch::LIMIT);
        }
        if let Err(failure) = outcome {
            println!("fuzz: seed {seed} FAIL: {failure:?}");
            failed += 1;
        }
    });
    if let Err(failure) = done {
        panic!("fuzz: cannot start: {failure:?}");
    }
    println!("fuzz: {seeds} seeds, {failed} failed");
    runner::switch_off()
}
