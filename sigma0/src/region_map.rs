//! The allocator behind everything that sigma0 hands out: regions in ascending order that never
//! overlap, in a caller-given slice. Neighbours with the same owner and rights are one entry, so the
//! list stays as long as the memory is fragmented. Addresses in no region are not sigma0's to give.
//!
//! An operation adds at most two entries. `has_room` says whether the next one fits, and growing after it; `move_to` takes
//! a larger slice when it does not.

use abi::Rights;

use crate::region::{FREE, Owner, Region};

/// Entries that may be added between two checks for room: two by an operation, one when the memory for
/// a larger slice is taken out of the map itself.
const GROWTH_PER_OPERATION: usize = 3;

/// Ordered regions without overlap.
pub struct RegionMap<'m> {
    slots: &'m mut [Region],
    len: usize,
}

impl<'m> RegionMap<'m> {
    /// An entry that stands for nothing, to fill a slice with.
    pub const VACANT: Region = Region { start: 0, end: 0, owner: FREE, rights: Rights::NONE };

    /// An empty map that keeps its entries in `slots`.
    pub fn new(slots: &'m mut [Region]) -> RegionMap<'m> {
        RegionMap { slots, len: 0 }
    }

    /// The regions in ascending order.
    pub fn regions(&self) -> &[Region] {
        &self.slots[..self.len]
    }

    /// Entries that the present slice can hold.
    pub fn capacity(&self) -> usize {
        self.slots.len()
    }

    /// Whether every single operation fits into the present slice.
    pub fn has_room(&self) -> bool {
        self.len + GROWTH_PER_OPERATION <= self.slots.len()
    }

    /// Moves all entries to `larger` and gives the former slice back. A slice that is no larger
    /// comes straight back.
    pub fn move_to(&mut self, larger: &'m mut [Region]) -> &'m mut [Region] {
        if larger.len() <= self.slots.len() {
            return larger;
        }
        larger[..self.len].copy_from_slice(&self.slots[..self.len]);
        core::mem::replace(&mut self.slots, larger)
    }

    /// The region that holds all of `start..=end`.
    pub fn find(&self, start: u64, end: u64) -> Option<&Region> {
        let region = self.slots[..self.len].get(self.first_ending_at_or_after(start))?;
        (start <= end && region.contains(start, end)).then_some(region)
    }

    /// Makes `start..=end` what `region` says, whatever was there. False when there is no room.
    pub fn set(&mut self, region: Region) -> bool {
        self.remove(region.start, region.end) && self.insert(region)
    }

    /// Takes `start..=end` out of the map: nobody gets it. False when there is no room.
    pub fn remove(&mut self, start: u64, end: u64) -> bool {
        if start > end {
            return false;
        }
        let first = self.first_ending_at_or_after(start);
        let Some(&cut) = self.regions().get(first) else { return true };
        if cut.start < start && end < cut.end {
            if !self.insert_at(first + 1, Region { start: end + 1, ..cut }) {
                return false;
            }
            self.slots[first].end = start - 1;
            return true;
        }
        let mut index = first;
        if cut.start < start {
            self.slots[index].end = start - 1;
            index += 1;
        }
        let covered = self.regions()[index..].iter().take_while(|region| region.end <= end).count();
        self.slots.copy_within(index + covered..self.len, index);
        self.len -= covered;
        if let Some(last) = self.slots[..self.len].get_mut(index)
            && last.start <= end
        {
            last.start = end + 1;
        }
        true
    }

    /// Gives `wanted` to its owner with its rights. It has to lie in one region that is free or
    /// already the owner's; otherwise, or without room, nothing changes and the answer is false.
    pub fn allocate(&mut self, wanted: Region) -> bool {
        match self.find(wanted.start, wanted.end) {
            Some(found) if found.owner == wanted.owner && found.rights == wanted.rights => true,
            Some(found) if found.owner == FREE || found.owner == wanted.owner => self.has_room() && self.set(wanted),
            _ => false,
        }
    }

    /// Like `allocate`, but the rights of `wanted` are the least that the region must have, and the
    /// owner gets all that it has. Returns those.
    pub fn allocate_keeping_rights(&mut self, wanted: Region) -> Option<Rights> {
        let rights = self.find(wanted.start, wanted.end)?.rights;
        if !rights.contains(wanted.rights) {
            return None;
        }
        self.allocate(Region { rights, ..wanted }).then_some(rights)
    }

    /// The lowest free, naturally aligned block of `2^order` addresses goes to `owner` with `rights`.
    /// Returns its start.
    pub fn allocate_lowest(&mut self, order: u32, owner: Owner, rights: Rights) -> Option<u64> {
        let block = self.regions().iter().filter(|region| region.owner == FREE).find_map(|free| {
            let mask = 1u64.checked_shl(order)? - 1;
            let start = free.start.checked_add(mask)? & !mask;
            let block = Region::block(start, order, owner, rights)?;
            free.contains(block.start, block.end).then_some(block)
        })?;
        self.allocate(block).then_some(block.start)
    }

    /// Number of addresses that are still free.
    pub fn free_size(&self) -> u64 {
        let free = self.regions().iter().filter(|region| region.owner == FREE);
        free.fold(0, |sum, region| sum.saturating_add(region.size()))
    }

    fn first_ending_at_or_after(&self, address: u64) -> usize {
        self.regions().partition_point(|region| region.end < address)
    }

    /// Inserts `region` where nothing is, joined to neighbours that continue it.
    fn insert(&mut self, mut region: Region) -> bool {
        let mut index = self.first_ending_at_or_after(region.start);
        if index > 0 && self.slots[index - 1].continues_with(&region) {
            index -= 1;
            region.start = self.slots[index].start;
            self.remove_at(index);
        }
        if index < self.len && region.continues_with(&self.slots[index]) {
            region.end = self.slots[index].end;
            self.remove_at(index);
        }
        self.insert_at(index, region)
    }

    fn insert_at(&mut self, index: usize, region: Region) -> bool {
        if self.len == self.slots.len() {
            return false;
        }
        self.slots.copy_within(index..self.len, index + 1);
        self.slots[index] = region;
        self.len += 1;
        true
    }

    fn remove_at(&mut self, index: usize) {
        self.slots.copy_within(index + 1..self.len, index);
        self.len -= 1;
    }
}
