//! What the processor reports about a thread: page faults to its pager, exceptions to its handler, alien calls.
#![allow(unsafe_code)] // instructions that fault, registers that tests look at

use crate::make::{self, note, noted};
use crate::threads::{FAULTS, HIGH, answer, mark, trap, wait, watch, watched};
use core::arch::asm;
use core::mem::offset_of;
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};
use harness::call::outcome;
use harness::child::PAGES;
use harness::worker::Worker;
use harness::{Check, IPC, ask, holds, same};
use syscall::Task;
use syscall::abi::exc_regs::{ExcRegs, SYSTEM_CALL_DONE, SYSTEM_CALL_TO_COME, SYSTEM_CALL_TRAP, WORDS};
use syscall::abi::{CapIndex, Flexpage, Rights, Tag, Timeouts, ipc::Operation, protocol};
use syscall::arch::{invoke, utcb};
use syscall::object::thread::Control;

crate::group!("faults":
    page_fault_message, page_fault_write_bit, page_fault_fetch_bit, page_fault_answered_by_map, page_fault_restores_utcb,
    page_fault_refused_is_exception, page_fault_without_pager, stopped_thread_starts_anew, page_fault_pager_dies, page_fault_cancelled,
    exception_message, exception_divide, exception_invalid_opcode, exception_breakpoint, exception_privileged_instruction, exception_port_access, exception_answer_sets_registers,
    exception_answer_flags_are_sanitised, exception_answer_too_short, exception_without_handler, exception_single_step, exception_non_canonical_jump,
    exception_restores_buffers, fault_unhandled_again, exception_unhandled_again, alien_call_is_reported, alien_call_allowed, alien_call_not_allowed,
    alien_again_before_it_calls, alien_again_when_it_runs);

fn load(address: u64) {
    // SAFETY: faults, or reads what the test put there.
    note(9, unsafe { (address as *const u64).read_volatile() } as i64);
}

fn store(address: u64) {
    // SAFETY: as above.
    unsafe { (address as *mut u64).write_volatile(1) };
}

fn jump(address: u64) {
    // SAFETY: faults: there is no code.
    let function: extern "C" fn() = unsafe { core::mem::transmute(address as *const ()) };
    function();
}

const HOLE: u64 = 0x3_0000_0000;

fn page_fault_message() -> Check {
    watch(load, HOLE + 0x123)?;
    let (tag, label) = wait()?;
    same((tag.label(), tag.words(), tag.items(), label), (protocol::PAGE_FAULT, 2, 0, FAULTS | 3))?;
    same(utcb().mr(0), HOLE + 0x120)?;
    let (start, end) = harness::child::code();
    holds((start..end).contains(&utcb().mr(1)))
}

fn page_fault_write_bit() -> Check {
    watch(store, HOLE)?;
    wait()?;
    same(utcb().mr(0), HOLE | 2)
}

fn page_fault_fetch_bit() -> Check {
    watch(jump, HOLE)?;
    wait()?;
    same((utcb().mr(0), utcb().mr(1)), (HOLE | 4, HOLE))
}

fn page_fault_answered_by_map() -> Check {
    // SAFETY: the test's own page.
    unsafe { (PAGES as *mut u64).write_volatile(321) };
    watch(load, HOLE)?;
    wait()?;
    // The thread is in the same task, so that the answer maps within it.
    Task::this().map(Task::this(), Flexpage::memory(PAGES, 12, Rights::R), HOLE)?;
    same(answer(Tag::new(0, 0, 0, 0)), 0)?;
    make::rest(1);
    same(noted(9), 321)
}

fn fault_with_full_utcb(address: u64) {
    for index in 0..63 {
        utcb().set_mr(index, 7000 + index as u64);
    }
    utcb().set_bdr(0x15);
    utcb().set_br(0, 8000);
    utcb().set_br(1, 8001);
    // SAFETY: faults; the test maps a page there.
    let _ = unsafe { (address as *const u64).read_volatile() };
    let whole = (0..63).all(|index| utcb().mr(index) == 7000 + index as u64);
    note(2, i64::from(whole && utcb().br(0) == 8000 && utcb().br(1) == 8001));
}

fn page_fault_restores_utcb() -> Check {
    watch(fault_with_full_utcb, HOLE)?;
    wait()?;
    Task::this().map(Task::this(), Flexpage::memory(PAGES, 12, Rights::R), HOLE)?;
    answer(Tag::new(0, 0, 0, 0));
    make::rest(1);
    same(noted(2), 1)
}

fn page_fault_refused_is_exception() -> Check {
    watch(load, HOLE)?;
    wait()?;
    // A send alone leaves its tag as it was.
    same(answer(Tag::new(-1, 0, 0, 0)), -1)?;
    let (tag, _) = wait()?;
    same((tag.label(), utcb().mr(16), utcb().mr(11)), (protocol::EXCEPTION, 14, HOLE))
}

/// The thread is stopped; a message to it finds nobody.
fn page_fault_without_pager() -> Check {
    let worker = Worker::create_in(Task::this())?;
    worker.thread.control(Control { pager: Some(make::slot()), ..Control::default() })?;
    worker.start(HIGH, load, HOLE)?;
    same(ask(worker.thread.index(), 0, &[], &[]), IPC + 4)
}

fn stopped_thread_starts_anew() -> Check {
    let worker = Worker::create_in(Task::this())?;
    worker.thread.control(Control { pager: Some(make::slot()), ..Control::default() })?;
    worker.start(HIGH, load, HOLE)?;
    worker.start(HIGH, mark, 1)?;
    make::rest(1);
    same(noted(1), 1)
}

/// Without its pager the fault becomes an exception.
fn page_fault_pager_dies() -> Check {
    let worker = watched()?;
    let pager = make::thread()?;
    worker.thread.control(Control { pager: Some(pager.index()), ..Control::default() })?;
    worker.start(HIGH, load, HOLE)?;
    let (tag, _) = wait()?;
    same((tag.label(), utcb().mr(16)), (protocol::EXCEPTION, 14))
}

fn page_fault_cancelled() -> Check {
    let worker = watch(load, HOLE)?;
    wait()?;
    worker.start(HIGH, mark, 6)?;
    same(noted(6), 1)?;
    same(answer(Tag::new(0, 0, 0, 0)), IPC + 4)
}

fn raise(work: fn(u64)) -> Check<(i64, usize, u64)> {
    watch(work, 0)?;
    let (tag, _) = wait()?;
    Ok((tag.label(), tag.words(), utcb().mr(16)))
}

const fn exception(number: u64) -> (i64, usize, u64) {
    (protocol::EXCEPTION, WORDS, number)
}

fn known_registers(_: u64) {
    // SAFETY: the invalid instruction goes to the test; the registers are restored behind it.
    unsafe {
        asm!(
            "push rbx", "push rbp",
            "mov rbx, 0xb1", "mov rbp, 0xb2", "mov r12, 0x12", "mov r13, 0x13", "mov r14, 0x14", "mov r15, 0x15",
            "mov r8, 8", "mov r9, 9", "mov r10, 10", "mov r11, 11",
            "mov rax, 0xa0", "mov rcx, 0xc0", "mov rdx, 0xd0", "mov rsi, 0x51", "mov rdi, 0xd1",
            "ud2",
            "pop rbp", "pop rbx",
            out("rax") _, out("rcx") _, out("rdx") _, out("rsi") _, out("rdi") _, out("r8") _, out("r9") _,
            out("r10") _, out("r11") _, out("r12") _, out("r13") _, out("r14") _, out("r15") _,
        );
    }
}

fn exception_message() -> Check {
    same(raise(known_registers)?, exception(6))?;
    let registers: [u64; 16] = core::array::from_fn(|index| utcb().mr(index));
    let wanted = [0x15, 0x14, 0x13, 0x12, 11, 10, 9, 8, 0xd1, 0x51, 0xb2, registers[11], 0xb1, 0xd0, 0xc0, 0xa0];
    same(registers, wanted)
}

fn divide(_: u64) {
    // SAFETY: raises an exception.
    unsafe { asm!("xor ecx, ecx", "xor edx, edx", "mov eax, 1", "div ecx", out("eax") _, out("ecx") _, out("edx") _) };
}

fn exception_divide() -> Check {
    same(raise(divide)?, exception(0))
}

fn exception_invalid_opcode() -> Check {
    same(raise(known_registers)?, exception(6))
}

fn exception_breakpoint() -> Check {
    same(raise(trap)?, exception(3))
}

fn halt(_: u64) {
    // SAFETY: not allowed, so it raises an exception.
    unsafe { asm!("cli") };
}

fn exception_privileged_instruction() -> Check {
    same(raise(halt)?, exception(13))
}

fn read_port(_: u64) {
    // SAFETY: the test has no ports, so it raises an exception.
    unsafe { asm!("in al, 0x71", out("al") _) };
}

fn exception_port_access() -> Check {
    same(raise(read_port)?, exception(13))
}

fn return_value(_: u64) {
    let value: u64;
    // SAFETY: the test answers with the instruction behind and another register.
    unsafe { asm!("xor eax, eax", "ud2", out("rax") value) };
    note(1, value as i64);
}

fn exception_answer_sets_registers() -> Check {
    same(raise(return_value)?, exception(6))?;
    utcb().set_mr(15, 0x5a5a);
    utcb().set_mr(18, utcb().mr(18) + 2);
    same(answer(Tag::new(0, WORDS, 0, 0)), 0)?;
    make::rest(1);
    same(noted(1), 0x5a5a)
}

fn flags(_: u64) {
    let value: u64;
    // SAFETY: the test answers with the instruction behind and other flags.
    unsafe { asm!("ud2", "pushfq", "pop {}", out(reg) value) };
    note(1, value as i64);
}

/// I/O privilege, nested task and virtual mode cannot be set, interrupts stay on.
fn exception_answer_flags_are_sanitised() -> Check {
    same(raise(flags)?, exception(6))?;
    utcb().set_mr(20, 0x7_f0d5 & !0x100 | 0x1000);
    utcb().set_mr(18, utcb().mr(18) + 2);
    answer(Tag::new(0, WORDS, 0, 0));
    make::rest(1);
    // IOPL, NT, RF, VM are off; IF is on; the arithmetic flags are as set.
    same(noted(1) & 0x3_7200, 0x200)
}

/// Registers come back whole or not at all.
fn exception_answer_too_short() -> Check {
    same(raise(return_value)?, exception(6))?;
    let ip = utcb().mr(18);
    utcb().set_mr(18, ip + 2);
    same(answer(Tag::new(0, WORDS - 1, 0, 0)), 0)?;
    wait()?;
    same(utcb().mr(18), ip)
}

/// The thread waits for ever, but lives: it can be set going again.
fn exception_without_handler() -> Check {
    let worker = Worker::create_in(Task::this())?;
    worker.thread.control(Control { exception_handler: Some(make::slot()), ..Control::default() })?;
    worker.start(HIGH, trap, 0)?;
    let (tag, _) = invoke(worker.thread.index(), Operation::SEND, 0, Tag::new(0, 0, 0, 0), Timeouts::ZERO);
    same(outcome(tag), IPC + 2)?;
    worker.start(HIGH, mark, 6)?;
    same(noted(6), 1)
}

/// A worker that nobody handles does this several times. The console names it the first time only, which the host looks at.
fn unhandled_again(work: fn(u64)) -> Check {
    const TIMES: i64 = 3;
    let worker = Worker::create_in(Task::this())?;
    let nobody = Some(make::slot());
    worker.thread.control(Control { pager: nobody, exception_handler: nobody, ..Control::default() })?;
    note(1, 0);
    for _ in 0..TIMES {
        worker.start(HIGH, work, 0)?;
        make::rest(1);
    }
    same(noted(1), TIMES)
}

fn fault_unhandled_again() -> Check {
    unhandled_again(|_| {
        note(1, noted(1) + 1);
        load(HOLE);
    })
}

fn exception_unhandled_again() -> Check {
    unhandled_again(|_| {
        note(1, noted(1) + 1);
        trap(0);
    })
}

fn single_step(_: u64) {
    // SAFETY: the trap flag raises an exception that goes to the test.
    unsafe { asm!("pushfq", "or qword ptr [rsp], 0x100", "popfq", "nop", "nop") };
}

fn exception_single_step() -> Check {
    same(raise(single_step)?, exception(1))
}

fn jump_far(_: u64) {
    jump(0x8000_0000_0000_0000);
}

fn exception_non_canonical_jump() -> Check {
    same(raise(jump_far)?, exception(13))
}

fn trap_with_buffers(_: u64) {
    utcb().set_bdr(0x15);
    utcb().set_br(0, 8000);
    utcb().set_br(1, 8001);
    // SAFETY: goes to the test, which answers with the instruction behind.
    unsafe { asm!("ud2") };
    note(2, i64::from(utcb().br(0) == 8000 && utcb().br(1) == 8001));
}

fn exception_restores_buffers() -> Check {
    same(raise(trap_with_buffers)?, exception(6))?;
    utcb().set_mr(18, utcb().mr(18) + 2);
    answer(Tag::new(0, WORDS, 0, 0));
    make::rest(1);
    same(noted(2), 1)
}

/// Asks its task whether a slot is full; notes the answer.
fn call_task(_: u64) {
    note(1, ask(CapIndex::TASK, protocol::TASK, &[2, CapIndex::TASK.raw()], &[]));
}

fn alien() -> Check<Worker> {
    alien_at(HIGH)
}

fn alien_at(priority: u64) -> Check<Worker> {
    let worker = watched()?;
    become_alien(worker)?;
    worker.start(priority, call_task, 0)?;
    Ok(worker)
}

fn become_alien(worker: Worker) -> Check {
    Ok(worker.thread.control(Control { alien: Some(true), ..Control::default() })?)
}

fn alien_call_is_reported() -> Check {
    alien()?;
    let (tag, _) = wait()?;
    same((tag.label(), noted(1)), (protocol::EXCEPTION, make::UNSET))
}

fn alien_call_allowed() -> Check {
    alien()?;
    wait()?;
    same(system_call(), (SYSTEM_CALL_TRAP, SYSTEM_CALL_TO_COME, 0x050f))?;
    let ip = register(offset_of!(ExcRegs, ip));
    // The registers go back as they came: Fiasco needs them.
    same(answer(Tag::new(protocol::ALLOW_SYSCALL, WORDS, 0, 0)), protocol::ALLOW_SYSCALL)?;
    // Its end is reported, too.
    wait()?;
    same((register(offset_of!(ExcRegs, err)), register(offset_of!(ExcRegs, ip))), (SYSTEM_CALL_DONE, ip + 2))?;
    same(noted(1), make::UNSET)?;
    same(answer(Tag::new(0, WORDS, 0, 0)), 0)?;
    make::rest(1);
    same(noted(1), 1)
}

/// A handler that allows nothing is asked again.
fn alien_call_not_allowed() -> Check {
    alien()?;
    for _ in 0..3 {
        wait()?;
        same(system_call(), (SYSTEM_CALL_TRAP, SYSTEM_CALL_TO_COME, 0x050f))?;
        same(answer(Tag::new(0, WORDS, 0, 0)), 0)?;
    }
    same(noted(1), make::UNSET)
}

/// Below the test's own priority: an alien that runs when the test waits.
const LOW: u64 = 50;

/// It becomes an alien anew after it was allowed a call, and before it runs.
fn alien_again_before_it_calls() -> Check {
    let worker = alien_at(LOW)?;
    wait()?;
    same(answer(Tag::new(protocol::ALLOW_SYSCALL, WORDS, 0, 0)), protocol::ALLOW_SYSCALL)?;
    become_alien(worker)?;
    wait()?;
    same(register(offset_of!(ExcRegs, err)), SYSTEM_CALL_DONE)
}

/// Where a thread that is at [`hold`] goes on; 0: it stays.
static HELD: AtomicU64 = AtomicU64::new(0);

/// Stays until [`HELD`] says where to go on, with all registers as they are.
#[unsafe(naked)]
#[allow(unsafe_code)] // a loop that uses no register
extern "C" fn hold() {
    core::arch::naked_asm!("2: pause", "cmp qword ptr [rip + {held}], 0", "je 2b", "jmp [rip + {held}]", held = sym HELD)
}

/// It becomes an alien anew when it has run already, but not called.
fn alien_again_when_it_runs() -> Check {
    let worker = alien_at(LOW)?;
    wait()?;
    let ip = register(offset_of!(ExcRegs, ip));
    utcb().set_mr(offset_of!(ExcRegs, ip) / size_of::<u64>(), hold as *const () as u64);
    same(answer(Tag::new(protocol::ALLOW_SYSCALL, WORDS, 0, 0)), protocol::ALLOW_SYSCALL)?;
    make::rest(1);
    become_alien(worker)?;
    HELD.store(ip, Relaxed);
    wait()?;
    same((register(offset_of!(ExcRegs, err)), noted(1)), (SYSTEM_CALL_TO_COME, make::UNSET))
}

/// A register of the exception message in the UTCB, by its offset.
fn register(offset: usize) -> u64 {
    utcb().mr(offset / size_of::<u64>())
}

/// Trap and error code of a reported system call, and the instruction that the alien is at.
fn system_call() -> (u64, u64, u16) {
    // SAFETY: the alien's code is the test's.
    let instruction = unsafe { (register(offset_of!(ExcRegs, ip)) as *const u16).read_unaligned() };
    (register(offset_of!(ExcRegs, trapno)), register(offset_of!(ExcRegs, err)), instruction)
}
