//! Threads of a test, in its task or in tasks that it makes, and those tasks.
//!
//! Each worker has a stack in the image's data and a UTCB in its task's area; a test can have [`WORKERS`] of
//! them. Tasks that a test makes share the test's code and data with it, so that workers there can run.
#![allow(unsafe_code)] // stacks, the workers' first instructions

use crate::check::{Check, fail};
use crate::child;
use core::arch::global_asm;
use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use syscall::abi::{CapIndex, Flexpage, Rights, utcb::SIZE};
use syscall::ipc::{self, Timeouts};
use syscall::object::thread::Control;
use syscall::{Cap, Factory, Owned, Scheduler, Task, Thread};

/// How many workers a test can have.
pub const WORKERS: usize = 12;
const STACK: usize = 16 * 1024;

/// Where the UTCBs of every task lie, and how many bytes they are, as a logarithm.
pub const UTCBS: u64 = 0x7000_0000;
/// See [`UTCBS`].
pub const UTCBS_ORDER: u8 = 14;

#[repr(C, align(16))]
struct Stacks([[u8; STACK]; WORKERS + 1]);

// Each stack belongs to the one thread that got its number.
static mut STACKS: Stacks = Stacks([[0; STACK]; WORKERS + 1]);
static NEXT: AtomicUsize = AtomicUsize::new(1);

global_asm!(
    ".pushsection .text.__harness_thread, \"ax\", @progbits",
    ".global __harness_thread",
    "__harness_thread:",
    "pop rdi",
    "pop rsi",
    "xor ebp, ebp",
    "call {enter}",
    "ud2",
    ".popsection",
    enter = sym enter,
);

unsafe extern "C" {
    fn __harness_thread();
}

extern "C" fn enter(work: u64, argument: u64) -> ! {
    // SAFETY: `prepare` put a function of this type there.
    let work: fn(u64) = unsafe { core::mem::transmute(work as *const ()) };
    work(argument);
    loop {
        let _ = ipc::receive(CapIndex::INVALID, Timeouts::NEVER);
    }
}

/// Lays out the stack with number `number` for a thread that does `work(argument)`; returns instruction and stack pointer.
pub fn prepare(number: usize, work: fn(u64), argument: u64) -> (u64, u64) {
    // SAFETY: within the array; the thread that uses this stack is about to be started anew.
    let top = unsafe { (&raw mut STACKS.0[number]).cast::<u8>().add(STACK - 16).cast::<u64>() };
    // SAFETY: as above.
    unsafe {
        top.write(work as usize as u64);
        top.add(1).write(argument);
    }
    (__harness_thread as *const () as u64, top as u64)
}

/// A thread of the test.
#[derive(Clone, Copy)]
pub struct Worker {
    /// Its capability.
    pub thread: Cap<Thread>,
    /// The number of its stack and UTCB.
    pub number: usize,
}

impl Worker {
    /// Makes a thread in `task` that has everything but a start and a priority.
    ///
    /// # Errors
    /// Those of the system calls, and when there are [`WORKERS`] already.
    pub fn create_in(task: Cap<Task>) -> Check<Self> {
        let number = NEXT.fetch_add(1, Relaxed);
        if number > WORKERS {
            return fail("the test has too many workers");
        }
        let thread = Factory::boot().create_thread()?.leak();
        let handler = Some(child::PAGER);
        let utcb = UTCBS + (number * SIZE) as u64;
        thread.control(Control {
            pager: handler,
            exception_handler: handler,
            bind: Some((task, utcb)),
            alien: None,
        })?;
        Ok(Self { thread, number })
    }

    /// Starts, or starts anew, with this work, whatever the thread waits for.
    ///
    /// # Errors
    /// Those of the system calls.
    pub fn start(self, priority: u64, work: fn(u64), argument: u64) -> Check {
        let (ip, sp) = prepare(self.number, work, argument);
        self.thread.ex_regs(ip, sp, syscall::abi::thread::EX_REGS_CANCEL)?;
        self.run(priority)
    }

    /// Gives the thread a priority.
    ///
    /// # Errors
    /// Those of the system call.
    pub fn run(self, priority: u64) -> Check {
        Ok(Scheduler::boot().run_thread(self.thread, Scheduler::any_cpu(), priority, 0)?)
    }
}

/// Starts a worker in the test's own task.
///
/// # Errors
/// Those of the system calls.
pub fn spawn(priority: u64, work: fn(u64), argument: u64) -> Check<Worker> {
    spawn_in(Task::this(), priority, work, argument)
}

/// Starts a worker in a task.
///
/// # Errors
/// Those of the system calls.
pub fn spawn_in(task: Cap<Task>, priority: u64, work: fn(u64), argument: u64) -> Check<Worker> {
    let worker = Worker::create_in(task)?;
    worker.start(priority, work, argument)?;
    Ok(worker)
}

/// A task with the test's code and data, its own UTCBs, and the capability to its pager, as the test's.
///
/// # Errors
/// Those of the system calls.
pub fn task() -> Check<Owned<Task>> {
    let task = bare_task()?;
    child::share_image(*task)?;
    task.map_cap(Cap::<Thread>::new(child::PAGER), Rights::ALL, child::PAGER)?;
    // Capabilities that do not count: a task must not keep itself alive.
    child::give(*task, Task::this(), child::PARENT)?;
    child::give(*task, *task, CapIndex::TASK)?;
    Ok(task)
}

/// A task with UTCBs and nothing else.
///
/// # Errors
/// Those of the system call.
pub fn bare_task() -> Check<Owned<Task>> {
    Ok(Factory::boot().create_task(Flexpage::memory(UTCBS, UTCBS_ORDER, Rights::RW))?.0)
}
