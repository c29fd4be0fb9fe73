//! The scheduler: its operations and the order in which threads run.

use crate::make::{self, EMPTY_SLOT, NO_CAPABILITY, code, item, note, noted, rest};
use harness::call::{no_buffers, outcome};
use harness::worker::{Worker, spawn};
use harness::{Check, IPC, ask, holds, same};
use syscall::abi::{CapIndex, Error, MapItem, Tag, Timeout, Timeouts, ipc::Operation, protocol, scheduler::*, thread};
use syscall::arch::{invoke, utcb};
use syscall::{Cap, Scheduler, Task, Thread, ipc};

crate::group!("scheduling":
    scheduler_info, scheduler_info_too_short, scheduler_info_out_of_range, scheduler_info_of_second_cpu, scheduler_idle_time, scheduler_idle_of_nothing, run_too_few_words,
    run_without_thread, run_item_empty, run_item_no_capability, run_other_kind, run_priority_zero, run_priority_is_clamped, run_class,
    run_unknown_class, run_class_length_too_small, run_class_length_too_large, run_class_priority_has_16_bits, higher_runs_first, higher_preempts, same_priority_takes_turns,
    raised_priority, lowered_priority, lowered_self, time_slice, usual_time_slice, callers_take_turns_with_others, thread_without_cpu, running_thread_gives_up_its_cpu, receiver_without_cpu,
    called_without_cpu, cpus_in_groups);

fn scheduler(words: &[u64], items: &[MapItem]) -> i64 {
    ask(CapIndex::SCHEDULER, protocol::SCHEDULER, words, items)
}

fn scheduler_info() -> Check {
    let info = Scheduler::boot().info(0, 0)?;
    same((info.online & 1, info.classes & CLASS_FIXED_PRIO), (1, CLASS_FIXED_PRIO))?;
    holds(info.cpus >= 1)
}

fn scheduler_info_too_short() -> Check {
    holds(scheduler(&[OP_INFO], &[]) < 0)
}

fn scheduler_info_out_of_range() -> Check {
    same(scheduler(&[OP_INFO, 0x1000], &[]), code(Error::Range))
}

/// There is one CPU.
fn scheduler_info_of_second_cpu() -> Check {
    same(scheduler(&[OP_INFO, 1], &[]), code(Error::Range))
}

fn scheduler_idle_time() -> Check {
    let first = Scheduler::boot().idle_time_us(Scheduler::any_cpu())?;
    rest(20);
    holds(Scheduler::boot().idle_time_us(Scheduler::any_cpu())? > first)
}

fn scheduler_idle_of_nothing() -> Check {
    same(scheduler(&[OP_IDLE_TIME, 0, 0], &[]), code(Error::Inval))
}

fn run_too_few_words() -> Check {
    same(scheduler(&[OP_RUN_THREAD, 0, 1, 10], &[item(make::me())]), code(Error::Inval))
}

const RUN: [u64; 5] = [OP_RUN_THREAD, 0, 1, 10, 0];

fn run_without_thread() -> Check {
    same(scheduler(&RUN, &[]), code(Error::Inval))
}

fn run_item_empty() -> Check {
    same(scheduler(&RUN, &[EMPTY_SLOT]), code(Error::Inval))
}

fn run_item_no_capability() -> Check {
    same(scheduler(&RUN, &[NO_CAPABILITY]), IPC + 8)
}

fn run_other_kind() -> Check {
    same(scheduler(&RUN, &[item(make::irq()?)]), code(Error::Inval))
}

fn run(parameters: &[u64]) -> Check<i64> {
    let mut words = [OP_RUN_THREAD; 7];
    words[1..=parameters.len()].copy_from_slice(parameters);
    Ok(scheduler(&words[..=parameters.len()], &[item(make::thread()?)]))
}

fn run_priority_zero() -> Check {
    same(run(&[0, 1, 0, 0])?, code(Error::Inval))
}

/// One that is too high is the highest: it preempts the test.
fn run_priority_is_clamped() -> Check {
    same(run(&[0, 1, 1000, 0])?, 0)?;
    spawn(0x10_0001, turn, 1)?;
    same(noted(1), 1)
}

/// The newer form: class, length in bytes, time slice, priority.
fn run_class() -> Check {
    same(run(&[0, 1, u64::MAX, 48, 0, 20])?, 0)?;
    same(run(&[0, 1, u64::MAX, 48, 20, 0])?, code(Error::Inval))
}

fn run_unknown_class() -> Check {
    same(run(&[0, 1, u64::MAX - 5, 48, 0, 20])?, code(Error::Range))
}

fn run_class_length_too_small() -> Check {
    same(run(&[0, 1, u64::MAX, 40, 0, 20])?, code(Error::Inval))
}

fn run_class_length_too_large() -> Check {
    same(run(&[0, 1, u64::MAX, 400, 0, 20])?, code(Error::Inval))
}

fn run_class_priority_has_16_bits() -> Check {
    same(run(&[0, 1, u64::MAX, 48, 0, 1 << 16])?, code(Error::Inval))?;
    same(run(&[0, 1, u64::MAX, 48, 0, 1 << 16 | 20])?, 0)
}

/// Notes in which turn it ran.
fn turn(place: u64) {
    let turn = noted(15).max(0) + 1;
    note(15, turn);
    note(place, turn);
}

fn higher_runs_first() -> Check {
    for (priority, place) in [(10, 1), (30, 2), (20, 3)] {
        spawn(priority, turn, place)?;
    }
    rest(5);
    same([noted(1), noted(2), noted(3)], [3, 1, 2])
}

fn higher_preempts() -> Check {
    spawn(110, turn, 1)?;
    same(noted(1), 1)
}

fn spin(place: u64) {
    loop {
        note(place, noted(place).max(0) + 1);
    }
}

fn same_priority_takes_turns() -> Check {
    for place in 1..=3 {
        spawn(50, spin, place)?;
    }
    rest(150);
    let counts = [noted(1), noted(2), noted(3)];
    holds(counts.iter().all(|&count| count > 0))?;
    let (least, most) = (counts.iter().min().copied().unwrap_or(0), counts.iter().max().copied().unwrap_or(0));
    holds(most < 4 * least)
}

fn raised_priority() -> Check {
    let worker = spawn(50, turn, 1)?;
    same(noted(1), make::UNSET)?;
    worker.run(110)?;
    same(noted(1), 1)
}

fn lowered_priority() -> Check {
    let (first, _second) = (spawn(60, spin, 1)?, spawn(50, spin, 2)?);
    rest(5);
    same(noted(2), make::UNSET)?;
    first.run(40)?;
    rest(30);
    holds(noted(2) > 0)
}

fn lowered_self() -> Check {
    spawn(50, turn, 1)?;
    Scheduler::boot().run_thread(make::me(), Scheduler::any_cpu(), 40, 0)?;
    same(noted(1), 1)
}

/// Counts how often two threads change.
fn changes(place: u64) {
    loop {
        if noted(14) != place as i64 {
            note(14, place as i64);
            note(13, noted(13).max(0) + 1);
        }
    }
}

fn time_slice() -> Check {
    for place in 1..=2 {
        let worker = Worker::create_in(Task::this())?;
        worker.start(1, changes, place)?;
        Scheduler::boot().run_thread(worker.thread, Scheduler::any_cpu(), 50, 1000)?;
    }
    // A machine that pauses loses turns, so there is much time for them.
    rest(200);
    holds(noted(13) >= 8)
}

/// Who asks for none has 10 ms.
fn usual_time_slice() -> Check {
    for place in 1..=2 {
        spawn(50, changes, place)?;
    }
    rest(100);
    holds((4..=14).contains(&noted(13)))
}

fn answer(_: u64) {
    no_buffers();
    let _ = ipc::wait(Timeouts::NEVER);
    loop {
        for number in 0..300 {
            core::hint::black_box(number);
        }
        let _ = ipc::reply_and_wait(Tag::new(0, 0, 0, 0), Timeouts::NEVER);
    }
}

/// A call as most are: short, and without timeouts.
fn call(gate: u64) -> i64 {
    outcome(invoke(CapIndex::from_raw(gate), Operation::CALL, 0, Tag::new(0, 1, 0, 0), Timeouts::NEVER).0)
}

fn call_for_ever(gate: u64) {
    while call(gate) == 0 {}
}

/// A thread that calls all the time leaves another one its share, though it never has a whole time slice at a stretch,
/// and its slice ends most often while its server runs, which nobody has to make way for.
fn callers_take_turns_with_others() -> Check {
    let gate = make::factory().create_gate(Some(spawn(60, answer, 0)?.thread), 0)?.leak();
    let (caller, other) = (spawn(50, call_for_ever, gate.index().raw())?.thread, spawn(50, spin, 1)?.thread);
    rest(300);
    let (caller, other) = (caller.cpu_time_us()?, other.cpu_time_us()?);
    holds(caller > 0 && other > 0 && other < 20 * caller && caller < 20 * other)
}

/// A CPU set without any CPU that is there, for which the kernel has a bit all the same.
const NO_CPU: u64 = 1 << 5;

fn run_on(cpus: u64, thread: Cap<Thread>) -> i64 {
    scheduler(&[OP_RUN_THREAD, 0, cpus, 50, 0], &[item(thread)])
}

fn count(place: u64) {
    for number in 1.. {
        note(place, number);
    }
}

/// A thread is stopped by having no CPU that is there.
fn thread_without_cpu() -> Check {
    let thread = spawn(50, count, 1)?.thread;
    rest(2);
    same(run_on(NO_CPU, thread), 0)?;
    let seen = noted(1);
    rest(3);
    same(noted(1), seen)?;
    same(ask(thread.index(), protocol::THREAD, &[thread::OP_MODIFY_SENDER, 0, 0, 0, 0], &[]), code(Error::Inval))?;
    same(run_on(1, thread), 0)?;
    rest(3);
    holds(noted(1) > seen)
}

fn give_up_cpu(cap: u64) {
    note(1, 1);
    let got = run_on(NO_CPU, Cap::new(CapIndex::from_raw(cap)));
    note(2, got);
}

fn running_thread_gives_up_its_cpu() -> Check {
    let worker = Worker::create_in(Task::this())?;
    worker.start(120, give_up_cpu, worker.thread.index().raw())?;
    rest(2);
    same((noted(1), noted(2)), (1, make::UNSET))?;
    same(run_on(1, worker.thread), 0)?;
    rest(2);
    same(noted(2), 0)
}

fn receive(_: u64) {
    no_buffers();
    let _ = ipc::wait(Timeouts::NEVER);
    note(1, utcb().mr(0) as i64);
}

/// It gets its message, and runs when it may.
fn receiver_without_cpu() -> Check {
    let thread = spawn(120, receive, 0)?.thread;
    same(run_on(NO_CPU, thread), 0)?;
    let timeouts = Timeouts { send: Timeout::ZERO, receive: Timeout::from_microseconds(3000) };
    utcb().set_mr(0, 7);
    let (tag, _) = invoke(thread.index(), Operation::CALL, 0, Tag::new(0, 1, 0, 0), timeouts);
    same((outcome(tag), noted(1)), (IPC + 3, make::UNSET))?;
    same(run_on(1, thread), 0)?;
    rest(2);
    same(noted(1), 7)
}

fn call_later(gate: u64) {
    rest(2);
    utcb().set_mr(0, 7);
    note(2, call(gate));
}

/// It is called when nobody else is ready, and does not run all the same.
fn called_without_cpu() -> Check {
    let server = spawn(120, receive, 0)?.thread;
    let gate = make::factory().create_gate(Some(server), 0)?.leak();
    same(run_on(NO_CPU, server), 0)?;
    spawn(120, call_later, gate.index().raw())?;
    rest(5);
    same((noted(1), noted(2)), (make::UNSET, make::UNSET))?;
    same(run_on(1, server), 0)?;
    rest(2);
    same(noted(1), 7)
}

/// A granularity stands for a power of two of CPUs per bit, and the offset is a multiple of it.
fn cpus_in_groups() -> Check {
    let idle =
        |granularity: u64, offset: u64, map: u64| scheduler(&[OP_IDLE_TIME, granularity << 24 | offset, map], &[]);
    same(idle(2, 3, 1), 0)?;
    same(idle(24, 0xff_ffff, 1), 0)?;
    same(idle(255, 0xff_ffff, 1), 0)?;
    same(idle(2, 4, 1), code(Error::Inval))?;
    same(idle(2, 3, 2), code(Error::Inval))
}
