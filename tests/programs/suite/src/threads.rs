//! Thread objects and what the processor does for threads: control, registers, faults, exceptions, FPU, segments.
#![allow(unsafe_code)] // instructions that fault, registers that tests look at

use crate::make::{self, NO_CAPABILITY, code, item, note, noted};
use core::arch::asm;
use harness::call::{no_buffers, outcome};
use harness::child::PAGES;
use harness::worker::{UTCBS, Worker, bare_task, spawn};
use harness::{Check, IPC, ask, holds, same};
use syscall::abi::exc_regs::WORDS;
use syscall::abi::utcb::INHERIT_FPU;
use syscall::abi::{
    CapIndex, Error, Flexpage, MapItem, Rights, Tag, Timeout, Timeouts, ipc::Operation, protocol, thread::*,
};
use syscall::arch::{invoke, utcb};
use syscall::object::thread::{Control, Segment};
use syscall::{Cap, Task, Thread, ipc};

crate::group!("threads":
    control_needs_special, control_too_few_words, control_bind_without_task, control_bind_no_capability, control_bind_other_kind,
    control_bind_needs_task_special, control_bind_no_utcb, control_bind_unaligned_utcb, control_bind_end_of_area, control_bind_twice,
    control_old_values, control_no_flags,
    ex_regs_wrong_words, ex_regs_old_values, ex_regs_unstarted, ex_regs_of_running, ex_regs_triggers_exception, ex_regs_trigger_keeps_registers,
    ex_regs_does_not_touch_exception, ex_regs_cancels_exception, ex_regs_non_canonical,
    switch_to_self, switch_to_other, switch_to_waiting, switch_and_stats_by_opcode, register_delete_irq_without_irq, stats_grow, stats_of_unstarted, segment_info, segment_base_wrong_segment,
    segment_base_non_canonical, segment_base_too_few_words, fs_base_survives_switch, gs_base_survives_switch,
    vcpu_control_without_memory, vcpu_resume_of_no_vcpu, doorbell_irq, gdt_is_answered, trampoline_is_answered,
    page_fault_message, page_fault_write_bit, page_fault_fetch_bit, page_fault_answered_by_map, page_fault_restores_utcb, page_fault_refused_is_exception,
    page_fault_without_pager, page_fault_pager_dies, page_fault_cancelled, exception_message, exception_divide, exception_invalid_opcode, exception_breakpoint,
    exception_privileged_instruction, exception_port_access, exception_answer_sets_registers, exception_answer_flags_are_sanitised,
    exception_answer_too_short, exception_without_handler, exception_single_step, exception_non_canonical_jump, exception_restores_buffers,
    alien_call_is_reported, alien_call_allowed,
    fpu_survives_switch, fpu_does_not_leak, fpu_transferred_with_exception, registers_survive_calls, flags_survive_call, deleted_thread_stops,
    delete_self, killed_task_ends_threads, restart_after_end);

const HIGH: u64 = 120;
/// Label of the gate that handles the faults of a test's threads.
const FAULTS: u64 = 0x3000;

fn wait() -> Check<(Tag, u64)> {
    no_buffers();
    Ok(ipc::wait(Timeouts { send: Timeout::ZERO, receive: Timeout::from_microseconds(500_000) })?)
}

/// A thread whose faults come to the test.
fn watched() -> Check<Worker> {
    let gate = make::gate(FAULTS)?;
    let worker = Worker::create_in(Task::this())?;
    let handler = Some(gate.index());
    worker.thread.control(Control { pager: handler, exception_handler: handler, bind: None, alien: None })?;
    Ok(worker)
}

fn watch(work: fn(u64), argument: u64) -> Check<Worker> {
    let worker = watched()?;
    worker.start(HIGH, work, argument)?;
    Ok(worker)
}

/// Answers the fault with the message in the UTCB.
fn answer(tag: Tag) -> i64 {
    let timeouts = Timeouts { send: Timeout::ZERO, receive: Timeout::NEVER };
    outcome(invoke(CapIndex::INVALID, Operation::from_raw(9), 0, tag, timeouts).0)
}

fn control(thread: CapIndex, words: &[u64], items: &[MapItem]) -> i64 {
    ask(thread, protocol::THREAD, words, items)
}

fn control_needs_special() -> Check {
    let thread = make::with_rights(make::thread()?, Rights::CAP_RW)?;
    same(control(thread.index(), &[OP_CONTROL, 0, 0, 0, 0, 0], &[]), code(Error::Perm))
}

fn control_too_few_words() -> Check {
    same(control(make::thread()?.index(), &[OP_CONTROL, 0, 0, 0, 0], &[]), code(Error::Inval))
}

fn bind(address: u64, items: &[MapItem]) -> Check<i64> {
    Ok(control(make::thread()?.index(), &[CONTROL_BIND_TASK, 0, 0, 0, 0, address], items))
}

const FREE_UTCB: u64 = UTCBS + 15 * 1024;

fn control_bind_without_task() -> Check {
    same(bind(FREE_UTCB, &[])?, code(Error::Inval))
}

fn control_bind_no_capability() -> Check {
    same(bind(FREE_UTCB, &[NO_CAPABILITY])?, IPC + 8)
}

fn control_bind_other_kind() -> Check {
    same(bind(FREE_UTCB, &[item(make::irq()?)])?, code(Error::Inval))
}

fn control_bind_needs_task_special() -> Check {
    let task = make::with_rights(Task::this(), Rights::CAP_RW)?;
    same(bind(FREE_UTCB, &[item(task)])?, code(Error::Perm))
}

fn control_bind_no_utcb() -> Check {
    same(bind(PAGES, &[item(Task::this())])?, code(Error::Inval))
}

fn control_bind_unaligned_utcb() -> Check {
    same(bind(FREE_UTCB + 4, &[item(Task::this())])?, code(Error::Inval))
}

fn control_bind_end_of_area() -> Check {
    same(bind(FREE_UTCB + 8, &[item(Task::this())])?, code(Error::Inval))
}

fn control_bind_twice() -> Check {
    let worker = Worker::create_in(Task::this())?;
    let words = [CONTROL_BIND_TASK, 0, 0, 0, 0, FREE_UTCB];
    same(control(worker.thread.index(), &words, &[item(Task::this())]), code(Error::Inval))
}

fn control_old_values() -> Check {
    let thread = make::thread()?;
    let flags = CONTROL_SET_PAGER | CONTROL_SET_EXC_HANDLER;
    same(control(thread.index(), &[flags, 0x21000, 0x22000, 0, 0, 0], &[]), 0)?;
    same(control(thread.index(), &[flags, 0x31000, 0x32000, 0, 0, 0], &[]), 0)?;
    same((utcb().mr(1), utcb().mr(2)), (0x21000, 0x22000))
}

fn control_no_flags() -> Check {
    same(control(make::thread()?.index(), &[OP_CONTROL, 0, 0, 0, 0, 0], &[]), 0)
}

fn ex_regs_wrong_words() -> Check {
    let thread = make::thread()?.index();
    same(control(thread, &[OP_EX_REGS, 0], &[]), code(Error::Inval))?;
    same(control(thread, &[OP_EX_REGS, 0, 0, 0], &[]), code(Error::Inval))
}

fn ex_regs_old_values() -> Check {
    let thread = make::thread()?;
    thread.ex_regs(0x1234, 0x5678, 0)?;
    let [_, ip, sp] = thread.ex_regs(u64::MAX, u64::MAX, 0)?;
    same((ip, sp), (0x1234, 0x5678))
}

/// A thread without a task does not run, whatever its registers are.
fn ex_regs_unstarted() -> Check {
    let thread = make::thread()?;
    thread.ex_regs(0x1234, 0, EX_REGS_CANCEL | EX_REGS_TRIGGER_EXCEPTION)?;
    make::rest(1);
    same(thread.cpu_time_us(), Ok(0))
}

fn spin(_: u64) {
    loop {
        core::hint::spin_loop();
    }
}

fn mark(place: u64) {
    note(place, 1);
}

fn ex_regs_of_running() -> Check {
    let worker = spawn(50, spin, 0)?;
    make::rest(2);
    worker.start(HIGH, mark, 4)?;
    same(noted(4), 1)
}

fn ex_regs_triggers_exception() -> Check {
    let worker = watched()?;
    worker.start(50, spin_counting, 0)?;
    make::rest(2);
    worker.thread.ex_regs(u64::MAX, u64::MAX, EX_REGS_TRIGGER_EXCEPTION)?;
    let (tag, label) = wait()?;
    same((tag.label(), label & !3, utcb().mr(16)), (protocol::EXCEPTION, FAULTS, 0xff))
}

fn ex_regs_trigger_keeps_registers() -> Check {
    let worker = watched()?;
    worker.start(50, spin_counting, 0)?;
    make::rest(2);
    make::rest(5);
    worker.thread.ex_regs(u64::MAX, u64::MAX, EX_REGS_TRIGGER_EXCEPTION)?;
    let (tag, _) = wait()?;
    same(answer(Tag::new(0, tag.words(), 0, 0)), 0)?;
    let seen = noted(8);
    make::rest(5);
    holds(noted(8) != seen)
}

fn trap(_: u64) {
    // SAFETY: the breakpoint exception goes to the test.
    unsafe { asm!("int3") };
    note(5, 1);
}

fn ex_regs_does_not_touch_exception() -> Check {
    let worker = watch(trap, 0)?;
    wait()?;
    worker.thread.ex_regs(0x666, 0x777, 0)?;
    let [_, ip, _] = worker.thread.ex_regs(u64::MAX, u64::MAX, 0)?;
    holds(ip != 0x666)
}

fn ex_regs_cancels_exception() -> Check {
    let worker = watch(trap, 0)?;
    wait()?;
    worker.start(HIGH, mark, 6)?;
    same(noted(6), 1)
}

fn ex_regs_non_canonical() -> Check {
    let worker = watched()?;
    worker.thread.ex_regs(0x8000_0000_0000_0000, 0x8000_0000_0000_0000, 0)?;
    worker.run(HIGH)?;
    let (tag, _) = wait()?;
    holds(tag.label() == protocol::EXCEPTION || tag.label() == protocol::PAGE_FAULT)
}

fn switch_to_self() -> Check {
    Ok(make::me().switch_to()?)
}

fn switch_to_other() -> Check {
    let worker = spawn(100, mark, 3)?;
    worker.thread.switch_to()?;
    same(noted(3), 1)
}

fn switch_to_waiting() -> Check {
    let worker = spawn(HIGH, mark, 3)?;
    Ok(worker.thread.switch_to()?)
}

fn stats_grow() -> Check {
    let worker = spawn(50, spin, 0)?;
    make::rest(4);
    let first = worker.thread.cpu_time_us()?;
    make::rest(4);
    holds(first > 0 && worker.thread.cpu_time_us()? > first)
}

fn stats_of_unstarted() -> Check {
    same(make::thread()?.cpu_time_us(), Ok(0))
}

fn segment_info() -> Check {
    same(control(make::me().index(), &[OP_SEGMENT_INFO], &[]), 0)?;
    let (data, code): (u16, u16);
    // SAFETY: reads segment registers.
    unsafe { asm!("mov {0:x}, ss", "mov {1:x}, cs", out(reg) data, out(reg) code) };
    same((utcb().mr(0), utcb().mr(1)), (u64::from(data), u64::from(code)))
}

fn segment_base_wrong_segment() -> Check {
    same(control(make::me().index(), &[OP_SET_SEGMENT_BASE | 2 << 16, 0], &[]), code(Error::Inval))
}

fn segment_base_non_canonical() -> Check {
    let words = [OP_SET_SEGMENT_BASE, 0x8000_0000_0000_0000];
    same(control(make::me().index(), &words, &[]), code(Error::Inval))
}

fn segment_base_too_few_words() -> Check {
    same(control(make::me().index(), &[OP_SET_SEGMENT_BASE], &[]), code(Error::MsgTooShort))
}

/// Sets its FS base to a word of its own and reads it again and again.
fn read_fs(which: u64) {
    let address = PAGES + which * 8;
    // SAFETY: the test's own page.
    unsafe { (address as *mut u64).write_volatile(which) };
    let me = Cap::<Thread>::new(CapIndex::new(0x300 + which));
    let _ = me.set_segment_base(Segment::Fs, address);
    for _ in 0..200 {
        let value: u64;
        // SAFETY: the base was set to a word of the test's.
        unsafe { asm!("mov {}, fs:[0]", out(reg) value) };
        if value != which {
            return note(which, -1);
        }
        make::rest(0);
        Thread::yield_now();
    }
    note(which, 1);
}

fn fs_base_survives_switch() -> Check {
    for which in 1..=2 {
        let worker = Worker::create_in(Task::this())?;
        Task::this().map_cap(worker.thread, Rights::ALL, CapIndex::new(0x300 + which))?;
        worker.start(90, read_fs, which)?;
    }
    make::rest(50);
    same((noted(1), noted(2)), (1, 1))
}

/// The GS base leads to the thread's own UTCB.
fn read_gs(which: u64) {
    let own = utcb().address();
    for _ in 0..100 {
        Thread::yield_now();
        if utcb().address() != own {
            return note(which, -1);
        }
    }
    note(which, own as i64);
}

fn gs_base_survives_switch() -> Check {
    spawn(90, read_gs, 1)?;
    spawn(90, read_gs, 2)?;
    make::rest(50);
    same((noted(1), noted(2)), (UTCBS as i64 + 1024, UTCBS as i64 + 2048))
}

fn vcpu_control_without_memory() -> Check {
    let got = control(make::me().index(), &[OP_VCPU_CONTROL, PAGES], &[]);
    holds(got == code(Error::Inval) || got == code(Error::NoSys))
}

fn vcpu_resume_of_no_vcpu() -> Check {
    let got = control(make::me().index(), &[OP_VCPU_RESUME], &[]);
    holds(got == code(Error::Inval) || got == code(Error::NoSys))
}

/// Interrupts are not injected into virtual CPUs directly, as in Fiasco without that.
fn doorbell_irq() -> Check {
    same(control(make::me().index(), &[OP_REGISTER_DOORBELL_IRQ], &[item(make::irq()?)]), code(Error::NoSys))
}

fn gdt_is_answered() -> Check {
    holds(control(make::me().index(), &[OP_GDT], &[]) < IPC)
}

fn trampoline_is_answered() -> Check {
    holds(control(make::me().index(), &[OP_PF_TRAMPOLINE | 0x77_0000], &[]) < 0)
}

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

fn take_one(_: u64) {
    no_buffers();
    let _ = ipc::wait(Timeouts::NEVER);
    loop {
        make::rest(1000);
    }
}

/// Without its pager the fault becomes an exception.
fn page_fault_pager_dies() -> Check {
    let worker = watched()?;
    let pager = make::thread()?;
    worker.thread.control(Control { pager: Some(pager.index()), ..Control::default() })?;
    worker.start(HIGH, load, HOLE)?;
    let (tag, _) = wait()?;
    let _ = take_one;
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
    let worker = watched()?;
    worker.thread.control(Control { alien: Some(true), ..Control::default() })?;
    worker.start(HIGH, call_task, 0)?;
    Ok(worker)
}

fn alien_call_is_reported() -> Check {
    alien()?;
    let (tag, _) = wait()?;
    same((tag.label(), noted(1)), (protocol::EXCEPTION, make::UNSET))
}

fn alien_call_allowed() -> Check {
    alien()?;
    wait()?;
    same(answer(Tag::new(protocol::ALLOW_SYSCALL, 0, 0, 0)), protocol::ALLOW_SYSCALL)?;
    make::rest(1);
    same(noted(1), 1)
}

fn keep_fpu(which: u64) {
    let value = 0x0101_0101_0101_0101 * which;
    for _ in 0..200 {
        let kept: u64;
        // SAFETY: other threads run between the two moves; nothing else happens.
        unsafe {
            asm!("movq xmm7, {}", in(reg) value, out("xmm7") _);
            asm!("movq xmm7, {}", in(reg) value, out("xmm7") _);
        }
        // SAFETY: as above; the system call is a yield, which keeps all other registers.
        unsafe {
            asm!(
                "movq xmm7, {value}", "movq xmm15, {value}",
                "mov rax, 0", "mov rdx, {dest}", "mov rsi, 0", "mov r8d, 0x04000400",
                "syscall",
                "movq {kept}, xmm7",
                value = in(reg) value, kept = lateout(reg) kept, dest = in(reg) CapIndex::INVALID.raw() | 2,
                out("rax") _, out("rdx") _, out("rsi") _, out("rdi") _, out("r8") _, out("rcx") _, out("r11") _, out("r15") _,
                out("xmm7") _, out("xmm15") _,
            );
        }
        if kept != value {
            return note(which, -1);
        }
    }
    note(which, 1);
}

fn fpu_survives_switch() -> Check {
    for which in 1..=3 {
        spawn(90, keep_fpu, which)?;
    }
    make::rest(50);
    same((noted(1), noted(2), noted(3)), (1, 1, 1))
}

fn look_at_fpu(_: u64) {
    let (low, control): (u64, u32);
    let mut mxcsr = 0_u32;
    // SAFETY: reads registers.
    unsafe {
        asm!("movq {}, xmm12", out(reg) low);
        asm!("stmxcsr [{}]", in(reg) &raw mut mxcsr);
    }
    control = mxcsr;
    note(1, low as i64);
    note(2, i64::from(control));
}

fn fpu_does_not_leak() -> Check {
    // SAFETY: loads a register.
    unsafe { asm!("movq xmm12, {}", in(reg) 0x5ec3_e700_0000_0001_u64, out("xmm12") _) };
    spawn(HIGH, look_at_fpu, 0)?;
    same((noted(1), noted(2)), (0, 0x1f80))
}

fn trap_with_fpu(_: u64) {
    // SAFETY: loads a register; the exception goes to the test.
    unsafe { asm!("movq xmm9, {}", "ud2", in(reg) 0x77_u64, out("xmm9") _) };
}

fn fpu_transferred_with_exception() -> Check {
    watch(trap_with_fpu, 0)?;
    utcb().set_bdr(INHERIT_FPU);
    utcb().set_br(0, 0);
    let got: u64;
    let timeouts = Timeouts { send: Timeout::ZERO, receive: Timeout::from_microseconds(500_000) };
    // SAFETY: a system call that receives; the register comes with the message.
    unsafe {
        asm!(
            "xorps xmm9, xmm9", "syscall", "movq {got}, xmm9",
            got = lateout(reg) got,
            inlateout("rax") 0_u64 => _, inlateout("rdx") CapIndex::INVALID.raw() | 6 => _, inlateout("rsi") 0_u64 => _,
            in("r8") u64::from(timeouts.raw()), lateout("rdi") _, lateout("rcx") _, lateout("r11") _, lateout("r15") _,
            out("xmm9") _,
        );
    }
    same(got, 0x77)
}

fn registers_survive_calls() -> Check {
    let sum: u64;
    no_buffers();
    utcb().set_mr(0, 2);
    utcb().set_mr(1, CapIndex::TASK.raw());
    // SAFETY: a system call, which keeps the registers that are looked at.
    unsafe {
        asm!(
            "push rbx", "push rbp",
            "mov rbx, 1", "mov rbp, 2", "mov r9, 4", "mov r10, 8", "mov r12, 16", "mov r13, 32", "mov r14, 64",
            "syscall",
            "lea rax, [rbx + rbp]", "add rax, r9", "add rax, r10", "add rax, r12", "add rax, r13", "add rax, r14", "add rax, r8",
            "pop rbp", "pop rbx",
            inlateout("rax") Tag::new(protocol::TASK, 2, 0, 0).raw() => sum,
            inlateout("rdx") CapIndex::TASK.raw() | 3 => _, inlateout("rsi") 0_u64 => _, in("r8") 0_u64,
            lateout("rdi") _, lateout("rcx") _, lateout("r11") _, lateout("r15") _,
            out("r9") _, out("r10") _, out("r12") _, out("r13") _, out("r14") _,
        );
    }
    same(sum, 127)
}

/// The direction flag survives, as all user flags do.
fn flags_survive_call() -> Check {
    let flags: u64;
    no_buffers();
    // SAFETY: a system call that yields; the direction flag is cleared again at once.
    unsafe {
        asm!(
            "std", "syscall", "pushfq", "pop {flags}", "cld",
            flags = lateout(reg) flags,
            inlateout("rax") 0_u64 => _, inlateout("rdx") CapIndex::INVALID.raw() | 2 => _, inlateout("rsi") 0_u64 => _,
            in("r8") 0x0400_0400_u64, lateout("rdi") _, lateout("rcx") _, lateout("r11") _, lateout("r15") _,
        );
    }
    same(flags & 0x600, 0x600)
}

fn deleted_thread_stops() -> Check {
    let worker = spawn(50, spin_counting, 0)?;
    make::rest(3);
    worker.thread.delete()?;
    let seen = noted(8);
    make::rest(3);
    same(noted(8), seen)
}

fn spin_counting(_: u64) {
    loop {
        note(8, noted(8).wrapping_add(1));
    }
}

fn suicide(cap: u64) {
    let _ = Cap::<Thread>::new(CapIndex::from_raw(cap)).delete();
    note(1, 1);
}

fn delete_self() -> Check {
    let worker = Worker::create_in(Task::this())?;
    worker.start(HIGH, suicide, worker.thread.index().raw())?;
    make::rest(1);
    same((noted(1), worker.thread.is_present()), (make::UNSET, false))
}

/// Threads whose task is gone run no more, and go with their last capability.
fn killed_task_ends_threads() -> Check {
    let task = harness::worker::task()?;
    let worker = harness::worker::spawn_in(*task, 50, spin_counting, 0)?;
    make::rest(3);
    task.delete()?;
    make::rest(2);
    let seen = noted(8);
    make::rest(3);
    let _ = (worker, bare_task()?);
    same(noted(8), seen)
}

fn restart_after_end() -> Check {
    let worker = spawn(HIGH, mark, 1)?;
    worker.start(HIGH, mark, 2)?;
    same((noted(1), noted(2)), (1, 1))
}

fn switch_and_stats_by_opcode() -> Check {
    let worker = spawn(HIGH, mark, 3)?.thread.index();
    same(control(worker, &[OP_SWITCH], &[]), 0)?;
    same(control(worker, &[OP_STATS], &[]), 0)
}

fn register_delete_irq_without_irq() -> Check {
    let thread = make::me().index();
    same(control(thread, &[OP_REGISTER_DELETE_IRQ], &[]), code(Error::Inval))?;
    same(control(thread, &[OP_REGISTER_DELETE_IRQ], &[NO_CAPABILITY]), IPC + 8)?;
    same(control(thread, &[OP_REGISTER_DELETE_IRQ], &[item(make::semaphore()?)]), code(Error::Inval))
}
