//! The entries into the kernel that arch calls: system calls, faults, exceptions, interrupts.
//!
//! Each does its work and ends in [`sched::finish`], which says who runs next; arch resumes that thread.

use crate::arch::{self, Frame};
use crate::descriptors;
use crate::fault;
use crate::icu;
use crate::invoke;
use crate::ipc;
use crate::sched;
use crate::thread::{Leave, Thread};
use crate::vcon;
use crate::vcpu;
use crate::work;
use core::ptr::NonNull;

/// The exception by which the processor refuses a selector, among others.
const GENERAL_PROTECTION: u64 = 13;

/// A system call of the running thread, whose registers are in `frame`.
#[inline(always)]
pub fn syscall(frame: NonNull<Frame>) {
    let thread = Thread::of(frame);
    if let Some((task, utcb)) = thread.task.get_with() {
        invoke::entered(thread, task, utcb);
    }
    sched::finish_entry_of(thread);
}

/// The running thread, or nobody, is to be resumed, but there is something to do before: to go on with its end, with a
/// preempted operation or with a wait, then to raise an exception that is due, to report an alien's system
/// call, or to tell a virtual CPU of a message.
pub fn work() {
    work::begin_entry();
    if let Some(thread) = sched::current() {
        thread.frame.set_work(false);
        if thread.alien_leave.get() == Leave::Given {
            thread.alien_leave.set(Leave::Taken);
        }
        if thread.dies.get() {
            thread.go_on_dying();
        } else if thread.has_work() {
            invoke::system_call_again(thread);
        } else if thread.receive_due.get() {
            ipc::resume_receive(thread);
        } else if let Some(due) = thread.exception_due.take() {
            fault::raise_due(thread, due);
        } else if thread.alien_has_called.replace(false) {
            fault::system_call_done(thread);
        } else if thread.vcpu.message_due.replace(false) {
            vcpu::take_message(thread);
        }
        if thread.exception_due.get().is_some() || thread.alien_has_called.get() || thread.vcpu.message_due.get() {
            thread.frame.set_work(true);
        }
    }
    sched::finish();
}

/// A page fault of the running thread.
pub fn page_fault(_frame: &Frame, address: u64, error_code: u64) {
    work::begin_entry();
    if let Some(thread) = sched::current() {
        fault::page_fault(thread, address, error_code);
        sched::finish_entry_of(thread);
    }
    sched::finish();
}

/// Another exception of the running thread.
pub fn exception(_frame: &Frame, trapno: u64, error_code: u64) {
    work::begin_entry();
    if let Some(thread) = sched::current() {
        if trapno != GENERAL_PROTECTION || !descriptors::adopts_ldt(thread, error_code) {
            fault::exception(thread);
        }
        sched::finish_entry_of(thread);
    }
    sched::finish();
}

/// The timer fired.
pub fn timer() {
    work::begin_entry();
    sched::timer_fired();
    sched::finish();
}

/// The machine wakes up from a sleep that the running thread asked for.
pub fn woken() {
    work::begin_entry();
    if let Some(thread) = sched::current() {
        arch::fpu_restore(&thread.fpu);
    }
    vcon::vcon().woken();
    // The timer has forgotten its deadline, and some may be over.
    sched::timer_fired();
    sched::finish();
}

/// An interrupt came at `vector`.
pub fn interrupt(vector: u8) {
    work::begin_entry();
    icu::raised(vector);
    arch::irq::acknowledge(vector);
    sched::finish();
}
