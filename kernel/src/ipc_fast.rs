//! The fast path of IPC: call, and reply-and-wait, of short messages between threads of one CPU.
//!
//! It takes messages without items and flags and without timeouts that would have to be started, when the
//! partner waits for them and nobody of the partner's priority or a higher one is ready. It does then what
//! [`crate::ipc`] would do, and switches. A call of an empty slot it answers itself. In every other case it
//! has changed nothing and the general path runs.

use crate::gate::Gate;
use crate::ipc::Receive;
use crate::message::UtcbPointer;
use crate::object::Object;
use crate::sched;
use crate::task::Task;
use crate::thread::{State, Thread};
use abi::cap::{INVALID_BIT, REPLY_BIT};
use abi::gate::LABEL_RIGHTS_MASK;
use abi::ipc::Operation;
use abi::{CapIndex, IpcError, Rights, Tag, Timeout};

/// Tag bits of a message with items or flags.
const ITEMS_AND_FLAGS: u64 = 0xffc0;
/// The timeouts' register: the bits of the receive timeout.
const RECEIVE_TIMEOUT: u32 = 0xffff;

/// Does the system call of the running thread if it is one of the fast path's. False if it is not.
#[inline(always)]
pub fn system_call(thread: &'static Thread, task: &'static Task, utcb: UtcbPointer) -> bool {
    let frame = &thread.frame;
    let destination = frame.dest();
    let tag = frame.syscall_tag();
    let timeouts = frame.timeout();
    let special = destination & (INVALID_BIT | REPLY_BIT);
    if tag & ITEMS_AND_FLAGS != 0 || thread.is_alien.get() {
        return false;
    }
    match Operation::from_raw(destination) {
        Operation::CALL if special == 0 && timeouts == 0 => call(thread, task, utcb, destination, Tag::from_raw(tag)),
        Operation::REPLY_AND_WAIT if special & REPLY_BIT == 0 || special & INVALID_BIT != 0 => {
            timeouts & RECEIVE_TIMEOUT == 0 && reply_and_wait(thread, utcb, Tag::from_raw(tag))
        }
        _ => false,
    }
}

#[inline(always)]
fn call(thread: &'static Thread, task: &'static Task, utcb: UtcbPointer, destination: u64, tag: Tag) -> bool {
    let Some((header, attributes)) = task.caps.lookup(CapIndex::from_raw(destination).index()) else {
        utcb.set_error(IpcError::NotExistent.code());
        thread.frame.set_tag(Tag::new(0, 0, 0, Tag::ERROR).raw());
        return true;
    };
    let Object::Gate(gate) = header.object() else { return false };
    let Some(server) = open_receiver(gate) else { return false };
    if tag.label() == abi::protocol::KOBJECT || tag.label() == abi::protocol::META || !sched::can_switch_to(server) {
        return false;
    }
    let Some(server_utcb) = server.utcb.get() else { return false };
    // Nothing fails from here on.
    let rights = Rights(attributes & 0xf);
    server_utcb.copy_words(utcb, tag.words());
    server.frame.set_tag(tag.raw());
    server.frame.set_label(gate.label.get() | u64::from(rights.0) & LABEL_RIGHTS_MASK);
    server.state.set(State::Ready);
    if let Some(forgotten) = server.reply.replace(Some(thread)) {
        forgotten.reply_slot.set(None);
    }
    thread.reply_slot.set(Some(&server.reply));
    thread.state.set(State::Receiving);
    thread.pending.receive.set(Receive::From(&server.sender));
    thread.pending.receive_timeout.set(Timeout::NEVER);
    thread.pending.rights.set(rights);
    sched::switch_fast(thread, server);
    true
}

/// The gate's thread, if it waits for a message from anybody, with nothing else to be looked after.
#[inline(always)]
fn open_receiver(gate: &'static Gate) -> Option<&'static Thread> {
    let server = gate.thread.get()?;
    let waits = server.state.get() == State::Receiving && server.pending.receive.get() == Receive::Open;
    (waits && !server.receive_due.get() && !sched::has_timeout(server)).then_some(server)
}

#[inline(always)]
fn reply_and_wait(thread: &'static Thread, utcb: UtcbPointer, tag: Tag) -> bool {
    let Some(caller) = thread.reply.caller() else { return false };
    let waits = caller.state.get() == State::Receiving && caller.pending.receive.get() == Receive::From(&thread.sender);
    let plain = caller.pending.is_system_call() && !sched::has_timeout(caller) && thread.senders.is_empty();
    if !waits || !plain || !sched::can_switch_to(caller) {
        return false;
    }
    let Some(caller_utcb) = caller.utcb.get() else { return false };
    // Nothing fails from here on.
    caller_utcb.copy_words(utcb, tag.words());
    caller.frame.set_tag(tag.raw());
    caller.frame.set_label(thread.frame.label());
    caller.state.set(State::Ready);
    caller.reply_slot.set(None);
    thread.reply.replace(None);
    thread.state.set(State::Receiving);
    thread.pending.receive.set(Receive::Open);
    thread.pending.receive_timeout.set(Timeout::NEVER);
    sched::switch_fast(thread, caller);
    true
}
