//! Guest instructions of the kernel's operations, counted by the time stamp counter under QEMU's
//! `-icount shift=0`, where a tick is an instruction. Prints one line an operation; the stub's instructions
//! on the user's side are included, as in the figures of the peers.
//!
//! Started by its script with the argument `server` it answers calls on the gate `echo`; with `objects` it serves
//! an interface on the gate `counter`; without, it measures, and calls those two for the figures across two tasks.
//! The argument `repeat WORD` repeats the first operation with that word in its name for ever, to be looked at with a debugger.
#![no_std]
#![no_main]

extern crate alloc;

mod counter;
mod faults;
mod memory;
mod messages;
mod objects;
mod threads;

use counter::Counter;
use syscall::{Result, env};

syscall::main!(main);

/// The label of the gates and interrupts that nobody looks at.
const LABEL: u64 = 0x10;

fn main() -> Result {
    match env::args().nth(1) {
        Some("server") => messages::serve(),
        Some("objects") => messages::serve_objects(),
        Some("repeat") => measure(Counter::repeating(env::args().nth(2).unwrap_or_default())),
        _ => measure(Counter::new()),
    }
}

fn measure(counter: Counter) -> Result {
    messages::measure(&counter)?;
    objects::measure(&counter)?;
    threads::measure(&counter)?;
    memory::measure(&counter)?;
    faults::measure(&counter)
}
