//! Operations that others meet half done, between two of their preemption points.

use crate::make::{self, code, note, noted};
use crate::preemption::{AREA, LOW, MANY, add, area, crowded, modify_for_ever, take_all};
use crate::robust::{give, many, take};
use harness::call::no_buffers;
use harness::worker::{Worker, spawn};
use harness::{Check, holds, same};
use syscall::abi::{CapIndex, Error, MapItem, Rights, Tag, Timeout, Timeouts, ipc::Operation, protocol, task, thread};
use syscall::arch::invoke;
use syscall::object::thread::Control;
use syscall::{Code, Task, ipc};

crate::group!("interrupted": no_utcb_in_an_area_that_may_go, modified_by_somebody_who_is_gone,
    exception_of_a_mover_without_partner);

fn add_for_ever(area: u64) {
    for rounds in 1.. {
        if add(&[task::OP_ADD_KU_MEM, area]) != code(Error::Exist) {
            note(1, rounds);
        }
        note(0, rounds);
    }
}

/// An area that cannot be whole is being added: a thread that had its UTCB there would lose it.
fn no_utcb_in_an_area_that_may_go() -> Check {
    same(add(&[task::OP_ADD_KU_MEM, area(31, 12)]), 0)?;
    spawn(LOW, add_for_ever, area(0, 17))?;
    let bind = Control { pager: None, exception_handler: None, bind: Some((Task::this(), AREA)), alien: None };
    let thread = make::thread()?;
    for _ in 0..100 {
        make::rest(1);
        same(thread.control(bind), Err(Code::Inval.into()))?;
    }
    holds(noted(0) > 10)?;
    same(noted(1), make::UNSET)
}

/// A thread is in the middle of a message when an exception is asked of it and the receiver goes: the exception comes.
fn exception_of_a_mover_without_partner() -> Check {
    many()?;
    let gate = make::unbound_gate()?;
    let faults = Some(make::gate(0x3000)?.index());
    let mover = Worker::create_in(Task::this())?;
    mover.thread.control(Control { pager: faults, exception_handler: faults, bind: None, alien: None })?;
    for round in 0..8 {
        let receiver = spawn(LOW, take, 0)?;
        gate.bind_thread(receiver.thread, 0)?;
        if round == 0 {
            mover.start(LOW, give, gate.index().raw())?;
        }
        make::rest(2);
        // It may wait for the reply of the receiver: for ever, once that is gone.
        let flags = thread::EX_REGS_TRIGGER_EXCEPTION | thread::EX_REGS_CANCEL;
        mover.thread.ex_regs(u64::MAX, u64::MAX, flags)?;
        receiver.thread.delete()?;
        no_buffers();
        let second = Timeout::from_microseconds(1_000_000);
        let (tag, _) = ipc::wait(Timeouts { send: Timeout::ZERO, receive: second })?;
        same(tag.label(), protocol::EXCEPTION)?;
        let reply = Timeouts { send: Timeout::ZERO, receive: Timeout::NEVER };
        let operation = Operation::REPLY_ONLY;
        same(invoke(CapIndex::INVALID, operation, 0, Tag::new(0, 0, 0, 0), reply).0.has_error(), false)?;
    }
    Ok(())
}

pub const HIGHER: u64 = LOW + 10;

/// Lets all other threads run for some microseconds.
pub fn rest_us(microseconds: u64) {
    let receive = Timeout::from_microseconds(microseconds);
    let _ = ipc::receive(CapIndex::INVALID, Timeouts { send: Timeout::ZERO, receive });
}

/// The capability with which a thread modifies senders names another thread when it goes on; then it is deleted.
fn modified_by_somebody_who_is_gone() -> Check {
    let (first, second) = (crowded()?, crowded()?);
    let place = make::slot();
    let name = |worker: Worker| {
        Task::this().map_item(Task::this(), MapItem::map_at(worker.thread.flexpage(Rights::CAP_RWS), place.raw()))
    };
    name(first)?;
    spawn(LOW, modify_for_ever, first.thread.index().raw())?;
    for round in 0..8 {
        make::rest(1);
        name(first)?;
        let modifier = spawn(HIGHER, modify_for_ever, place.raw())?;
        rest_us(20 << round);
        name(second)?;
        rest_us(20 << round);
        modifier.thread.delete()?;
    }
    make::until(|| second.thread.modify_sender(0, 0, 0, 1 << 20).is_ok())?;
    second.start(LOW, take_all, 1 << 20)?;
    make::until(|| noted(1) != make::UNSET)?;
    same((noted(0), noted(1)), (MANY as i64, MANY as i64))
}
