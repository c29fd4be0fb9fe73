//! How much of its quota a factory has left, to the byte, by its own operations.

use crate::call::ask;
use syscall::abi::{CapIndex, debugger, protocol};
use syscall::arch::utcb;
use syscall::{Cap, Factory};

/// The largest limit that a new factory below `factory` can have: what is left, less the object itself.
pub fn left(factory: Cap<Factory>) -> u64 {
    let (mut fits, mut too_much) = (0, 1 << 40);
    while too_much - fits > 1 {
        let middle = fits + (too_much - fits) / 2;
        match factory.create_factory(middle) {
            Ok(_) => fits = middle,
            Err(_) => too_much = middle,
        }
    }
    fits
}

/// Bytes of the kernel's memory that are free, if it is a kernel that tells.
pub fn kernel_memory() -> Option<u64> {
    let answer = ask(CapIndex::DEBUGGER, protocol::DEBUGGER, &[debugger::OP_FREE_MEMORY, 0], &[]);
    (answer == 0).then(|| utcb().mr(0))
}
