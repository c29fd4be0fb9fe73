//! Virtual CPUs in kernel mode: upcalls of faults and messages, resuming.
#![allow(unsafe_code)] // stacks, instructions that fault

use crate::make::{self, note, noted};
use crate::threads::{HIGH, answer, wait, watched};
use core::arch::asm;
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};
use harness::call::{no_buffers, outcome, write};
use harness::worker::Worker;
use harness::{Check, IPC, ask, same};
use syscall::abi::exc_regs::{EX_REGS_TRAP, PAGE_FAULT_TRAP, SYSTEM_CALL_TRAP};
use syscall::abi::ipc::Operation;
use syscall::abi::thread;
use syscall::abi::vcpu::{EXCEPTIONS, IRQ, IRQ_PENDING, MESSAGE_TRAP, PAGE_FAULTS};
use syscall::abi::{CapIndex, Tag, Timeout, Timeouts, exc_regs, protocol};
use syscall::arch::{invoke, utcb};
use syscall::object::thread::Control;
use syscall::vcpu::{Register, Vcpu};
use syscall::{Cap, Scheduler, Task, Thread, ipc};

crate::group!("vcpu":
    vcpu_resume_sets_registers, kernel_mode_exception, kernel_mode_exception_without_flag, kernel_mode_page_fault,
    kernel_mode_page_fault_without_flag, upcall_goes_on_on_the_stack, message_is_an_upcall, message_brings_a_capability, message_waits_for_flag,
    message_in_line_is_flagged, interrupt_is_an_upcall, interrupt_of_own_trigger, upcall_waits_for_end_of_call,
    ex_regs_exception_is_an_upcall, alien_call_of_vcpu);

/// Where the states of a test's virtual CPUs lie.
pub const STATE: u64 = 0x7800_0000;
const LOW: u64 = 50;
/// Label of the gate to a virtual CPU.
pub const LABEL: u64 = 0x5550;

#[repr(align(16))]
pub struct Stack(pub [u8; 8192]);
static mut ENTRY_STACK: Stack = Stack([0; 8192]);

/// Makes a thread a virtual CPU, whose upcalls from user mode have a stack of their own.
pub fn enable(thread: Cap<Thread>, handler: fn(Vcpu) -> !) -> Check<Vcpu> {
    // SAFETY: a test has one virtual CPU.
    #[allow(static_mut_refs)] // the only one
    let stack = unsafe { &mut ENTRY_STACK.0 };
    Ok(Vcpu::enable(thread, STATE, stack, handler)?)
}

/// Where a virtual CPU notes that it has done its work.
const DONE: u64 = 15;

/// The thread has done its work.
pub fn stay() -> ! {
    note(DONE, 1);
    loop {
        let _ = ipc::receive(CapIndex::INVALID, Timeouts::NEVER);
    }
}

/// Waits until the virtual CPU has done its work.
#[track_caller]
pub fn done() -> Check {
    make::until(|| noted(DONE) == 1)
}

/// Notes what happened: trap, error code, state before and now.
pub fn tell(vcpu: Vcpu) {
    note(1, vcpu.register(Register::Trap) as i64);
    note(2, vcpu.register(Register::ErrorCode) as i64);
    note(3, i64::from(vcpu.state().saved_state.get()));
    note(4, i64::from(vcpu.state().state.get()));
}

pub fn told() -> (i64, i64, i64, i64) {
    (noted(1), noted(2), noted(3), noted(4))
}

/// A handler that only notes.
pub fn tell_and_stay(vcpu: Vcpu) -> ! {
    tell(vcpu);
    stay()
}

/// A handler that notes and resumes.
pub fn tell_and_resume(vcpu: Vcpu) -> ! {
    tell(vcpu);
    note(9, noted(9).max(0) + 1);
    failed(vcpu)
}

/// Resumes; notes the error if that is impossible.
pub fn failed(vcpu: Vcpu) -> ! {
    let error = vcpu.resume(&[]);
    note(8, if let syscall::Error::Code(code) = error { -(code as i64) } else { IPC });
    stay()
}

/// A worker does this with its virtual CPU.
static WORK: AtomicU64 = AtomicU64::new(0);
static HANDLER: AtomicU64 = AtomicU64::new(0);

fn start_vcpu(thread: u64) {
    let (work, handler) = (WORK.load(Relaxed) as *const (), HANDLER.load(Relaxed) as *const ());
    // SAFETY: `run_as` put a function of this type there.
    let work = unsafe { core::mem::transmute::<*const (), fn(Vcpu)>(work) };
    // SAFETY: as above.
    let handler = unsafe { core::mem::transmute::<*const (), fn(Vcpu) -> !>(handler) };
    match enable(Cap::new(CapIndex::from_raw(thread)), handler) {
        Ok(vcpu) => work(vcpu),
        Err(_) => note(8, 1),
    }
    stay()
}

/// Starts a worker that is a virtual CPU.
pub fn run_as(worker: Worker, priority: u64, work: fn(Vcpu), handler: fn(Vcpu) -> !) -> Check {
    WORK.store(work as usize as u64, Relaxed);
    HANDLER.store(handler as usize as u64, Relaxed);
    worker.start(priority, start_vcpu, worker.thread.index().raw())
}

/// As [`run_as`], with a new worker.
pub fn run(priority: u64, work: fn(Vcpu), handler: fn(Vcpu) -> !) -> Check<Worker> {
    let worker = Worker::create_in(Task::this())?;
    run_as(worker, priority, work, handler)?;
    Ok(worker)
}

/// Leaves the values of some registers as they are when resumed.
fn landing() -> ! {
    let (rbx, rsp): (u64, u64);
    // SAFETY: reads two registers before anything else is done.
    unsafe { asm!("mov {}, rbx", "mov {}, rsp", out(reg) rbx, out(reg) rsp) };
    note(5, rbx as i64);
    note(6, rsp as i64);
    stay()
}

/// Lets the registers name [`landing`], on the stack of upcalls.
pub fn land(vcpu: Vcpu) {
    vcpu.set_register(Register::Ip, landing as *const () as u64);
    vcpu.set_register(Register::Sp, vcpu.state().entry_sp.get() - 4096 - 8);
    vcpu.set_register(Register::Rbx, 0x1234_5678);
}

fn vcpu_resume_sets_registers() -> Check {
    fn work(vcpu: Vcpu) {
        land(vcpu);
        vcpu.state().saved_state.set(EXCEPTIONS);
        failed(vcpu)
    }
    run(HIGH, work, tell_and_stay)?;
    done()?;
    same((noted(5), noted(8)), (0x1234_5678, make::UNSET))
}

fn breakpoint() {
    // SAFETY: an exception, which the handler resumes behind the instruction.
    unsafe { asm!("int3") };
}

fn trap_with_registers(vcpu: Vcpu) {
    vcpu.state().state.insert(EXCEPTIONS);
    let kept: u64;
    // SAFETY: as above.
    unsafe { asm!("int3", inlateout("r12") 0x7777u64 => kept) };
    note(5, kept as i64);
    note(6, i64::from(vcpu.state().state.get()));
}

fn kernel_mode_exception() -> Check {
    run(HIGH, trap_with_registers, tell_and_resume)?;
    done()?;
    same(told(), (3, 0, i64::from(EXCEPTIONS), 0))?;
    same((noted(5), noted(6)), (0x7777, i64::from(EXCEPTIONS)))
}

fn kernel_mode_exception_without_flag() -> Check {
    fn work(vcpu: Vcpu) {
        vcpu.state().state.insert(IRQ | PAGE_FAULTS);
        breakpoint();
        note(5, 1);
    }
    run_as(watched()?, HIGH, work, tell_and_stay)?;
    let (tag, _) = wait()?;
    same((tag.label(), noted(1)), (protocol::EXCEPTION, make::UNSET))?;
    answer(Tag::new(0, 0, 0, 0));
    done()?;
    same(noted(5), 1)
}

const HOLE: u64 = 0x3_0000_0120;

fn touch(vcpu: Vcpu) {
    vcpu.state().state.insert(PAGE_FAULTS);
    // SAFETY: faults; the handler does not return here.
    note(9, unsafe { (HOLE as *const u64).read_volatile() } as i64);
}

fn kernel_mode_page_fault() -> Check {
    fn handler(vcpu: Vcpu) -> ! {
        tell(vcpu);
        note(7, vcpu.register(Register::FaultAddress) as i64);
        land(vcpu);
        failed(vcpu)
    }
    run(HIGH, touch, handler)?;
    done()?;
    same(told(), (PAGE_FAULT_TRAP as i64, 4, i64::from(PAGE_FAULTS), 0))?;
    same((noted(7), noted(5)), (HOLE as i64, 0x1234_5678))
}

fn kernel_mode_page_fault_without_flag() -> Check {
    fn work(vcpu: Vcpu) {
        vcpu.state().state.insert(EXCEPTIONS);
        // SAFETY: faults.
        note(9, unsafe { (HOLE as *const u64).read_volatile() } as i64);
    }
    run_as(watched()?, HIGH, work, tell_and_stay)?;
    let (tag, _) = wait()?;
    same((tag.label(), utcb().mr(0), noted(1)), (protocol::PAGE_FAULT, HOLE, make::UNSET))
}

fn upcall_goes_on_on_the_stack() -> Check {
    fn handler(vcpu: Vcpu) -> ! {
        let here = 0u64;
        let sp = vcpu.register(Register::Sp);
        note(5, i64::from(sp - (&raw const here as u64) < 4096));
        note(6, i64::from(vcpu.state().reserved_sp.get() == sp));
        stay()
    }
    run(HIGH, trap_with_registers, handler)?;
    done()?;
    same((noted(5), noted(6)), (1, 1))
}

/// Computes until it is interrupted, with messages on.
pub fn spin(vcpu: Vcpu) {
    vcpu.state().state.insert(IRQ);
    loop {
        note(7, noted(7).wrapping_add(1));
    }
}

/// Tells the message, and answers with its first word and one.
pub fn serve(vcpu: Vcpu) -> ! {
    let first = utcb().mr(0);
    tell(vcpu);
    note(5, vcpu.state().ipc.label.get() as i64);
    note(6, vcpu.state().ipc.tag.get() as i64);
    utcb().set_mr(0, first + 1);
    note(10, ipc::reply(Tag::new(0, 1, 0, 0)).is_ok().into());
    failed(vcpu)
}

/// That it goes on computing.
#[track_caller]
pub fn is_counting() -> Check {
    let before = noted(7);
    make::until(|| noted(7) > before)
}

/// A gate to a virtual CPU.
pub fn gate_to(worker: Worker) -> Check<CapIndex> {
    let gate = make::unbound_gate()?;
    gate.bind_thread(worker.thread, LABEL)?;
    Ok(gate.index())
}

fn message_is_an_upcall() -> Check {
    let gate = gate_to(run(LOW, spin, serve)?)?;
    for round in 1..5 {
        is_counting()?;
        same(ask(gate, 5, &[41 * round, 2], &[]), 0)?;
        same(utcb().mr(0), 41 * round + 1)?;
        same(told(), (MESSAGE_TRAP as i64, 0, i64::from(IRQ), 0))?;
        same((noted(5), noted(6)), (LABEL as i64 | 3, Tag::new(5, 2, 0, 0).raw() as i64))?;
    }
    is_counting()?;
    same((noted(8), noted(10)), (make::UNSET, 1))
}

const ARRIVES: CapIndex = CapIndex::new(0x700);

fn message_brings_a_capability() -> Check {
    fn work(vcpu: Vcpu) {
        utcb().set_bdr(0);
        utcb().set_br(0, syscall::abi::BufferItem::single_cap(ARRIVES).0);
        utcb().set_br(1, 0);
        spin(vcpu)
    }
    let gate = gate_to(run(LOW, work, serve)?)?;
    is_counting()?;
    let item = make::item(make::irq()?);
    same(ask(gate, 5, &[1], &[item]), 0)?;
    same(Task::this().cap_valid(Cap::<Task>::new(ARRIVES)), Ok(true))
}

/// What a send returns: its own label.
pub const SENT: i64 = 6;

pub fn try_send(gate: CapIndex, timeout_us: u64) -> i64 {
    no_buffers();
    let send = if timeout_us == 0 { Timeout::ZERO } else { Timeout::from_microseconds(timeout_us) };
    let tag = write(SENT, &[1], &[]);
    outcome(invoke(gate, Operation::SEND, 0, tag, Timeouts { send, receive: Timeout::NEVER }).0)
}

fn compute(_: Vcpu) {
    loop {
        note(7, noted(7).wrapping_add(1));
    }
}

fn message_waits_for_flag() -> Check {
    let gate = gate_to(run(LOW, compute, serve)?)?;
    is_counting()?;
    same((try_send(gate, 0), try_send(gate, 2000)), (IPC + 2, IPC + 2))?;
    same(noted(1), make::UNSET)
}

fn message_in_line_is_flagged() -> Check {
    fn work(vcpu: Vcpu) {
        note(0, 1);
        while !vcpu.state().sticky_flags.contains(IRQ_PENDING) {}
        note(5, 1);
        while vcpu.state().sticky_flags.contains(IRQ_PENDING) {}
        note(6, 1);
    }
    let gate = gate_to(run(LOW, work, serve)?)?;
    make::until(|| noted(0) == 1)?;
    same(noted(5), make::UNSET)?;
    same(try_send(gate, 50_000), IPC + 2)?;
    done()?;
    same((noted(5), noted(6)), (1, 1))
}

fn interrupt_is_an_upcall() -> Check {
    fn handler(vcpu: Vcpu) -> ! {
        tell(vcpu);
        note(5, vcpu.state().ipc.label.get() as i64);
        note(6, vcpu.state().ipc.tag.get() as i64);
        failed(vcpu)
    }
    let worker = run(LOW, spin, handler)?;
    is_counting()?;
    let irq = make::irq()?;
    irq.bind_thread(worker.thread, 0x770)?;
    irq.trigger()?;
    is_counting()?;
    same(told(), (MESSAGE_TRAP as i64, 0, i64::from(IRQ), 0))?;
    same((noted(5), noted(6)), (0x770, 0))
}

static OWN: AtomicU64 = AtomicU64::new(0);

fn interrupt_of_own_trigger() -> Check {
    fn work(vcpu: Vcpu) {
        vcpu.state().state.insert(IRQ);
        let sent = Cap::<syscall::Irq>::new(CapIndex::from_raw(OWN.load(Relaxed))).trigger();
        note(5, noted(9) + i64::from(sent.is_err()));
    }
    let (worker, irq) = (Worker::create_in(Task::this())?, make::irq()?);
    irq.bind_thread(worker.thread, 0)?;
    OWN.store(irq.index().raw(), Relaxed);
    run_as(worker, HIGH, work, tell_and_resume)?;
    done()?;
    same((noted(1), noted(9), noted(5)), (MESSAGE_TRAP as i64, 1, 1))
}

/// While the thread waits in a system call, messages wait, too.
fn upcall_waits_for_end_of_call() -> Check {
    fn work(vcpu: Vcpu) {
        vcpu.state().state.insert(IRQ);
        note(0, 1);
        make::rest(50);
        note(5, 1);
        while noted(9) < 0 {}
        note(6, 1);
    }
    // It runs and waits before this thread goes on.
    let gate = gate_to(run(HIGH, work, tell_and_resume)?)?;
    same((noted(0), noted(5), try_send(gate, 0)), (1, make::UNSET, IPC + 2))?;
    Scheduler::boot().run_thread(make::me(), Scheduler::any_cpu(), u64::from(u8::MAX), 0)?;
    make::until(|| noted(5) == 1)?;
    same(try_send(gate, 0), SENT)?;
    done()?;
    same((noted(9), noted(6)), (1, 1))
}

fn ex_regs_exception_is_an_upcall() -> Check {
    fn work(vcpu: Vcpu) {
        vcpu.state().state.insert(EXCEPTIONS);
        note(0, 1);
        while noted(9) < 0 {}
        note(5, 1);
    }
    let worker = run(LOW, work, tell_and_resume)?;
    make::until(|| noted(0) == 1)?;
    worker.thread.ex_regs(u64::MAX, u64::MAX, thread::EX_REGS_TRIGGER_EXCEPTION)?;
    done()?;
    same((told(), noted(5)), ((EX_REGS_TRAP as i64, 0, i64::from(EXCEPTIONS), 0), 1))
}

/// System calls of an alien are exceptions, and those are upcalls if the virtual CPU wants them.
fn alien_call_of_vcpu() -> Check {
    fn handler(vcpu: Vcpu) -> ! {
        note(9, noted(9).max(0) + 1);
        tell(vcpu);
        vcpu.set_register(Register::Ip, vcpu.register(Register::Ip) + 2);
        vcpu.set_register(Register::Rax, 0x99);
        // The handler's own calls are reported to the exception handler.
        failed(vcpu)
    }
    fn work(vcpu: Vcpu) {
        note(7, 1);
        while noted(0) != 1 {}
        vcpu.state().state.insert(EXCEPTIONS);
        let result: u64;
        // SAFETY: a system call that is not done.
        unsafe { asm!("syscall", inlateout("rax") 1u64 => result, out("rcx") _, out("r11") _, out("r15") _) };
        note(5, result as i64);
    }
    let worker = watched()?;
    run_as(worker, LOW, work, handler)?;
    make::until(|| noted(7) == 1)?;
    worker.thread.control(Control { alien: Some(true), ..Control::default() })?;
    note(0, 1);
    // The call by which the handler resumes.
    let (tag, _) = wait()?;
    let trap = utcb().mr(core::mem::offset_of!(exc_regs::ExcRegs, trapno) / 8);
    same((tag.label(), trap, noted(9)), (protocol::EXCEPTION, SYSTEM_CALL_TRAP, 1))?;
    same(answer(Tag::new(protocol::ALLOW_SYSCALL, exc_regs::WORDS, 0, 0)), protocol::ALLOW_SYSCALL)?;
    // The next one, after the worker's last call.
    wait()?;
    same((noted(1), noted(2), noted(9), noted(5)), (SYSTEM_CALL_TRAP as i64, 0, 2, 0x99))
}
