//! Memory and I/O spaces, and the mapping tree that ties their pages together.
//!
//! A page that one space hands to another is recorded as a child of the page it came from
//! ([`Mapping`]), so that taking it back reaches everybody who got it in turn. What a page table
//! maps and what the tree knows are changed together; each leaf table carries the tree's nodes
//! beside its entries, so the way from an address to its node is one walk, and the way from a node
//! to its entry one step.
//!
//! [`MemSpace`] is the tables, [`Map`] and [`Unmap`] are the two operations on them, written as
//! values that are stepped until done; [`IoSpace`] is a space whose pages are I/O ports;
//! [`Window`] is the arithmetic of flexpages before either. Semantics are those of Fiasco's
//! `map_util.cpp`, except where [`Unmap`] says otherwise.

use core::cell::Cell;

#[cfg(any(test, feature = "invariants"))]
mod check;
mod database;
mod entry;
mod io_space;
#[cfg(any(test, feature = "invariants"))]
mod ledger;
mod map;
mod mapping;
mod mem_space;
mod revoke;
mod split;
mod table;
mod tables;
mod unmap;
mod waiting;
mod walk;
mod window;

#[cfg(any(test, feature = "invariants"))]
pub use check::Inventory;
pub use database::Database;
pub use entry::{Access, Cache};
pub use io_space::{IoBitmap, IoSpace, PORT_SHIFT};
#[cfg(any(test, feature = "invariants"))]
pub use ledger::Ledger;
pub use map::Map;
pub use mapping::Mapping;
pub use mem_space::{MappedPage, MemSpace};
pub use table::Root;
pub use unmap::Unmap;
pub use waiting::{Walker, end_left};
pub use window::Window;

/// Logarithm of the size of a page.
pub const PAGE: u8 = abi::PAGE_SHIFT;
/// Logarithm of the size of a superpage.
pub const SUPERPAGE: u8 = abi::SUPERPAGE_SHIFT;
/// The first address behind user memory.
pub const USER_END: u64 = 1 << 47;

/// What the operations on spaces need of the machine.
pub trait Machine {
    /// Where mappings and tables are kept.
    fn database(&self) -> &Database;

    /// Fills the upper half of a new root table, the last entry at least. Tables are reused with
    /// the half they have, so it must not change later.
    fn enter_kernel_half(&self, root: &Root);

    /// What was cached of the page at `address` in the space whose root table is at physical
    /// address `root` must be forgotten before anybody runs in that space again.
    fn flush_page(&self, root: u64, address: u64);

    /// The same for all pages of the space, and for what was cached of its tables.
    fn flush_space(&self, root: u64);

    /// What a root space (sigma0's) has at `address`, beyond what [`MemSpace::map_root`] put
    /// there: order and caching of the page that maps it one to one, which it then does. Must not
    /// name memory that the kernel keeps for itself.
    fn root_page(&self, address: u64) -> Option<(u8, Cache)>;
}

/// What operations may still do before they stop at a preemption point, in units of what a page or a slot takes: 300
/// instructions at most. An operation that finds it used up stops at once, unless it has not begun yet: each
/// makes progress.
#[derive(Debug)]
pub struct Budget {
    left: Cell<u32>,
    /// Nothing was done with it yet that need not be done again.
    is_fresh: Cell<bool>,
}

impl Budget {
    /// Bytes that are cleared or copied for one unit.
    const BYTES: u64 = 2048;

    /// A budget of so many units.
    pub const fn new(units: u32) -> Self {
        Self { left: Cell::new(units), is_fresh: Cell::new(true) }
    }

    /// Sets what is left.
    pub fn refill(&self, units: u32) {
        self.left.set(units);
        self.is_fresh.set(true);
    }

    /// Takes one unit out, for something that is done; `false` when none is left.
    #[inline]
    pub fn spend(&self) -> bool {
        let left = self.left.get();
        self.left.set(left.saturating_sub(1));
        self.is_fresh.set(false);
        left > 0
    }

    /// Takes more out for something that takes longer, however much is left.
    #[inline]
    pub fn take(&self, units: u32) {
        self.left.set(self.left.get().saturating_sub(units));
    }

    /// Takes out what clearing or copying so many bytes takes.
    pub fn take_bytes(&self, bytes: u64) {
        self.take((bytes / Self::BYTES) as u32);
    }

    /// Takes so many out if they are there.
    pub fn spend_all(&self, units: u32) -> bool {
        let has_them = self.left.get() >= units;
        if has_them {
            self.take(units);
        }
        has_them
    }

    /// The same for something that cannot be done in parts: it must not wait for ever, so it is done as well if nothing
    /// else was done before it.
    pub fn spend_at_once(&self, units: u32) -> bool {
        let may = self.left.get() >= units || self.is_fresh.get();
        if may {
            self.take(units);
            self.is_fresh.set(false);
        }
        may
    }

    /// Something was done that takes as long as all of it.
    pub fn use_up(&self) {
        self.left.set(0);
        self.is_fresh.set(false);
    }

    /// Whether nothing is left.
    #[inline]
    pub fn is_used_up(&self) -> bool {
        self.left.get() == 0
    }
}

/// How far a step of an operation came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Progress {
    /// The operation is complete.
    Done,
    /// The budget is used up; step again to go on.
    Preempted,
}

/// Why a page could not be mapped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MapError {
    /// The quota of the receiver (or, for a page out of a superpage, of the sender) is used up.
    OutOfQuota,
    /// The kernel's memory is used up.
    OutOfMemory,
    /// The page has been handed on too many times in a row.
    TooDeep,
    /// The space is being destroyed, or is a root space, which takes no pages from others.
    Closed,
}

impl From<crate::mem::OutOfQuota> for MapError {
    fn from(_: crate::mem::OutOfQuota) -> Self {
        Self::OutOfQuota
    }
}

#[cfg(test)]
mod tests;
