//! IPC that does not come to its end: cancelled in each phase, or the partner, gate or semaphore dies.

use crate::in_use::{HOLE, handled_by, touch};
use crate::ipc::{HIGH, ask_long, deaf, operating, receive_for, receive_once, received, rest_deaf, send_number, sent};
use crate::make::{self, UNSET, note, noted};
use crate::robust::{MANY, MAPPED, ORDER, many, present};
use harness::call::{no_buffers, outcome, write};
use harness::worker::{Worker, spawn};
use harness::{Check, IPC, fail, holds, same};
use syscall::abi::{BufferItem, Flexpage, MapItem, Rights, Tag};
use syscall::abi::{CapIndex, Timeouts, ipc::Operation, thread::EX_REGS_CANCEL};
use syscall::arch::{invoke, utcb};
use syscall::{Cap, Task, Thread, ipc};

crate::group!("cancel":
    receiver_dies_while_sending, receiver_dies_while_calling, sender_dies_in_line, server_dies_in_call, cancel_send, cancel_receive, cancel_wait,
    cancel_call_in_send, cancel_call_in_receive, cancel_at_gate, cancel_when_the_gate_was_bound, cancel_fault_when_the_gate_was_bound, cancel_while_giving,
    cancel_while_being_taken_from, cancel_at_semaphore, cancel_running, gate_deleted_while_waiting,
    gate_deleted_while_in_line, semaphore_deleted_while_waiting);

/// Cancels what the thread waits for, and lets it run: Fiasco does not switch to it at once.
pub fn cancel(thread: Cap<Thread>) -> Check {
    thread.ex_regs(u64::MAX, u64::MAX, EX_REGS_CANCEL)?;
    rest_deaf(1)
}

fn receiver_dies(operation: Operation) -> Check {
    let receiver = spawn(HIGH, deaf, 0)?.thread;
    operating(receiver.index(), operation)?;
    same(noted(0), UNSET)?;
    receiver.delete()?;
    rest_deaf(1)?;
    same(noted(0), IPC + 6)
}

fn receiver_dies_while_sending() -> Check {
    receiver_dies(Operation::SEND)
}

fn receiver_dies_while_calling() -> Check {
    receiver_dies(Operation::CALL)
}

fn sender_dies_in_line() -> Check {
    spawn(HIGH, send_number, 1)?.thread.delete()?;
    same(received(CapIndex::INVALID, Operation::WAIT, receive_for(1000)), IPC + 3)
}

/// The caller waits on: only a timeout or a cancellation ends its call.
fn server_dies_in_call() -> Check {
    let server = spawn(HIGH, receive_once, 0)?.thread;
    let caller = operating(server.index(), Operation::CALL)?;
    server.delete()?;
    rest_deaf(1)?;
    same(noted(0) == IPC + 7, false)?;
    cancel(caller)?;
    same(noted(0), IPC + 7)
}

fn cancelled(cap: CapIndex, operation: Operation) -> Check<i64> {
    let worker = operating(cap, operation)?;
    same(noted(0), UNSET)?;
    cancel(worker)?;
    Ok(noted(0))
}

fn cancel_send() -> Check {
    same(cancelled(spawn(HIGH, deaf, 0)?.thread.index(), Operation::SEND)?, IPC + 6)
}

fn cancel_receive() -> Check {
    same(cancelled(spawn(HIGH, deaf, 0)?.thread.index(), Operation::RECEIVE)?, IPC + 7)
}

fn cancel_wait() -> Check {
    same(cancelled(CapIndex::INVALID, Operation::WAIT)?, IPC + 7)
}

fn cancel_call_in_send() -> Check {
    same(cancelled(spawn(HIGH, deaf, 0)?.thread.index(), Operation::CALL)?, IPC + 6)
}

fn quiet(_: u64) {
    no_buffers();
    let _ = ipc::wait(Timeouts::NEVER);
}

fn cancel_call_in_receive() -> Check {
    same(cancelled(spawn(HIGH, quiet, 0)?.thread.index(), Operation::CALL)?, IPC + 7)
}

fn cancel_at_gate() -> Check {
    same(cancelled(make::unbound_gate()?.index(), Operation::CALL)?, IPC + 6)
}

/// Below the test's own priority: it runs when the test waits.
const LOW: u64 = 50;

/// Sends to whatever is in the slot; notes the outcome.
fn send_low(cap: u64) {
    note(0, sent(CapIndex::from_raw(cap), Timeouts::NEVER));
}

/// What waited at a gate that was bound has not been sent before it runs.
fn cancel_when_the_gate_was_bound() -> Check {
    let gate = make::unbound_gate()?;
    let worker = spawn(LOW, send_low, gate.index().raw())?;
    rest_deaf(1)?;
    gate.bind_thread(make::me(), 0x20)?;
    cancel(worker.thread)?;
    same(noted(0), IPC + 6)?;
    same(received(CapIndex::INVALID, Operation::WAIT, receive_for(1000)), IPC + 3)
}

fn cancel_fault_when_the_gate_was_bound() -> Check {
    let pager = make::unbound_gate()?;
    let worker = handled_by(pager.index(), CapIndex::INVALID, LOW, touch, HOLE)?;
    rest_deaf(1)?;
    pager.bind_thread(make::me(), 0x20)?;
    worker.start(LOW, |_| note(0, 1), 0)?;
    rest_deaf(1)?;
    same(noted(0), 1)?;
    same(received(CapIndex::INVALID, Operation::WAIT, receive_for(1000)), IPC + 3)
}

/// Takes a message with many capabilities, and does not answer.
fn take_many(_: u64) {
    utcb().set_bdr(0);
    utcb().set_br(0, BufferItem::WINDOW.0);
    utcb().set_br(1, Flexpage::object(MAPPED, ORDER, Rights::NONE).raw());
    note(1, outcome(invoke(CapIndex::INVALID, Operation::WAIT, 0, Tag::new(0, 0, 0, 0), Timeouts::NEVER).0));
}

/// Calls with many capabilities.
fn give_many(gate: u64) {
    no_buffers();
    let tag = write(7, &[], &[MapItem::map(Flexpage::object(MANY, ORDER, Rights::CAP_RWS))]);
    note(0, outcome(invoke(CapIndex::from_raw(gate), Operation::CALL, 0, tag, Timeouts::NEVER).0));
}

/// Lets others run until the first of many capabilities has arrived, and hardly longer: a kernel that checks itself needs
/// more time for a step.
fn until_some_have_arrived() -> Check {
    for microseconds in 1..2000 {
        if present(MAPPED) {
            return Ok(());
        }
        received(CapIndex::INVALID, Operation::RECEIVE, receive_for(microseconds));
    }
    fail("no capability has arrived")
}

/// The message arrives whole; its sender does not wait for the answer.
fn cancelled_in_transfer(giver: Worker) -> Check {
    until_some_have_arrived()?;
    cancel(giver.thread)?;
    same((noted(0), noted(1), present(MAPPED.offset((1 << ORDER) - 1))), (IPC + 7, 7, true))
}

fn cancel_while_giving() -> Check {
    let gate = make::unbound_gate()?;
    many()?;
    gate.bind_thread(spawn(HIGH, take_many, 0)?.thread, 0)?;
    cancelled_in_transfer(spawn(LOW, give_many, gate.index().raw())?)
}

fn cancel_while_being_taken_from() -> Check {
    let gate = make::unbound_gate()?;
    many()?;
    let taker = Worker::create_in(Task::this())?;
    taker.start(LOW, deaf, 0)?;
    gate.bind_thread(taker.thread, 0)?;
    let giver = spawn(HIGH, give_many, gate.index().raw())?;
    taker.start(LOW, take_many, 0)?;
    cancelled_in_transfer(giver)
}

/// Downs a semaphore; notes the outcome.
fn down(cap: u64) {
    note(0, ask_long(CapIndex::from_raw(cap)));
}

fn cancel_at_semaphore() -> Check {
    let worker = spawn(HIGH, down, make::semaphore()?.index().raw())?;
    cancel(worker.thread)?;
    same(noted(0), IPC + 7)
}

fn count_up(_: u64) {
    for number in 0.. {
        note(3, number);
    }
}

/// Cancelling a thread that runs does nothing to it.
fn cancel_running() -> Check {
    let worker = spawn(50, count_up, 0)?;
    rest_deaf(3)?;
    cancel(worker.thread)?;
    let seen = noted(3);
    rest_deaf(3)?;
    holds(noted(3) > seen)
}

fn gate_deleted_while_waiting() -> Check {
    let gate = make::unbound_gate()?;
    operating(gate.index(), Operation::CALL)?;
    gate.delete()?;
    rest_deaf(1)?;
    same(noted(0), IPC + 4)
}

/// A sender in the thread's line is past the gate.
fn gate_deleted_while_in_line() -> Check {
    let gate = make::gate(0x20)?;
    operating(gate.index(), Operation::SEND)?;
    gate.delete()?;
    let (_, label) = ipc::wait(receive_for(1000))?;
    same(label, 0x23)
}

fn semaphore_deleted_while_waiting() -> Check {
    let semaphore = make::semaphore()?;
    spawn(HIGH, down, semaphore.index().raw())?;
    semaphore.delete()?;
    rest_deaf(1)?;
    same(noted(0), IPC + 4)
}
