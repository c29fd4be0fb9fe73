//! State under the kernel lock.
//!
//! All of the kernel runs with interrupts off and, once there are several CPUs, under one lock that the
//! entry paths take. What is shared is therefore only ever touched by one CPU at a time, and `Cell`s do.
#![allow(unsafe_code)] // says that the kernel lock protects a static

/// A static that is only touched under the kernel lock.
pub struct Locked<T>(T);

// SAFETY: every path into the kernel (arch's entry code) runs with interrupts off and under the kernel
// lock, so no two accesses are concurrent.
unsafe impl<T> Sync for Locked<T> {}

impl<T> Locked<T> {
    /// Wraps the initial state.
    pub const fn new(value: T) -> Self {
        Self(value)
    }
}

impl<T> core::ops::Deref for Locked<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.0
    }
}
