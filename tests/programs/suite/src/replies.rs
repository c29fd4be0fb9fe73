//! Replies to the implicit caller: who gets them, and what when the caller is gone.

use crate::cancel::cancel;
use crate::in_use::{HOLE, handled_by, touch};
use crate::ipc::{EMPTY, HIGH, order, receive_for, receive_once, rest_deaf, sent, server};
use crate::make::{self, UNSET, note, noted};
use harness::call::{no_buffers, outcome};
use harness::worker::spawn;
use harness::{Check, IPC, ask, same};
use syscall::abi::{CapIndex, Tag, Timeouts, ipc::Operation};
use syscall::arch::{invoke, utcb};

crate::group!("replies":
    reply_and_wait_without_caller, reply_without_caller, reply_twice, reply_goes_to_last_caller, reply_after_caller_died, reply_after_cancelled_call,
    reply_after_direct_answer, reply_with_send_timeout_zero, reply_cap_of_nested_calls, reply_to_the_place_of_a_dead_caller,
    reply_of_a_killed_server);

pub fn replied(operation: Operation) -> i64 {
    no_buffers();
    outcome(invoke(CapIndex::INVALID, operation, 0, EMPTY, receive_for(1000)).0)
}

const REPLY: Operation = Operation::REPLY_ONLY;

fn reply_without_caller() -> Check {
    same(replied(REPLY), IPC + 4)
}

fn reply_and_wait_without_caller() -> Check {
    same(replied(Operation::REPLY_AND_WAIT), IPC + 4)
}

/// Calls the first thread with its number; notes the label of the answer.
pub fn call_with_number(number: u64) {
    no_buffers();
    utcb().set_mr(0, number);
    let (tag, _) = invoke(make::me().index(), Operation::CALL, number, Tag::new(0, 1, 0, 0), Timeouts::NEVER);
    note(number, outcome(tag));
}

fn reply_twice() -> Check {
    spawn(HIGH, call_with_number, 1)?;
    order::<1>()?;
    same(replied(REPLY), 0)?;
    same(replied(REPLY), IPC + 4)?;
    same(noted(1), 0)
}

fn reply_goes_to_last_caller() -> Check {
    spawn(HIGH, call_with_number, 1)?;
    spawn(HIGH, call_with_number, 2)?;
    same(order()?, [1, 2])?;
    same(replied(REPLY), 0)?;
    rest_deaf(1)?;
    same((noted(1), noted(2)), (UNSET, 0))
}

fn reply_after_caller_died() -> Check {
    let worker = spawn(HIGH, call_with_number, 1)?;
    order::<1>()?;
    worker.thread.delete()?;
    same(replied(REPLY), IPC + 4)
}

fn reply_after_cancelled_call() -> Check {
    let worker = spawn(HIGH, call_with_number, 1)?;
    order::<1>()?;
    cancel(worker.thread)?;
    same(noted(1), IPC + 7)?;
    same(replied(REPLY), IPC + 4)
}

/// An answer by another way uses the reply capability up.
fn reply_after_direct_answer() -> Check {
    let worker = spawn(HIGH, call_with_number, 1)?;
    order::<1>()?;
    same(sent(worker.thread.index(), Timeouts::ZERO), 0)?;
    same(replied(REPLY), IPC + 4)
}

fn reply_with_send_timeout_zero() -> Check {
    spawn(HIGH, call_with_number, 1)?;
    order::<1>()?;
    no_buffers();
    same(outcome(invoke(CapIndex::INVALID, REPLY, 0, EMPTY, Timeouts::ZERO).0), 0)
}

/// A server that calls another one still owes its own caller the reply.
fn reply_cap_of_nested_calls() -> Check {
    let server = server()?;
    spawn(HIGH, call_with_number, 1)?;
    order::<1>()?;
    same(ask(server.index(), 0, &[1], &[]), 1)?;
    same(replied(REPLY), 0)?;
    rest_deaf(1)?;
    same(noted(1), 0)
}

/// Whoever gets its place in the kernel's memory is not replied to.
fn reply_to_the_place_of_a_dead_caller() -> Check {
    let worker = spawn(HIGH, call_with_number, 1)?;
    order::<1>()?;
    worker.thread.delete()?;
    rest_deaf(1)?;
    spawn(HIGH, receive_once, 0)?;
    same(replied(REPLY), IPC + 4)?;
    rest_deaf(1)?;
    same(noted(2), UNSET)
}

/// A server that is killed for want of a pager owes nothing when it is started anew.
fn reply_of_a_killed_server() -> Check {
    let server = handled_by(CapIndex::INVALID, CapIndex::INVALID, HIGH, receive_and_touch, 0)?;
    let caller = spawn(HIGH, |cap| note(5, sent_call(cap)), server.thread.index().raw())?;
    rest_deaf(1)?;
    same(noted(2), 0)?;
    server.start(HIGH, |_| note(6, replied(REPLY)), 0)?;
    rest_deaf(1)?;
    same((noted(6), noted(5)), (IPC + 4, UNSET))?;
    cancel(caller.thread)
}

fn receive_and_touch(_: u64) {
    receive_once(0);
    touch(HOLE);
}

fn sent_call(cap: u64) -> i64 {
    no_buffers();
    outcome(invoke(CapIndex::from_raw(cap), Operation::CALL, 0, EMPTY, Timeouts::NEVER).0)
}
