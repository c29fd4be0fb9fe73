//! The ACPI root system description pointer (RSDP): where BIOS leaves it, and whether it is one.
//!
//! Multiboot 1 hands none on, so it is searched where the ACPI specification says: on 16-byte borders in
//! the first KiB of the extended BIOS data area (whose segment stands at 0x40e) and in 0xe0000..0x100000.

use crate::PhysicalMemory;
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

/// The size in bytes of the root pointer at the beginning of `bytes`, if one is there whole and intact.
pub fn size(bytes: &[u8]) -> Option<usize> {
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
    candidates
        .into_iter()
        .find(|&at| memory.bytes(at, 8) == Some(SIGNATURE) && memory.bytes(at, SIZE_V2 as u64).and_then(size).is_some())
}
