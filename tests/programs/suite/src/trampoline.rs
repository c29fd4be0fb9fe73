//! Page-fault trampolines: threads that handle their page faults themselves.
#![allow(unsafe_code)] // the handler's first instructions, memory that faults

use crate::make::{self, code, item, note, noted};
use crate::threads::{HIGH, control, wait, watched};
use core::mem::offset_of;
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};
use harness::child::PAGES;
use harness::worker::{UTCBS, UTCBS_ORDER, Worker};
use harness::{Check, same};
use syscall::abi::exc_regs::{
    EX_REGS_TRAP, ExcRegs, PAGE_FAULT_TRAP, SYSTEM_CALL_DONE, SYSTEM_CALL_TO_COME, SYSTEM_CALL_TRAP, WORDS,
};
use syscall::abi::pf_trampoline::{IN_PROGRESS, PfTrampoline, TRIGGER_EXCEPTION};
use syscall::abi::thread::*;
use syscall::abi::{CapIndex, Error, Flexpage, Rights, Tag, protocol};
use syscall::arch::utcb;
use syscall::object::thread::Control;
use syscall::{Cap, Task, Thread};

crate::group!("trampoline":
    trampoline_wrong_words, trampoline_with_item, trampoline_unknown_operation, trampoline_setup_without_memory, trampoline_setup_unbound_thread,
    trampoline_enable_without_setup, trampoline_disable, trampoline_resume_of_other_thread, trampoline_resume_outside_handler,
    fault_is_handled, faults_are_handled_again, fault_keeps_registers, fault_is_reflected, fault_of_handler_goes_to_pager, fault_while_disabled,
    exception_after_handler, alien_goes_on_after_handler);

/// In the UTCB area, behind the UTCBs of the workers that are used.
const STATE: u64 = UTCBS + 8192;
const HOLE: u64 = 0x3_0000_0000;

fn operate(thread: Cap<Thread>, words: &[u64]) -> i64 {
    control(thread.index(), words, &[])
}

fn trampoline_wrong_words() -> Check {
    let me = make::me();
    same(operate(me, &[OP_PF_TRAMPOLINE | PF_TRAMPOLINE_SETUP]), code(Error::MsgTooShort))?;
    same(operate(me, &[OP_PF_TRAMPOLINE | PF_TRAMPOLINE_SETUP, STATE, 0]), code(Error::MsgTooLong))?;
    for operation in [PF_TRAMPOLINE_RESUME, PF_TRAMPOLINE_REFLECT, PF_TRAMPOLINE_DISABLE, PF_TRAMPOLINE_ENABLE] {
        same(operate(me, &[OP_PF_TRAMPOLINE | operation, 0]), code(Error::MsgTooLong))?;
    }
    Ok(())
}

fn trampoline_with_item() -> Check {
    let words = [OP_PF_TRAMPOLINE | PF_TRAMPOLINE_DISABLE];
    same(control(make::me().index(), &words, &[item(make::me())]), code(Error::MsgTooLong))
}

fn trampoline_unknown_operation() -> Check {
    same(operate(make::me(), &[OP_PF_TRAMPOLINE | 0x5_0000]), code(Error::NoSys))
}

fn trampoline_setup_without_memory() -> Check {
    let end = UTCBS + (1 << UTCBS_ORDER);
    for address in [0, PAGES, end - 216, STATE + 4, !7] {
        same(operate(make::me(), &[OP_PF_TRAMPOLINE, address]), code(Error::Inval))?;
    }
    same(operate(make::me(), &[OP_PF_TRAMPOLINE, end - 224]), 0)
}

fn trampoline_setup_unbound_thread() -> Check {
    same(operate(make::thread()?, &[OP_PF_TRAMPOLINE, STATE]), code(Error::Inval))
}

fn trampoline_enable_without_setup() -> Check {
    same(make::me().pf_trampoline_enable(), Err(syscall::Code::Inval.into()))
}

fn trampoline_disable() -> Check {
    same(make::me().pf_trampoline_disable(), Ok(false))?;
    make::me().pf_trampoline_setup(STATE)?;
    same(make::me().pf_trampoline_disable(), Ok(true))?;
    same(make::me().pf_trampoline_disable(), Ok(false))?;
    make::me().pf_trampoline_enable()?;
    same(make::me().pf_trampoline_disable(), Ok(true))
}

fn trampoline_resume_of_other_thread() -> Check {
    let worker = Worker::create_in(Task::this())?.thread;
    same(worker.pf_trampoline_resume(), Some(syscall::Code::Perm.into()))?;
    same(worker.pf_trampoline_reflect(), Some(syscall::Code::Perm.into()))
}

fn trampoline_resume_outside_handler() -> Check {
    same(make::me().pf_trampoline_resume(), Some(syscall::Code::Inval.into()))?;
    make::me().pf_trampoline_setup(STATE)?;
    same(make::me().pf_trampoline_reflect(), Some(syscall::Code::Inval.into()))
}

core::arch::global_asm!(
    ".pushsection .text.__trampoline_entry, \"ax\", @progbits",
    ".global __trampoline_entry",
    "__trampoline_entry:",
    "sub rsp, 128", // what the interrupted function may have below its stack pointer
    "and rsp, -16",
    "call {handle}",
    "ud2",
    ".popsection",
    handle = sym handle,
);

unsafe extern "C" {
    fn __trampoline_entry();
}

/// The thread that faults, and what its handler does.
static THREAD: AtomicU64 = AtomicU64::new(0);
static HANDLER: AtomicU64 = AtomicU64::new(0);

const MAP: u64 = 0;
const REFLECT: u64 = 1;
const FAULT: u64 = 2;
const TRIGGER: u64 = 3;

/// Notes what it gets, and does what the test wants.
extern "C" fn handle(state: &'static PfTrampoline, word: u64) -> ! {
    let thread = Cap::<Thread>::new(CapIndex::from_raw(THREAD.load(Relaxed)));
    note(1, word as i64);
    note(2, state.flags.get() as i64);
    note(3, noted(3).max(0) + 1);
    note(4, state.registers[offset_of!(ExcRegs, pfa) / 8].get() as i64);
    match HANDLER.load(Relaxed) {
        REFLECT => note(8, thread.pf_trampoline_reflect().is_some().into()),
        // SAFETY: faults.
        FAULT => unsafe { ((HOLE + 0x10_0000) as *mut u64).write_volatile(1) },
        doing => {
            if doing == TRIGGER {
                state.flags.set(state.flags.get() | TRIGGER_EXCEPTION);
            }
            let page = state.registers[offset_of!(ExcRegs, pfa) / 8].get() & !0xfff;
            let mapped = Task::this().map(Task::this(), Flexpage::memory(PAGES, 12, Rights::RW), page);
            note(8, (mapped.is_err() || thread.pf_trampoline_resume().is_some()).into());
        }
    }
    loop {
        make::rest(100);
    }
}

/// The state of the test's trampoline.
fn state() -> &'static PfTrampoline {
    // SAFETY: kernel-user memory of the test's, where nothing else lies.
    unsafe { &*(STATE as *const PfTrampoline) }
}

/// A thread whose other faults come to the test, and which has a trampoline.
fn prepare(handler: u64) -> Check<Worker> {
    let worker = watched()?;
    state().handler_ip.set(__trampoline_entry as *const () as u64);
    worker.thread.pf_trampoline_setup(STATE)?;
    THREAD.store(worker.thread.index().raw(), Relaxed);
    HANDLER.store(handler, Relaxed);
    // SAFETY: memory of the test's that nobody else uses.
    unsafe { (PAGES as *mut u64).add(4).write_volatile(0x7e57) };
    Ok(worker)
}

/// As [`prepare`]; the thread does this.
fn run(handler: u64, work: fn(u64)) -> Check<Worker> {
    let worker = prepare(handler)?;
    worker.start(HIGH, work, 0)?;
    Ok(worker)
}

fn load(_: u64) {
    utcb().set_mr(0, 0x0101);
    // SAFETY: faults; then there is the page that the handler mapped.
    note(5, unsafe { ((HOLE + 0x20) as *const u64).read_volatile() } as i64);
    note(6, utcb().mr(0) as i64);
}

fn fault_is_handled() -> Check {
    run(MAP, load)?;
    make::until(|| noted(6) != make::UNSET)?;
    same((noted(5), noted(6), noted(8)), (0x7e57, 0x0101, make::UNSET))?;
    same((noted(1), noted(2), noted(4)), (HOLE as i64 + 0x20, IN_PROGRESS as i64, HOLE as i64 + 0x20))?;
    same(state().flags.get(), 0)
}

fn faults_are_handled_again() -> Check {
    fn work(_: u64) {
        for page in 0..5 {
            // SAFETY: faults; then there is the page that the handler mapped.
            unsafe { ((HOLE + page * 4096) as *mut u64).write_volatile(page) };
        }
        note(6, 1);
    }
    run(MAP, work)?;
    make::until(|| noted(6) == 1)?;
    // A write to a page that is not there.
    same((noted(3), noted(1)), (5, (HOLE + 4 * 4096) as i64 | 2))
}

fn fault_keeps_registers() -> Check {
    fn work(_: u64) {
        let (rdi, rsi, r11, flags): (u64, u64, u64, u64);
        // SAFETY: one load, which faults; the registers are declared.
        unsafe {
            core::arch::asm!(
                "stc", "mov rax, [rax]", "pushfq", "pop rax",
                inlateout("rax") HOLE => flags, inlateout("rdi") 0x11u64 => rdi, inlateout("rsi") 0x22u64 => rsi,
                inlateout("r11") 0x33u64 => r11,
            );
        }
        note(5, (rdi | rsi << 8 | r11 << 16 | (flags & 1) << 24) as i64);
    }
    run(MAP, work)?;
    make::until(|| noted(5) != make::UNSET)?;
    same(noted(5), 0x0133_2211)
}

/// The exception message that comes to the test: trap and fault address.
fn exception() -> Check<(i64, u64, u64)> {
    let (tag, _) = wait()?;
    let register = |offset: usize| utcb().mr(offset / size_of::<u64>());
    Ok((tag.label(), register(offset_of!(ExcRegs, trapno)), register(offset_of!(ExcRegs, pfa))))
}

fn fault_is_reflected() -> Check {
    run(REFLECT, load)?;
    same(exception()?, (protocol::EXCEPTION, PAGE_FAULT_TRAP, HOLE + 0x20))?;
    // The trampoline is on again.
    same(make::noted(3), 1)?;
    crate::threads::answer(Tag::new(0, 0, 0, 0));
    same(exception()?, (protocol::EXCEPTION, PAGE_FAULT_TRAP, HOLE + 0x20))?;
    same((noted(3), noted(8)), (2, make::UNSET))
}

fn fault_of_handler_goes_to_pager() -> Check {
    run(FAULT, load)?;
    let (tag, _) = wait()?;
    same((tag.label(), utcb().mr(0)), (protocol::PAGE_FAULT, (HOLE + 0x10_0000) | 2))
}

fn fault_while_disabled() -> Check {
    fn work(_: u64) {
        let thread = Cap::<Thread>::new(CapIndex::from_raw(THREAD.load(Relaxed)));
        note(7, thread.pf_trampoline_disable().is_ok().into());
        load(0);
    }
    run(MAP, work)?;
    let (tag, _) = wait()?;
    same((tag.label(), utcb().mr(0), noted(3)), (protocol::PAGE_FAULT, HOLE + 0x20, make::UNSET))
}

fn exception_after_handler() -> Check {
    run(TRIGGER, load)?;
    same(exception()?, (protocol::EXCEPTION, EX_REGS_TRAP, 0))?;
    same(noted(5), make::UNSET)?;
    // Once.
    same(state().flags.get(), 0)?;
    crate::threads::answer(Tag::new(0, 0, 0, 0));
    make::until(|| noted(5) == 0x7e57)
}

/// Of the handler's two calls, which maps and which resumes, nothing is left of the second that could be reported as done.
fn alien_goes_on_after_handler() -> Check {
    let worker = prepare(MAP)?;
    worker.thread.control(Control { alien: Some(true), ..Control::default() })?;
    worker.start(HIGH, load, 0)?;
    for (error, answer) in [
        (SYSTEM_CALL_TO_COME, protocol::ALLOW_SYSCALL),
        (SYSTEM_CALL_DONE, 0),
        (SYSTEM_CALL_TO_COME, protocol::ALLOW_SYSCALL),
    ] {
        wait()?;
        let register = |offset: usize| utcb().mr(offset / size_of::<u64>());
        same((register(offset_of!(ExcRegs, trapno)), noted(5)), (SYSTEM_CALL_TRAP, make::UNSET))?;
        same(register(offset_of!(ExcRegs, err)), error)?;
        crate::threads::answer(Tag::new(answer, WORDS, 0, 0));
    }
    make::until(|| noted(5) == 0x7e57)?;
    same(noted(8), make::UNSET)
}
