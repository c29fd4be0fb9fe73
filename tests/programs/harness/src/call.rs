//! Calls as they are: words and items into the UTCB, one system call, and the outcome as one number that
//! tests compare.

use syscall::abi::{BufferItem, CapIndex, MapItem, Tag, Timeout, Timeouts, ipc::Operation};
use syscall::arch::{invoke, utcb};

/// Outcome of a call: the label of the answer (negative: an error code), or [`IPC`] plus the IPC's error code.
pub type Asked = i64;

/// Above all labels: the IPC itself failed.
pub const IPC: Asked = 1 << 20;

/// No receive buffer, then one void buffer: nothing can be received.
pub fn no_buffers() {
    utcb().set_bdr(0);
    utcb().set_br(0, 0);
}

/// Writes words, then items, to the message registers; returns the tag.
pub fn write(protocol: i64, words: &[u64], items: &[MapItem]) -> Tag {
    let registers = utcb();
    for (index, &word) in words.iter().enumerate() {
        registers.set_mr(index, word);
    }
    for (index, item) in items.iter().enumerate() {
        registers.set_mr(words.len() + 2 * index, item.control);
        registers.set_mr(words.len() + 2 * index + 1, item.flexpage.raw());
    }
    Tag::new(protocol, words.len(), items.len(), 0)
}

/// What a returned tag means.
pub fn outcome(tag: Tag) -> Asked {
    if tag.has_error() { IPC + utcb().error() as i64 } else { tag.label() }
}

/// The time that a call may take before it counts as unanswered: a second for each phase.
pub fn patience() -> Timeouts {
    let second = Timeout::from_microseconds(1_000_000);
    Timeouts { send: second, receive: second }
}

/// Calls an object with these words and items.
pub fn ask(cap: CapIndex, protocol: i64, words: &[u64], items: &[MapItem]) -> Asked {
    no_buffers();
    let tag = write(protocol, words, items);
    outcome(invoke(cap, Operation::CALL, 0, tag, patience()).0)
}

/// Calls an object with these words and items, and a receive buffer for one capability.
pub fn ask_into(slot: CapIndex, cap: CapIndex, protocol: i64, words: &[u64], items: &[MapItem]) -> Asked {
    utcb().set_bdr(0);
    utcb().set_br(0, BufferItem::single_cap(slot).0);
    utcb().set_br(1, 0);
    let tag = write(protocol, words, items);
    outcome(invoke(cap, Operation::CALL, 0, tag, patience()).0)
}

/// One system call with these parts; returns the outcome, the received tag and the label.
pub fn raw(cap: CapIndex, operation: Operation, tag: Tag, timeouts: Timeouts) -> (Asked, Tag, u64) {
    let (received, label) = invoke(cap, operation, 0, tag, timeouts);
    (outcome(received), received, label)
}
