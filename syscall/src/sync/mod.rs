//! Synchronisation between threads of one program: [`Mutex`], [`Condvar`], [`Once`], [`OnceLock`],
//! [`LazyLock`] and [`channel`](channel::channel). Uncontended operations stay in user space; threads
//! wait on the kernel's semaphores.
//!
//! ```no_run
//! # fn example() -> syscall::Result {
//! use syscall::{sync::Mutex, thread};
//!
//! static SUM: Mutex<u64> = Mutex::new(0);
//! let thread = thread::spawn(|| *SUM.lock() += 20)?;
//! *SUM.lock() += 22;
//! thread.join();
//! assert_eq!(*SUM.lock(), 42);
//! # Ok(()) }
//! ```
//!
//! Locks are not poisoned: a panic ends the program.

pub mod channel;
mod condvar;
mod mutex;
mod once;
pub mod raw;

pub use channel::channel;
pub use condvar::Condvar;
pub use mutex::{Mutex, MutexGuard};
pub use once::{LazyLock, Once, OnceLock};
