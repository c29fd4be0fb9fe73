//! Waits for the first words of sigma0 and moe, and names the one that stays silent.
//!
//! The kernel starts both and knows nothing of their work but that each begins by saying on the console who it is. Who has not done so 10 s
//! after its turn came is reported, once, with what it does instead. One timer runs until both have spoken, none after that; who writes to the
//! console calls [`heard`], and nothing of this is on the way of any other system call. Neighbours: `boot_tasks` calls
//! [`start`], `sched` calls [`due`]. Those who wait further up (moe for ned, ned for its programs) watch for themselves.

use crate::arch::clock::clock_us;
use crate::arch::println;
use crate::locked::Locked;
use crate::object::RefSlot;
use crate::sched;
use crate::thread::{State, Thread};
use crate::work;
use core::cell::Cell;

/// How long each has, in seconds.
const PATIENCE_S: u64 = 10;

struct Watch {
    sigma0: RefSlot<Thread>,
    /// The root task, whatever the menu has in its place.
    moe: RefSlot<Thread>,
    /// Nobody has to speak any more.
    over: Cell<bool>,
    /// sigma0 has spoken.
    sigma0_heard: Cell<bool>,
    /// How many lines of that are said.
    lines_said: Cell<u8>,
}

static WATCH: Locked<Watch> = Locked::new(Watch {
    sigma0: RefSlot::empty(),
    moe: RefSlot::empty(),
    over: Cell::new(false),
    sigma0_heard: Cell::new(false),
    lines_said: Cell::new(0),
});

/// Begins to wait for the first words of both, of which sigma0's come first.
pub fn start(sigma0: &'static Thread, moe: &'static Thread) {
    WATCH.sigma0.set(Some(sigma0));
    WATCH.moe.set(Some(moe));
    sched::remind_at(Some(clock_us() + PATIENCE_S * 1_000_000));
}

/// A thread has written to the console.
pub fn heard(thread: &'static Thread) {
    if WATCH.over.get() {
        return;
    }
    let is_of = |slot: &RefSlot<Thread>| {
        let tasks = [thread.task.get(), slot.get().and_then(|thread| thread.task.get())];
        matches!(tasks, [Some(task), Some(other)] if core::ptr::eq(task, other))
    };
    if is_of(&WATCH.moe) {
        stop();
    } else if is_of(&WATCH.sigma0) && !WATCH.sigma0_heard.replace(true) {
        WATCH.lines_said.set(0);
        sched::remind_at(Some(clock_us() + PATIENCE_S * 1_000_000));
    }
}

/// The time has come: says who is silent, a line in each entry into the kernel, and waits no more.
pub fn due() {
    let (name, module, slot) = match WATCH.sigma0_heard.get() {
        false => ("sigma0", "/sigma0", &WATCH.sigma0),
        true => ("the root task", "/moe", &WATCH.moe),
    };
    let Some(thread) = slot.get() else { return stop() };
    let said = WATCH.lines_said.get();
    WATCH.lines_said.set(said + 1);
    work::reported();
    match said {
        0 => println!("kernel: still waiting for {name}: {PATIENCE_S} s after its start it has not said a word"),
        1 => {
            let cpu_ms = sched::consumed_us(thread) / 1000;
            println!("  {} at {:#x}, after {cpu_ms} ms of CPU time", activity(thread), thread.frame.ip());
        }
        _ => {
            println!("  Is the right file behind `module {module}` in the menu?");
            return stop();
        }
    }
    sched::remind_at(Some(clock_us()));
}

/// The threads that are kept.
#[cfg(feature = "invariants")]
pub fn watched() -> [Option<&'static Thread>; 2] {
    [WATCH.sigma0.get(), WATCH.moe.get()]
}

fn stop() {
    WATCH.over.set(true);
    sched::remind_at(None);
    WATCH.sigma0.set(None);
    WATCH.moe.set(None);
}

fn activity(thread: &Thread) -> &'static str {
    match thread.state.get() {
        State::Ready => "It computes",
        State::Stopped => "It has stopped",
        State::Sending | State::AtGate => "It waits for somebody to take its message or page fault",
        State::Listening | State::Receiving | State::Transferring => "It waits for a message",
        State::AtSemaphore => "It waits at a semaphore",
    }
}
