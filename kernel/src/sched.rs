//! Who runs: fixed priorities, round robin with time slices, one-shot timer.
//!
//! Who takes pages back goes on when its slice is over: others of its priority could map them on faster (decision 22).
//! The running thread is not on the ready queue. Whatever makes threads ready calls [`wake`] (or
//! [`prefer`]); every kernel entry ends in [`finish`], which chooses and switches. No timer is programmed
//! unless somebody waits for the clock or shares the running thread's priority.

use crate::arch;
use crate::arch::clock;
use crate::ipc;
use crate::locked::Locked;
use crate::object::Guard;
use crate::task::Task;
use crate::thread::{State, Thread};
use crate::upkeep;
use crate::watch;
use crate::work::{self, Work};
use core::cell::Cell;
use kernel::planted::{Bug, is_planted};
use kernel::queue::{ReadyQueue, TimeoutQueue};

#[cfg(feature = "invariants")]
pub mod check;
mod yielding;

pub use yielding::{yield_current, yield_to, yield_to_later, yield_to_next};

/// The scheduling state of a CPU.
struct Cpu {
    current: Cell<Option<&'static Thread>>,
    /// A thread that was made ready and should run next, unless one of higher priority is there.
    preferred: Cell<Option<&'static Thread>>,
    /// Something happened since the last choice that can change it, or the timer.
    changed: Cell<bool>,
    ready: ReadyQueue<Thread>,
    timeouts: TimeoutQueue<Thread>,
    /// Up to when the time is charged to those who ran, in ticks of the time stamp counter.
    charged: Cell<u64>,
    /// When to call [`watch::due`], or [`NO_DEADLINE`].
    reminder_us: Cell<u64>,
    /// What the timer is programmed to, or [`NO_DEADLINE`].
    programmed_us: Cell<u64>,
    /// Time without a thread to run, in ticks.
    idle: Cell<u64>,
}

const NO_DEADLINE: u64 = u64::MAX;
/// What it costs to take a thread out of the timeout queue and make it ready, beside a unit.
const TIMEOUT_UNITS: u32 = 2;

/// The priority of a thread that no CPU runs, ready or not.
pub const OFF: u8 = 0;

static CPU: Locked<Cpu> = Locked::new(Cpu {
    current: Cell::new(None),
    preferred: Cell::new(None),
    changed: Cell::new(true),
    ready: ReadyQueue::new(),
    timeouts: TimeoutQueue::new(),
    charged: Cell::new(0),
    reminder_us: Cell::new(NO_DEADLINE),
    programmed_us: Cell::new(NO_DEADLINE),
    idle: Cell::new(0),
});

/// The running thread, if the CPU does not idle.
#[inline]
pub fn current() -> Option<&'static Thread> {
    CPU.current.get()
}

/// Time that the CPU has idled, in microseconds.
pub fn idle_us() -> u64 {
    clock::us_of_ticks(CPU.idle.get())
}

/// Puts a thread that became ready on the ready queue. The running thread needs no queue.
#[inline]
pub fn wake(thread: &'static Thread) {
    if is_current(thread) || CPU.ready.contains(thread) || is_preferred(thread) {
        return;
    }
    CPU.ready.enqueue_back(thread);
    match current() {
        Some(current) if thread.priority.get() < current.priority.get() => {}
        Some(current) if thread.priority.get() == current.priority.get() => end_slice_in_time(current),
        _ => CPU.changed.set(true),
    }
}

/// Lets a thread that became ready run next, if no thread of higher priority is ready.
#[inline]
pub fn prefer(thread: &'static Thread) {
    if is_current(thread) || CPU.ready.contains(thread) {
        return;
    }
    CPU.changed.set(true);
    if let Some(other) = CPU.preferred.replace(Some(thread))
        && !core::ptr::eq(other, thread)
    {
        CPU.ready.enqueue_front(other);
    }
}

/// Takes a thread away from the scheduler. No other one gets a claim to the CPU by that.
pub fn remove(thread: &'static Thread) {
    cancel_timeout(thread);
    thread.receive_due.set(false);
    if is_preferred(thread) {
        CPU.preferred.set(None);
    }
    if CPU.ready.contains(thread) {
        CPU.ready.remove(thread);
    }
}

/// Gives a thread priority and time slice.
pub fn set_parameters(thread: &'static Thread, priority: u8, quantum_us: u64) {
    if can_run(thread) {
        CPU.changed.set(true);
    }
    let queued = CPU.ready.contains(thread);
    if queued {
        CPU.ready.remove(thread);
    }
    thread.priority.set(priority);
    thread.quantum.set(clock::ticks_of_us(quantum_us));
    begin_slice(thread);
    if queued {
        CPU.ready.enqueue_back(thread);
    }
}

/// Has [`ipc::timed_out`] called for the thread at a time in microseconds.
pub fn set_timeout(thread: &'static Thread, deadline_us: u64) {
    CPU.timeouts.insert(thread, deadline_us);
    program_timer(deadline_us);
}

/// Whether a timeout of the thread runs.
#[inline]
pub fn has_timeout(thread: &'static Thread) -> bool {
    kernel::queue::Timed::timeout_links(thread).is_linked()
}

/// Forgets the thread's timeout, if it has one.
#[inline]
pub fn cancel_timeout(thread: &'static Thread) {
    if has_timeout(thread) {
        CPU.timeouts.remove(thread);
    }
}

/// The timer fired.
pub fn timer_fired() {
    CPU.programmed_us.set(NO_DEADLINE);
    CPU.changed.set(true);
    charge();
    let now = clock::clock_us();
    // What is due beyond the budget has the timer programmed for at once.
    while work::budget().spend()
        && let Some(thread) = CPU.timeouts.pop_due(now)
    {
        ipc::timed_out(thread);
        work::budget().take(TIMEOUT_UNITS);
    }
    if let Some(deadline) = CPU.timeouts.next_deadline() {
        program_timer(deadline);
    }
    if CPU.reminder_us.get() <= now {
        watch::due();
    }
    program_timer(CPU.reminder_us.get());
}

/// Has [`watch::due`] called at a time in microseconds, or not at all.
pub fn remind_at(deadline_us: Option<u64>) {
    let deadline_us = deadline_us.unwrap_or(NO_DEADLINE);
    CPU.reminder_us.set(deadline_us);
    program_timer(deadline_us);
}

/// CPU time of a thread in microseconds, up to now.
pub fn consumed_us(thread: &'static Thread) -> u64 {
    if is_current(thread) {
        charge();
    }
    clock::us_of_ticks(thread.consumed.get())
}

/// The I/O ports of a task have changed: the running thread's take effect at once.
pub fn ports_changed() {
    if let Some(task) = current().and_then(|thread| thread.space.get()) {
        arch::load_ports(task.io.bitmap());
    }
}

/// Ends a kernel entry: frees what is dead, chooses the thread to run, and makes it current.
#[inline]
pub fn finish() {
    let goes_on = current().is_some_and(goes_on);
    if !goes_on {
        finish_by_choice();
    }
}

/// Ends an entry of the running thread into the kernel. Most often it just goes on, or waits and somebody else has his
/// turn: no choice is needed then.
#[inline(always)]
pub fn finish_entry_of(thread: &'static Thread) {
    if goes_on(thread) {
        arch::resume(thread.as_frame());
    }
    if let Some((next, task)) = successor(thread) {
        CPU.preferred.set(None);
        CPU.changed.set(false);
        switch_fast(thread, next, task);
    }
    finish_by_choice();
}

/// Who is to run next, and its task, if the running thread waits and there is nothing to choose or to do before: the
/// preferred thread if nobody else can have a claim to the CPU, or the first of those who wait for their turn.
#[inline(always)]
fn successor(current: &'static Thread) -> Option<(&'static Thread, &'static Task)> {
    if can_run(current) || upkeep::is_due() || current.vcpu.fpu_is_off() {
        return None;
    }
    let preferred = CPU.preferred.get();
    let next = preferred.or_else(|| CPU.ready.first())?;
    let task = next.space.get()?;
    if next.state.get() != State::Ready || next.vcpu.fpu_is_off() {
        return None;
    }
    if preferred.is_none() {
        CPU.ready.remove(next);
    }
    can_switch_to(next).then_some((next, task))
}

/// Whether nothing has happened since the last choice that asks for another one.
#[inline(always)]
fn goes_on(current: &'static Thread) -> bool {
    current.state.get() == State::Ready && !CPU.changed.get() && !upkeep::is_due()
}

#[inline(never)]
fn finish_by_choice() {
    let mut next = if upkeep::is_due() {
        // The running thread may die here; its registers and FPU state are in use until the switch.
        let _running = current().map(Guard::new);
        upkeep::go_on();
        if current().is_some_and(goes_on) {
            return;
        }
        switch()
    } else {
        switch()
    };
    let mut gone_on = false;
    while let Some(thread) = next {
        if thread.receive_due.get() {
            if core::mem::replace(&mut gone_on, true) || work::budget().is_used_up() {
                // One thread after the other could go on and wait again: each comes to a preemption point before, but
                // the first, if the entry was a short one.
                thread.frame.set_work(true);
                break;
            }
            ipc::resume_receive(thread);
        }
        // What it did can have made others ready, of higher priority maybe.
        if thread.state.get() == State::Ready && !CPU.changed.get() {
            break;
        }
        next = switch();
    }
    match current() {
        Some(thread) if upkeep::is_due_at(thread.priority.get()) => thread.frame.set_work(true),
        Some(_) => {}
        None => arch::set_idle_work(upkeep::is_due()),
    }
    if let Some(current) = current()
        && CPU.ready.highest() == current.priority.get()
    {
        end_slice_in_time(current);
    }
}

/// Chooses who runs and makes it current.
fn switch() -> Option<&'static Thread> {
    CPU.changed.set(false);
    let next = choose();
    switch_to(next);
    next
}

/// Whether the thread is the running one.
#[inline]
pub fn is_current(thread: &'static Thread) -> bool {
    CPU.current.get().is_some_and(|current| core::ptr::eq(current, thread))
}

fn is_preferred(thread: &'static Thread) -> bool {
    CPU.preferred.get().is_some_and(|preferred| core::ptr::eq(preferred, thread))
}

/// Whether the thread can be chosen: it is ready, or has a receive phase to go on with.
fn can_run(thread: &'static Thread) -> bool {
    thread.state.get() == State::Ready || thread.receive_due.get()
}

/// Takes the thread to run next from the queues. The current thread goes back to them if it is ready.
fn choose() -> Option<&'static Thread> {
    if let Some(current) = current()
        && can_run(current)
    {
        if current.priority.get() == OFF {
            CPU.ready.enqueue_back(current);
            return choose_waiting();
        }
        let is_over = current.consumed.get() >= current.slice_end.get();
        if is_over {
            begin_slice(current);
        }
        let used_up = is_over && current.with_work(Work::takes_pages_back) != Some(true);
        let rival = CPU.ready.highest().max(CPU.preferred.get().map_or(OFF, |thread| thread.priority.get()));
        let gives_way = if used_up { rival >= current.priority.get() } else { rival > current.priority.get() };
        if !gives_way {
            return keep_current(current);
        }
        if used_up {
            CPU.ready.enqueue_back(current);
        } else {
            CPU.ready.enqueue_front(current);
        }
    }
    choose_waiting()
}

/// Takes the thread to run next of those that wait for their turn.
fn choose_waiting() -> Option<&'static Thread> {
    if let Some(preferred) = CPU.preferred.take() {
        if preferred.priority.get() > OFF && CPU.ready.highest() <= preferred.priority.get() {
            return Some(preferred);
        }
        CPU.ready.enqueue_front(preferred);
    }
    let next = CPU.ready.first()?;
    CPU.ready.remove(next);
    Some(next)
}

fn keep_current(current: &'static Thread) -> Option<&'static Thread> {
    if let Some(preferred) = CPU.preferred.take() {
        CPU.ready.enqueue_back(preferred);
    }
    Some(current)
}

/// Makes `next` the running thread.
fn switch_to(next: Option<&'static Thread>) {
    let old = CPU.current.get();
    match (old, next) {
        (Some(old), Some(next)) if core::ptr::eq(old, next) => return,
        (None, None) => return,
        _ => {}
    }
    charge();
    if let Some(old) = old {
        old.vcpu.lend_fpu();
        arch::fpu_save(&old.fpu);
    }
    CPU.current.set(next);
    match next {
        Some(next) => {
            run(next);
            next.vcpu.return_fpu();
        }
        None => arch::switch_to_idle(),
    }
}

/// Whether the running thread, about to wait, may hand the CPU to `next` without a choice: nobody of a higher priority
/// is ready. If somebody of the same one is, the timer is programmed to end the time slice of `next`; should `next` not
/// run after all, it fires for nothing.
#[inline(always)]
pub fn can_switch_to(next: &'static Thread) -> bool {
    let (rival, priority) = (CPU.ready.highest(), next.priority.get());
    rival < priority || rival == priority && priority != OFF && will_share(next)
}

/// Has the timer end the time slice that `next` is to begin or to go on with. True.
#[cold]
fn will_share(next: &'static Thread) -> bool {
    charge();
    end_slice_in_time(next);
    true
}

/// Hands the CPU from the running thread, which waits now, to `next`, which is ready and runs in `task`, and leaves
/// the kernel.
#[inline(always)]
pub fn switch_fast(old: &'static Thread, next: &'static Thread, task: &'static Task) -> ! {
    charge_to(old);
    switch_charged(old, next, task)
}

/// The same when `old` has just been charged with its time.
#[inline(always)]
fn switch_charged(old: &'static Thread, next: &'static Thread, task: &'static Task) -> ! {
    arch::fpu_save(&old.fpu);
    CPU.current.set(Some(next));
    load_fpu(next);
    task.activate(next.as_frame());
    arch::resume(next.as_frame())
}

#[inline(always)]
fn load_fpu(next: &'static Thread) {
    if !(is_planted(Bug::FpuLeaked) && next.consumed.get() == 0) {
        arch::fpu_restore(&next.fpu);
    }
}

/// Loads what belongs to a thread that is to run.
#[inline(always)]
fn run(next: &'static Thread) {
    load_fpu(next);
    match next.space.get() {
        Some(task) => task.activate(next.as_frame()),
        None => arch::switch_to(next.as_frame(), arch::kernel_root(), || None),
    }
}

/// Charges the time since the last call to whoever ran.
fn charge() {
    match CPU.current.get() {
        Some(thread) => charge_to(thread),
        None => CPU.idle.set(CPU.idle.get().wrapping_add(uncharged())),
    }
}

/// Charges the time since the last call to the thread, which ran.
#[inline(always)]
fn charge_to(thread: &'static Thread) {
    thread.consumed.set(thread.consumed.get().wrapping_add(uncharged()));
}

/// The time that was not charged to anybody yet, in ticks.
#[inline(always)]
fn uncharged() -> u64 {
    let now = clock::tsc();
    now.wrapping_sub(CPU.charged.replace(now))
}

/// Gives the thread a new time slice.
fn begin_slice(thread: &'static Thread) {
    thread.slice_end.set(thread.consumed.get().saturating_add(thread.quantum.get()));
}

/// Somebody of its priority waits: has the timer end the running thread's time slice.
fn end_slice_in_time(current: &'static Thread) {
    let left = current.slice_end.get().saturating_sub(current.consumed.get());
    let slice_end = CPU.charged.get().saturating_add(left);
    program_timer(clock::us_of_ticks(slice_end).saturating_add(1));
}

/// Has the timer fire at this time in microseconds, or earlier: that is harmless, since it is programmed anew then.
fn program_timer(deadline_us: u64) {
    if deadline_us < CPU.programmed_us.get() {
        CPU.programmed_us.set(deadline_us);
        arch::timer::program_timer(deadline_us);
    }
}
