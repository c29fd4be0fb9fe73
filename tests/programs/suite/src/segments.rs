//! Segments of a thread's own: descriptors in the global table, the task's local table, selectors.
#![allow(unsafe_code)] // segment registers

use crate::make::{self, code, note, noted};
use crate::threads::{HIGH, answer, control, wait, watch, watched};
use crate::vcpu::{done, failed, tell_and_stay};
use core::arch::asm;
use core::mem::offset_of;
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};
use harness::child::PAGES;
use harness::worker::{self, UTCBS, Worker, spawn};
use harness::{Check, ask, holds, same};
use syscall::abi::exc_regs::{ExcRegs, WORDS};
use syscall::abi::task::OP_LDT_SET;
use syscall::abi::thread::*;
use syscall::abi::vcpu::USER_MODE;
use syscall::abi::{CapIndex, Error, Tag, Utcb, protocol, utcb::SIZE};
use syscall::arch::utcb;
use syscall::object::thread::Segment;
use syscall::vcpu::{Register, Vcpu};
use syscall::{Cap, Code, Task, Thread};

crate::group!("segments":
    gdt_offset, gdt_selectors, gdt_refuses_unsafe_descriptors, gdt_takes_absent_descriptor, gdt_beyond_the_last, gdt_needs_an_opcode,
    own_segment_has_a_base, own_segments_survive_switches, own_segments_are_nobody_elses, own_selectors_in_exceptions,
    answer_cannot_load_what_is_not_there, descriptor_taken_away, gs_of_own, segment_base_replaces_own_segment, stack_segment_of_own,
    own_segments_of_another_thread, own_segments_of_user_task, thread_with_own_segments_is_deleted, ldt_wrong_words, ldt_beyond_a_page,
    ldt_refuses_unsafe_descriptors, ldt_costs_a_page, ldt_segment_has_a_base, ldt_is_the_tasks, ldt_is_not_another_tasks, ldt_ends_behind_last_set, ldt_is_loaded_from_the_start);

/// Selectors of the first two descriptors of a thread's own, and of the second of the local table.
const FIRST: u16 = 0x5b;
const SECOND: u16 = 0x63;
const LOCAL: u16 = 0x0f;

/// A writable data segment of user mode, of one page from there on.
const fn data(base: u64) -> u64 {
    const WRITABLE_DATA: u64 = 0x0040_f200_0000_0000;
    WRITABLE_DATA | 0xfff | (base & 0xff_ffff) << 16 | (base >> 24 & 0xff) << 56
}

const CODE: u64 = 1 << 43;
const SYSTEM: u64 = 1 << 44;
const PRIVILEGE: u64 = 3 << 45;
const PRESENT: u64 = 1 << 47;

/// Words that segments begin at.
fn words() -> [u64; 2] {
    let at = PAGES as *mut u64;
    // SAFETY: memory of the test's that nobody else uses.
    unsafe {
        at.write_volatile(0x1111);
        at.add(512).write_volatile(0x2222);
    }
    [PAGES, PAGES + 4096]
}

fn gdt_offset() -> Check {
    same(make::me().gdt_entry_offset(), Ok(u64::from(FIRST / 8)))
}

fn gdt_selectors() -> Check {
    for (entry, selector) in [(0, FIRST), (1, SECOND), (3, 0x73)] {
        same(make::me().set_gdt(entry, &[data(0)]), Ok(selector))?;
    }
    same(make::me().set_gdt(0, &[data(0); 4]), Ok(FIRST))
}

const UNSAFE: [u64; 5] = [data(0) & !PRIVILEGE, data(0) & !SYSTEM, data(0) | CODE, data(0) & !(1 << 45), PRESENT];

fn gdt_refuses_unsafe_descriptors() -> Check {
    for descriptor in UNSAFE {
        same(make::me().set_gdt(0, &[descriptor]), Err(Code::Inval.into()))?;
        // What comes before it is set.
        same(make::me().set_gdt(0, &[data(0), descriptor]), Err(Code::Inval.into()))?;
    }
    // SAFETY: loads a segment that is there.
    unsafe { asm!("mov es, {0:x}", in(reg) FIRST) };
    Ok(())
}

fn gdt_takes_absent_descriptor() -> Check {
    same(make::me().set_gdt(0, &[0, CODE]), Ok(FIRST))
}

/// Nothing is set, and the answer is the selector that there would be.
fn gdt_beyond_the_last() -> Check {
    same(control(make::me().index(), &[OP_GDT, 4, data(0)], &[]), 0x7b)?;
    same(control(make::me().index(), &[OP_GDT, 3, data(0), PRESENT], &[]), 0x73)?;
    same(control(make::me().index(), &[OP_GDT, 2], &[]), 0x6b)
}

fn gdt_needs_an_opcode() -> Check {
    same(control(make::me().index(), &[], &[]), code(Error::MsgTooShort))
}

/// The word that FS begins at, once this selector was loaded.
fn through_fs(selector: u16) -> u64 {
    let word;
    // SAFETY: loads a segment whose first word is a test's, or faults.
    unsafe { asm!("mov fs, {0:x}", "mov {1}, fs:[0]", in(reg) selector, out(reg) word) };
    word
}

fn fs() -> u16 {
    let selector;
    // SAFETY: reads a selector.
    unsafe { asm!("mov {0:x}, fs", out(reg) selector) };
    selector
}

fn own_segment_has_a_base() -> Check {
    let [first, second] = words();
    make::me().set_gdt(0, &[data(first), data(second)])?;
    same((through_fs(FIRST), through_fs(SECOND)), (0x1111, 0x2222))?;
    make::rest(1);
    same(fs(), SECOND)
}

/// Loads its first segment, and looks for a while whether it stays.
fn look(expected: u64) {
    let mut outcome = 1;
    through_fs(FIRST);
    for _ in 0..20 {
        make::rest(1);
        let word: u64;
        // SAFETY: reads what the segment begins with.
        unsafe { asm!("mov {0}, fs:[0]", out(reg) word) };
        if (word, fs()) != (expected, FIRST) {
            outcome = -1;
        }
    }
    note(expected & 7, outcome);
}

/// A thread with a base and no segments of its own.
fn look_plain(base: u64) {
    let mut outcome = 1;
    for _ in 0..20 {
        make::rest(1);
        let word: u64;
        // SAFETY: the base was set to a test's word.
        unsafe { asm!("mov {0}, fs:[0]", out(reg) word) };
        if word != base {
            outcome = -1;
        }
    }
    note(3, outcome);
}

fn own_segments_survive_switches() -> Check {
    let bases = words();
    for (base, expected) in bases.into_iter().zip([0x1111, 0x2222]) {
        let worker = Worker::create_in(Task::this())?;
        worker.thread.set_gdt(0, &[data(base)])?;
        worker.start(HIGH, look, expected)?;
    }
    static PLAIN: AtomicU64 = AtomicU64::new(0);
    let word = &raw const PLAIN as u64;
    PLAIN.store(word, Relaxed);
    let plain = Worker::create_in(Task::this())?;
    plain.thread.set_segment_base(Segment::Fs, word)?;
    plain.start(HIGH, look_plain, word)?;
    make::until(|| (1..=3).all(|place| noted(place) != make::UNSET))?;
    same((noted(1), noted(2), noted(3)), (1, 1, 1))
}

/// The exception message that comes to the test: trap, error code, and the selectors.
fn exception() -> Check<(u64, u64, u64)> {
    let (tag, _) = wait()?;
    same(tag.label(), protocol::EXCEPTION)?;
    let register = |offset: usize| utcb().mr(offset / size_of::<u64>());
    Ok((register(offset_of!(ExcRegs, trapno)), register(offset_of!(ExcRegs, err)), register(offset_of!(ExcRegs, ds))))
}

fn load_fs(selector: u64) {
    note(1, through_fs(selector as u16) as i64);
}

fn own_segments_are_nobody_elses() -> Check {
    make::me().set_gdt(0, &[data(words()[0])])?;
    watch(load_fs, u64::from(FIRST))?;
    same(exception()?.0, 13)?;
    // This thread still has it.
    same(through_fs(FIRST), 0x1111)
}

/// Loads DS, ES, FS, raises an exception, and notes what is there afterwards.
fn load_and_trap(_: u64) {
    let (ds, es, fs): (u64, u64, u64);
    // SAFETY: segments of the thread's own; the exception goes to the test.
    unsafe {
        asm!("mov ds, {0:x}", "mov es, {1:x}", "mov fs, {0:x}", "int3",
             "mov {2:e}, ds", "mov {3:e}, es", "mov {4:e}, fs",
             in(reg) FIRST, in(reg) SECOND, out(reg) ds, out(reg) es, out(reg) fs);
    }
    note(1, (ds | es << 16 | fs << 32) as i64);
}

fn trapped() -> Check {
    let worker = watched()?;
    let [first, second] = words();
    worker.thread.set_gdt(0, &[data(first), data(second)])?;
    worker.start(HIGH, load_and_trap, 0)
}

const LOADED: u64 = FIRST as u64 | (SECOND as u64) << 16 | (FIRST as u64) << 32;

fn own_selectors_in_exceptions() -> Check {
    trapped()?;
    same(exception()?, (3, 0, LOADED))?;
    // The answer exchanges them.
    utcb().set_mr(WORDS - 1, u64::from(SECOND) | u64::from(FIRST) << 16 | 0x23 << 32);
    answer(Tag::new(0, WORDS, 0, 0));
    make::until(|| noted(1) != make::UNSET)?;
    same(noted(1) as u64, u64::from(SECOND) | u64::from(FIRST) << 16 | 0x23 << 32)
}

fn answer_cannot_load_what_is_not_there() -> Check {
    trapped()?;
    exception()?;
    // The third is absent; the kernel's data segment; a local one, of which there are none.
    utcb().set_mr(WORDS - 1, 0x6b | 0x10 << 16 | 0x0f << 32);
    answer(Tag::new(0, WORDS, 0, 0));
    make::until(|| noted(1) != make::UNSET)?;
    same(noted(1), 0)
}

fn descriptor_taken_away() -> Check {
    let worker = watched()?;
    worker.thread.set_gdt(0, &[data(words()[0])])?;
    worker.thread.set_gdt(0, &[0])?;
    worker.start(HIGH, load_fs, u64::from(FIRST))?;
    same(exception()?.0, 13)
}

/// Loads GS; the handler puts back what the thread needs.
fn load_gs(_: u64) {
    let word: u64;
    // SAFETY: the thread's own segment; the exception goes to the test, which makes GS what it was.
    unsafe { asm!("mov gs, {0:x}", "mov {1}, gs:[0]", "int3", in(reg) FIRST, out(reg) word) };
    note(1, word as i64);
    note(2, (utcb().mr(5) == 0x5151) as i64);
}

fn gs_of_own() -> Check {
    let worker = watched()?;
    worker.thread.set_gdt(0, &[data(words()[0])])?;
    worker.start(HIGH, load_gs, 0)?;
    let (trap, error, selectors) = exception()?;
    same((trap, error, selectors >> 48), (3, 0, u64::from(FIRST)))?;
    let address = UTCBS + (worker.number * SIZE) as u64;
    utcb().set_mr(WORDS - 1, 0);
    utcb().set_mr(offset_of!(ExcRegs, gs_base) / 8, address + offset_of!(Utcb, address) as u64);
    // SAFETY: the worker's UTCB, which it does not use now.
    unsafe { (address as *mut u64).add(5).write_volatile(0x5151) };
    answer(Tag::new(0, WORDS, 0, 0));
    make::until(|| noted(2) != make::UNSET)?;
    same((noted(1), noted(2)), (0x1111, 1))
}

fn segment_base_replaces_own_segment() -> Check {
    let [first, second] = words();
    make::me().set_gdt(0, &[data(first)])?;
    through_fs(FIRST);
    make::me().set_segment_base(Segment::Fs, second)?;
    let word: u64;
    // SAFETY: reads the word that the base was set to.
    unsafe { asm!("mov {0}, fs:[0]", out(reg) word) };
    same(word, 0x2222)
}

/// A program may load SS; the kernel always returns with the usual one.
fn stack_segment_of_own() -> Check {
    fn load_ss(_: u64) {
        // SAFETY: in 64-bit mode the stack is the same with any segment; the exception goes to the test.
        unsafe { asm!("mov ss, {0:x}", "int3", in(reg) FIRST) };
        note(1, 1);
    }
    let worker = watched()?;
    worker.thread.set_gdt(0, &[data(0)])?;
    worker.start(HIGH, load_ss, 0)?;
    exception()?;
    same(utcb().mr(offset_of!(ExcRegs, ss) / 8), u64::from(FIRST))?;
    worker.thread.set_gdt(0, &[0])?;
    answer(Tag::new(0, 0, 0, 0));
    make::until(|| noted(1) == 1)
}

fn own_segments_of_another_thread() -> Check {
    let worker = spawn(HIGH, |_| make::rest(50), 0)?;
    worker.thread.set_gdt(0, &[data(words()[1])])?;
    worker.start(HIGH, load_fs, u64::from(FIRST))?;
    make::until(|| noted(1) != make::UNSET)?;
    same(noted(1), 0x2222)
}

/// The user task of a virtual CPU has its selectors, the handler finds those of its own task.
fn own_segments_of_user_task() -> Check {
    extern "C" fn read(_: u64) {
        let (word, selector): (u64, u64);
        // SAFETY: the state has a segment in FS whose first word is the test's.
        unsafe { asm!("mov {0}, fs:[0]", "mov {1:e}, fs", out(reg) word, out(reg) selector) };
        note(5, word as i64);
        note(6, selector as i64);
        // SAFETY: a segment of the thread's own; ends this code.
        unsafe { asm!("mov es, {0:x}", "ud2", in(reg) SECOND) };
    }
    fn work(vcpu: Vcpu) {
        let thread = Cap::<Thread>::new(CapIndex::from_raw(THREAD.load(Relaxed)));
        let [first, second] = words();
        let set = thread.set_gdt(0, &[data(first), data(second)]);
        vcpu.state().host_segments[2].set(SECOND);
        crate::vcpu_user::aim(vcpu, 0);
        vcpu.set_register(Register::Segments, u64::from(FIRST) << 32);
        vcpu.state().saved_state.set(USER_MODE);
        note(9, set.is_ok().into());
        failed(vcpu)
    }
    fn handler(vcpu: Vcpu) -> ! {
        note(7, fs().into());
        note(10, vcpu.register(Register::Segments) as i64);
        tell_and_stay(vcpu)
    }
    static THREAD: AtomicU64 = AtomicU64::new(0);
    let task = worker::task()?;
    task.map(Task::this(), syscall::abi::Flexpage::memory(PAGES, 13, syscall::abi::Rights::RW), PAGES)?;
    crate::vcpu_user::prepare(task.index(), read, 0);
    let worker = Worker::create_in(Task::this())?;
    THREAD.store(worker.thread.index().raw(), Relaxed);
    crate::vcpu::run_as(worker, HIGH, work, handler)?;
    done()?;
    same((noted(1), noted(5), noted(6)), (6, 0x1111, i64::from(FIRST)))?;
    same((noted(7), noted(10) >> 16), (i64::from(SECOND), i64::from(SECOND) | i64::from(FIRST) << 16))
}

fn thread_with_own_segments_is_deleted() -> Check {
    fn delete_me(thread: u64) {
        through_fs(FIRST);
        let _ = Cap::<Thread>::new(CapIndex::from_raw(thread)).delete();
    }
    let worker = Worker::create_in(Task::this())?;
    worker.thread.set_gdt(0, &[data(words()[0])])?;
    worker.start(HIGH, delete_me, worker.thread.index().raw())?;
    make::rest(1);
    same(worker.thread.is_present(), false)
}

fn ldt(words: &[u64]) -> i64 {
    ask(CapIndex::TASK, protocol::TASK, words, &[])
}

fn ldt_wrong_words() -> Check {
    same((ldt(&[OP_LDT_SET]), ldt(&[OP_LDT_SET, 0])), (code(Error::Inval), code(Error::Inval)))
}

fn ldt_beyond_a_page() -> Check {
    for first in [512, u64::MAX, u64::MAX / 8] {
        same(Task::this().set_ldt(first, &[data(0)]), Err(Code::Inval.into()))?;
    }
    same(Task::this().set_ldt(511, &[data(0), data(0)]), Err(Code::Inval.into()))?;
    same(Task::this().set_ldt(511, &[data(0)]), Ok(()))
}

fn ldt_refuses_unsafe_descriptors() -> Check {
    for descriptor in UNSAFE {
        same(Task::this().set_ldt(0, &[descriptor]), Err(Code::Inval.into()))?;
    }
    same(Task::this().set_ldt(0, &[0]), Ok(()))
}

fn ldt_costs_a_page() -> Check {
    let small = make::factory().create_factory(64 * 1024)?;
    let (task, _) = small.create_task(syscall::abi::Flexpage::INVALID)?;
    let before = harness::quota::left(*small);
    task.set_ldt(0, &[data(0)])?;
    same(before - harness::quota::left(*small), 4096)?;
    task.set_ldt(5, &[data(0)])?;
    same(before - harness::quota::left(*small), 4096)?;
    let mut others = [const { None }; 16];
    let last = others.iter_mut().find_map(|place| {
        let (other, _) = small.create_task(syscall::abi::Flexpage::INVALID).ok()?;
        let refused = other.set_ldt(0, &[data(0)]).err();
        *place = Some(other);
        refused
    });
    holds(last.is_none() || last == Some(Code::NoMem.into()))?;
    drop(others);
    task.delete()?;
    make::rest(1);
    holds(harness::quota::left(*small) > before)
}

fn ldt_segment_has_a_base() -> Check {
    let [first, second] = words();
    Task::this().set_ldt(0, &[data(first), data(second)])?;
    same(through_fs(LOCAL), 0x2222)?;
    make::rest(1);
    let word: u64;
    // SAFETY: the segment is loaded.
    unsafe { asm!("mov {0}, fs:[0]", out(reg) word) };
    same((word, fs()), (0x2222, LOCAL))
}

/// Threads that run already, and those that are bound later, use it.
fn ldt_is_the_tasks() -> Check {
    let early = spawn(HIGH, |_| make::rest(50), 0)?;
    let [first, second] = words();
    Task::this().set_ldt(0, &[data(first), data(second)])?;
    early.start(HIGH, load_fs, u64::from(LOCAL))?;
    make::until(|| noted(1) != make::UNSET)?;
    same(noted(1), 0x2222)?;
    spawn(HIGH, |selector| note(2, through_fs(selector as u16) as i64), u64::from(LOCAL))?;
    make::until(|| noted(2) != make::UNSET)?;
    same(noted(2), 0x2222)
}

fn ldt_is_not_another_tasks() -> Check {
    let [first, second] = words();
    Task::this().set_ldt(0, &[data(first), data(second)])?;
    same(through_fs(LOCAL), 0x2222)?;
    let task = worker::task()?;
    let gate = make::gate(crate::threads::FAULTS)?;
    task.map_cap(gate, syscall::abi::Rights::ALL, gate.index())?;
    let other = Worker::create_in(*task)?;
    let handler = Some(gate.index());
    other.thread.control(syscall::object::thread::Control {
        pager: handler,
        exception_handler: handler,
        ..Default::default()
    })?;
    other.start(HIGH, load_fs, u64::from(LOCAL))?;
    let (trap, error, _) = exception()?;
    same((trap, error), (13, u64::from(LOCAL & !3)))?;
    same(through_fs(LOCAL), 0x2222)
}

fn ldt_ends_behind_last_set() -> Check {
    let [first, second] = words();
    Task::this().set_ldt(0, &[data(first), data(second)])?;
    Task::this().set_ldt(0, &[data(first)])?;
    watch(load_fs, u64::from(LOCAL))?;
    let (trap, error, _) = exception()?;
    same((trap, error), (13, u64::from(LOCAL & !3)))
}

/// A thread that is bound when there is one need not use it first.
fn ldt_is_loaded_from_the_start() -> Check {
    fn verify(selector: u64) {
        let is_readable: u8;
        // SAFETY: asks about a segment.
        unsafe { asm!("verr {0:x}", "setz {1}", in(reg) selector, out(reg_byte) is_readable) };
        note(1, is_readable.into());
    }
    Task::this().set_ldt(0, &[data(0), data(0)])?;
    spawn(HIGH, verify, u64::from(LOCAL))?;
    make::until(|| noted(1) != make::UNSET)?;
    same(noted(1), 1)
}
