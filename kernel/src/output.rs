//! Text that programs write to the kernel's console. It is written in pieces, since a line takes as long as a whole
//! operation on memory: between two pieces others may run, and write.

use crate::arch::console;
use crate::message::Message;
use crate::work::{self, Work};
use kernel::space::Progress;

/// What it costs to begin a new line, which moves all others in memory, and what an escape sequence costs, which can empty
/// the screen. Both are drawn later ([`crate::upkeep`]).
const LINE_UNITS: u32 = 12;
const ESCAPE: u8 = 0x1b;
/// What a tabulator costs.
const TABULATOR_UNITS: u32 = 2;
/// How many other characters cost a unit.
const CHARACTERS_OF_UNIT: usize = 4;

/// What it costs to write a byte, which is the one with this number.
pub fn units(byte: u8, number: usize) -> u32 {
    match byte {
        b'\n' | ESCAPE => LINE_UNITS,
        b'\t' => TABULATOR_UNITS,
        _ => u32::from(number.is_multiple_of(CHARACTERS_OF_UNIT)),
    }
}

/// How many bytes of the text were written before the preemption point that the message's system call comes from.
pub fn begun(message: &Message) -> usize {
    match message.sender.take_work() {
        Some(Work::Write { written }) => written,
        _ => 0,
    }
}

/// Goes on with the text from byte `written` on. If it is not at its end then, the system call goes on after a preemption point.
pub fn go_on(message: &Message, text: &[u8], mut written: usize) -> Progress {
    let budget = work::budget();
    let start = written;
    while let Some(&byte) = text.get(written) {
        budget.take(units(byte, written));
        written += 1;
        if budget.is_used_up() {
            break;
        }
    }
    console::write(text.get(start..written).unwrap_or_default());
    if written >= text.len() {
        return Progress::Done;
    }
    message.sender.continue_later(Work::Write { written });
    Progress::Preempted
}
