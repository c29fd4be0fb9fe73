//! Things that happen once.
#![allow(unsafe_code)] // a value that is written once and shared from then on

use core::{
    cell::{Cell, UnsafeCell},
    ops::Deref,
    sync::atomic::{AtomicBool, Ordering},
};

use super::Mutex;

/// Runs a piece of code once, whoever comes first.
pub struct Once {
    done: AtomicBool,
    running: Mutex<()>,
}

impl Once {
    /// Not done yet.
    #[allow(clippy::new_without_default)] // used in statics
    pub const fn new() -> Self {
        Self { done: AtomicBool::new(false), running: Mutex::new(()) }
    }

    /// Runs `work`, unless that was done before; who comes meanwhile waits for it.
    #[inline]
    pub fn call_once(&self, work: impl FnOnce()) {
        if !self.is_completed() {
            let _guard = self.running.lock();
            if !self.is_completed() {
                work();
                self.done.store(true, Ordering::Release);
            }
        }
    }

    /// Whether it is done.
    #[inline(always)]
    pub fn is_completed(&self) -> bool {
        self.done.load(Ordering::Acquire)
    }
}

/// A value that is set once, and shared from then on.
pub struct OnceLock<T> {
    once: Once,
    value: UnsafeCell<Option<T>>,
}

// SAFETY: written once, under the lock of `once`; after that only shared.
unsafe impl<T: Send + Sync> Sync for OnceLock<T> {}

impl<T> OnceLock<T> {
    /// Not set yet.
    pub const fn new() -> Self {
        Self { once: Once::new(), value: UnsafeCell::new(None) }
    }

    /// The value, if it is set.
    #[inline]
    pub fn get(&self) -> Option<&T> {
        // SAFETY: complete means written, and never written again.
        if self.once.is_completed() { unsafe { (*self.value.get()).as_ref() } } else { None }
    }

    /// Sets the value.
    ///
    /// # Errors
    /// The value comes back if there is one already.
    pub fn set(&self, value: T) -> Result<(), T> {
        let mut value = Some(value);
        // SAFETY: `call_once` runs this once, before anybody reads.
        self.once.call_once(|| unsafe { *self.value.get() = value.take() });
        value.map_or(Ok(()), Err)
    }

    /// The value; made by `make` if it is not set.
    pub fn get_or_init(&self, make: impl FnOnce() -> T) -> &T {
        // SAFETY: as above.
        self.once.call_once(|| unsafe { *self.value.get() = Some(make()) });
        self.get().expect("the value was set")
    }
}

impl<T> Default for OnceLock<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// A value that is made at its first use.
pub struct LazyLock<T, F = fn() -> T> {
    value: OnceLock<T>,
    make: Cell<Option<F>>,
}

// SAFETY: `make` is taken once, under the lock of `value`.
unsafe impl<T: Send + Sync, F: Send> Sync for LazyLock<T, F> {}

impl<T, F: FnOnce() -> T> LazyLock<T, F> {
    /// To be made by `make`.
    pub const fn new(make: F) -> Self {
        Self { value: OnceLock::new(), make: Cell::new(Some(make)) }
    }
}

impl<T, F: FnOnce() -> T> Deref for LazyLock<T, F> {
    type Target = T;

    fn deref(&self) -> &T {
        self.value.get_or_init(|| self.make.take().expect("the value is made once")())
    }
}
