//! Threads by the thousand: each makes one system call, and then waits for ever.
#![allow(unsafe_code)] // their stacks and their first instructions

use crate::measure::rest;
use crate::place::{THREADS, UTCBS, call, factory, make};
use core::arch::global_asm;
use harness::{Check, same};
use syscall::abi::ipc::Operation;
use syscall::abi::{CapIndex, Flexpage, Rights, Tag, Timeout, Timeouts, protocol, task, utcb::SIZE};
use syscall::object::thread::Control;
use syscall::{Cap, Factory, Gate, Scheduler, Semaphore, Task, Thread};

/// How many threads a row has.
pub const CROWD: usize = 1000;
/// How many are there all the time.
pub const RESIDENTS: usize = 1000;
const ALL: usize = 2048;
/// Largest area of kernel-user memory, as a logarithm.
const AREA_ORDER: u8 = 17;
const PRIORITY: u64 = 100;

/// What a thread finds on its stack: the registers of its system call.
#[derive(Clone, Copy)]
#[repr(C, align(16))]
struct Call {
    destination: u64,
    timeouts: u64,
    tag: u64,
    label: u64,
}

// Each belongs to the thread with its number.
static mut STACKS: [Call; ALL] = [Call { destination: 0, timeouts: 0, tag: 0, label: 0 }; ALL];

global_asm!(
    ".pushsection .text.__bounds_thread, \"ax\", @progbits",
    ".global __bounds_thread",
    "__bounds_thread:",
    "pop rdx",
    "pop r8",
    "pop rax",
    "pop rsi",
    "syscall",
    "2: mov rdx, {wait}",
    "xor r8d, r8d",
    "xor eax, eax",
    "syscall",
    "jmp 2b",
    ".popsection",
    wait = const CapIndex::INVALID.raw() | Operation::RECEIVE.bits(),
);

unsafe extern "C" {
    fn __bounds_thread();
}

/// The thread with this number.
pub fn thread(number: usize) -> Cap<Thread> {
    Cap::new(THREADS.offset(number as u64))
}

/// The address of the UTCB of the thread with this number.
pub const fn utcb(number: usize) -> u64 {
    UTCBS + (number * SIZE) as u64
}

/// Writes to the UTCB of a thread of the crowd: word `index` of its message registers.
pub fn set_message_register(number: usize, index: usize, value: u64) {
    // SAFETY: UTCBs of threads that do nothing now.
    unsafe { (utcb(number) as *mut u64).add(index).write_volatile(value) }
}

/// Writes buffer register `index` of a thread of the crowd.
pub fn set_buffer_register(number: usize, index: usize, value: u64) {
    const BUFFERS: usize = core::mem::offset_of!(syscall::abi::Utcb, br) / 8;
    set_message_register(number, BUFFERS + index, value);
}

/// Makes a thread without task.
pub fn make_thread(number: usize) -> Check {
    make(thread(number).index(), &[protocol::THREAD as u64])
}

/// Makes a thread in `task`.
pub fn make_in(number: usize, task: Cap<Task>, utcb: u64, pager: CapIndex) -> Check {
    make_in_by(factory(), number, task, utcb, pager)
}

/// The same, paid for by this factory.
pub fn make_in_by(payer: Cap<Factory>, number: usize, task: Cap<Task>, utcb: u64, pager: CapIndex) -> Check {
    payer.create_in(thread(number).index(), protocol::THREAD, &[], None)?;
    let handler = Some(pager);
    Ok(thread(number).control(Control {
        pager: handler,
        exception_handler: handler,
        bind: Some((task, utcb)),
        alien: None,
    })?)
}

/// Makes a thread in this task.
pub fn make_here(number: usize) -> Check {
    make_in(number, Task::this(), utcb(number), CapIndex::INVALID)
}

/// The same, paid for by this factory.
pub fn make_here_by(payer: Cap<Factory>, number: usize) -> Check {
    make_in_by(payer, number, Task::this(), utcb(number), CapIndex::INVALID)
}

/// Lets the thread make its system call.
pub fn start(number: usize, to: CapIndex, operation: Operation, tag: Tag, timeouts: Timeouts) -> Check {
    start_at(number, PRIORITY, to, operation, tag, timeouts)
}

/// The same with a priority.
pub fn start_at(
    number: usize,
    priority: u64,
    to: CapIndex,
    operation: Operation,
    tag: Tag,
    timeouts: Timeouts,
) -> Check {
    prepare(number, to, operation, tag, timeouts)?;
    run(number, priority)
}

/// Has the thread make its system call as soon as it has a priority.
pub fn prepare(number: usize, to: CapIndex, operation: Operation, tag: Tag, timeouts: Timeouts) -> Check {
    let stack = (&raw mut STACKS).cast::<Call>().wrapping_add(number);
    let call =
        Call { destination: to.raw() | operation.bits(), timeouts: timeouts.raw().into(), tag: tag.raw(), label: 0 };
    // SAFETY: within the array; the thread is about to be started.
    unsafe { stack.write(call) };
    thread(number).ex_regs(__bounds_thread as *const () as u64, stack as u64, 0)?;
    Ok(())
}

/// Gives the thread a priority.
pub fn run(number: usize, priority: u64) -> Check {
    run_for(number, priority, 0)
}

/// The same with time slices of so many microseconds.
pub fn run_for(number: usize, priority: u64, slice_us: u64) -> Check {
    Ok(Scheduler::boot().run_thread(thread(number), Scheduler::any_cpu(), priority, slice_us)?)
}

/// A message of the crowd without anything.
pub const EMPTY: Tag = Tag::new(0, 0, 0, 0);

/// Makes the crowd, each of which makes this call.
pub fn gather(to: CapIndex, operation: Operation, tag: Tag, timeouts: Timeouts) -> Check {
    for number in 0..CROWD {
        make_here(number)?;
        start(number, to, operation, tag, timeouts)?;
    }
    rest(10);
    Ok(())
}

/// Deletes the crowd, one after the other.
pub fn dismiss() -> Check {
    (0..CROWD).try_for_each(|number| crate::place::delete(thread(number).index()))?;
    rest(10);
    Ok(())
}

/// A thread of the crowd, with this number, that nobody can send to: its line grows.
pub fn deaf(number: usize) -> Check<Cap<Thread>> {
    make_here(number)?;
    start_at(number, PRIORITY + 1, CapIndex::INVALID, Operation::RECEIVE, EMPTY, Timeouts::NEVER)?;
    rest(1);
    Ok(thread(number))
}

/// A number for a thread that is neither in the crowd nor a resident.
pub const EXTRA: usize = CROWD + RESIDENTS;

/// Makes UTCBs, and those who are there all the time: they call each other, wait for a semaphore, at a gate, for the
/// clock, in a line.
pub fn residents() -> Check {
    for area in 0..(ALL * SIZE) >> AREA_ORDER {
        let area = Flexpage::memory(UTCBS + ((area as u64) << AREA_ORDER), AREA_ORDER, Rights::RW);
        call(CapIndex::TASK, protocol::TASK, &[task::OP_ADD_KU_MEM, area.raw()], &[])?;
    }
    let gate: Cap<Gate> = crate::place::make_plain(syscall::abi::factory::IPC_GATE)?;
    let semaphore: Cap<Semaphore> = crate::place::make_plain(protocol::SEMAPHORE)?;
    let hour = Timeouts { send: Timeout::NEVER, receive: Timeout::from_microseconds(3_600_000_000) };
    let down = Tag::new(protocol::SEMAPHORE, 1, 0, 0);
    for number in CROWD..CROWD + RESIDENTS {
        make_here(number)?;
        set_message_register(number, 0, syscall::abi::semaphore::OP_DOWN);
        match number % 5 {
            0 => start(number, CapIndex::INVALID, Operation::RECEIVE, EMPTY, Timeouts::NEVER),
            1 => start(number, thread(number - 1).index(), Operation::CALL, EMPTY, Timeouts::NEVER),
            2 => start(number, gate.index(), Operation::CALL, EMPTY, Timeouts::NEVER),
            3 => start(number, semaphore.index(), Operation::CALL, down, Timeouts::NEVER),
            _ => start(number, CapIndex::INVALID, Operation::WAIT, EMPTY, hour),
        }?;
    }
    rest(10);
    same(thread(CROWD).is_present(), true)
}
