//! Words in memory that the kernel and a program share, and which either may change at any time.

use core::sync::atomic::{AtomicU16, AtomicU64, Ordering::Relaxed};

/// A shared word.
#[derive(Default, Debug)]
#[repr(transparent)]
pub struct SharedWord(AtomicU64);

impl SharedWord {
    /// The value now.
    pub fn get(&self) -> u64 {
        self.0.load(Relaxed)
    }

    /// Sets the value.
    pub fn set(&self, value: u64) {
        self.0.store(value, Relaxed);
    }
}

/// Sixteen shared bits.
#[derive(Default, Debug)]
#[repr(transparent)]
pub struct SharedBits(AtomicU16);

impl SharedBits {
    /// The bits now.
    pub fn get(&self) -> u16 {
        self.0.load(Relaxed)
    }

    /// Sets all bits.
    pub fn set(&self, bits: u16) {
        self.0.store(bits, Relaxed);
    }

    /// Sets these bits.
    pub fn insert(&self, bits: u16) {
        self.0.fetch_or(bits, Relaxed);
    }

    /// Clears these bits.
    pub fn remove(&self, bits: u16) {
        self.0.fetch_and(!bits, Relaxed);
    }

    /// Whether all of these bits are set.
    pub fn contains(&self, bits: u16) -> bool {
        self.get() & bits == bits
    }
}
