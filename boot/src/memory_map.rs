//! The memory map: from what firmware says to an ordered list without overlaps.
//!
//! Real machines report entries unsorted, overlapping, of zero length and past the end of the address
//! space. After [`normalise`] every address has at most one kind; where entries disagree, the kind that
//! allows less wins.

use crate::{
    information::MAX_MEMORY_ENTRIES,
    options::{MAX_PIECES, Options},
};
use arrayvec::ArrayVec;
use core::ops::Range;

/// What an address range is. A later kind wins over an earlier one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Ordinary memory.
    Ram,
    /// ACPI tables; memory once they are read.
    AcpiTables,
    /// ACPI non-volatile storage.
    AcpiStorage,
    /// Firmware's, or a device's.
    Reserved,
    /// Broken memory.
    Defective,
}

impl Kind {
    /// The kind for a number as BIOS's E820 and both Multiboot protocols have it.
    pub const fn from_e820(number: u32) -> Self {
        match number {
            1 => Self::Ram,
            3 => Self::AcpiTables,
            4 => Self::AcpiStorage,
            5 => Self::Defective,
            _ => Self::Reserved,
        }
    }

    /// A word for the boot log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ram => "RAM",
            Self::AcpiTables => "ACPI tables",
            Self::AcpiStorage => "ACPI storage",
            Self::Reserved => "firmware",
            Self::Defective => "defective",
        }
    }
}

/// One range of the memory map.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    /// First address.
    pub start: u64,
    /// Address behind the last one.
    pub end: u64,
    /// What lies there.
    pub kind: Kind,
}

impl Entry {
    /// An entry from start and length; a length that runs past the end of the address space is cut.
    pub const fn new(start: u64, length: u64, kind: Kind) -> Self {
        Self { start, end: start.saturating_add(length), kind }
    }

    /// Its addresses.
    pub fn range(&self) -> Range<u64> {
        self.start..self.end
    }
}

/// Bits of the physical addresses that the kernel's map of all memory has room for.
const KERNEL_ADDRESS_BITS: u32 = 46;
/// The most entries that are put in order: the loader's, and what options add.
const MAX_ENTRIES: usize = MAX_MEMORY_ENTRIES + MAX_PIECES;

/// A memory map in order: sorted, without overlaps and empty entries, neighbours of one kind joined.
pub type MemoryMap = ArrayVec<Entry, { 2 * MAX_ENTRIES }>;

/// Puts the entries of a loader's map in order; no more are looked at than an [`Information`](crate::information::Information) and
/// options can hold.
pub fn normalise(entries: &[Entry]) -> MemoryMap {
    let entries = &entries[..entries.len().min(MAX_ENTRIES)];
    let mut borders: ArrayVec<u64, { 2 * MAX_ENTRIES }> = ArrayVec::new();
    for entry in entries.iter().filter(|e| e.start < e.end) {
        borders.push(entry.start);
        borders.push(entry.end);
    }
    borders.sort_unstable();

    // Between two neighbouring borders the kind does not change.
    let mut map = MemoryMap::new();
    for pair in borders.windows(2).filter(|pair| pair[0] < pair[1]) {
        let (start, end) = (pair[0], pair[1]);
        let Some(kind) = entries.iter().filter(|e| e.start <= start && end <= e.end).map(|e| e.kind).max() else {
            continue;
        };
        match map.last_mut() {
            Some(last) if last.end == start && last.kind == kind => last.end = end,
            _ => map.push(Entry { start, end, kind }),
        }
    }
    map
}

/// A loader's map in order, as the options change it: `-mem=` takes the place of all RAM in it, `-maxmem=` cuts. RAM that a processor with
/// `address_bits` bits of physical address cannot reach, or the kernel cannot, is none.
pub fn with_options(entries: &[Entry], options: &Options, address_bits: u32) -> MemoryMap {
    let is_kept = |entry: &&Entry| entry.kind != Kind::Ram || options.memory.is_empty();
    let pieces = options.memory.iter().map(|piece| Entry { start: piece.start, end: piece.end, kind: Kind::Ram });
    let entries: ArrayVec<Entry, MAX_ENTRIES> =
        entries.iter().filter(is_kept).take(MAX_MEMORY_ENTRIES).copied().chain(pieces).collect();
    let mut map = normalise(&entries);
    let reach = 1 << address_bits.min(KERNEL_ADDRESS_BITS);
    limit_ram(&mut map, options.memory_limit.map_or(reach, |limit| limit.min(reach)));
    map
}

/// Takes all RAM from `limit` on out of a map in order (for the option `-maxmem`).
pub fn limit_ram(map: &mut MemoryMap, limit: u64) {
    for entry in map.iter_mut().filter(|e| e.kind == Kind::Ram) {
        entry.end = entry.end.min(limit);
    }
    map.retain(|e| e.start < e.end);
}

/// All RAM of a map in order, in bytes.
pub fn total_ram(map: &[Entry]) -> u64 {
    map.iter().filter(|e| e.kind == Kind::Ram).map(|e| e.end - e.start).sum()
}
