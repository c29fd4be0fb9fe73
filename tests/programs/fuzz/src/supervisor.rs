//! Looks after a seed's victims: makes their task, hears of their faults, and makes a new task when the old one does not go on.
//! After each task the quota must be what it was before.

use crate::victim::{self, CALLS, SUCCEEDED};
use core::sync::atomic::Ordering::Relaxed;
use harness::child::{PAGES, PAGES_ORDER, SUPERPAGES, SUPERPAGES_ORDER, give};
use harness::worker::{UTCBS, Worker, task};
use harness::{Check, Failure, quota};
use syscall::abi::{CapIndex, Flexpage, Rights, Timeout, Timeouts};
use syscall::object::thread::Control;
use syscall::{Cap, Debugger, Factory, Gate, Icu, Owned, Scheduler, Task, Thread, Vcon, ipc, println};

const PRIORITY: u64 = 240;
const VICTIM_PRIORITY: u64 = 50;
/// Bytes of kernel memory that a victim's task may use for objects.
const QUOTA: u64 = 400_000;
/// Calls after which a task is replaced even if it goes on.
const CALLS_OF_A_TASK: u64 = 10_000;
/// How long a task may go without a call, in looks of two milliseconds.
const PATIENCE: u64 = 4;
const LOOK_US: u64 = 2000;

/// Makes at least so many calls with this seed.
///
/// # Errors
/// When memory is lost, or what the supervisor itself does fails.
pub fn run(seed: u64, wanted: u64) -> Check {
    let me = Thread::main();
    Scheduler::boot().run_thread(me, Scheduler::any_cpu(), PRIORITY, 0)?;
    let gate = Factory::boot().create_gate(Some(me), 0x10)?;
    let mut generation = 0;
    // The tables of slots are there before the first count.
    one_task(seed, generation, 100, *gate)?;
    while CALLS.load(Relaxed) < wanted {
        generation += 1;
        let before = quota::left(Factory::boot());
        one_task(seed, generation, wanted.min(CALLS.load(Relaxed) + CALLS_OF_A_TASK), *gate)?;
        let after = quota::left(Factory::boot());
        if before != after {
            let lost = before as i64 - after as i64;
            return Err(Failure::new(format_args!(
                "task {generation} of seed {seed} lost {lost} bytes of kernel memory"
            )));
        }
    }
    let (calls, succeeded) = (CALLS.load(Relaxed), SUCCEEDED.load(Relaxed));
    let share = succeeded * 100 / calls;
    println!("fuzz: seed {seed}: {calls} calls, {succeeded} succeeded ({share} %), {} tasks", generation + 1);
    if share < 20 { harness::fail("too few calls succeed") } else { Ok(()) }
}

fn one_task(seed: u64, generation: u64, wanted: u64, gate: Cap<Gate>) -> Check {
    let (task, worker, factory) = make(gate)?;
    worker.start(VICTIM_PRIORITY, victim::calls, seed << 32 | generation)?;
    let mut seen = CALLS.load(Relaxed);
    let mut idle = 0;
    while CALLS.load(Relaxed) < wanted && idle < PATIENCE {
        harness::call::no_buffers();
        // A fault is not answered: the thread that it stopped is left as it is.
        let timeouts = Timeouts { send: Timeout::ZERO, receive: Timeout::from_microseconds(LOOK_US) };
        if ipc::wait(timeouts).is_ok() {
            continue;
        }
        let now = CALLS.load(Relaxed);
        if now == seen {
            idle += 1;
            worker.start(VICTIM_PRIORITY, victim::calls, seed << 32 | idle << 24 | generation)?;
        } else {
            idle = 0;
        }
        seen = now;
    }
    worker.thread.delete()?;
    syscall::cap::free(worker.thread.index());
    task.delete()?;
    factory.delete()?;
    // What its threads had sent is gone with them.
    Ok(())
}

/// A task for victims: the test's image, memory, and capabilities to everything.
fn make(gate: Cap<Gate>) -> Check<(Owned<Task>, Worker, Owned<Factory>)> {
    let task = task()?;
    let factory = Factory::boot().create_factory(QUOTA)?;
    let thread = Factory::boot().create_thread()?.leak();
    for (cap, slot) in [
        (factory.index(), CapIndex::FACTORY),
        (Vcon::boot().index(), CapIndex::LOG),
        (Icu::boot().index(), CapIndex::ICU),
        (Scheduler::boot().index(), CapIndex::SCHEDULER),
        (Debugger::boot().index(), CapIndex::DEBUGGER),
        (thread.index(), CapIndex::THREAD),
    ] {
        give(*task, Cap::<Factory>::new(cap), slot)?;
    }
    task.map_cap(gate, Rights::CAP_RWS, CapIndex::PAGER)?;
    let memory = Flexpage::memory(PAGES, PAGES_ORDER, Rights::RWX);
    task.map(Task::this(), memory, PAGES)?;
    task.map(Task::this(), Flexpage::memory(SUPERPAGES, SUPERPAGES_ORDER, Rights::RWX), SUPERPAGES)?;
    let handler = Some(CapIndex::PAGER);
    thread.control(Control {
        pager: handler,
        exception_handler: handler,
        bind: Some((*task, UTCBS + 1024)),
        alien: None,
    })?;
    Ok((task, Worker { thread, number: 1 }, factory))
}
