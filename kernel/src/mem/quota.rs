//! A budget of kernel memory in bytes, as a factory has it.
//!
//! Invariant: `used <= limit`. Whoever charges a quota releases exactly as much when the memory is
//! given back, so a quota whose objects are all gone stands at zero.

use core::cell::Cell;

/// The charge would exceed the quota's limit; nothing was charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfQuota;

/// A limit in bytes and what is used of it.
#[derive(Debug)]
pub struct Quota {
    limit: u64,
    used: Cell<u64>,
    closed: Cell<bool>,
}

impl Quota {
    /// A quota of `limit` bytes; `u64::MAX` is the root's, which memory itself limits.
    pub const fn new(limit: u64) -> Self {
        Self { limit, used: Cell::new(0), closed: Cell::new(false) }
    }

    /// Takes `bytes` out of the quota.
    #[inline]
    pub fn charge(&self, bytes: u64) -> Result<(), OutOfQuota> {
        match self.used.get().checked_add(bytes) {
            Some(used) if used <= self.limit && !self.closed.get() => {
                self.used.set(used);
                Ok(())
            }
            _ => Err(OutOfQuota),
        }
    }

    /// Gives back `bytes` that were charged before.
    #[inline]
    pub fn release(&self, bytes: u64) {
        debug_assert!(bytes <= self.used.get(), "more released than charged");
        self.used.set(self.used.get().saturating_sub(bytes));
    }

    /// Nothing can be charged any more.
    pub fn close(&self) {
        self.closed.set(true);
    }

    /// Bytes charged now.
    pub fn used(&self) -> u64 {
        self.used.get()
    }

    /// The limit in bytes.
    pub fn limit(&self) -> u64 {
        self.limit
    }
}
