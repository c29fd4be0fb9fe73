//! Page faults and exceptions: IPC that the kernel sends for a thread to its pager and exception handler.
//!
//! The thread's UTCB carries the message, so the registers that it overwrites are saved and put back
//! when the answer comes. Formats: `l4sys` page fault and exception protocols, `arch/utcb.h`.

use crate::arch::println;
use crate::boot_tasks;
use crate::gate::Gate;
use crate::ipc::{self, From, Purpose, Start, When};
use crate::ipc_fast;
use crate::message::UtcbPointer;
use crate::object::{Header, Object};
use crate::thread::{Leave, Thread};
use crate::trampoline;
use crate::vcpu;
use crate::work;
use abi::exc_regs::{EX_REGS_TRAP, PAGE_FAULT_TRAP, SYSTEM_CALL_DONE, SYSTEM_CALL_TO_COME, SYSTEM_CALL_TRAP, WORDS};
use abi::item::MAP;
use abi::utcb::INHERIT_FPU;
use abi::vcpu::{EXCEPTIONS, PAGE_FAULTS};
use abi::{CapIndex, Flexpage, IpcError, Rights, Tag, Timeouts, protocol};
use kernel::cap_space::Attributes;

const ERROR_PRESENT: u64 = 1;
const ERROR_WRITE: u64 = 2;
const ERROR_FETCH: u64 = 16;

/// The thread touched `address` without a mapping that allows it.
pub fn page_fault(thread: &'static Thread, address: u64, error_code: u64) {
    if vcpu::reports(thread, PAGE_FAULTS) {
        return;
    }
    let Some(task) = thread.task.get() else { return thread.kill() };
    if task.is_sigma0() {
        if !boot_tasks::map_for_sigma0(task, address) {
            die_of_sigma0(thread, address);
        }
        return;
    }
    let fetch = if error_code & ERROR_FETCH != 0 { 4 } else { 0 };
    let word = address & !7 | error_code & (ERROR_PRESENT | ERROR_WRITE) | fetch;
    if trampoline::takes(thread, word) {
        return;
    }
    if thread.is_alien.get() {
        return exception(thread);
    }
    let Some((pager, rights, label)) = handler(thread, thread.pager.get()) else {
        let (pager, ip) = (thread.pager.get().index(), thread.frame.ip());
        tell(
            thread,
            format_args!("stopped: no pager (capability {pager}) for its page fault at {address:#x}, ip {ip:#x}"),
        );
        work::reported();
        return thread.kill();
    };
    let Some(utcb) = thread.utcb() else { return thread.kill() };
    save_utcb(thread, utcb);
    let tag = Tag::new(protocol::PAGE_FAULT, 2, 0, 0);
    let write = |to: UtcbPointer| {
        to.set_mr(0, word);
        to.set_mr(1, thread.frame.ip());
    };
    if let Handler::Thread(pager) = pager
        && ipc_fast::tell(thread, pager, tag, label, rights, Purpose::PageFault, write)
    {
        return;
    }
    write(utcb);
    send(thread, pager, tag, rights, label, Purpose::PageFault);
}

/// Says on the console what becomes of a thread, once: one that is started again and again must not fill it.
fn tell(thread: &'static Thread, what: core::fmt::Arguments) {
    if !thread.is_told_of.replace(true) {
        println!("KERNEL: thread {} {what}", thread.header.id());
    }
}

/// The thread raised the exception that its frame records.
pub fn exception(thread: &'static Thread) {
    if vcpu::reports(thread, EXCEPTIONS) {
        return;
    }
    let Some(utcb) = thread.utcb() else { return thread.kill() };
    let Some((handler, rights, label)) = handler(thread, thread.exception_handler.get()) else {
        if thread.task.get().is_some_and(|task| task.is_sigma0()) {
            die_of_sigma0(thread, thread.frame.fault_address());
        }
        let (handler, number, ip) = (thread.exception_handler.get().index(), thread.frame.trapno(), thread.frame.ip());
        tell(
            thread,
            format_args!(
                "waits for ever: no exception handler (capability {handler}) for its exception {number} at ip {ip:#x}"
            ),
        );
        work::reported();
        // As Fiasco does it: a message to itself, which only a cancellation ends.
        save_utcb(thread, utcb);
        let tag = Tag::new(protocol::EXCEPTION, WORDS, 0, 0);
        return send(thread, Handler::Thread(thread), tag, Rights::NONE, 0, Purpose::Exception);
    };
    save_utcb(thread, utcb);
    let tag = Tag::new(protocol::EXCEPTION, WORDS, 0, Tag::TRANSFER_FPU);
    let write = |to: UtcbPointer| thread.frame.read_exc_regs(|index, value| to.set_mr(index, value));
    if let Handler::Thread(handler) = handler
        && ipc_fast::tell(thread, handler, tag, label, rights, Purpose::Exception, write)
    {
        return;
    }
    send(thread, handler, tag, rights, label, Purpose::Exception);
}

/// Whether a system call of a thread that reports them is done this time: an alien's, by leave of its handler. Its end
/// will be reported.
#[cold]
pub fn may_call(thread: &'static Thread) -> bool {
    let may = thread.alien_leave.replace(Leave::None) == Leave::Taken && !thread.vcpu.in_user_task();
    if may {
        thread.alien_has_called.set(true);
        thread.frame.set_work(true);
    }
    may
}

/// The thread is about to do a system call, which is reported instead.
#[cold]
pub fn system_call_to_come(thread: &'static Thread) {
    thread.frame.rewind_system_call();
    thread.frame.set_trap(SYSTEM_CALL_TRAP, SYSTEM_CALL_TO_COME, 0);
    exception(thread);
}

/// Reports that an alien's system call is done.
pub fn system_call_done(thread: &'static Thread) {
    thread.frame.resume_full();
    thread.frame.set_trap(SYSTEM_CALL_TRAP, SYSTEM_CALL_DONE, 0);
    exception(thread);
}

/// An exception that a thread is to raise when it runs.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// `ex_regs` asked for it.
    ExRegs,
    /// Its frame records a page fault that its pager would not, or could not, deal with.
    PageFault,
}

/// Raises an exception that was due, now that the thread runs.
pub fn raise_due(thread: &'static Thread, due: Due) {
    if due == Due::ExRegs {
        thread.frame.set_trap(EX_REGS_TRAP, 0, 0);
    }
    exception(thread);
}

/// The pager or exception handler answered, or could not be asked.
pub fn answered(thread: &'static Thread, tag: Tag) {
    let purpose = thread.pending.purpose.replace(Purpose::SystemCall);
    let Some(utcb) = thread.utcb() else { return };
    let error = if tag.has_error() { IpcError::from_code(utcb.error() & abi::ipc::ERROR_MASK) } else { None };
    restore_utcb(thread, utcb);
    match purpose {
        Purpose::PageFault => {
            // A page that could not be mapped, for want of kernel memory, could not be the next time either.
            let hopeless = matches!(error, Some(IpcError::NotExistent | IpcError::ReceiveMapFailed));
            if hopeless || !tag.has_error() && tag.label() < 0 {
                debug_assert_eq!(thread.frame.trapno(), PAGE_FAULT_TRAP);
                // In an entry of its own: a report takes as long as a whole one, and this one may be another thread's.
                thread.exception_due.set(Some(Due::PageFault));
                thread.frame.set_work(true);
            }
        }
        Purpose::Exception => {
            if !tag.has_error() && tag.label() == protocol::ALLOW_SYSCALL {
                thread.alien_leave.set(Leave::Given);
                thread.frame.set_work(true);
            }
        }
        Purpose::SystemCall | Purpose::Upcall | Purpose::Resume => {}
    }
}

/// Who is asked about a fault.
enum Handler {
    /// This thread.
    Thread(&'static Thread),
    /// The thread that this gate will be bound to.
    Gate(&'static Gate),
}

/// Where a handler's capability leads to, with the capability's rights and the label that the handler will see.
fn handler(thread: &'static Thread, cap: CapIndex) -> Option<(Handler, Rights, u64)> {
    if !cap.is_valid() {
        return None;
    }
    let (header, attributes): (&'static Header, Attributes) = thread.task.get()?.caps.lookup(cap.index())?;
    let rights = Rights(attributes & 0xf);
    match header.object() {
        Object::Gate(gate) => {
            let label = gate.label.get() | u64::from(rights.0) & abi::gate::LABEL_RIGHTS_MASK;
            Some((gate.thread.get().map_or(Handler::Gate(gate), Handler::Thread), rights, label))
        }
        Object::Thread(handler) => Some((Handler::Thread(handler), rights, 0)),
        _ => None,
    }
}

fn send(thread: &'static Thread, to: Handler, tag: Tag, rights: Rights, label: u64, purpose: Purpose) {
    let timeouts = Timeouts::NEVER;
    match to {
        Handler::Thread(to) => {
            let from = From::Only(&to.sender);
            ipc::start(thread, Start { to: Some(to), from, tag, label, rights, timeouts, purpose });
        }
        Handler::Gate(gate) => gate.hold(thread, purpose, rights, When::Never),
    }
}

/// The gate that a fault waited at was bound to a thread: the fault is told anew.
pub fn gate_was_bound(thread: &'static Thread) {
    let Some(utcb) = thread.utcb() else { return };
    restore_utcb(thread, utcb);
    match thread.pending.purpose.replace(Purpose::SystemCall) {
        Purpose::PageFault => page_fault(thread, thread.frame.fault_address(), thread.frame.error_code()),
        _ => exception(thread),
    }
}

/// Saves what a fault's message overwrites, and opens the receive window for all memory and ports.
fn save_utcb(thread: &'static Thread, utcb: UtcbPointer) {
    thread.pending.saved.set([utcb.bdr(), utcb.br(0), utcb.br(1), utcb.mr(0), utcb.mr(1)]);
    utcb.set_bdr(INHERIT_FPU);
    utcb.set_br(0, MAP);
    utcb.set_br(1, Flexpage::ALL.raw());
}

fn restore_utcb(thread: &'static Thread, utcb: UtcbPointer) {
    let [bdr, buffer0, buffer1, word0, word1] = thread.pending.saved.get();
    utcb.set_bdr(bdr);
    utcb.set_br(0, buffer0);
    utcb.set_br(1, buffer1);
    utcb.set_mr(0, word0);
    utcb.set_mr(1, word1);
}

fn die_of_sigma0(thread: &'static Thread, address: u64) -> ! {
    panic!(
        "sigma0 raised exception {} at ip {:#x}, address {address:#x}: the root pager is broken, or memory it needs is missing",
        thread.frame.trapno(),
        thread.frame.ip()
    )
}
