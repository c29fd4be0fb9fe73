//! What a broken invariant is reported as.
//!
//! Each structure has a `check` beside it, which its host tests call, and the kernel that is built with the
//! feature `invariants` after every entry. A `check` changes nothing and trusts nothing: it follows no
//! reference that it has not found to be one.

use core::fmt;

/// An invariant that does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken {
    /// What should hold.
    pub what: &'static str,
    /// What it should hold of: addresses of objects, or numbers.
    pub of: [u64; 2],
}

/// The outcome of a check.
pub type Check = Result<(), Broken>;

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({:#x}, {:#x})", self.what, self.of[0], self.of[1])
    }
}

/// An error unless `holds`.
#[inline]
pub fn ensure(holds: bool, what: &'static str, of: [u64; 2]) -> Check {
    if holds { Ok(()) } else { Err(Broken { what, of }) }
}

/// The address of an object, for a report.
pub fn address<T: ?Sized>(object: &T) -> u64 {
    core::ptr::from_ref(object).cast::<u8>().addr() as u64
}
