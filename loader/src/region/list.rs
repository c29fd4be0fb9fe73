//! A sorted list of ranges that never overlap, found by binary search.
//!
//! A vector serves: an address space has tens of regions, and growing is the only thing that can fail.

use alloc::collections::TryReserveError;
use alloc::vec::Vec;

/// Something that covers a range of addresses.
pub trait Ranged {
    /// First and last address, both inclusive.
    fn bounds(&self) -> (u64, u64);
}

/// The list.
#[derive(Clone, Debug)]
pub struct SortedRanges<T>(Vec<T>);

impl<T: Ranged> SortedRanges<T> {
    /// Nothing yet.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Index of the first element that ends at or above `address`.
    fn position(&self, address: u64) -> usize {
        self.0.partition_point(|element| element.bounds().1 < address)
    }

    /// The lowest element that shares an address with `start ..= end`.
    pub fn overlapping(&self, start: u64, end: u64) -> Option<&T> {
        self.0.get(self.position(start)).filter(|element| element.bounds().0 <= end)
    }

    /// Elements that end at or above `address`, ascending.
    pub fn from(&self, address: u64) -> impl Iterator<Item = &T> {
        self.0.iter().skip(self.position(address))
    }

    /// Makes room for an insertion beyond those that removals make room for.
    pub fn reserve_one(&mut self) -> Result<(), TryReserveError> {
        // Two, because the caller counts on the room of what it is about to remove as well.
        self.0.try_reserve(2)
    }

    /// Inserts an element that overlaps none.
    pub fn insert(&mut self, element: T) -> Result<(), TryReserveError> {
        self.0.try_reserve(1)?;
        self.0.insert(self.position(element.bounds().0), element);
        Ok(())
    }

    /// Takes out the element that holds `address`.
    pub fn remove(&mut self, address: u64) -> Option<T> {
        self.overlapping(address, address)?;
        Some(self.0.remove(self.position(address)))
    }
}
