//! Time: [`Instant`], read by code in the kernel info page, without a system call. [`Duration`] is core's;
//! for sleeping see [`crate::thread::sleep`].
#![allow(unsafe_code)] // calls the code in the kernel info page

use core::ops::{Add, Sub};

pub use core::time::Duration;

use abi::kip::{READ_NS_OFFSET, READ_US_OFFSET};

use crate::env;

/// A moment, counted from the start of the kernel.
///
/// ```no_run
/// # fn long_work() {}
/// use syscall::time::Instant;
///
/// let start = Instant::now();
/// long_work();
/// syscall::println!("that took {:?}", start.elapsed());
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Instant {
    nanoseconds: u64,
}

/// Calls the code at `offset` of the kernel info page.
fn read_clock(offset: usize) -> u64 {
    let code = core::ptr::from_ref(env::kip()).cast::<u8>().wrapping_add(offset);
    // SAFETY: the kernel has put a function of this type there, which only reads the time.
    let code: extern "C" fn() -> u64 = unsafe { core::mem::transmute(code) };
    code()
}

/// The kernel's clock in microseconds: what absolute timeouts count in.
pub fn kernel_clock_us() -> u64 {
    read_clock(READ_US_OFFSET)
}

impl Instant {
    /// The present moment.
    pub fn now() -> Self {
        Self { nanoseconds: read_clock(READ_NS_OFFSET) }
    }

    /// The time since this moment.
    pub fn elapsed(self) -> Duration {
        Self::now() - self
    }

    /// The time since the kernel started.
    pub fn since_boot(self) -> Duration {
        Duration::from_nanos(self.nanoseconds)
    }
}

impl Sub for Instant {
    type Output = Duration;

    /// The time from `earlier` to this moment; zero if it is not earlier.
    fn sub(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.nanoseconds.saturating_sub(earlier.nanoseconds))
    }
}

impl Add<Duration> for Instant {
    type Output = Self;

    fn add(self, duration: Duration) -> Self {
        let nanoseconds = u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX);
        Self { nanoseconds: self.nanoseconds.saturating_add(nanoseconds) }
    }
}
