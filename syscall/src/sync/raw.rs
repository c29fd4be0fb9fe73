//! The lock below all others, without data: a counter of those who hold or want it, and a kernel
//! semaphore that is made when a thread first has to wait.
//!
//! Locking and unlocking without contention is one atomic instruction each. The lock goes from its
//! holder to the first that waits. Its operations leave the message registers as they were.
#![allow(unsafe_code)] // implements lock_api's unsafe trait

use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use abi::{CapIndex, Tag, protocol, semaphore::OP_DOWN};

use crate::{
    Cap, Owned, Result, Semaphore,
    arch::utcb,
    env,
    ipc::{self, Timeout, Timeouts},
};

/// A kernel semaphore with count 0, made when first needed.
pub(crate) struct LazySemaphore {
    /// Selector, or 0.
    slot: AtomicU64,
}

impl LazySemaphore {
    pub(crate) const fn new() -> Self {
        Self { slot: AtomicU64::new(0) }
    }

    /// The semaphore.
    ///
    /// # Errors
    /// `NoMem` when the kernel cannot make one.
    pub(crate) fn get(&self) -> Result<Cap<Semaphore>> {
        let slot = self.slot.load(Ordering::Acquire);
        if slot != 0 {
            return Ok(Cap::new(CapIndex::from_raw(slot)));
        }
        utcb().preserved(|| {
            let made = env::factory().create_semaphore()?;
            match self.slot.compare_exchange(0, made.index().raw(), Ordering::AcqRel, Ordering::Acquire) {
                Ok(_) => Ok(made.leak()),
                Err(other) => Ok(Cap::new(CapIndex::from_raw(other))),
            }
        })
    }
}

impl Drop for LazySemaphore {
    fn drop(&mut self) {
        let slot = *self.slot.get_mut();
        if slot != 0 {
            drop(Owned::<Semaphore>::from_cap(Cap::new(CapIndex::from_raw(slot))));
        }
    }
}

/// Adds one to a semaphore without touching message or buffer registers.
pub(crate) fn up(semaphore: Cap<Semaphore>) -> Result {
    ipc::send(semaphore.index(), Tag::new(protocol::IRQ, 0, 0, 0), Timeouts::ZERO)
}

/// Subtracts one from a semaphore, leaving the message registers as they were.
pub(crate) fn down(semaphore: Cap<Semaphore>, timeout: Timeout) -> Result {
    let registers = utcb();
    let saved = registers.mr(0);
    registers.set_mr(0, OP_DOWN);
    let timeouts = Timeouts { send: Timeout::NEVER, receive: timeout };
    let result = ipc::call(semaphore.index(), Tag::new(protocol::SEMAPHORE, 1, 0, 0), timeouts);
    registers.set_mr(0, saved);
    result.map(drop)
}

/// A lock without data.
pub struct RawMutex {
    /// How many threads hold the lock or wait for it.
    wanted: AtomicU32,
    semaphore: LazySemaphore,
}

impl RawMutex {
    /// A lock that nobody holds.
    #[allow(clippy::new_without_default)] // used in statics
    pub const fn new() -> Self {
        Self { wanted: AtomicU32::new(0), semaphore: LazySemaphore::new() }
    }

    /// Takes the lock, waiting for it if need be.
    #[inline(always)]
    pub fn lock(&self) {
        if self.wanted.compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed).is_err() {
            self.lock_slow();
        }
    }

    /// Takes the lock if nobody holds it.
    #[inline(always)]
    pub fn try_lock(&self) -> bool {
        self.wanted.compare_exchange(0, 1, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }

    /// Gives the lock to the first that waits. The caller holds it.
    #[inline(always)]
    pub fn unlock(&self) {
        if self.wanted.fetch_sub(1, Ordering::Release) != 1 {
            self.wake();
        }
    }

    #[cold]
    fn lock_slow(&self) {
        // The semaphore must be there before others know that somebody waits on it.
        let semaphore = loop {
            match self.semaphore.get() {
                Ok(semaphore) => break semaphore,
                // Without a semaphore there remains trying again, now and then.
                Err(_) if self.try_lock() => return,
                Err(_) => {
                    let pause = Timeouts { send: Timeout::NEVER, receive: Timeout::from_microseconds(1000) };
                    let _ = ipc::receive(CapIndex::INVALID, pause);
                }
            }
        };
        if self.wanted.fetch_add(1, Ordering::Acquire) == 0 {
            return;
        }
        // An IPC can be cancelled from outside; the lock is still wanted.
        while down(semaphore, Timeout::NEVER).is_err() {}
    }

    #[cold]
    fn wake(&self) {
        // Who waits has made the semaphore, so that this cannot fail.
        if let Ok(semaphore) = self.semaphore.get() {
            let _ = up(semaphore);
        }
    }
}

// SAFETY: `wanted` goes from 0 to 1 for one thread only, and each further thread gets the lock from
// exactly one `unlock`, through the semaphore.
unsafe impl talc::lock_api::RawMutex for RawMutex {
    #[allow(clippy::declare_interior_mutable_const)] // the trait wants a constant to start from
    const INIT: Self = Self::new();
    type GuardMarker = talc::lock_api::GuardSend;

    #[inline(always)]
    fn lock(&self) {
        Self::lock(self);
    }

    #[inline(always)]
    fn try_lock(&self) -> bool {
        Self::try_lock(self)
    }

    #[inline(always)]
    unsafe fn unlock(&self) {
        Self::unlock(self);
    }
}
