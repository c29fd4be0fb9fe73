//! Birth and death of a thread.
//!
//! A thread cannot free the stack that it runs on. At its end it says so, then sleeps for ever; whoever
//! joins it, or for detached threads the next [`start`], deletes it and takes back what it used.
//! Invariant: between saying so and sleeping, the thread touches nothing that it shares.
#![allow(unsafe_code)] // the first instructions of a thread, and its own reference to its life

use alloc::{boxed::Box, sync::Arc, vec::Vec};
use core::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use abi::CapIndex;

use super::{Builder, control, control::ControlBlock, resources, resources::Stack, tls};
use crate::{
    Cap, Owned, Result, Semaphore, env,
    ipc::{self, Timeout, Timeouts},
    object::thread::{Control, Segment, Thread},
    sync::{Mutex, raw},
};

/// The thread runs, and nobody waits for its end.
const RUNNING: u8 = 0;
/// The thread runs, and somebody waits.
const AWAITED: u8 = 1;
/// The thread runs, and nobody will ever wait.
const DETACHED: u8 = 2;
/// The thread has ended.
const ENDED: u8 = 3;

/// How far a thread has come: part of its control block.
pub(crate) struct Life {
    state: AtomicU8,
    /// Selector of the semaphore of whoever waits.
    waiter: AtomicU64,
    belongings: Mutex<Option<Belongings>>,
}

/// What is to be taken back when the thread has ended.
struct Belongings {
    thread: Owned<Thread>,
    stack: Stack,
    utcb: u64,
    tls: Option<tls::Block>,
}

impl Life {
    pub(crate) const fn new() -> Self {
        Self { state: AtomicU8::new(RUNNING), waiter: AtomicU64::new(0), belongings: Mutex::new(None) }
    }

    pub(crate) fn is_finished(&self) -> bool {
        self.state.load(Ordering::Acquire) == ENDED
    }
}

/// A thread's block and its work, on the way to its first instructions: at the top of its stack.
struct Birth {
    block: Arc<ControlBlock>,
    work: Box<dyn FnOnce() + Send>,
}

/// Room at the top of a new stack, a multiple of 16.
const BIRTH_SIZE: u64 = size_of::<Birth>().next_multiple_of(16) as u64;

/// Numbers of threads; the main thread is 1.
static NEXT_ID: AtomicU64 = AtomicU64::new(2);
/// Detached threads that have ended.
static GRAVEYARD: Mutex<Vec<Arc<ControlBlock>>> = Mutex::new(Vec::new());

core::arch::global_asm!(
    ".pushsection .text.__syscall_thread_start, \"ax\", @progbits",
    "__syscall_thread_start:",
    "mov rdi, rsp",
    "xor ebp, ebp",
    "call {enter}",
    "ud2",
    ".popsection",
    enter = sym enter,
);

unsafe extern "C" {
    fn __syscall_thread_start();
}

extern "C" fn enter(birth: *const Birth) -> ! {
    // SAFETY: `launch` has written it there for this thread alone.
    let Birth { block, work } = unsafe { birth.read() };
    // This thread keeps its reference to the block until it has said its end.
    control::set_current(Arc::as_ptr(&block));
    work();
    crate::io::flush();
    end(block)
}

/// Says that the calling thread has ended, and sleeps for ever.
fn end(block: Arc<ControlBlock>) -> ! {
    // The thread's reference stays until somebody has deleted the thread (`release`), so that the block
    // may be touched here whatever the other side does meanwhile.
    let block = Arc::into_raw(block);
    // SAFETY: see above.
    let life = unsafe { &(*block).life };
    match life.state.swap(ENDED, Ordering::AcqRel) {
        AWAITED => {
            let waiter = CapIndex::from_raw(life.waiter.load(Ordering::Acquire));
            let _ = raw::up(Cap::<Semaphore>::new(waiter));
        }
        // SAFETY: the graveyard takes over this thread's reference.
        DETACHED => GRAVEYARD.lock().push(unsafe { Arc::from_raw(block) }),
        _ => {}
    }
    loop {
        let _ = ipc::receive(CapIndex::INVALID, Timeouts::NEVER);
    }
}

/// Starts a thread.
pub(crate) fn start(mut builder: Builder, work: Box<dyn FnOnce() + Send>) -> Result<Arc<ControlBlock>> {
    bury();
    let tls = tls::Block::new()?;
    let stack = Stack::new(builder.stack_size)?;
    let utcb = match resources::take_utcb() {
        Ok(utcb) => utcb,
        Err(error) => {
            stack.recycle();
            return Err(error);
        }
    };
    let thread = match env::factory().create_thread() {
        Ok(thread) => thread,
        Err(error) => {
            stack.recycle();
            resources::give_back_unused_utcb(utcb);
            return Err(error);
        }
    };
    let cap = thread.cap();
    let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
    let (top, thread_pointer) = (stack.top(), tls.as_ref().map(tls::Block::thread_pointer));
    let block = Arc::new(ControlBlock::new(builder.name.take(), id, cap));
    *block.life.belongings.lock() = Some(Belongings { thread, stack, utcb, tls });
    if let Err(error) = launch(&block, &builder, work, utcb, top, thread_pointer) {
        reclaim(&block.life);
        return Err(error);
    }
    Ok(block)
}

/// Sets up the kernel's thread and lets it run.
fn launch(
    block: &Arc<ControlBlock>,
    builder: &Builder,
    work: Box<dyn FnOnce() + Send>,
    utcb: u64,
    top: u64,
    thread_pointer: Option<u64>,
) -> Result {
    let cap = block.cap;
    let handler = Some(env::rm().index());
    let bind = Some((crate::Task::this(), utcb));
    cap.control(Control { pager: handler, exception_handler: handler, bind, alien: None })?;
    if let Some(thread_pointer) = thread_pointer {
        cap.set_segment_base(Segment::Fs, thread_pointer)?;
    }
    let stack_pointer = top - BIRTH_SIZE;
    let birth = stack_pointer as *mut Birth;
    // SAFETY: the top of the new thread's stack, which nobody uses yet.
    unsafe { birth.write(Birth { block: block.clone(), work }) };
    let entry = __syscall_thread_start as *const () as u64;
    let started = cap
        .ex_regs(entry, stack_pointer, 0)
        .and_then(|_| env::scheduler().run_thread(cap, builder.cpus, builder.priority, 0));
    if started.is_err() {
        // SAFETY: the thread never ran, so that this still is ours.
        unsafe { birth.drop_in_place() };
    }
    started
}

/// Waits for the end of a thread and takes back what it used.
pub(crate) fn join(block: Arc<ControlBlock>) {
    let life = &block.life;
    if !life.is_finished() {
        // Without a semaphore to wait on there remains looking now and then.
        match control::current().semaphore.get() {
            Ok(semaphore) => {
                life.waiter.store(semaphore.index().raw(), Ordering::Release);
                if life.state.compare_exchange(RUNNING, AWAITED, Ordering::AcqRel, Ordering::Acquire).is_ok() {
                    while raw::down(semaphore, Timeout::NEVER).is_err() {}
                }
            }
            Err(_) => {
                while !life.is_finished() {
                    super::sleep(core::time::Duration::from_millis(1));
                }
            }
        }
    }
    release(&block);
}

/// Lets a thread go on by itself.
pub(crate) fn detach(block: Arc<ControlBlock>) {
    if block.life.state.compare_exchange(RUNNING, DETACHED, Ordering::AcqRel, Ordering::Acquire).is_err() {
        release(&block);
    }
}

/// Takes back all of a thread that has ended but was not detached, its reference to its block included.
fn release(block: &Arc<ControlBlock>) {
    if reclaim(&block.life) {
        // SAFETY: the reference that the thread left in `end`; the thread is gone.
        unsafe { Arc::decrement_strong_count(Arc::as_ptr(block)) };
    }
}

/// Takes back what detached threads used that have ended.
fn bury() {
    let dead = core::mem::take(&mut *GRAVEYARD.lock());
    for block in dead {
        if !reclaim(&block.life) {
            core::mem::forget(block);
        }
    }
}

/// Deletes a thread that has ended, or never ran, and takes back what it used. A thread that cannot be
/// deleted may still run, and keeps everything: the answer is whether it is gone.
fn reclaim(life: &Life) -> bool {
    let Some(belongings) = life.belongings.lock().take() else { return false };
    let Belongings { thread, stack, utcb, tls } = belongings;
    // Deleting, not only dropping, since the task may hold other capabilities for it.
    if thread.delete().is_err() {
        core::mem::forget((stack, tls));
        return false;
    }
    stack.recycle();
    resources::give_back_utcb(utcb);
    drop(tls);
    true
}
