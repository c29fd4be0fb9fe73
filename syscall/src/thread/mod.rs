//! Threads of the program: [`spawn`], [`JoinHandle::join`], [`current`], [`sleep`], and priorities by
//! [`Builder`].
//!
//! ```no_run
//! # fn example() -> syscall::Result {
//! use syscall::thread;
//!
//! let sum = thread::spawn(|| (1..=100).sum::<u32>())?;
//! syscall::println!("thread '{}' adds up", sum.thread().name());
//! assert_eq!(sum.join(), 5050);
//! # Ok(()) }
//! ```
//!
//! Statics with `#[thread_local]` (a feature of the compiler) are there once per thread; they are not
//! dropped at its end. A panic ends the whole program, so that `join` has nothing to say of one.

pub(crate) mod control;
mod life;
mod resources;
pub(crate) mod tls;

use alloc::{string::String, sync::Arc};
use core::{cell::UnsafeCell, time::Duration};

use abi::{CapIndex, l4re::MAIN_THREAD_PRIO};
use control::ControlBlock;

use crate::{
    Cap, Result, Scheduler, env,
    ipc::{self, Timeout, Timeouts},
    object::{scheduler::CpuSet, thread::Thread},
};

/// A thread of this program.
#[derive(Clone)]
pub struct Handle {
    block: Option<Arc<ControlBlock>>,
}

impl Handle {
    /// The thread's name; `main` for the first one, `?` for one without.
    pub fn name(&self) -> &str {
        control::resolve(&self.block).name()
    }

    /// The thread's number, counted from 1 for the main thread, never used twice.
    pub fn id(&self) -> u64 {
        control::resolve(&self.block).id
    }

    /// The kernel's thread. Valid while the thread has not been joined.
    pub fn cap(&self) -> Cap<Thread> {
        match &self.block {
            Some(block) => block.cap,
            None => env::main_thread(),
        }
    }
}

impl core::fmt::Debug for Handle {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "thread {} '{}'", self.id(), self.name())
    }
}

/// The calling thread.
pub fn current() -> Handle {
    Handle { block: control::current_counted() }
}

/// Lets other threads of the same priority run.
pub fn yield_now() {
    Thread::yield_now();
}

/// Lets the calling thread sleep for at least `duration`.
pub fn sleep(duration: Duration) {
    let mut left_us = duration.as_nanos().div_ceil(1000);
    while left_us > 0 {
        let step_us = left_us.min(u128::from(Timeout::MAX_MICROSECONDS / 2));
        let timeouts = Timeouts { send: Timeout::NEVER, receive: Timeout::from_microseconds(step_us as u64) };
        // The receive from nobody times out; that is the purpose.
        let _ = ipc::receive(CapIndex::INVALID, timeouts);
        left_us -= step_us;
    }
}

/// How a thread is to be started.
#[derive(Clone)]
pub struct Builder {
    name: Option<String>,
    stack_size: usize,
    priority: u64,
    cpus: CpuSet,
}

/// Stack of a thread in bytes, unless its [`Builder`] says otherwise; pages are taken as they are used.
pub const STACK_SIZE: usize = 64 * 1024;

impl Default for Builder {
    fn default() -> Self {
        Self { name: None, stack_size: STACK_SIZE, priority: MAIN_THREAD_PRIO, cpus: Scheduler::any_cpu() }
    }
}

impl Builder {
    /// The defaults: no name, a stack of [`STACK_SIZE`], the main thread's usual priority, any CPU.
    pub fn new() -> Self {
        Self::default()
    }

    /// Names the thread, for reports.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Sets the size of the stack in bytes. Below it lies a page without memory, so that an overflow is a
    /// fault.
    pub fn stack_size(mut self, bytes: usize) -> Self {
        self.stack_size = bytes;
        self
    }

    /// Sets the priority, 1 to 255.
    pub fn priority(mut self, priority: u64) -> Self {
        self.priority = priority;
        self
    }

    /// Sets the CPUs to run on.
    pub fn cpus(mut self, cpus: CpuSet) -> Self {
        self.cpus = cpus;
        self
    }

    /// Starts a thread that runs `work`.
    ///
    /// # Errors
    /// `NoMem` when memory, quota or capability slots do not suffice.
    pub fn spawn<F, T>(self, work: F) -> Result<JoinHandle<T>>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        let packet = Arc::new(Packet(UnsafeCell::new(None)));
        let result = packet.clone();
        let run = move || {
            let value = work();
            result.put(value);
        };
        let block = life::start(self, alloc::boxed::Box::new(run))?;
        Ok(JoinHandle { block: Some(block), packet })
    }
}

/// Starts a thread that runs `work`, with the defaults of [`Builder`].
///
/// # Errors
/// As for [`Builder::spawn`].
pub fn spawn<F, T>(work: F) -> Result<JoinHandle<T>>
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    Builder::new().spawn(work)
}

/// Where a thread leaves its result.
struct Packet<T>(UnsafeCell<Option<T>>);

#[allow(unsafe_code)] // the result goes from one thread to one other
// SAFETY: the thread writes before it signals its end, and only whoever joins it reads, after that.
unsafe impl<T: Send> Sync for Packet<T> {}

impl<T> Packet<T> {
    #[allow(unsafe_code)] // as above
    fn put(&self, value: T) {
        // SAFETY: as above.
        unsafe { *self.0.get() = Some(value) }
    }

    #[allow(unsafe_code)] // as above
    fn take(&self) -> Option<T> {
        // SAFETY: as above.
        unsafe { (*self.0.get()).take() }
    }
}

/// A running thread whose result is still to be had. Dropping it lets the thread go on by itself.
pub struct JoinHandle<T> {
    block: Option<Arc<ControlBlock>>,
    packet: Arc<Packet<T>>,
}

impl<T> JoinHandle<T> {
    /// Waits until the thread has ended and returns its result.
    pub fn join(mut self) -> T {
        if let Some(block) = self.block.take() {
            life::join(block);
        }
        self.packet.take().expect("a thread that has ended left its result")
    }

    /// The thread.
    pub fn thread(&self) -> Handle {
        Handle { block: self.block.clone() }
    }

    /// Whether the thread has ended.
    pub fn is_finished(&self) -> bool {
        self.block.as_ref().is_none_or(|block| block.life.is_finished())
    }
}

impl<T> Drop for JoinHandle<T> {
    fn drop(&mut self) {
        if let Some(block) = self.block.take() {
            life::detach(block);
        }
    }
}
