//! The fast path of IPC: call, and reply-and-wait, of short messages between threads of one CPU.
//!
//! It takes messages without items and flags and without timeouts that would have to be started, when the
//! partner waits for them and for nothing else ([`State::Listening`]), and nobody of a higher priority than the
//! partner's is ready. It does then what [`crate::ipc`] would do, hands the CPU to the partner, and leaves the kernel.
//! In every other case it returns, has changed nothing, and the general path runs. What the kernel tells a pager in the
//! name of a thread goes the same way ([`tell`]), but the CPU changes hands at the end of the entry.

use crate::gate::Gate;
use crate::ipc::Receive;
use crate::message::UtcbPointer;
use crate::sched;
use crate::thread::{State, Thread};
use abi::cap::{INVALID_BIT, REPLY_BIT};
use abi::gate::LABEL_RIGHTS_MASK;
use abi::ipc::Operation;
use abi::{Rights, Tag};
use kernel::cap_space::Attributes;

/// Tag bits of a message with items or flags.
const ITEMS_AND_FLAGS: u64 = 0xffc0;
/// The timeouts' register: the bits of the receive timeout.
const RECEIVE_TIMEOUT: u32 = 0xffff;

/// The message of a system call if it is a plain one.
#[inline(always)]
fn plain_tag(thread: &Thread) -> Option<Tag> {
    let tag = thread.frame.syscall_tag();
    (tag & ITEMS_AND_FLAGS == 0).then_some(Tag::from_raw(tag))
}

/// A system call of the running thread to a gate.
#[inline(always)]
pub fn call(thread: &'static Thread, utcb: UtcbPointer, gate: &'static Gate, attributes: Attributes) {
    let frame = &thread.frame;
    if Operation::from_raw(frame.dest()) != Operation::CALL || frame.timeout() != 0 {
        return;
    }
    let (Some(tag), Some(server)) = (plain_tag(thread), gate.thread.get()) else { return };
    // What may be for the gate itself is left to the general path.
    if !listens(server) || tag.label() == abi::protocol::KOBJECT || !sched::can_switch_to(server) {
        return;
    }
    let Some((server_task, server_utcb)) = server.task.get_with() else { return };
    // Nothing fails from here on.
    thread.pending.rights.set(Rights(attributes & 0xf));
    take_call(server, thread, tag, gate.label.get() | u64::from(attributes) & LABEL_RIGHTS_MASK);
    server_utcb.copy_words(utcb, tag.words());
    thread.state.set(State::Listening);
    sched::switch_fast(thread, server, server_task)
}

/// Tells the handler of the running thread's faults of one, by a call in its UTCB, if the handler waits for that; whether
/// it did. The answer is taken by [`crate::fault`].
#[inline(always)]
pub fn tell(
    thread: &'static Thread,
    utcb: UtcbPointer,
    handler: &'static Thread,
    tag: Tag,
    label: u64,
    rights: Rights,
) -> bool {
    let Some(handler_utcb) = handler.utcb().filter(|_| listens(handler)) else { return false };
    handler_utcb.copy_words(utcb, tag.words());
    take_call(handler, thread, tag, label);
    thread.pending.rights.set(rights);
    thread.state.set(State::Receiving);
    sched::prefer(handler);
    true
}

/// Whether the thread waits for messages of anybody, and for nothing else.
#[inline(always)]
fn listens(thread: &Thread) -> bool {
    thread.state.get() == State::Listening && thread.pending.receive.get() == Receive::Open
}

/// A thread that listens has got the call of another, and owes it a reply.
#[inline(always)]
fn take_call(server: &'static Thread, caller: &'static Thread, tag: Tag, label: u64) {
    server.frame.set_tag(tag.raw());
    server.frame.set_label(label);
    server.state.set(State::Ready);
    if let Some(forgotten) = server.reply.replace(Some(caller)) {
        forgotten.reply_slot.set(None);
    }
    caller.reply_slot.set(Some(&server.reply));
    caller.pending.receive.set(Receive::From(server.sender.number()));
}

/// A system call of the running thread, maybe a reply to the thread that it owes one.
#[inline(always)]
pub fn reply_and_wait(thread: &'static Thread, utcb: UtcbPointer) {
    let frame = &thread.frame;
    let own_slot = frame.dest() & (INVALID_BIT | REPLY_BIT | Operation::MASK);
    if own_slot != INVALID_BIT | Operation::REPLY_AND_WAIT.bits() || frame.timeout() & RECEIVE_TIMEOUT != 0 {
        return;
    }
    let Some(tag) = plain_tag(thread) else { return };
    let Some(caller) = thread.reply.caller() else { return };
    // Who is in a reply slot waits for the thread that the slot is of (crate::reply).
    if caller.state.get() != State::Listening || !thread.senders.is_empty() || !sched::can_switch_to(caller) {
        return;
    }
    debug_assert!(caller.pending.receive.get() == Receive::From(thread.sender.number()));
    let Some((caller_task, caller_utcb)) = caller.task.get_with() else { return };
    // Nothing fails from here on.
    caller_utcb.copy_words(utcb, tag.words());
    caller.frame.set_tag(tag.raw());
    caller.frame.set_label(frame.label());
    caller.state.set(State::Ready);
    caller.reply_slot.set(None);
    thread.reply.replace(None);
    thread.state.set(State::Listening);
    thread.pending.receive.set(Receive::Open);
    sched::switch_fast(thread, caller, caller_task)
}
