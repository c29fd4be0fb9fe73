//! ACPI's tables, as far as the kernel needs them: RSDP, RSDT or XSDT, and in them the [`Fadt`] and the [`Madt`]
//! (ACPI 6.5, 5.2).
//!
//! Nothing that the firmware wrote is believed: a table is read inside its own length, which is bounded and must be
//! mapped, and only if its checksum is right; whatever does not fit is as if it were not there. Physical memory comes
//! from a [`Memory`], so that all of this runs on the host as well.

mod fadt;
mod madt;
#[cfg(test)]
mod tests;

pub use fadt::{Fadt, ResetRegister};
pub use madt::{IoApic, Madt, Override};

/// Bytes of a table's header.
const HEADER: usize = 36;
/// Bytes of the RSDP's first version, which has a checksum of its own.
const RSDP: usize = 20;
/// Bytes of the RSDP with the XSDT's address.
const RSDP_EXTENDED: usize = 36;
/// Longer tables do not exist.
const LONGEST: usize = 4 << 20;

/// Physical memory.
pub trait Memory<'a>: Copy {
    /// The `length` bytes at `phys`; nothing if they are not all mapped.
    fn bytes(self, phys: u64, length: usize) -> Option<&'a [u8]>;
}

fn u16_at(table: &[u8], offset: usize) -> Option<u16> {
    Some(u16::from_le_bytes(*table.get(offset..)?.first_chunk()?))
}

fn u32_at(table: &[u8], offset: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*table.get(offset..)?.first_chunk()?))
}

fn u64_at(table: &[u8], offset: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*table.get(offset..)?.first_chunk()?))
}

fn checksum_fits(table: &[u8]) -> bool {
    table.iter().fold(0_u8, |sum, &byte| sum.wrapping_add(byte)) == 0
}

fn is_rsdp(candidate: &[u8]) -> bool {
    candidate.starts_with(b"RSD PTR ") && candidate.get(..RSDP).is_some_and(checksum_fits)
}

/// The machine's tables.
#[derive(Clone, Copy)]
pub struct Tables<'a, M> {
    memory: M,
    /// The addresses in the RSDT or XSDT.
    entries: &'a [u8],
    entry_size: usize,
}

impl<'a, M: Memory<'a>> Tables<'a, M> {
    /// Finds the tables: by the RSDP at `rsdp`, or, if there is none, by one where a BIOS puts it.
    pub fn find(memory: M, rsdp: u64) -> Option<Self> {
        let given = Some(rsdp).filter(|&rsdp| memory.bytes(rsdp, RSDP).is_some_and(is_rsdp));
        let address = given.or_else(|| search(memory))?;
        let root = |phys, entry_size| {
            let entries = table(memory, phys)?.get(HEADER..)?;
            Some(Self { memory, entries, entry_size })
        };
        let extended = memory.bytes(address, RSDP_EXTENDED).filter(|rsdp| rsdp[15] >= 2);
        let xsdt = extended.and_then(|rsdp| u64_at(rsdp, 24)).and_then(|xsdt| root(xsdt, 8));
        xsdt.or_else(|| root(u32_at(memory.bytes(address, RSDP)?, 16)?.into(), 4))
    }

    /// The first table with this signature.
    pub fn table(&self, signature: &[u8; 4]) -> Option<&'a [u8]> {
        self.entries.chunks_exact(self.entry_size).find_map(|entry| {
            let phys = if self.entry_size == 8 { u64_at(entry, 0)? } else { u32_at(entry, 0)?.into() };
            table(self.memory, phys).filter(|table| table.starts_with(signature))
        })
    }

    /// The table about power.
    pub fn fadt(&self) -> Option<Fadt<'a>> {
        self.table(b"FACP").map(Fadt::new)
    }

    /// The table about interrupt controllers.
    pub fn madt(&self) -> Option<Madt<'a>> {
        self.table(b"APIC").and_then(Madt::new)
    }

    /// The table at `phys`, whose header is checked.
    pub fn at(&self, phys: u64) -> Option<&'a [u8]> {
        table(self.memory, phys)
    }
}

/// A system description table, whole.
fn table<'a>(memory: impl Memory<'a>, phys: u64) -> Option<&'a [u8]> {
    let length = u32_at(memory.bytes(phys, HEADER)?, 4)? as usize;
    if !(HEADER..=LONGEST).contains(&length) {
        return None;
    }
    memory.bytes(phys, length).filter(|table| checksum_fits(table))
}

/// Looks for the RSDP in the extended BIOS data area and in the BIOS.
fn search<'a>(memory: impl Memory<'a>) -> Option<u64> {
    const EBDA_SEGMENT: u64 = 0x40e;
    const BIOS: (u64, usize) = (0xe_0000, 0x2_0000);
    let ebda = memory.bytes(EBDA_SEGMENT, 2).and_then(|word| u16_at(word, 0)).map(|segment| u64::from(segment) << 4);
    ebda.map(|start| (start, 0x400)).into_iter().chain([BIOS]).find_map(|(start, length)| {
        let area = memory.bytes(start, length)?;
        let place = (0..area.len()).step_by(16).find(|&place| is_rsdp(&area[place..]))?;
        Some(start + place as u64)
    })
}
