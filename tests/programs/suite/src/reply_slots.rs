//! Explicit reply capabilities: callers in slots of the task's reply space (`L4_REPLY_CAP_BIT`).

use crate::cancel::cancel;
use crate::ipc::{EMPTY, HIGH, receive_for, rest_deaf, sent};
use crate::make::{self, UNSET, note, noted};
use crate::replies::{call_with_number, replied};
use harness::call::{no_buffers, outcome};
use harness::worker::{Worker, spawn, spawn_in, task};
use harness::{Check, IPC, ask, quota, same};
use syscall::abi::{CapIndex, Tag, Timeout, Timeouts, ipc::Operation, protocol, task as operations};
use syscall::arch::{invoke, utcb};
use syscall::{Cap, Factory, Owned, Task, Thread};

crate::group!("reply_slots":
    slot_is_answered, slots_are_answered_in_any_order, slot_is_not_the_implicit_one, slot_is_used_again, slot_is_overwritten,
    slot_of_dead_caller, slot_of_cancelled_caller, slot_of_impatient_caller, slot_after_direct_answer, slot_without_caller,
    slot_without_call, slot_beyond_the_limit, slot_over_quota, slot_and_implicit_selector, slot_reply_by_other_thread, slot_whose_thread_died,
    slots_go_with_the_last_thread, slots_go_with_the_task, slot_of_deleted_task, slot_is_no_capability, slot_reply_and_wait_over_quota);

/// Reply slots that a task can have: those below this number.
const LIMIT: u64 = 1 << 18;
const EMPTY_SLOT: i64 = IPC + 4;
const NO_SLOT: i64 = IPC + 0x13;

fn exchange(slot: u64, operation: Operation, timeouts: Timeouts) -> i64 {
    no_buffers();
    outcome(invoke(CapIndex::reply(slot), operation, 0, EMPTY, timeouts).0)
}

/// Waits for a call into the slot; returns the caller's number, or how it failed.
fn take_into(slot: u64) -> i64 {
    match exchange(slot, Operation::WAIT, receive_for(1000)) {
        0 => utcb().mr(0) as i64,
        error => error,
    }
}

fn reply_to(slot: u64) -> i64 {
    exchange(slot, Operation::REPLY_ONLY, Timeouts::ZERO)
}

/// A worker that called, and stands in this slot.
fn caller_in(slot: u64) -> Check<Worker> {
    let worker = spawn(HIGH, call_with_number, 1)?;
    same(take_into(slot), 1)?;
    Ok(worker)
}

fn slot_is_answered() -> Check {
    caller_in(5)?;
    same(noted(1), UNSET)?;
    same(reply_to(5), 0)?;
    rest_deaf(1)?;
    same(noted(1), 0)?;
    same(reply_to(5), EMPTY_SLOT)
}

fn slots_are_answered_in_any_order() -> Check {
    for number in 1..=4 {
        spawn(HIGH, call_with_number, number)?;
    }
    // In distant parts of the table; the last one into the thread's own slot.
    let slots = [3, 600, LIMIT - 1];
    same(slots.map(take_into), [1, 2, 3])?;
    no_buffers();
    let (tag, _) = invoke(CapIndex::INVALID, Operation::WAIT, 0, EMPTY, receive_for(1000));
    same((outcome(tag), utcb().mr(0)), (0, 4))?;
    let all = || -> Check<[i64; 4]> {
        rest_deaf(1)?;
        Ok([noted(1), noted(2), noted(3), noted(4)])
    };
    same(reply_to(600), 0)?;
    same(all()?, [UNSET, 0, UNSET, UNSET])?;
    same(replied(Operation::REPLY_ONLY), 0)?;
    same(all()?, [UNSET, 0, UNSET, 0])?;
    same((reply_to(3), reply_to(LIMIT - 1)), (0, 0))?;
    same(all()?, [0; 4])
}

fn slot_is_not_the_implicit_one() -> Check {
    caller_in(0)?;
    same(replied(Operation::REPLY_ONLY), EMPTY_SLOT)?;
    same(reply_to(0), 0)
}

/// One slot, as the thread's own one is used: reply, and take the next call into it.
fn slot_is_used_again() -> Check {
    let slot = syscall::ipc::ReplySlot::new(7);
    for number in 1..=3 {
        spawn(HIGH, call_with_number, number)?;
    }
    no_buffers();
    slot.wait(receive_for(1000))?;
    for number in 2..=3 {
        slot.reply_and_wait(EMPTY, receive_for(1000))?;
        same(utcb().mr(0), number)?;
    }
    slot.reply(Tag::new(9, 0, 0, 0))?;
    rest_deaf(1)?;
    same([noted(1), noted(2), noted(3)], [0, 0, 9])
}

/// Who stood in the slot waits on.
fn slot_is_overwritten() -> Check {
    let first = caller_in(2)?;
    spawn(HIGH, call_with_number, 2)?;
    same(take_into(2), 2)?;
    same(reply_to(2), 0)?;
    rest_deaf(1)?;
    same((noted(1), noted(2)), (UNSET, 0))?;
    cancel(first.thread)?;
    same(noted(1), IPC + 7)
}

fn slot_of_dead_caller() -> Check {
    caller_in(2)?.thread.delete()?;
    same(reply_to(2), EMPTY_SLOT)
}

fn slot_of_cancelled_caller() -> Check {
    cancel(caller_in(2)?.thread)?;
    same((noted(1), reply_to(2)), (IPC + 7, EMPTY_SLOT))
}

fn call_impatiently(_: u64) {
    no_buffers();
    let timeouts = Timeouts { send: Timeout::NEVER, receive: Timeout::from_microseconds(3000) };
    note(1, outcome(invoke(make::me().index(), Operation::CALL, 0, EMPTY, timeouts).0));
}

fn slot_of_impatient_caller() -> Check {
    spawn(HIGH, call_impatiently, 0)?;
    same(exchange(2, Operation::WAIT, receive_for(1000)), 0)?;
    rest_deaf(5)?;
    same((noted(1), reply_to(2)), (IPC + 3, EMPTY_SLOT))
}

fn slot_after_direct_answer() -> Check {
    let worker = caller_in(2)?;
    same(sent(worker.thread.index(), Timeouts::ZERO), 0)?;
    same(reply_to(2), EMPTY_SLOT)
}

fn slot_without_caller() -> Check {
    same(reply_to(2), EMPTY_SLOT)?;
    same(take_into(2), IPC + 3)?;
    same(reply_to(2), EMPTY_SLOT)?;
    same(exchange(2, Operation::REPLY_AND_WAIT, receive_for(1000)), EMPTY_SLOT)
}

fn send_once(_: u64) {
    note(1, sent(make::me().index(), Timeouts::NEVER));
}

/// A message that is no call leaves the slot empty.
fn slot_without_call() -> Check {
    spawn(HIGH, send_once, 0)?;
    same(exchange(2, Operation::WAIT, receive_for(1000)), 0)?;
    same(reply_to(2), EMPTY_SLOT)
}

fn slot_beyond_the_limit() -> Check {
    for slot in [LIMIT, u64::MAX >> 12] {
        same((take_into(slot), reply_to(slot)), (NO_SLOT, EMPTY_SLOT))?;
    }
    Ok(())
}

/// Leaves the test's factory less than a page.
fn all_but_little() -> Check<Owned<Factory>> {
    Ok(make::factory().create_factory(quota::left(make::factory()) - 2048)?)
}

/// The table of slots is paid for by the task's factory.
fn slot_over_quota() -> Check {
    let taken = all_but_little()?;
    same(take_into(2), NO_SLOT)?;
    drop(taken);
    same(take_into(2), IPC + 3)
}

/// The selector that names neither capability nor slot means the thread's own slot.
fn slot_and_implicit_selector() -> Check {
    spawn(HIGH, call_with_number, 1)?;
    let implicit = CapIndex::from_raw(!0);
    no_buffers();
    same(outcome(invoke(implicit, Operation::WAIT, 0, EMPTY, receive_for(1000)).0), 0)?;
    same(outcome(invoke(implicit, Operation::REPLY_ONLY, 0, EMPTY, Timeouts::ZERO).0), 0)?;
    rest_deaf(1)?;
    same(noted(1), 0)
}

fn reply_for_others(slot: u64) {
    note(0, reply_to(slot));
}

/// The caller waits for the thread that took its call, whoever finds the slot.
fn slot_reply_by_other_thread() -> Check {
    let caller = caller_in(2)?;
    spawn(HIGH, reply_for_others, 2)?;
    same((noted(0), noted(1)), (IPC + 2, UNSET))?;
    same(reply_to(2), EMPTY_SLOT)?;
    // It still waits for the thread itself.
    same(sent(caller.thread.index(), Timeouts::ZERO), 0)
}

/// Takes a call into the slot, and no more.
fn take_one(slot: u64) {
    note(0, exchange(slot, Operation::WAIT, Timeouts::NEVER));
}

fn call_thread(cap: u64) {
    no_buffers();
    note(1, outcome(invoke(CapIndex::from_raw(cap), Operation::CALL, 0, EMPTY, Timeouts::NEVER).0));
}

/// A server in `task` took the call of a worker of this task into slot 2: server and caller.
fn called_in(task: Cap<Task>) -> Check<(Cap<Thread>, Cap<Thread>)> {
    let server = spawn_in(task, HIGH, take_one, 2)?.thread;
    let caller = spawn(HIGH, call_thread, server.index().raw())?.thread;
    rest_deaf(1)?;
    same((noted(0), noted(1)), (0, UNSET))?;
    Ok((server, caller))
}

/// The caller waits on.
fn still_waits(caller: Cap<Thread>) -> Check {
    rest_deaf(1)?;
    same(noted(1), UNSET)?;
    cancel(caller)?;
    same(noted(1), IPC + 7)
}

/// The slot is the task's: it stays full. But nobody else can answer.
fn slot_whose_thread_died() -> Check {
    let (server, caller) = called_in(Task::this())?;
    server.delete()?;
    same((reply_to(2), reply_to(2)), (IPC + 2, EMPTY_SLOT))?;
    still_waits(caller)
}

fn slots_go_with_the_last_thread() -> Check {
    let task = task()?;
    let (server, caller) = called_in(*task)?;
    server.delete()?;
    rest_deaf(1)?;
    spawn_in(*task, HIGH, reply_for_others, 2)?;
    rest_deaf(1)?;
    same(noted(0), EMPTY_SLOT)?;
    still_waits(caller)
}

fn slots_go_with_the_task() -> Check {
    let task = task()?;
    let (server, caller) = called_in(*task)?;
    task.delete()?;
    server.delete()?;
    still_waits(caller)
}

/// A thread whose task is gone still waits into its slot.
fn slot_of_deleted_task() -> Check {
    let task = task()?;
    let server = spawn_in(*task, HIGH, take_one, 2)?.thread;
    drop(task);
    let caller = spawn(HIGH, call_thread, server.index().raw())?.thread;
    rest_deaf(1)?;
    server.delete()?;
    still_waits(caller)
}

fn slot_is_no_capability() -> Check {
    caller_in(2)?;
    let valid = |cap: CapIndex| ask(CapIndex::TASK, protocol::TASK, &[operations::OP_CAP_INFO, cap.raw()], &[]);
    same((valid(CapIndex::reply(2)), valid(CapIndex::reply(3)), valid(CapIndex::new(2))), (0, 0, 1))?;
    // With a send phase that is no reply, such a selector means the thread itself.
    same(exchange(2, Operation::CALL, Timeouts::ZERO), IPC + 2)?;
    same(reply_to(2), 0)
}

/// What can be replied to can be waited into: that needs no memory.
fn slot_reply_and_wait_over_quota() -> Check {
    caller_in(2)?;
    let _taken = all_but_little()?;
    same(exchange(2, Operation::REPLY_AND_WAIT, receive_for(1000)), IPC + 3)?;
    same(noted(1), 0)
}
