//! The fast path of IPC: call, and reply-and-wait, of short messages between threads of one CPU.
//!
//! It takes messages without flags and without timeouts that would have to be started, with words and at most one item,
//! which is a page that can be mapped at once ([`items::map_page`]), when the partner waits for them and for nothing else
//! ([`State::Listening`]), and nobody of a higher priority than the partner's is ready. It does then what [`crate::ipc`]
//! would do, hands the CPU to the partner, and leaves the kernel. In every other case it returns, has changed nothing, and
//! the general path runs. What the kernel tells a pager or an exception handler in the name of a thread goes the same way
//! ([`tell`], [`answer_fault`]), but the CPU changes hands at the end of the entry.

use crate::fault;
use crate::gate::Gate;
use crate::ipc::{Purpose, Receive};
use crate::items;
use crate::message::UtcbPointer;
use crate::sched;
use crate::task::Task;
use crate::thread::{State, Thread};
use crate::transfer;
use crate::work;
use abi::cap::{INVALID_BIT, REPLY_BIT};
use abi::gate::LABEL_RIGHTS_MASK;
use abi::ipc::Operation;
use abi::{Rights, Tag};
use kernel::cap_space::Attributes;

/// Tag bits of a message with items or flags.
const ITEMS_AND_FLAGS: u64 = 0xffc0;
/// What they are if there is one item, and no flag.
const ONE_ITEM: u64 = 0x40;
/// The timeouts' register: the bits of the receive timeout.
const RECEIVE_TIMEOUT: u32 = 0xffff;

/// A system call of the running thread to a gate.
#[inline(always)]
pub fn call(thread: &'static Thread, task: &'static Task, utcb: UtcbPointer, gate: &'static Gate, rights: Attributes) {
    let frame = &thread.frame;
    if Operation::from_raw(frame.dest()) != Operation::CALL || frame.timeout() != 0 {
        return;
    }
    if frame.syscall_tag() & ITEMS_AND_FLAGS == 0 {
        call_with(thread, utcb, gate, rights, |_, _| true);
    } else {
        call_with_item(thread, task, utcb, gate, rights);
    }
}

#[inline(never)]
fn call_with_item(
    thread: &'static Thread,
    task: &'static Task,
    utcb: UtcbPointer,
    gate: &'static Gate,
    rights: Attributes,
) {
    let tag = Tag::from_raw(thread.frame.syscall_tag());
    if tag.raw() & ITEMS_AND_FLAGS == ONE_ITEM {
        call_with(thread, utcb, gate, rights, |into, to| map_page((task, utcb), (into, to), tag));
    }
}

/// A call, whose items `map` maps to the task and by the UTCB of the receiver, if that takes a moment only; else it says so.
#[inline(always)]
fn call_with(
    thread: &'static Thread,
    utcb: UtcbPointer,
    gate: &'static Gate,
    rights: Attributes,
    map: impl FnOnce(&'static Task, UtcbPointer) -> bool,
) {
    let tag = Tag::from_raw(thread.frame.syscall_tag());
    let Some(server) = gate.thread.get() else { return };
    // What may be for the gate itself is left to the general path.
    if !listens(server) || tag.label() == abi::protocol::KOBJECT || !sched::can_switch_to(server) {
        return;
    }
    let Some((server_task, server_utcb)) = server.task.get_with() else { return };
    if !map(server_task, server_utcb) {
        return;
    }
    // Nothing fails from here on.
    thread.pending.rights.set(Rights(rights & 0xf));
    take_call(server, thread, tag, gate.label.get() | u64::from(rights) & LABEL_RIGHTS_MASK);
    server_utcb.copy_words(utcb, tag.words());
    thread.state.set(State::Listening);
    sched::switch_fast(thread, server, server_task)
}

/// Maps the one item of a message.
fn map_page(from: (&'static Task, UtcbPointer), to: (&'static Task, UtcbPointer), tag: Tag) -> bool {
    work::begin_entry();
    items::map_page(from, to, tag)
}

/// Tells the handler of the running thread's faults of one, by a call in its name whose message `write` writes, if the
/// handler waits for that; whether it did. The answer is taken by [`answer_fault`] or the general path.
#[inline(always)]
pub fn tell(
    thread: &'static Thread,
    handler: &'static Thread,
    tag: Tag,
    label: u64,
    rights: Rights,
    purpose: Purpose,
    write: impl FnOnce(UtcbPointer),
) -> bool {
    let Some(handler_utcb) = handler.utcb().filter(|_| listens(handler)) else { return false };
    if transfer::hands_fpu_on(tag, rights, handler_utcb) {
        return false;
    }
    write(handler_utcb);
    take_call(handler, thread, tag, label);
    thread.pending.rights.set(rights);
    thread.pending.purpose.set(purpose);
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

/// A system call of the running thread, maybe a reply to the thread that it owes one. Returns whether it was, and is done.
#[inline(always)]
pub fn reply_and_wait(thread: &'static Thread, task: &'static Task, utcb: UtcbPointer) -> bool {
    let frame = &thread.frame;
    let own_slot = frame.dest() & (INVALID_BIT | REPLY_BIT | Operation::MASK);
    if own_slot != INVALID_BIT | Operation::REPLY_AND_WAIT.bits() || frame.timeout() & RECEIVE_TIMEOUT != 0 {
        return false;
    }
    // Who is in a reply slot waits for the thread that the slot is of (crate::reply).
    let Some(caller) = thread.reply.caller().filter(|_| thread.senders.is_empty()) else { return false };
    debug_assert!(caller.pending.receive.get() == Receive::From(thread.sender.number()));
    if frame.syscall_tag() & ITEMS_AND_FLAGS == 0 && caller.state.get() == State::Listening {
        reply_with(thread, utcb, caller, |_, _| true);
        return false;
    }
    reply_with_item_or_to_fault(thread, task, utcb, caller)
}

#[inline(never)]
fn reply_with_item_or_to_fault(
    thread: &'static Thread,
    task: &'static Task,
    utcb: UtcbPointer,
    caller: &'static Thread,
) -> bool {
    let tag = Tag::from_raw(thread.frame.syscall_tag());
    match (caller.state.get(), tag.raw() & ITEMS_AND_FLAGS) {
        (State::Listening, ONE_ITEM) => {
            reply_with(thread, utcb, caller, |into, to| map_page((task, utcb), (into, to), tag));
            false
        }
        (State::Receiving, 0 | ONE_ITEM) => answer_fault(thread, task, utcb, caller, tag),
        _ => false,
    }
}

/// A reply to a system call; `map` is as for [`call_with`].
#[inline(always)]
fn reply_with(
    thread: &'static Thread,
    utcb: UtcbPointer,
    caller: &'static Thread,
    map: impl FnOnce(&'static Task, UtcbPointer) -> bool,
) {
    let frame = &thread.frame;
    let tag = Tag::from_raw(frame.syscall_tag());
    if !sched::can_switch_to(caller) {
        return;
    }
    let Some((caller_task, caller_utcb)) = caller.task.get_with() else { return };
    if !map(caller_task, caller_utcb) {
        return;
    }
    // Nothing fails from here on.
    caller_utcb.copy_words(utcb, tag.words());
    caller.frame.set_tag(tag.raw());
    caller.frame.set_label(frame.label());
    wait_after_reply(thread, caller);
    sched::switch_fast(thread, caller, caller_task)
}

/// The thread has replied to its caller, and listens.
#[inline(always)]
fn wait_after_reply(thread: &'static Thread, caller: &'static Thread) {
    caller.state.set(State::Ready);
    caller.reply_slot.set(None);
    thread.reply.replace(None);
    thread.state.set(State::Listening);
    thread.pending.receive.set(Receive::Open);
}

/// A reply to a thread whose fault the running thread was told of; whether it was that, and is done.
#[inline(always)]
fn answer_fault(
    thread: &'static Thread,
    task: &'static Task,
    utcb: UtcbPointer,
    caller: &'static Thread,
    tag: Tag,
) -> bool {
    let Some((caller_task, caller_utcb)) = caller.task.get_with() else { return false };
    // Others have a timeout.
    let has_fault = matches!(caller.pending.purpose.get(), Purpose::PageFault | Purpose::Exception);
    if !has_fault || tag.items() != 0 && !map_page((task, utcb), (caller_task, caller_utcb), tag) {
        return false;
    }
    // Nothing fails from here on.
    transfer::message((thread, utcb), (caller, caller_utcb), tag);
    wait_after_reply(thread, caller);
    fault::answered(caller, tag);
    sched::prefer(caller);
    true
}
