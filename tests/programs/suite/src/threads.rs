//! Thread objects: control, ex_regs, switching, deletion.
#![allow(unsafe_code)] // instructions that fault, registers that tests look at

use crate::make::{self, NO_CAPABILITY, code, item, note, noted};
use core::arch::asm;
use core::mem::offset_of;
use harness::call::{no_buffers, outcome};
use harness::child::PAGES;
use harness::worker::{UTCBS, Worker, bare_task, spawn};
use harness::{Check, IPC, ask, holds, same};
use syscall::abi::{
    CapIndex, Error, MapItem, Rights, Tag, Timeout, Timeouts, Utcb, ipc::Operation, protocol, thread::*, utcb::SIZE,
};
use syscall::arch::{invoke, utcb};
use syscall::object::thread::Control;
use syscall::{Cap, Task, Thread, ipc};

crate::group!("threads":
    control_needs_special, control_too_few_words, control_bind_without_task, control_bind_no_capability, control_bind_other_kind,
    control_bind_needs_task_special, control_bind_no_utcb, control_bind_unaligned_utcb, control_bind_end_of_area, control_bind_twice,
    control_old_values, control_no_flags, ex_regs_wrong_words, ex_regs_old_values, ex_regs_unknown_flags, ex_regs_unstarted, ex_regs_of_running, ex_regs_triggers_exception,
    ex_regs_trigger_keeps_registers, ex_regs_does_not_touch_exception, ex_regs_cancels_exception, ex_regs_non_canonical, switch_to_self,
    switch_to_other, switch_to_waiting, switch_and_stats_by_opcode, register_delete_irq_without_irq, stats_grow, stats_of_unstarted,
    doorbell_irq, deleted_thread_stops, delete_self,
    killed_task_ends_threads, restart_after_end, deleted_thread_frees_its_utcb);

pub const HIGH: u64 = 120;
/// Label of the gate that handles the faults of a test's threads.
pub const FAULTS: u64 = 0x3000;

pub fn wait() -> Check<(Tag, u64)> {
    no_buffers();
    Ok(ipc::wait(Timeouts { send: Timeout::ZERO, receive: Timeout::from_microseconds(500_000) })?)
}

/// A thread whose faults come to the test.
pub fn watched() -> Check<Worker> {
    let gate = make::gate(FAULTS)?;
    let worker = Worker::create_in(Task::this())?;
    let handler = Some(gate.index());
    worker.thread.control(Control { pager: handler, exception_handler: handler, bind: None, alien: None })?;
    Ok(worker)
}

pub fn watch(work: fn(u64), argument: u64) -> Check<Worker> {
    let worker = watched()?;
    worker.start(HIGH, work, argument)?;
    Ok(worker)
}

/// Answers the fault with the message in the UTCB.
pub fn answer(tag: Tag) -> i64 {
    let timeouts = Timeouts { send: Timeout::ZERO, receive: Timeout::NEVER };
    outcome(invoke(CapIndex::INVALID, Operation::from_raw(9), 0, tag, timeouts).0)
}

pub fn control(thread: CapIndex, words: &[u64], items: &[MapItem]) -> i64 {
    ask(thread, protocol::THREAD, words, items)
}

fn control_needs_special() -> Check {
    let thread = make::with_rights(make::thread()?, Rights::CAP_RW)?;
    same(control(thread.index(), &[OP_CONTROL, 0, 0, 0, 0, 0], &[]), code(Error::Perm))
}

fn control_too_few_words() -> Check {
    same(control(make::thread()?.index(), &[OP_CONTROL, 0, 0, 0, 0], &[]), code(Error::Inval))
}

fn bind(address: u64, items: &[MapItem]) -> Check<i64> {
    Ok(control(make::thread()?.index(), &[CONTROL_BIND_TASK, 0, 0, 0, 0, address], items))
}

const FREE_UTCB: u64 = UTCBS + 15 * 1024;

fn control_bind_without_task() -> Check {
    same(bind(FREE_UTCB, &[])?, code(Error::Inval))
}

fn control_bind_no_capability() -> Check {
    same(bind(FREE_UTCB, &[NO_CAPABILITY])?, IPC + 8)
}

fn control_bind_other_kind() -> Check {
    same(bind(FREE_UTCB, &[item(make::irq()?)])?, code(Error::Inval))
}

fn control_bind_needs_task_special() -> Check {
    let task = make::with_rights(Task::this(), Rights::CAP_RW)?;
    same(bind(FREE_UTCB, &[item(task)])?, code(Error::Perm))
}

fn control_bind_no_utcb() -> Check {
    same(bind(PAGES, &[item(Task::this())])?, code(Error::Inval))
}

fn control_bind_unaligned_utcb() -> Check {
    same(bind(FREE_UTCB + 4, &[item(Task::this())])?, code(Error::Inval))
}

fn control_bind_end_of_area() -> Check {
    same(bind(FREE_UTCB + 8, &[item(Task::this())])?, code(Error::Inval))
}

fn control_bind_twice() -> Check {
    let worker = Worker::create_in(Task::this())?;
    let words = [CONTROL_BIND_TASK, 0, 0, 0, 0, FREE_UTCB];
    same(control(worker.thread.index(), &words, &[item(Task::this())]), code(Error::Inval))
}

fn control_old_values() -> Check {
    let thread = make::thread()?;
    let flags = CONTROL_SET_PAGER | CONTROL_SET_EXC_HANDLER;
    same(control(thread.index(), &[flags, 0x21000, 0x22000, 0, 0, 0], &[]), 0)?;
    same(control(thread.index(), &[flags, 0x31000, 0x32000, 0, 0, 0], &[]), 0)?;
    same((utcb().mr(1), utcb().mr(2)), (0x21000, 0x22000))
}

fn control_no_flags() -> Check {
    same(control(make::thread()?.index(), &[OP_CONTROL, 0, 0, 0, 0, 0], &[]), 0)
}

fn ex_regs_wrong_words() -> Check {
    let thread = make::thread()?.index();
    same(control(thread, &[OP_EX_REGS, 0], &[]), code(Error::Inval))?;
    same(control(thread, &[OP_EX_REGS, 0, 0, 0], &[]), code(Error::Inval))
}

fn ex_regs_old_values() -> Check {
    let worker = Worker::create_in(Task::this())?;
    worker.thread.ex_regs(0x1234, 0x5678, 0)?;
    let [_, ip, sp] = worker.thread.ex_regs(u64::MAX, u64::MAX, 0)?;
    same((ip, sp), (0x1234, 0x5678))?;
    worker.start(HIGH, mark, 4)
}

/// Flags that mean nothing are passed over.
fn ex_regs_unknown_flags() -> Check {
    let worker = Worker::create_in(Task::this())?;
    let got = control(worker.thread.index(), &[OP_EX_REGS | 1 << 40 | 1 << 20 | 1 << 18, 0x1234, 0x5678], &[]);
    let [_, ip, sp] = worker.thread.ex_regs(u64::MAX, u64::MAX, 0)?;
    same((got, ip, sp), (0, 0x1234, 0x5678))?;
    worker.start(HIGH, mark, 4)
}

/// A thread without a task does not run, whatever its registers are.
fn ex_regs_unstarted() -> Check {
    let thread = make::thread()?;
    thread.ex_regs(0x1234, 0, EX_REGS_CANCEL | EX_REGS_TRIGGER_EXCEPTION)?;
    make::rest(1);
    same(thread.cpu_time_us(), Ok(0))
}

fn spin(_: u64) {
    loop {
        core::hint::spin_loop();
    }
}

pub fn mark(place: u64) {
    note(place, 1);
}

fn ex_regs_of_running() -> Check {
    let worker = spawn(50, spin, 0)?;
    make::rest(2);
    worker.start(HIGH, mark, 4)?;
    same(noted(4), 1)
}

fn ex_regs_triggers_exception() -> Check {
    let worker = watched()?;
    worker.start(50, spin_counting, 0)?;
    make::rest(2);
    worker.thread.ex_regs(u64::MAX, u64::MAX, EX_REGS_TRIGGER_EXCEPTION)?;
    let (tag, label) = wait()?;
    same((tag.label(), label & !3, utcb().mr(16)), (protocol::EXCEPTION, FAULTS, 0xff))
}

fn ex_regs_trigger_keeps_registers() -> Check {
    let worker = watched()?;
    worker.start(50, spin_counting, 0)?;
    make::rest(2);
    make::rest(5);
    worker.thread.ex_regs(u64::MAX, u64::MAX, EX_REGS_TRIGGER_EXCEPTION)?;
    let (tag, _) = wait()?;
    same(answer(Tag::new(0, tag.words(), 0, 0)), 0)?;
    let seen = noted(8);
    make::rest(5);
    holds(noted(8) != seen)
}

pub fn trap(_: u64) {
    // SAFETY: the breakpoint exception goes to the test.
    unsafe { asm!("int3") };
    note(5, 1);
}

fn ex_regs_does_not_touch_exception() -> Check {
    let worker = watch(trap, 0)?;
    wait()?;
    worker.thread.ex_regs(0x666, 0x777, 0)?;
    let [_, ip, _] = worker.thread.ex_regs(u64::MAX, u64::MAX, 0)?;
    holds(ip != 0x666)
}

fn ex_regs_cancels_exception() -> Check {
    let worker = watch(trap, 0)?;
    wait()?;
    worker.start(HIGH, mark, 6)?;
    same(noted(6), 1)
}

fn ex_regs_non_canonical() -> Check {
    let worker = watched()?;
    worker.thread.ex_regs(0x8000_0000_0000_0000, 0x8000_0000_0000_0000, 0)?;
    worker.run(HIGH)?;
    let (tag, _) = wait()?;
    holds(tag.label() == protocol::EXCEPTION || tag.label() == protocol::PAGE_FAULT)
}

fn switch_to_self() -> Check {
    Ok(make::me().switch_to()?)
}

fn switch_to_other() -> Check {
    let worker = spawn(100, mark, 3)?;
    worker.thread.switch_to()?;
    same(noted(3), 1)
}

fn switch_to_waiting() -> Check {
    let worker = spawn(HIGH, mark, 3)?;
    Ok(worker.thread.switch_to()?)
}

fn stats_grow() -> Check {
    let worker = spawn(50, spin, 0)?;
    make::rest(4);
    let first = worker.thread.cpu_time_us()?;
    make::rest(4);
    holds(first > 0 && worker.thread.cpu_time_us()? > first)
}

fn stats_of_unstarted() -> Check {
    same(make::thread()?.cpu_time_us(), Ok(0))
}

/// Interrupts are not injected into virtual CPUs directly, as in Fiasco without that.
fn doorbell_irq() -> Check {
    same(control(make::me().index(), &[OP_REGISTER_DOORBELL_IRQ], &[item(make::irq()?)]), code(Error::NoSys))
}

fn deleted_thread_stops() -> Check {
    let worker = spawn(50, spin_counting, 0)?;
    make::rest(3);
    worker.thread.delete()?;
    let seen = noted(8);
    make::rest(3);
    same(noted(8), seen)
}

fn spin_counting(_: u64) {
    loop {
        note(8, noted(8).wrapping_add(1));
    }
}

fn suicide(cap: u64) {
    let _ = Cap::<Thread>::new(CapIndex::from_raw(cap)).delete();
    note(1, 1);
}

fn delete_self() -> Check {
    let worker = Worker::create_in(Task::this())?;
    worker.start(HIGH, suicide, worker.thread.index().raw())?;
    make::rest(1);
    same((noted(1), worker.thread.is_present()), (make::UNSET, false))
}

/// Threads whose task is gone run no more, and go with their last capability.
fn killed_task_ends_threads() -> Check {
    let task = harness::worker::task()?;
    let worker = harness::worker::spawn_in(*task, 50, spin_counting, 0)?;
    make::rest(3);
    task.delete()?;
    make::rest(2);
    let seen = noted(8);
    make::rest(3);
    let _ = (worker, bare_task()?);
    same(noted(8), seen)
}

fn restart_after_end() -> Check {
    let worker = spawn(HIGH, mark, 1)?;
    worker.start(HIGH, mark, 2)?;
    same((noted(1), noted(2)), (1, 1))
}

fn switch_and_stats_by_opcode() -> Check {
    let worker = spawn(HIGH, mark, 3)?.thread.index();
    same(control(worker, &[OP_SWITCH], &[]), 0)?;
    same(control(worker, &[OP_STATS], &[]), 0)
}

fn register_delete_irq_without_irq() -> Check {
    let thread = make::me().index();
    same(control(thread, &[OP_REGISTER_DELETE_IRQ], &[]), code(Error::Inval))?;
    same(control(thread, &[OP_REGISTER_DELETE_IRQ], &[NO_CAPABILITY]), IPC + 8)?;
    same(control(thread, &[OP_REGISTER_DELETE_IRQ], &[item(make::factory())]), code(Error::Inval))
}

/// The mark by which a program sees that it can give the UTCB to another thread.
fn deleted_thread_frees_its_utcb() -> Check {
    let worker = spawn(HIGH, mark, 1)?;
    let mark = (UTCBS + (worker.number * SIZE) as u64 + offset_of!(Utcb, free_marker) as u64) as *mut u64;
    // SAFETY: the UTCB of a thread that waits for ever.
    unsafe { mark.write_volatile(1) };
    worker.thread.delete()?;
    // SAFETY: kernel-user memory of the test's.
    make::until(|| unsafe { mark.read_volatile() } == 0)
}
