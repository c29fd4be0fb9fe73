//! Giving the CPU up: to whoever comes next among threads of one priority, or to one of them by name.

use super::{CPU, begin_slice, charge_to, current, end_slice_in_time, goes_on, switch_charged};
use crate::thread::{State, Thread};

/// The running thread gives up the rest of its time slice: others of its priority come first.
pub fn yield_current() {
    if let Some(current) = current() {
        current.slice_end.set(current.consumed.get());
        CPU.changed.set(true);
    }
}

/// Ends a system call with which the running thread, `current`, yields. If nobody but the next of its priority has a
/// claim to the CPU, it gets it here; else there is a choice to come.
#[inline(always)]
pub fn yield_to_next(current: &'static Thread) {
    if let Some(next) = CPU.ready.next_of(current.priority.get()) {
        hand_over(current, next);
    }
    yield_current();
}

/// As [`yield_to_next`], but it is `next` who comes first; nothing happens unless that one is ready and of the same priority.
#[inline(always)]
pub fn yield_to(current: &'static Thread, next: &'static Thread) {
    if is_peer(current, next) {
        hand_over(current, next);
    }
    yield_to_later(current, next);
}

/// As [`yield_to`], by a choice to come.
pub fn yield_to_later(current: &'static Thread, next: &'static Thread) {
    if is_peer(current, next) {
        CPU.ready.remove(next);
        CPU.ready.enqueue_front(next);
        yield_current();
    }
}

#[inline(always)]
fn is_peer(current: &'static Thread, other: &'static Thread) -> bool {
    CPU.ready.contains(other) && other.priority.get() == current.priority.get()
}

/// Ends the system call with a switch to `next`, which is ready; returns if that takes a choice.
#[inline(always)]
fn hand_over(current: &'static Thread, next: &'static Thread) {
    if goes_on(current)
        && next.state.get() == State::Ready
        && !next.vcpu.fpu_is_off()
        && let Some(task) = next.space.get()
    {
        CPU.ready.exchange(current, next);
        charge_to(current);
        begin_slice(current);
        end_slice_in_time(next);
        switch_charged(current, next, task);
    }
}
