//! Operations that stop at preemption points, in the middle of which others may run. How long the kernel runs between two
//! such points is measured by the program `bounds`.

use crate::make::{self, code, note, noted};
use harness::quota::left;
use harness::worker::{Worker, spawn};
use harness::{Check, IPC, ask, holds, same};
use syscall::abi::{CapIndex, Error, Flexpage, IpcError, Rights, Timeout, Timeouts, debugger, protocol, task, thread};
use syscall::object::thread::Control;
use syscall::{Cap, Irq, ipc};

crate::group!("preemption":
    many_senders_modified, senders_modified_by_two, senders_modified_without_cpu, killed_with_many_senders, large_area_meets_a_page, many_areas_at_once,
    kernel_measures_or_not);

const HIGH: u64 = 120;
pub const LOW: u64 = 50;
/// How many interrupts wait for a thread: more than a kernel entry deals with.
pub const MANY: u64 = 150;
pub const AREA: u64 = 0x5_0000_0000;

/// A thread that waits for itself, with many interrupts in its line.
pub fn crowded() -> Check<Worker> {
    let worker = spawn(HIGH, |_| (), 0)?;
    for number in 0..MANY {
        let irq = make::irq()?;
        irq.bind_thread(worker.thread, number << 8)?;
        irq.trigger()?;
    }
    Ok(worker)
}

/// Takes all messages that wait: how many there are, and how many have all bits of `label`.
pub fn take_all(label: u64) {
    let (mut all, mut with) = (0, 0);
    let at_once = Timeouts { send: Timeout::ZERO, receive: Timeout::ZERO };
    while let Ok((_, got)) = ipc::wait(at_once) {
        all += 1;
        with += i64::from(got & label == label);
    }
    note(0, all);
    note(1, with);
}

/// Fourteen rules that do not match, and one that sets bits.
fn set_bits(target: CapIndex, bits: u64) -> i64 {
    let mut words = [thread::OP_MODIFY_SENDER; 61];
    for rule in words[1..].as_chunks_mut::<4>().0 {
        *rule = [!0, !0, 0, 0];
    }
    words[57..].copy_from_slice(&[0, 0, 0, bits]);
    ask(target, protocol::THREAD, &words, &[])
}

fn many_senders_modified() -> Check {
    let worker = crowded()?;
    same(set_bits(worker.thread.index(), 0x30), 0)?;
    worker.start(HIGH, take_all, 0x30)?;
    same((noted(0), noted(1)), (MANY as i64, MANY as i64))
}

pub fn modify_for_ever(target: u64) {
    for rounds in 1.. {
        set_bits(CapIndex::from_raw(target), 0x80);
        note(2, rounds);
    }
}

/// One thread is stopped in the middle now and then, and another one is told so.
fn senders_modified_by_two() -> Check {
    let worker = crowded()?;
    let target = worker.thread.index();
    let other = spawn(LOW, modify_for_ever, target.raw())?;
    make::until(|| noted(2) > 10)?;
    make::until(|| set_bits(target, 0x40) == code(Error::Busy))?;
    other.thread.delete()?;
    make::until(|| set_bits(target, 0x40) == 0)?;
    worker.start(HIGH, take_all, 0xc0)?;
    same((noted(0), noted(1)), (MANY as i64, MANY as i64))
}

/// Of a thread that no CPU runs, as one that was never given to the scheduler.
fn senders_modified_without_cpu() -> Check {
    same(set_bits(make::thread()?.index(), 0x40), code(Error::Inval))
}

/// A thread without a pager touches what is not there. All who wait for it learn that it is gone.
fn killed_with_many_senders() -> Check {
    let irq: Cap<Irq> = make::irq()?;
    let worker = crowded()?;
    irq.bind_thread(worker.thread, 0)?;
    irq.trigger()?;
    let nobody = Some(CapIndex::INVALID);
    worker.thread.control(Control { pager: nobody, exception_handler: nobody, bind: None, alien: None })?;
    worker.thread.ex_regs(0x1000, 0, thread::EX_REGS_CANCEL)?;
    make::rest(5);
    same(irq.detach(), Err(syscall::Code::NoEnt.into()))?;
    same(ask(worker.thread.index(), 0, &[], &[]), IPC + IpcError::NotExistent.code() as i64)
}

pub fn add(words: &[u64]) -> i64 {
    ask(CapIndex::TASK, protocol::TASK, words, &[])
}

pub const fn area(number: u64, order: u8) -> u64 {
    Flexpage::memory(AREA + (number << order), order, Rights::RW).raw()
}

/// The part of it that was there already goes again.
fn large_area_meets_a_page() -> Check {
    same(add(&[task::OP_ADD_KU_MEM, area(31, 12)]), 0)?;
    let before = left(make::factory());
    same(add(&[task::OP_ADD_KU_MEM, area(0, 17)]), code(Error::Exist))?;
    same(left(make::factory()), before)?;
    let bind = Control { pager: None, exception_handler: None, bind: Some((syscall::Task::this(), AREA)), alien: None };
    same(make::thread()?.control(bind), Err(syscall::Code::Inval.into()))?;
    same(add(&[task::OP_ADD_KU_MEM, area(0, 16), area(2, 15)]), 0)
}

/// The answer names all of them, and UTCBs can be in each; even across two that lie behind each other in memory, or not.
fn many_areas_at_once() -> Check {
    let words: [u64; 9] =
        core::array::from_fn(|index| if index == 0 { task::OP_ADD_KU_MEM } else { area(index as u64, 16) });
    same(add(&words), 0)?;
    for (index, word) in words[1..].iter().enumerate() {
        same(syscall::arch::utcb().mr(index), Flexpage::from_raw(*word).with_rights(Rights::NONE).raw())?;
    }
    for index in 1..9 {
        let utcb = AREA + (index << 16) + 0xfc00;
        let bind =
            Control { pager: None, exception_handler: None, bind: Some((syscall::Task::this(), utcb)), alien: None };
        make::thread()?.control(bind)?;
    }
    Ok(())
}

/// Only a kernel that was built for it tells what it measures.
fn kernel_measures_or_not() -> Check {
    let told = |opcode| ask(CapIndex::DEBUGGER, protocol::DEBUGGER, &[opcode, 0], &[]);
    let measures = told(debugger::OP_LONGEST_STRETCH);
    same(told(debugger::OP_FREE_MEMORY), measures)?;
    if measures == code(Error::NoSys) {
        return Ok(());
    }
    same(measures, 0)?;
    holds(syscall::arch::utcb().mr(0) > 1 << 20)
}
