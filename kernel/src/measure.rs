//! What a kernel built with the feature `measure` finds out about itself, for tests: the longest stretch that it ran
//! with interrupts off, and how much of its memory is free. The debugger object tells it.
//!
//! A stretch is from an entry into the kernel to the next moment at which interrupts are let in. It is measured by
//! the time stamp counter, which under QEMU's `-icount shift=0` counts instructions.

use crate::arch::clock;
use crate::locked::Locked;
use crate::message::{self, Answer, Message};
use crate::sched;
use abi::Error;
use abi::debugger::{OP_FREE_MEMORY, OP_LONGEST_STRETCH};
use core::cell::Cell;

/// Instructions of the assembly before a stretch is measured and behind it, in all.
const ENTRY_AND_EXIT: u64 = 60;

/// How the kernel was entered: a number below 256 is a vector.
pub const SYSTEM_CALL: u64 = 0x100;
/// A preempted operation goes on, or something else is done before a thread runs.
pub const WORK: u64 = 0x101;

#[derive(Clone, Copy)]
struct Finding {
    ticks: u64,
    entry: u64,
    ip: u64,
    tag: u64,
    word: u64,
}

impl Finding {
    const NONE: Self = Self { ticks: 0, entry: 0, ip: 0, tag: 0, word: 0 };
}

/// The stretch that is under way; its ticks are those at its beginning.
static STRETCH: Locked<Cell<Finding>> = Locked::new(Cell::new(Finding::NONE));
static LONGEST: Locked<Cell<Finding>> = Locked::new(Cell::new(Finding::NONE));

/// A stretch begins, with this entry into the kernel.
pub fn begin(entry: u64) {
    let mut stretch = Finding { entry, ..Finding::NONE };
    if let Some(thread) = sched::current() {
        stretch.ip = thread.frame.ip();
        stretch.tag = thread.frame.syscall_tag();
        stretch.word = thread.utcb().map_or(0, |utcb| utcb.mr(0));
    }
    STRETCH.set(Finding { ticks: clock::tsc(), ..stretch });
}

/// The stretch ends.
pub fn end() {
    let stretch = STRETCH.get();
    let ticks = clock::tsc() - stretch.ticks + ENTRY_AND_EXIT;
    if ticks > LONGEST.get().ticks {
        LONGEST.set(Finding { ticks, ..stretch });
    }
}

/// The operations of the debugger object that are about all this.
pub fn invoke(message: &Message, opcode: u64) -> Answer {
    match opcode {
        OP_LONGEST_STRETCH => {
            let Finding { ticks, entry, ip, tag, word } = LONGEST.replace(Finding::NONE);
            for (index, value) in [ticks, entry, ip, tag, word].into_iter().enumerate() {
                message.answer(index, value);
            }
            message::ok_words(0, 5)
        }
        OP_FREE_MEMORY => {
            message.answer(0, crate::memory::free_bytes());
            message::ok_words(0, 1)
        }
        _ => Err(Error::NoSys),
    }
}
