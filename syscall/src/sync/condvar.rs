//! Condition variables: wait until another thread says that something has changed.
#![allow(unsafe_code)] // a list of entries on the stacks of the threads that wait

use core::{cell::UnsafeCell, ptr::NonNull, time::Duration};

use super::{MutexGuard, raw, raw::RawMutex};
use crate::{Cap, Semaphore, ipc::Timeout, thread::control};

/// An entry on the stack of a waiting thread, linked until it is woken or gives up.
struct Waiter {
    semaphore: Cap<Semaphore>,
    next: Option<NonNull<Waiter>>,
    woken: bool,
}

/// First and last of those who wait.
struct Queue {
    first: Option<NonNull<Waiter>>,
    last: Option<NonNull<Waiter>>,
}

/// A condition variable. Threads are woken in the order in which they came, and only by
/// [`notify_one`](Self::notify_one) and [`notify_all`](Self::notify_all); still, check the condition
/// again, since another thread may have been there first.
///
/// ```no_run
/// use syscall::sync::{Condvar, Mutex};
///
/// static READY: Mutex<bool> = Mutex::new(false);
/// static CHANGED: Condvar = Condvar::new();
///
/// fn wait_until_ready() {
///     let mut ready = READY.lock();
///     while !*ready {
///         ready = CHANGED.wait(ready);
///     }
/// }
///
/// fn make_ready() {
///     *READY.lock() = true;
///     CHANGED.notify_all();
/// }
/// ```
pub struct Condvar {
    lock: RawMutex,
    queue: UnsafeCell<Queue>,
}

// SAFETY: the queue is touched under `lock` only; its entries are those of threads that are waiting.
unsafe impl Send for Condvar {}
// SAFETY: as above.
unsafe impl Sync for Condvar {}

impl Condvar {
    /// A condition variable that nobody waits for.
    #[allow(clippy::new_without_default)] // used in statics
    pub const fn new() -> Self {
        Self { lock: RawMutex::new(), queue: UnsafeCell::new(Queue { first: None, last: None }) }
    }

    fn with_queue<T>(&self, work: impl FnOnce(&mut Queue) -> T) -> T {
        self.lock.lock();
        // SAFETY: under the lock.
        let result = work(unsafe { &mut *self.queue.get() });
        self.lock.unlock();
        result
    }

    /// Gives the mutex back, waits to be woken, and takes the mutex again.
    ///
    /// # Panics
    /// When the kernel cannot give the thread a semaphore to wait on.
    pub fn wait<'a, T: ?Sized>(&self, guard: MutexGuard<'a, T>) -> MutexGuard<'a, T> {
        self.wait_until(&guard, Timeout::NEVER);
        guard
    }

    /// As [`wait`](Self::wait), but for `duration` at most. The second part of the answer tells whether
    /// the thread was woken.
    ///
    /// # Panics
    /// As [`wait`](Self::wait).
    pub fn wait_timeout<'a, T: ?Sized>(
        &self,
        guard: MutexGuard<'a, T>,
        duration: Duration,
    ) -> (MutexGuard<'a, T>, bool) {
        let us = u64::try_from(duration.as_nanos().div_ceil(1000)).unwrap_or(u64::MAX);
        let woken = self.wait_until(&guard, Timeout::from_microseconds(us));
        (guard, woken)
    }

    /// Waits with the mutex given back meanwhile.
    fn wait_until<T: ?Sized>(&self, guard: &MutexGuard<'_, T>, timeout: Timeout) -> bool {
        let semaphore = control::current().semaphore.get().expect("a semaphore for a waiting thread");
        let mut waiter = Waiter { semaphore, next: None, woken: false };
        let entry = NonNull::from(&mut waiter);
        // SAFETY: `waiter` stays where it is until it is out of the queue again: this function returns
        // only after a wake-up, which removes it, or after it has removed it itself.
        self.with_queue(|queue| unsafe { queue.push(entry) });
        guard.raw().unlock();
        loop {
            if raw::down(semaphore, timeout).is_ok() {
                break;
            }
            // Timed out, or cancelled from outside. A wake-up may have come in between: then the
            // semaphore is up, or about to be, and this thread must take it down.
            // SAFETY: as above.
            let given_up = timeout != Timeout::NEVER && self.with_queue(|queue| unsafe { queue.remove(entry) });
            if given_up {
                guard.raw().lock();
                return false;
            }
            // SAFETY: the entry is this thread's own; `woken` is written under the lock.
            if self.with_queue(|_| unsafe { entry.as_ref().woken }) {
                while raw::down(semaphore, Timeout::NEVER).is_err() {}
                break;
            }
        }
        guard.raw().lock();
        true
    }

    /// Wakes the thread that has waited longest, if any.
    pub fn notify_one(&self) {
        self.with_queue(Queue::wake_first);
    }

    /// Wakes all threads that wait now.
    pub fn notify_all(&self) {
        self.with_queue(|queue| while queue.wake_first() {});
    }
}

impl Queue {
    /// # Safety
    /// The entry stays valid until it is woken or removed.
    unsafe fn push(&mut self, entry: NonNull<Waiter>) {
        match self.last {
            // SAFETY: entries in the queue are valid.
            Some(mut last) => unsafe { last.as_mut().next = Some(entry) },
            None => self.first = Some(entry),
        }
        self.last = Some(entry);
    }

    /// Removes an entry; the answer is whether it was there.
    ///
    /// # Safety
    /// The entry is valid.
    unsafe fn remove(&mut self, entry: NonNull<Waiter>) -> bool {
        let mut before: Option<NonNull<Waiter>> = None;
        let mut at = self.first;
        while let Some(found) = at {
            // SAFETY: entries in the queue are valid.
            let next = unsafe { found.as_ref().next };
            if found == entry {
                match before {
                    // SAFETY: as above.
                    Some(mut before) => unsafe { before.as_mut().next = next },
                    None => self.first = next,
                }
                if next.is_none() {
                    self.last = before;
                }
                return true;
            }
            (before, at) = (at, next);
        }
        false
    }

    /// Takes out the first entry and wakes its thread; the answer is whether there was one.
    fn wake_first(&mut self) -> bool {
        let Some(mut first) = self.first else { return false };
        // SAFETY: entries in the queue are valid, and this one stays so until its thread has seen the
        // semaphore, which comes last.
        let semaphore = unsafe {
            let waiter = first.as_mut();
            waiter.woken = true;
            self.first = waiter.next;
            waiter.semaphore
        };
        if self.first.is_none() {
            self.last = None;
        }
        let _ = raw::up(semaphore);
        true
    }
}
