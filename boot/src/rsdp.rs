//! The ACPI root system description pointer (RSDP): where BIOS leaves it, and whether it is one.
//!
//! Multiboot 1 hands none on, so it is searched where the ACPI specification says: on 16-byte borders in
//! the first KiB of the extended BIOS data area (whose segment stands at 0x40e) and in 0xe0000..0x100000.

use crate::{
    PhysicalMemory,
    memory_map::{Entry, Kind},
};
use arrayvec::ArrayVec;
use core::ops::Range;

/// What it begins with.
const SIGNATURE: &[u8] = b"RSD PTR ";
/// Physical address of the 16-bit segment of the extended BIOS data area.
const EBDA_SEGMENT: u64 = 0x40e;
/// The BIOS's read-only memory.
const BIOS_AREA: Range<u64> = 0xe_0000..0x10_0000;
/// Size in bytes as of ACPI 1.0.
const SIZE_V1: usize = 20;
/// Size in bytes as of ACPI 2.0.
const SIZE_V2: usize = 36;

/// A copy of a root pointer.
pub type Copy = ArrayVec<u8, SIZE_V2>;

/// The root pointer to hand on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RootPointer {
    /// There is none.
    Absent,
    /// It stays at this address, which is the firmware's.
    Firmware(u64),
    /// It must be put in a page of its own.
    Copied(Copy),
}

/// Decides between the firmware's and the one that the loader `gave`.
pub fn choose(memory: &impl PhysicalMemory, map: &[Entry], gave: Option<&Copy>) -> RootPointer {
    let found = find(memory);
    let is_ram = |at: u64| map.iter().any(|e| e.kind == Kind::Ram && e.range().contains(&at));
    let copy = |at| memory.bytes(at, SIZE_V2 as u64).and_then(intact).map(RootPointer::Copied);
    match found {
        Some(at) if !is_ram(at) => RootPointer::Firmware(at),
        _ => gave.cloned().map(RootPointer::Copied).or_else(|| copy(found?)).unwrap_or(RootPointer::Absent),
    }
}

/// A copy of the root pointer at the beginning of `bytes`, if one is there whole and intact.
pub fn intact(bytes: &[u8]) -> Option<Copy> {
    bytes.get(..size(bytes)?)?.try_into().ok()
}

/// The size in bytes of the root pointer at the beginning of `bytes`, if one is there whole and intact.
fn size(bytes: &[u8]) -> Option<usize> {
    let sums_to_zero = |part: &[u8]| part.iter().fold(0u8, |sum, &byte| sum.wrapping_add(byte)) == 0;
    let first = bytes.get(..SIZE_V1)?;
    if !first.starts_with(SIGNATURE) || !sums_to_zero(first) {
        return None;
    }
    let revision = first[15];
    let size = if revision < 2 { SIZE_V1 } else { SIZE_V2 };
    (size == SIZE_V1 || sums_to_zero(bytes.get(..size)?)).then_some(size)
}

/// Searches the places of a BIOS machine; the physical address of the root pointer, if there is one.
pub fn find(memory: &impl PhysicalMemory) -> Option<u64> {
    let segment = memory.bytes(EBDA_SEGMENT, 2)?;
    let ebda = u64::from(u16::from_le_bytes([segment[0], segment[1]])) << 4;
    let ebda = if ebda < 0x400 { 0..0 } else { ebda..ebda + 0x400 };
    let candidates = ebda.step_by(16).chain(BIOS_AREA.step_by(16));
    candidates.into_iter().find(|&at| {
        memory.bytes(at, 8) == Some(SIGNATURE) && memory.bytes(at, SIZE_V2 as u64).and_then(intact).is_some()
    })
}
