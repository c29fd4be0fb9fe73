//! What must not confuse the kernel: threads that go in the middle of what they do, exceptions between
//! preemption points, objects with many capabilities, extreme numbers.

use crate::make::{self, note, noted};
use harness::call::{no_buffers, outcome, write};
use harness::worker::{Worker, spawn};
use harness::{Check, IPC, holds, same};
use syscall::abi::thread;
use syscall::abi::{BufferItem, CapIndex, Flexpage, MapItem, Rights, Tag, Timeout, Timeouts, ipc::Operation, protocol};
use syscall::arch::{invoke, utcb};
use syscall::object::thread::Control;
use syscall::{Cap, Irq, Scheduler, Task, ipc};

crate::group!("robust":
    gate_replaced_while_waiting, gate_deleted_when_bound, endless_time_slice, delete_with_many_caps, place_with_deleted_object, exceptions_between_preemptions,
    sender_comes_before_resumed_receiver);

const HIGH: u64 = 120;
const LOW: u64 = 50;
/// Slots of many capabilities, and those that they are mapped to.
pub const MANY: CapIndex = CapIndex::new(0x1000);
pub const MAPPED: CapIndex = CapIndex::new(0x2000);
pub const ORDER: u8 = 8;

fn copy_to(cap: Cap<Irq>, place: CapIndex) -> Check {
    let item = MapItem::map_at(cap.flexpage(Rights::ALL), place.raw());
    Ok(Task::this().map_item(Task::this(), item)?)
}

/// Fills the slots from [`MANY`] on with capabilities to one new object.
pub fn many() -> Check<Cap<Irq>> {
    let irq = make::irq()?;
    (0..1 << ORDER).try_for_each(|index| copy_to(irq, MANY.offset(index)))?;
    Ok(irq)
}

pub fn present(place: CapIndex) -> bool {
    Task::this().cap_valid(Cap::<Irq>::new(place)) == Ok(true)
}

/// Sends to whatever is in the slot; notes the outcome.
fn send_to(place: u64) {
    no_buffers();
    utcb().set_mr(0, 77);
    note(1, outcome(invoke(CapIndex::from_raw(place), Operation::SEND, 0, Tag::new(0, 1, 0, 0), Timeouts::NEVER).0));
}

/// A message that waits at a gate goes through it when it is bound, whatever the slot names by then.
fn gate_replaced_while_waiting() -> Check {
    let gate = make::unbound_gate()?;
    let place = make::with_rights(gate, Rights::CAP_RWS)?;
    let worker = spawn(HIGH, send_to, place.index().raw())?;
    let item = MapItem::map_at(Task::this().flexpage(Rights::CAP_RWS), place.index().raw());
    Task::this().map_item(Task::this(), item)?;
    gate.bind_thread(make::me(), 0x40)?;
    no_buffers();
    let timeouts = Timeouts { send: Timeout::ZERO, receive: Timeout::from_microseconds(100_000) };
    let (_, label) = ipc::wait(timeouts)?;
    same((label, utcb().mr(0)), (0x43, 77))?;
    make::rest(1);
    same((present(worker.thread.index()), noted(1)), (true, 0))
}

/// A gate that is gone before the sender runs: it learns that, unless it was past the gate already.
fn gate_deleted_when_bound() -> Check {
    let gate = make::unbound_gate()?;
    spawn(LOW, send_to, gate.index().raw())?;
    make::rest(1);
    gate.bind_thread(make::me(), 0x40)?;
    gate.delete()?;
    no_buffers();
    let timeouts = Timeouts { send: Timeout::ZERO, receive: Timeout::from_microseconds(2000) };
    match ipc::wait(timeouts) {
        Ok((_, label)) => same((label, noted(1)), (0x43, make::UNSET)),
        Err(_) => same(noted(1), IPC + 4),
    }
}

fn count(place: u64) {
    for number in 1.. {
        note(place, number);
    }
}

/// A thread with the longest of time slices runs.
fn endless_time_slice() -> Check {
    let worker = spawn(LOW, count, 0)?;
    Scheduler::boot().run_thread(worker.thread, Scheduler::any_cpu(), LOW, u64::MAX)?;
    make::rest(1);
    spawn(LOW, count, 1)?;
    let before = noted(0);
    make::rest(30);
    holds(noted(0) > before + 1000)
}

fn delete_with_many_caps() -> Check {
    many()?.delete()?;
    holds((0..1 << ORDER).all(|index| !present(MANY.offset(index))))
}

/// Where a capability to a deleted object was, there is room for another.
fn place_with_deleted_object() -> Check {
    many()?.delete()?;
    many()?;
    holds((0..1 << ORDER).all(|index| present(MANY.offset(index))))
}

/// Takes messages with many capabilities.
pub fn take(_: u64) {
    let mut operation = Operation::WAIT;
    for rounds in 1.. {
        utcb().set_bdr(0);
        utcb().set_br(0, BufferItem::WINDOW.0);
        utcb().set_br(1, Flexpage::object(MAPPED, ORDER, Rights::NONE).raw());
        let (tag, _) = invoke(CapIndex::INVALID, operation, 0, Tag::new(0, 0, 0, 0), Timeouts::NEVER);
        if (tag.label(), tag.words(), tag.items(), tag.has_error()) != (7, 0, 1, false) {
            note(1, outcome(tag));
        }
        note(0, rounds);
        operation = Operation::REPLY_AND_WAIT;
    }
}

/// Calls with many capabilities.
pub fn give(gate: u64) {
    loop {
        no_buffers();
        let tag = write(7, &[], &[MapItem::map(Flexpage::object(MANY, ORDER, Rights::CAP_RWS))]);
        let answer = invoke(CapIndex::from_raw(gate), Operation::CALL, 0, tag, Timeouts::NEVER).0;
        if outcome(answer) != 0 {
            note(2, outcome(answer));
        }
    }
}

/// An exception that `ex_regs` asks for in the middle of a message that is mapped in steps waits for its end.
fn exceptions_between_preemptions() -> Check {
    many()?;
    let gate = make::unbound_gate()?;
    gate.bind_thread(spawn(LOW, take, 0)?.thread, 0)?;
    let faults = Some(make::gate(0x3000)?.index());
    let worker = Worker::create_in(Task::this())?;
    worker.thread.control(Control { pager: faults, exception_handler: faults, bind: None, alien: None })?;
    worker.start(LOW, give, gate.index().raw())?;
    for _ in 0..40 {
        make::rest(1);
        worker.thread.ex_regs(u64::MAX, u64::MAX, thread::EX_REGS_TRIGGER_EXCEPTION)?;
        no_buffers();
        let second = Timeout::from_microseconds(1_000_000);
        let (tag, _) = ipc::wait(Timeouts { send: Timeout::ZERO, receive: second })?;
        same(tag.label(), protocol::EXCEPTION)?;
        let reply = Timeouts { send: Timeout::ZERO, receive: Timeout::NEVER };
        same(invoke(CapIndex::INVALID, Operation::from_raw(9), 0, Tag::new(0, 0, 0, 0), reply).0.has_error(), false)?;
    }
    holds(noted(0) > 40)?;
    same((noted(1), noted(2)), (make::UNSET, make::UNSET))
}

fn send_and_wait(gate: u64) {
    no_buffers();
    invoke(CapIndex::from_raw(gate), Operation::SEND_AND_WAIT, 0, Tag::new(0, 0, 0, 0), Timeouts::NEVER);
    note(2, 1);
}

fn send(gate: u64) {
    invoke(CapIndex::from_raw(gate), Operation::SEND, 0, Tag::new(0, 0, 0, 0), Timeouts::NEVER);
    note(1, noted(2));
}

/// A thread whose send phase has ended takes the message of one of higher priority, which then goes on first.
fn sender_comes_before_resumed_receiver() -> Check {
    let receiver = spawn(LOW, send_and_wait, make::gate(0x3000)?.index().raw())?;
    make::rest(1);
    let gate = make::unbound_gate()?;
    gate.bind_thread(receiver.thread, 0)?;
    spawn(LOW + 10, send, gate.index().raw())?;
    make::rest(1);
    no_buffers();
    ipc::wait(Timeouts { send: Timeout::ZERO, receive: Timeout::from_microseconds(1_000_000) })?;
    note(1, 1);
    make::rest(3);
    same((noted(1), noted(2)), (make::UNSET, 1))
}
