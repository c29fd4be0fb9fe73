//! The list of regions and areas of one address space, as a region mapper keeps it (L4Re's
//! `re/util/region_mapping`).
//!
//! A region is a range backed by something (`B`: a dataspace, a pager …); an area is a range set aside, in
//! which regions are placed only by those who ask for it ([`IN_AREA`](flag::IN_AREA)), or by nobody
//! ([`RESERVED`](flag::RESERVED)). Invariant: regions are sorted and never overlap each other, nor do areas. Pure:
//! nothing is mapped here; neighbours are the Rm servers of `l4re` and moe.

mod list;

use crate::RegionFlags;
use crate::layout::{round_page, trunc_page};
use abi::PAGE_SIZE;
use abi::l4re::rm::flags as flag;
use list::{Ranged, SortedRanges};

/// Why an operation on the list failed; [`RegionError::error`] is what goes over the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RegionError {
    /// Size zero, or the range leaves the address space.
    Invalid,
    /// The range is taken, or there is none free.
    NotAvailable,
    /// There is no region there.
    NotFound,
    /// No memory for the list.
    OutOfMemory,
}

impl RegionError {
    /// L4Re's error.
    pub const fn error(self) -> abi::Error {
        match self {
            Self::Invalid => abi::Error::Inval,
            Self::NotAvailable => abi::Error::AddrNotAvail,
            Self::NotFound => abi::Error::NoEnt,
            Self::OutOfMemory => abi::Error::NoMem,
        }
    }
}

/// A range backed by `B`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region<B> {
    /// First address, page aligned.
    pub start: u64,
    /// Last address, inclusive.
    pub end: u64,
    /// Rights and kind, within [`flag::REGION_MASK`].
    pub flags: RegionFlags,
    /// Offset of `start` within the backing, in bytes.
    pub offset: u64,
    /// What lies behind it.
    pub backing: B,
}

impl<B> Region<B> {
    /// Bytes of the region.
    pub const fn size(&self) -> u64 {
        self.end - self.start + 1
    }

    /// Offset within the backing of `address`, which must lie in the region.
    pub const fn offset_of(&self, address: u64) -> u64 {
        self.offset + (address - self.start)
    }
}

impl<B> Ranged for Region<B> {
    fn bounds(&self) -> (u64, u64) {
        (self.start, self.end)
    }
}

/// A range set aside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Area {
    /// First address.
    pub start: u64,
    /// Last address, inclusive.
    pub end: u64,
    /// Kind: 0 or [`RESERVED`](flag::RESERVED), [`flag::KERNEL`].
    pub flags: RegionFlags,
}

impl Ranged for Area {
    fn bounds(&self) -> (u64, u64) {
        (self.start, self.end)
    }
}

/// What is asked of [`RegionMap::attach`].
#[derive(Clone, Debug)]
pub struct Attach<B> {
    /// Address wanted, or the first one considered.
    pub start: u64,
    /// Bytes; rounded up to pages.
    pub size: u64,
    /// Rights, kind and attach flags together.
    pub flags: RegionFlags,
    /// log2 of the alignment of a searched address, at least 12.
    pub align: u8,
    /// Offset within the backing.
    pub offset: u64,
    /// What lies behind the region.
    pub backing: B,
}

/// What became of a region in [`RegionMap::detach`] (`L4Re::Rm::Detach_result`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DetachKind {
    /// All of it is gone.
    Detached = 0,
    /// Its start or its end is gone.
    Kept = 1,
    /// Its middle is gone; two regions are left.
    Split = 2,
}

/// A part cut out of the address space.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Detached<B> {
    /// How.
    pub kind: DetachKind,
    /// What was cut out, with the backing it had.
    pub removed: Region<B>,
    /// More regions lie in the range asked for (`Detach_again`).
    pub again: bool,
}

/// The regions and areas of an address space.
#[derive(Clone, Debug)]
pub struct RegionMap<B> {
    first: u64,
    last: u64,
    regions: SortedRanges<Region<B>>,
    areas: SortedRanges<Area>,
}

impl<B: Clone> RegionMap<B> {
    /// An empty map of the addresses `first ..= last`.
    pub const fn new(first: u64, last: u64) -> Self {
        Self { first, last, regions: SortedRanges::new(), areas: SortedRanges::new() }
    }

    /// The region holding `address`.
    pub fn find(&self, address: u64) -> Option<&Region<B>> {
        self.regions.overlapping(address, address)
    }

    /// The lowest region that shares an address with `start ..= end`.
    pub fn overlapping(&self, start: u64, end: u64) -> Option<&Region<B>> {
        self.regions.overlapping(start, end)
    }

    /// The lowest area that shares an address with `start ..= end`.
    pub fn area(&self, start: u64, end: u64) -> Option<&Area> {
        self.areas.overlapping(start, end)
    }

    /// Regions that end at or above `address`, ascending.
    pub fn regions_from(&self, address: u64) -> impl Iterator<Item = &Region<B>> {
        self.regions.from(address)
    }

    /// Areas that end at or above `address`, ascending.
    pub fn areas_from(&self, address: u64) -> impl Iterator<Item = &Area> {
        self.areas.from(address)
    }

    /// Sets `size` bytes aside, at `start` or (with [`flag::SEARCH_ADDR`]) at the first free place from it
    /// on, aligned to `1 << align`. Returns the address.
    ///
    /// # Errors
    /// [`RegionError::NotAvailable`] where an area is, or a region for a reserved one.
    pub fn reserve(&mut self, start: u64, size: u64, flags: RegionFlags, align: u8) -> Result<u64, RegionError> {
        let length = size.checked_sub(1).ok_or(RegionError::Invalid)?;
        let start = if flags & flag::SEARCH_ADDR != 0 {
            self.free_range(start, self.last, length, align, false)?
        } else {
            let end = start.checked_add(length).ok_or(RegionError::Invalid)?;
            let region_in_the_way = flags & flag::RESERVED != 0 && self.overlapping(start, end).is_some();
            if region_in_the_way || self.area(start, end).is_some() {
                return Err(RegionError::NotAvailable);
            }
            start
        };
        let flags = flags & flag::REGION_MASK;
        self.areas.insert(Area { start, end: start + length, flags }).map_err(|_| RegionError::OutOfMemory)?;
        Ok(start)
    }

    /// Gives the area holding `address` free; regions in it stay.
    ///
    /// # Errors
    /// [`RegionError::NotFound`] where there is none.
    pub fn free_area(&mut self, address: u64) -> Result<Area, RegionError> {
        self.areas.remove(address).ok_or(RegionError::NotFound)
    }

    /// Adds a region and returns its address.
    ///
    /// # Errors
    /// [`RegionError::NotAvailable`] where the range is taken, lies in an area that was not asked for, or
    /// none is free.
    pub fn attach(&mut self, wanted: Attach<B>) -> Result<u64, RegionError> {
        let Attach { start, size, flags, align, offset, backing } = wanted;
        let size = round_page(size).ok_or(RegionError::Invalid)?;
        let length = size.checked_sub(1).ok_or(RegionError::Invalid)?;
        offset.checked_add(length).ok_or(RegionError::Invalid)?;
        let start = trunc_page(start);
        let in_area = flags & flag::IN_AREA != 0;
        let mut last = self.last;
        if in_area {
            let end = start.checked_add(length).ok_or(RegionError::Invalid)?;
            match self.area(start, end) {
                Some(area) if area.flags & flag::RESERVED == 0 => last = area.end,
                _ => return Err(RegionError::NotAvailable),
            }
        }
        let start =
            if flags & flag::SEARCH_ADDR != 0 { self.free_range(start, last, length, align, in_area)? } else { start };
        let end = start.checked_add(length).ok_or(RegionError::Invalid)?;
        let taken = self.overlapping(start, end).is_some() || (!in_area && self.area(start, end).is_some());
        if taken || start < self.first || end > last {
            return Err(RegionError::NotAvailable);
        }
        let flags = flags & flag::REGION_MASK;
        self.regions.insert(Region { start, end, flags, offset, backing }).map_err(|_| RegionError::OutOfMemory)?;
        Ok(start)
    }

    /// Cuts `size` bytes from `start` on out of the lowest region there; with `whole` all of that region
    /// goes (`Detach_overlap`).
    ///
    /// # Errors
    /// [`RegionError::NotFound`] where there is no region.
    pub fn detach(&mut self, start: u64, size: u64, whole: bool) -> Result<Detached<B>, RegionError> {
        let end = size.checked_sub(1).and_then(|length| start.checked_add(length)).ok_or(RegionError::Invalid)?;
        let region = self.overlapping(start, end).ok_or(RegionError::NotFound)?.clone();
        let (cut_start, cut_end) =
            if whole { (region.start, region.end) } else { (start.max(region.start), end.min(region.end)) };
        let keeps_head = region.start < cut_start;
        let keeps_tail = cut_end < region.end;
        if keeps_head && keeps_tail {
            self.regions.reserve_one().map_err(|_| RegionError::OutOfMemory)?;
        }
        self.regions.remove(region.start);
        if keeps_head {
            let _room_left_by_removal = self.regions.insert(Region { end: cut_start - 1, ..region.clone() });
        }
        if keeps_tail {
            let offset = region.offset_of(cut_end + 1);
            let _room_reserved = self.regions.insert(Region { start: cut_end + 1, offset, ..region.clone() });
        }
        let kind = match (keeps_head, keeps_tail) {
            (false, false) => DetachKind::Detached,
            (true, true) => DetachKind::Split,
            _ => DetachKind::Kept,
        };
        let offset = region.offset_of(cut_start);
        let removed = Region { start: cut_start, end: cut_end, offset, ..region };
        Ok(Detached { kind, removed, again: self.overlapping(start, end).is_some() })
    }

    /// The first free place of `length + 1` bytes within `start ..= last`.
    fn free_range(&self, start: u64, last: u64, length: u64, align: u8, in_area: bool) -> Result<u64, RegionError> {
        let mask = 1u64.checked_shl(align.into()).ok_or(RegionError::Invalid)?.max(PAGE_SIZE as u64) - 1;
        let mut address = start.max(self.first);
        loop {
            let aligned = address.checked_add(mask).ok_or(RegionError::NotAvailable)? & !mask;
            let end = aligned.checked_add(length).ok_or(RegionError::NotAvailable)?;
            if end > last {
                return Err(RegionError::NotAvailable);
            }
            let obstacle = self.overlapping(aligned, end).map(|region| region.end);
            let obstacle = obstacle.or_else(|| self.area(aligned, end).filter(|_| !in_area).map(|area| area.end));
            match obstacle {
                None => return Ok(aligned),
                Some(end) => address = end.checked_add(1).ok_or(RegionError::NotAvailable)?,
            }
        }
    }
}

#[cfg(test)]
mod tests;
