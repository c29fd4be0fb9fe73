//! How long the kernel runs with interrupts off, as a kernel with the feature `measure` tells it. Its ticks are
//! instructions under QEMU's `-icount shift=0`.

use crate::{Check, Failure, ask};
use core::fmt;
use syscall::abi::{CapIndex, Tag, debugger, protocol};
use syscall::arch::utcb;

/// No stretch may be longer: instructions.
pub const LIMIT: u64 = 20_000;

/// A stretch with interrupts off.
pub struct Stretch {
    /// How many instructions.
    pub instructions: u64,
    /// How the kernel was entered: a vector, 0x100 for a system call, 0x101 for the rest of a preempted one.
    entry: u64,
    ip: u64,
    label: i64,
    word: u64,
}

impl fmt::Display for Stretch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = if self.instructions > LIMIT { "FAIL" } else { "ok" };
        let Self { instructions, entry, ip, label, word } = self;
        write!(f, "{instructions} {verdict} (entry {entry:#x}, ip {ip:#x}, label {label}, word {word:#x})")
    }
}

/// The longest stretch since the last call. None if the kernel does not measure.
pub fn longest() -> Option<Stretch> {
    if ask(CapIndex::DEBUGGER, protocol::DEBUGGER, &[debugger::OP_LONGEST_STRETCH], &[]) != 0 {
        return None;
    }
    let [instructions, entry, ip, tag, word] = core::array::from_fn(|index| utcb().mr(index));
    Some(Stretch { instructions, entry, ip, label: Tag::from_raw(tag).label(), word })
}

/// That no stretch since the last call was above [`LIMIT`], as far as the kernel tells.
///
/// # Errors
/// If there was one.
pub fn check() -> Check {
    match longest() {
        Some(stretch) if stretch.instructions > LIMIT => {
            Err(Failure::new(format_args!("the longest stretch with interrupts off: {stretch}")))
        }
        _ => Ok(()),
    }
}
