//! Looks after a seed's victims: makes two tasks that know each other, with a witness in one and a handler in the
//! other, hears of their faults, and makes new tasks when the old ones do not go on. After each pair the quota must
//! be what it was before, and what the victims may not change must be as it was.
#![allow(unsafe_code)] // numbers the witness's pages

use crate::call::{BYSTANDER_GATE, BYSTANDER_THREAD, HANDLER, PEER_GATE, PEER_TASK, PEER_THREAD};
use crate::victim::{self, CALLS, SUCCEEDED};
use crate::{finding, handler, registers, witness};
use core::sync::atomic::Ordering::Relaxed;
use harness::child::{PAGES, PAGES_ORDER, PARENT, SUPERPAGES, SUPERPAGES_ORDER, give};
use harness::worker::{UTCBS, task};
use harness::{Check, Failure, quota};
use syscall::abi::item::{NO_REFERENCE_COUNT, OBJECT_RIGHTS};
use syscall::abi::{
    CapIndex, Flexpage, MapItem, PAGE_SIZE, Rights, Timeout, Timeouts, protocol, thread::EX_REGS_CANCEL,
};
use syscall::arch::utcb;
use syscall::object::thread::Control;
use syscall::{Cap, Debugger, Factory, Gate, Icu, Owned, Scheduler, Task, Thread, Vcon, ipc, println};

const PRIORITY: u64 = 240;
const VICTIM_PRIORITY: u64 = 50;
/// Their time slice, short so that all have their turn within a look.
const SLICE_US: u64 = 200;
/// Bytes of kernel memory that a victims' task may use for objects.
const QUOTA: u64 = 400_000;
/// Calls after which tasks are replaced even if they go on.
const CALLS_OF_A_PAIR: u64 = 5_000;
/// How long tasks may go without a call, in looks of two milliseconds.
const PATIENCE: u64 = 4;
const LOOK_US: u64 = 2000;
/// Label of the gate that victims must not bind anew.
const BYSTANDER_LABEL: u64 = 0xb157_a8d0;

/// A task of victims.
struct Party {
    task: Owned<Task>,
    factory: Owned<Factory>,
    /// The victim that makes the first calls, and the number of its stack.
    first: Owned<Thread>,
    stack: usize,
    /// Leads to it.
    gate: Owned<Gate>,
    /// The witness, or the handler.
    helper: Owned<Thread>,
}

/// What all tasks of a seed know and may not change.
struct Bystanders {
    gate: Owned<Gate>,
    thread: Owned<Thread>,
}

/// Makes at least so many calls with this seed.
///
/// # Errors
/// When memory is lost, a victim finds something, or what the supervisor itself does fails.
pub fn run(seed: u64, wanted: u64) -> Check {
    let me = Thread::main();
    Scheduler::boot().run_thread(me, Scheduler::any_cpu(), PRIORITY, 0)?;
    let gate = Factory::boot().create_gate(Some(me), 0x10)?;
    let bystanders = Bystanders {
        gate: Factory::boot().create_gate(Some(me), BYSTANDER_LABEL)?,
        thread: Factory::boot().create_thread()?,
    };
    for page in 0..1 << (PAGES_ORDER - 12) {
        // SAFETY: pages of the test that nobody else uses; the victims get the first ones as the witness's.
        unsafe { ((PAGES + page * PAGE_SIZE as u64) as *mut u64).write_volatile(witness::content(page)) };
    }
    let mut generation = 0;
    // The tables of slots are there before the first count.
    pair(seed, generation, 100, *gate, &bystanders)?;
    while CALLS.load(Relaxed) < wanted {
        generation += 1;
        let before = quota::left(Factory::boot());
        pair(seed, generation, wanted.min(CALLS.load(Relaxed) + CALLS_OF_A_PAIR), *gate, &bystanders)?;
        let after = quota::left(Factory::boot());
        if before != after {
            let lost = before as i64 - after as i64;
            return Err(Failure::new(format_args!("pair {generation} lost {lost} bytes of kernel memory")));
        }
    }
    bystanders.thread.delete()?;
    let (calls, succeeded) = (CALLS.load(Relaxed), SUCCEEDED.load(Relaxed));
    let share = succeeded * 100 / calls;
    println!("fuzz: seed {seed}: {calls} calls, {succeeded} succeeded ({share} %), {} pairs", generation + 1);
    if share < 20 { harness::fail("too few calls succeed") } else { Ok(()) }
}

/// One pair of tasks, from their creation to their end.
fn pair(seed: u64, generation: u64, wanted: u64, gate: Cap<Gate>, bystanders: &Bystanders) -> Check {
    let parties = [make(gate, bystanders, 1)?, make(gate, bystanders, 10)?];
    let [a, b] = &parties;
    for (here, there) in [(a, b), (b, a)] {
        give(*here.task, *there.gate, PEER_GATE)?;
        give(*here.task, *there.first, PEER_THREAD)?;
        give(*here.task, *there.task, PEER_TASK)?;
    }
    let answers = Factory::boot().create_gate(Some(*b.helper), 0x20)?;
    for party in [a, b] {
        lend(*party.task, *answers, Rights::CAP_RW, 0, HANDLER)?;
    }
    let argument = |number: u64| seed << 32 | number << 28 | generation;
    testify(a)?;
    start(*a.helper, 11, witness::watch, argument(2))?;
    start(*b.helper, 12, handler::answer, argument(3))?;
    start(*a.first, a.stack, victim::calls, argument(0))?;
    start(*b.first, b.stack, victim::calls, argument(1))?;
    supervise(&parties, argument, wanted)?;
    answers.delete()?;
    for party in parties {
        end(party)?;
    }
    if let Some(finding) = finding::first() {
        return Err(Failure::new(format_args!("{finding}")));
    }
    look_at(bystanders)
}

/// Hears of faults, and starts victims anew while none of them makes calls.
fn supervise(parties: &[Party; 2], argument: impl Fn(u64) -> u64, wanted: u64) -> Check {
    let mut seen = CALLS.load(Relaxed);
    let mut idle = 0;
    while CALLS.load(Relaxed) < wanted && idle < PATIENCE && finding::first().is_none() {
        harness::call::no_buffers();
        // A fault is not answered: the thread that it stopped is left as it is.
        let timeouts = Timeouts { send: Timeout::ZERO, receive: Timeout::from_microseconds(LOOK_US) };
        registers::keep_secret();
        if ipc::wait(timeouts).is_ok() {
            continue;
        }
        let now = CALLS.load(Relaxed);
        if now == seen {
            idle += 1;
            for (number, party) in parties.iter().enumerate() {
                let argument = argument(number as u64) | idle << 24;
                start(*party.first, party.stack, victim::calls, argument)?;
            }
        } else {
            idle = 0;
        }
        seen = now;
    }
    Ok(())
}

/// Starts a thread anew, whatever it waits for.
fn start(thread: Cap<Thread>, stack: usize, work: fn(u64), argument: u64) -> Check {
    let (ip, sp) = registers::prepare(stack, work, argument);
    thread.ex_regs(ip, sp, EX_REGS_CANCEL)?;
    Ok(Scheduler::boot().run_thread(thread, Scheduler::any_cpu(), VICTIM_PRIORITY, SLICE_US)?)
}

/// A task for victims: the test's image, memory, and capabilities to everything.
fn make(gate: Cap<Gate>, bystanders: &Bystanders, stack: usize) -> Check<Party> {
    let task = task()?;
    // The supervisor's own task is nothing to play with.
    task.unmap(Flexpage::object(PARENT, 0, Rights::ALL), true)?;
    let factory = Factory::boot().create_factory(QUOTA)?;
    let (first, helper) = (Factory::boot().create_thread()?, Factory::boot().create_thread()?);
    for (cap, slot) in [
        (factory.index(), CapIndex::FACTORY),
        (Vcon::boot().index(), CapIndex::LOG),
        (Icu::boot().index(), CapIndex::ICU),
        (Scheduler::boot().index(), CapIndex::SCHEDULER),
        (Debugger::boot().index(), CapIndex::DEBUGGER),
        (first.index(), CapIndex::THREAD),
    ] {
        give(*task, Cap::<Factory>::new(cap), slot)?;
    }
    lend_weak(*task, *bystanders.gate, BYSTANDER_GATE)?;
    lend_weak(*task, *bystanders.thread, BYSTANDER_THREAD)?;
    lend(*task, gate, Rights::CAP_RWS, 0, CapIndex::PAGER)?;
    let memory = Flexpage::memory(PAGES, PAGES_ORDER, Rights::RWX);
    task.map(Task::this(), memory, PAGES)?;
    task.map(Task::this(), Flexpage::memory(SUPERPAGES, SUPERPAGES_ORDER, Rights::RWX), SUPERPAGES)?;
    let (pager, handler) = (Some(CapIndex::PAGER), Some(HANDLER));
    let bind = |utcb: u64| Some((*task, utcb));
    helper.control(Control { pager, exception_handler: pager, bind: bind(UTCBS), alien: None })?;
    first.control(Control { pager: handler, exception_handler: handler, bind: bind(UTCBS + 1024), alien: None })?;
    let gate = Factory::boot().create_gate(Some(*first), 0x30)?;
    Ok(Party { task, factory, first, stack, gate, helper })
}

/// Maps a capability that does not count: whoever may change the count could delete the object otherwise.
fn lend<T>(task: Cap<Task>, cap: Cap<T>, rights: Rights, object_rights: u64, slot: CapIndex) -> Check {
    let control = MapItem::map_at(cap.flexpage(Rights::ALL), slot.raw()).control | NO_REFERENCE_COUNT | object_rights;
    Ok(task.map_item(Task::this(), MapItem { control, flexpage: cap.flexpage(rights) })?)
}

/// Lends a capability with the right to read alone, and with all that is the object's own business.
fn lend_weak<T>(task: Cap<Task>, cap: Cap<T>, slot: CapIndex) -> Check {
    lend(task, cap, Rights::CAP_R, OBJECT_RIGHTS, slot)
}

/// What the witness needs beyond what all have.
fn testify(party: &Party) -> Check {
    give(*party.task, *party.task, witness::OWN_TASK)?;
    for slot in witness::CAPS..witness::CAPS + witness::CAPS_COUNT {
        lend_weak(*party.task, *party.gate, CapIndex::new(slot))?;
    }
    let pages = Flexpage::memory(PAGES, witness::PAGES_ORDER, Rights::R);
    Ok(party.task.map(Task::this(), pages, witness::PAGES)?)
}

/// Deletes all that a party is made of.
fn end(party: Party) -> Check {
    party.first.delete()?;
    party.helper.delete()?;
    party.gate.delete()?;
    party.task.delete()?;
    Ok(party.factory.delete()?)
}

/// What the victims had no right to change is as it was.
fn look_at(bystanders: &Bystanders) -> Check {
    if bystanders.gate.label()? != BYSTANDER_LABEL {
        return Err(Failure::new(format_args!("a gate was bound without the right to do that")));
    }
    // Control that changes nothing says who the pager is.
    harness::same(harness::ask(bystanders.thread.index(), protocol::THREAD, &[0; 6], &[]), 0)?;
    if utcb().mr(1) != CapIndex::INVALID.raw() {
        return Err(Failure::new(format_args!("a thread was controlled without the right to do that")));
    }
    Ok(())
}
