//! Virtual CPUs in their user task: what brings them back, what they have there, and what ends under them.
#![allow(unsafe_code)] // code that runs in another task

use crate::make::{self, note, noted};
use crate::threads::{wait, watched};
use crate::vcpu::{
    LABEL, done, failed, gate_to, is_counting, run, run_as, serve, stay, tell, tell_and_resume, tell_and_stay, told,
};
use core::arch::asm;
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};
use harness::child::PAGES;
use harness::worker::{Worker, task};
use harness::{Check, ask, same};
use syscall::abi::exc_regs::{PAGE_FAULT_TRAP, SYSTEM_CALL_TO_COME, SYSTEM_CALL_TRAP};
use syscall::abi::vcpu::{EXCEPTIONS, FPU_ENABLED, IRQ, MESSAGE_TRAP, PAGE_FAULTS, USER_MODE};
use syscall::abi::{CapIndex, Flexpage, Rights, protocol};
use syscall::object::thread::Control;
use syscall::vcpu::{Register, Vcpu};
use syscall::{Owned, Task};

crate::group!("vcpu_user":
    user_mode_is_left_by_an_exception, user_system_call_is_an_upcall, user_page_fault_is_an_upcall, user_registers_arrive, user_bases,
    user_message, user_interrupt, user_pending_message_enters_from_user_mode, user_without_fpu, user_with_fpu, user_fpu_survives_switches,
    user_runs_in_the_other_task, user_exception_without_flag, user_ex_regs, user_thread_is_deleted, user_thread_is_killed,
    user_alien);

pub const LOW: u64 = 50;
const TRAPS: u16 = IRQ | PAGE_FAULTS | EXCEPTIONS;
pub const USER: i64 = (USER_MODE | TRAPS) as i64;
const USER_FPU: i64 = USER | FPU_ENABLED as i64;

/// Selector of the user task, and what runs there with which argument.
pub static USER_TASK: AtomicU64 = AtomicU64::new(0);
pub static CODE: AtomicU64 = AtomicU64::new(0);
static ARGUMENT: AtomicU64 = AtomicU64::new(0);

#[repr(align(16))]
struct Stack(#[allow(dead_code)] [u8; 4096]); // only its address is used
static mut USER_STACK: Stack = Stack([0; 4096]);

/// Lets the state name the code, in the user task, with these flags.
pub fn aim(vcpu: Vcpu, flags: u16) {
    let state = vcpu.state();
    vcpu.set_register(Register::Ip, CODE.load(Relaxed));
    // SAFETY: only the address is taken; the user code alone is on that stack.
    vcpu.set_register(Register::Sp, unsafe { (&raw mut USER_STACK).add(1) } as u64 - 8);
    vcpu.set_register(Register::Rdi, ARGUMENT.load(Relaxed));
    state.user_task.set(USER_TASK.load(Relaxed));
    state.saved_state.set(USER_MODE | flags);
}

pub fn work(vcpu: Vcpu) {
    aim(vcpu, 0);
    failed(vcpu)
}

fn work_with_fpu(vcpu: Vcpu) {
    aim(vcpu, FPU_ENABLED);
    failed(vcpu)
}

/// Says what the next virtual CPU's user task runs.
pub fn prepare(task: CapIndex, code: extern "C" fn(u64), argument: u64) {
    USER_TASK.store(task.raw(), Relaxed);
    CODE.store(code as usize as u64, Relaxed);
    ARGUMENT.store(argument, Relaxed);
}

/// A virtual CPU that goes to a user task at once, which shares the test's code and data.
pub fn user(code: extern "C" fn(u64), argument: u64, handler: fn(Vcpu) -> !) -> Check<(Worker, Owned<Task>)> {
    let task = task()?;
    prepare(task.index(), code, argument);
    Ok((run(LOW, work, handler)?, task))
}

pub extern "C" fn note_and_trap(value: u64) {
    note(5, value as i64);
    // SAFETY: ends this code.
    unsafe { asm!("ud2") };
}

fn user_mode_is_left_by_an_exception() -> Check {
    let _vcpu = user(note_and_trap, 77, tell_and_stay)?;
    done()?;
    same(told(), (6, 0, USER, 0))?;
    same(noted(5), 77)
}

extern "C" fn call_kernel(_: u64) {
    // SAFETY: a system call that the kernel reports.
    unsafe { asm!("syscall", out("rcx") _, out("r11") _, out("r15") _) };
}

fn user_system_call_is_an_upcall() -> Check {
    fn handler(vcpu: Vcpu) -> ! {
        tell(vcpu);
        // SAFETY: the instruction that was interrupted is in the shared code.
        let at = unsafe { (vcpu.register(Register::Ip) as *const u16).read_unaligned() };
        note(5, i64::from(at));
        stay()
    }
    let _vcpu = user(call_kernel, 0, handler)?;
    done()?;
    same(told(), (SYSTEM_CALL_TRAP as i64, SYSTEM_CALL_TO_COME as i64, USER, 0))?;
    same(noted(5), 0x050f)
}

const HOLE: u64 = 0x3_0000_0ff8;

pub extern "C" fn load(address: u64) {
    // SAFETY: faults, or reads what a test put there.
    note(5, unsafe { (address as *const u64).read_volatile() } as i64);
    // SAFETY: ends this code.
    unsafe { asm!("ud2") };
}

pub fn tell_address(vcpu: Vcpu) -> ! {
    tell(vcpu);
    note(6, vcpu.register(Register::FaultAddress) as i64);
    stay()
}

fn user_page_fault_is_an_upcall() -> Check {
    let _vcpu = user(load, HOLE, tell_address)?;
    done()?;
    same(told(), (PAGE_FAULT_TRAP as i64, 4, USER, 0))?;
    same(noted(6), HOLE as i64)
}

/// Registers go to the user task and come back.
fn user_registers_arrive() -> Check {
    extern "C" fn shuffle(_: u64) {
        // SAFETY: ends this code.
        unsafe {
            asm!(
                "lea rax, [r8 + 1]",
                "lea rcx, [r9 + 1]",
                "lea r15, [r14 + 1]",
                "lea rbx, [r11 + 1]",
                "stc",
                "ud2",
                options(noreturn)
            )
        };
    }
    fn work(vcpu: Vcpu) {
        for (index, register) in vcpu.state().registers[..16].iter().enumerate() {
            register.set(100 + index as u64);
        }
        aim(vcpu, 0);
        failed(vcpu)
    }
    fn handler(vcpu: Vcpu) -> ! {
        let register = |index: usize| vcpu.state().registers[index].get();
        // In the order of the message: r15 r14 r13 r12 r11 r10 r9 r8 rdi rsi rbp, the fault address, rbx rdx rcx rax.
        note(1, register(15) as i64 - register(7) as i64);
        note(2, register(14) as i64 - register(6) as i64);
        note(3, register(0) as i64 - register(1) as i64);
        note(4, register(12) as i64 - register(4) as i64);
        note(5, [1, 2, 3, 5, 9, 13].map(|index| i64::from(register(index) == 100 + index as u64)).iter().sum());
        note(6, (vcpu.register(Register::Flags) & 1) as i64);
        stay()
    }
    let task = task()?;
    prepare(task.index(), shuffle, 0);
    run(LOW, work, handler)?;
    done()?;
    same((told(), noted(5), noted(6)), ((1, 1, 1, 1), 6, 1))
}

fn user_bases() -> Check {
    extern "C" fn read_bases(_: u64) {
        let (fs, gs): (u64, u64);
        // SAFETY: reads what the handler's state names; then ends.
        unsafe { asm!("mov {}, fs:[0]", "mov {}, gs:[8]", out(reg) fs, out(reg) gs) };
        note(5, fs as i64);
        note(6, gs as i64);
        // SAFETY: ends this code.
        unsafe { asm!("ud2") };
    }
    static WORDS: [AtomicU64; 2] = [AtomicU64::new(71), AtomicU64::new(72)];
    fn work(vcpu: Vcpu) {
        vcpu.set_register(Register::FsBase, &raw const WORDS as u64);
        vcpu.set_register(Register::GsBase, &raw const WORDS as u64);
        aim(vcpu, 0);
        failed(vcpu)
    }
    fn handler(vcpu: Vcpu) -> ! {
        tell(vcpu);
        // Back in its own task the thread finds its UTCB.
        note(7, ask(CapIndex::TASK, protocol::TASK, &[2, CapIndex::TASK.raw()], &[]));
        stay()
    }
    let task = task()?;
    prepare(task.index(), read_bases, 0);
    run(LOW, work, handler)?;
    done()?;
    same((noted(1), noted(5), noted(6), noted(7)), (6, 71, 72, 1))
}

pub extern "C" fn count(_: u64) {
    loop {
        note(7, noted(7).wrapping_add(1));
    }
}

fn user_message() -> Check {
    let (worker, _task) = user(count, 0, serve)?;
    let gate = gate_to(worker)?;
    for round in 1..5 {
        is_counting()?;
        same(ask(gate, 5, &[round], &[]), 0)?;
        same((told(), noted(5)), ((MESSAGE_TRAP as i64, 0, USER, 0), LABEL as i64 | 3))?;
    }
    is_counting()
}

fn user_interrupt() -> Check {
    let (worker, _task) = user(count, 0, tell_and_resume)?;
    is_counting()?;
    let irq = make::irq()?;
    irq.bind_thread(worker.thread, 0)?;
    for round in 1..5 {
        irq.trigger()?;
        make::until(|| noted(9) == round)?;
        is_counting()?;
        same((told(), noted(9)), ((MESSAGE_TRAP as i64, 0, USER, 0), round))?;
    }
    Ok(())
}

/// A message that waits when user mode is resumed comes first, on the stack for upcalls from there.
fn user_pending_message_enters_from_user_mode() -> Check {
    fn work(vcpu: Vcpu) {
        note(11, 1);
        while noted(0) != 1 {}
        aim(vcpu, 0);
        vcpu.state().saved_state.insert(IRQ);
        failed(vcpu)
    }
    fn handler(vcpu: Vcpu) -> ! {
        let here = 0u64;
        tell(vcpu);
        note(6, i64::from(vcpu.state().entry_sp.get() - (&raw const here as u64) < 4096));
        note(10, noted(7));
        failed(vcpu)
    }
    let task = task()?;
    prepare(task.index(), count, 0);
    let worker = run(LOW, work, handler)?;
    make::until(|| noted(11) == 1)?;
    let irq = make::irq()?;
    irq.bind_thread(worker.thread, 0)?;
    irq.trigger()?;
    note(0, 1);
    is_counting()?;
    same((told(), noted(6), noted(10)), ((MESSAGE_TRAP as i64, 0, i64::from(USER_MODE | IRQ), 0), 1, make::UNSET))
}

extern "C" fn use_fpu(value: u64) {
    let read: u64;
    // SAFETY: two moves.
    unsafe { asm!("movq xmm6, {}", "movq {}, xmm6", in(reg) value, out(reg) read, out("xmm6") _) };
    note(5, read as i64);
    // SAFETY: ends this code.
    unsafe { asm!("ud2") };
}

fn user_without_fpu() -> Check {
    let _vcpu = user(use_fpu, 44, tell_and_stay)?;
    done()?;
    same((told(), noted(5)), ((7, 0, USER, 0), make::UNSET))
}

fn user_with_fpu() -> Check {
    let task = task()?;
    prepare(task.index(), use_fpu, 44);
    run(LOW, work_with_fpu, tell_and_stay)?;
    done()?;
    same((told(), noted(5)), ((6, 0, USER_FPU, i64::from(FPU_ENABLED)), 44))
}

/// Others use the FPU while a virtual CPU without it runs, and its own registers are there after the upcall.
fn user_fpu_survives_switches() -> Check {
    fn work(vcpu: Vcpu) {
        // SAFETY: the handler looks at the register.
        unsafe { asm!("movq xmm9, {}", in(reg) 0x909u64, out("xmm9") _) };
        aim(vcpu, 0);
        failed(vcpu)
    }
    fn handler(vcpu: Vcpu) -> ! {
        let kept: u64;
        // SAFETY: reads a register before anything else is done.
        unsafe { asm!("movq {}, xmm9", out(reg) kept) };
        tell(vcpu);
        note(6, kept as i64);
        stay()
    }
    let task = task()?;
    prepare(task.index(), count, 0);
    let worker = run(LOW, work, handler)?;
    for _ in 0..3 {
        // SAFETY: this thread's own register.
        unsafe { asm!("movq xmm9, {}", in(reg) 0x101u64, out("xmm9") _) };
        is_counting()?;
    }
    let irq = make::irq()?;
    irq.bind_thread(worker.thread, 0)?;
    irq.trigger()?;
    done()?;
    same((told(), noted(6)), ((MESSAGE_TRAP as i64, 0, USER, 0), 0x909))
}

/// What only the user task has is there in user mode.
fn user_runs_in_the_other_task() -> Check {
    let task = task()?;
    let word = PAGES as *mut u64;
    // SAFETY: memory of the test's that nobody else uses.
    unsafe { word.write_volatile(0x5eed) };
    task.map(Task::this(), Flexpage::memory(PAGES, 12, Rights::RW), 0x6000_0000)?;
    prepare(task.index(), load, 0x6000_0000);
    run(LOW, work, tell_and_stay)?;
    done()?;
    same((noted(1), noted(5)), (6, 0x5eed))
}

/// Somebody else may switch upcalls off: then the exception is a message.
fn user_exception_without_flag() -> Check {
    static STATE: AtomicU64 = AtomicU64::new(0);
    extern "C" fn trap_later(_: u64) {
        note(7, 1);
        while noted(0) != 1 {}
        // SAFETY: an exception.
        unsafe { asm!("ud2") };
    }
    fn work(vcpu: Vcpu) {
        STATE.store(vcpu.state() as *const _ as u64, Relaxed);
        aim(vcpu, 0);
        failed(vcpu)
    }
    let task = task()?;
    prepare(task.index(), trap_later, 0);
    let worker = watched()?;
    run_as(worker, LOW, work, tell_and_stay)?;
    make::until(|| noted(7) == 1)?;
    // SAFETY: the state is shared memory with atomic fields.
    let state = unsafe { &*(STATE.load(Relaxed) as *const syscall::abi::vcpu::VcpuState) };
    state.state.remove(EXCEPTIONS);
    note(0, 1);
    let (tag, _) = wait()?;
    same((tag.label(), noted(1)), (protocol::EXCEPTION, make::UNSET))?;
    worker.thread.delete()?;
    Ok(())
}

fn user_ex_regs() -> Check {
    let (worker, _task) = user(count, 0, tell_and_stay)?;
    is_counting()?;
    worker.thread.ex_regs(note_and_trap as *const () as u64, u64::MAX, 0)?;
    done()?;
    same((told(), noted(5)), ((6, 0, USER, 0), 0))
}

fn user_thread_is_deleted() -> Check {
    let (worker, _task) = user(count, 0, tell_and_stay)?;
    is_counting()?;
    worker.thread.delete()?;
    let before = noted(7);
    make::rest(2);
    same((noted(7), noted(1)), (before, make::UNSET))
}

/// A thread that is stopped, here for want of a pager, goes back to its own task.
fn user_thread_is_killed() -> Check {
    extern "C" fn fault_later(_: u64) {
        note(7, 1);
        while noted(0) != 1 {}
        load(HOLE);
    }
    fn work(vcpu: Vcpu) {
        STATE.store(vcpu.state() as *const _ as u64, Relaxed);
        aim(vcpu, 0);
        failed(vcpu)
    }
    static STATE: AtomicU64 = AtomicU64::new(0);
    let worker = watched()?;
    worker.thread.control(Control { pager: Some(CapIndex::INVALID), ..Control::default() })?;
    let task = task()?;
    prepare(task.index(), fault_later, 0);
    run_as(worker, LOW, work, tell_and_stay)?;
    make::until(|| noted(7) == 1)?;
    // SAFETY: the state is shared memory with atomic fields.
    let state = unsafe { &*(STATE.load(Relaxed) as *const syscall::abi::vcpu::VcpuState) };
    state.state.remove(PAGE_FAULTS);
    note(0, 1);
    make::until(|| !state.state.contains(USER_MODE))?;
    same((state.state.get(), state.saved_state.get(), noted(1)), (0, USER as u16 & !PAGE_FAULTS, make::UNSET))
}

/// A virtual CPU that is an alien no more still has its user task's system calls reported.
fn user_alien() -> Check {
    let (worker, _task) = user(count, 0, tell_and_stay)?;
    is_counting()?;
    for alien in [true, false] {
        worker.thread.control(Control { alien: Some(alien), ..Control::default() })?;
    }
    worker.thread.ex_regs(call_kernel as *const () as u64, u64::MAX, 0)?;
    done()?;
    same(told(), (SYSTEM_CALL_TRAP as i64, SYSTEM_CALL_TO_COME as i64, USER, 0))
}
