//! The longest stretch that the kernel runs with interrupts off, while it does what can take long, with ten thousand
//! mappings and a thousand threads alive. It needs a kernel with the feature `measure` and QEMU's `-icount shift=0`,
//! where the kernel's ticks are instructions; it stands in moe's place.
//!
//! Each row is something that can take long, and is set up before: [`measure`] prints its longest stretch. One above
//! [`measure::LIMIT`] is a failure.
#![no_std]
#![no_main]

mod crowd;
mod many;
mod measure;
mod memory;
mod messages;
mod objects;
mod place;
mod rounds;
mod splits;
mod threads;

use harness::Check;
use syscall::println;

syscall::boot_main!(main);

fn main() -> ! {
    if let Err(failure) = run() {
        println!("bounds: FAIL: {failure:?}");
    }
    println!("bounds: {} rows, {} failed", measure::rows(), measure::failed());
    harness::runner::switch_off()
}

fn run() -> Check {
    place::set_up()?;
    crowd::residents()?;
    memory::residents()?;
    memory::rows()?;
    splits::rows()?;
    objects::rows()?;
    threads::rows()?;
    messages::rows()?;
    rounds::rows()
}
