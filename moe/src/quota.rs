//! How much memory the clients of a factory may use. A factory's quota is taken from its parent as a
//! whole when it is made and goes back when it is dropped, so that what is within a quota can only fail
//! when the machine itself has no memory left.

use alloc::rc::Rc;
use core::cell::Cell;

use abi::Error;

use crate::store::For;

/// A quota in bytes.
pub struct Quota {
    parent: Option<Rc<Quota>>,
    limit: u64,
    used: Cell<u64>,
}

impl Quota {
    /// The quota that all others come from: as much as there is.
    pub fn unlimited() -> Rc<Quota> {
        Rc::new(Quota { parent: None, limit: u64::MAX, used: Cell::new(0) })
    }

    /// A quota of `limit` bytes, taken from `parent`.
    ///
    /// # Errors
    /// `NoMem` where the parent has not as much left; so for all charges.
    pub fn within(parent: &Rc<Quota>, limit: u64) -> Result<Rc<Quota>, Error> {
        if limit == u64::MAX {
            return Err(Error::NoMem);
        }
        parent.charge(limit)?;
        Ok(Rc::new(Quota { parent: Some(parent.clone()), limit, used: Cell::new(0) }))
    }

    /// Whether it is the unlimited one, which belongs to moe and to the first program.
    #[inline]
    pub fn is_root(&self) -> bool {
        self.limit == u64::MAX
    }

    /// For whom memory is taken that it pays for.
    #[inline]
    pub fn whom(&self) -> For {
        if self.is_root() { For::System } else { For::Program }
    }

    /// Its size in bytes; `u64::MAX` for the unlimited one.
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// Bytes that are in use or promised to quotas within this one.
    pub fn used(&self) -> u64 {
        self.used.get()
    }

    /// Bytes that are left.
    #[inline]
    pub fn left(&self) -> u64 {
        self.limit - self.used.get()
    }

    /// Uses `bytes` of it.
    #[inline]
    pub fn charge(&self, bytes: u64) -> Result<(), Error> {
        if bytes > self.left() {
            return Err(Error::NoMem);
        }
        self.used.set(self.used.get() + bytes);
        Ok(())
    }

    /// Gives back `bytes` that were charged.
    #[inline]
    pub fn release(&self, bytes: u64) {
        self.used.set(self.used.get().saturating_sub(bytes));
    }
}

impl Drop for Quota {
    fn drop(&mut self) {
        if let Some(parent) = &self.parent {
            parent.release(self.limit);
        }
    }
}

/// Bytes of a quota, given back when dropped.
pub struct Charge {
    quota: Rc<Quota>,
    bytes: u64,
}

impl Charge {
    /// Charges `bytes` to `quota` until the value is dropped.
    pub fn new(quota: &Rc<Quota>, bytes: u64) -> Result<Charge, Error> {
        quota.charge(bytes)?;
        Ok(Charge { quota: quota.clone(), bytes })
    }

    /// The quota that pays.
    pub fn quota(&self) -> &Rc<Quota> {
        &self.quota
    }
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.quota.release(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotas_nest_and_return() {
        let root = Quota::unlimited();
        let outer = Quota::within(&root, 100).unwrap();
        let inner = Quota::within(&outer, 60).unwrap();
        assert_eq!((root.used(), outer.left()), (100, 40));
        assert!(Quota::within(&outer, 41).is_err());
        let charge = Charge::new(&inner, 60).unwrap();
        assert_eq!(inner.charge(1), Err(Error::NoMem));
        drop(inner);
        assert_eq!(outer.left(), 40, "the charge keeps its quota");
        drop(charge);
        assert_eq!(outer.left(), 100);
        drop(outer);
        assert_eq!(root.used(), 0);
    }
}
