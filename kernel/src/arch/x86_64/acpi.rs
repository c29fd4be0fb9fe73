//! Just enough of ACPI to switch the machine off and to reset it: RSDP, RSDT or XSDT, FADT, and `_S5` in the
//! DSDT, found by its name instead of by an interpreter (ACPI 6.5, 5.2 and 16.1.7).
//!
//! Invariant: every table is read only inside its own length and inside the first 4 GiB, which are mapped;
//! tables whose checksum is wrong are not believed.
#![allow(unsafe_code)] // reads the firmware's tables

use super::paging::phys_to_virt;

const MAPPED: u64 = 4 << 30;
const HEADER: usize = 36;

/// Bytes of physical memory below 4 GiB.
fn bytes(phys: u64, length: usize) -> Option<&'static [u8]> {
    let end = phys.checked_add(length as u64)?;
    if phys == 0 || end > MAPPED {
        return None;
    }
    // SAFETY: mapped by the direct map; firmware tables are not written while the system runs.
    Some(unsafe { core::slice::from_raw_parts(phys_to_virt(phys), length) })
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

/// A system description table, whole.
fn table(phys: u64) -> Option<&'static [u8]> {
    let length = u32_at(bytes(phys, HEADER)?, 4)? as usize;
    let table = bytes(phys, length.max(HEADER))?;
    checksum_fits(table).then_some(table)
}

const RSDP_LENGTH: usize = 20;

fn is_rsdp(candidate: &[u8]) -> bool {
    candidate.starts_with(b"RSD PTR ") && candidate.get(..RSDP_LENGTH).is_some_and(checksum_fits)
}

/// Looks for the RSDP where a BIOS puts it: the extended BIOS data area, and 0xe0000 to 0xfffff.
fn find_rsdp() -> Option<u64> {
    const EBDA_SEGMENT: u64 = 0x40e;
    let ebda = u64::from(u16_at(bytes(EBDA_SEGMENT, 2)?, 0)?) << 4;
    [(ebda, 0x400), (0xe_0000, 0x2_0000)].into_iter().find_map(|(start, length)| {
        let area = bytes(start, length)?;
        let position = area.chunks_exact(16).enumerate().position(|(number, _)| is_rsdp(&area[number * 16..]))?;
        Some(start + position as u64 * 16)
    })
}

/// The table with the given signature; `rsdp` is the RSDP's address, or 0 if it is to be looked for.
fn find_table(rsdp: u64, signature: &[u8; 4]) -> Option<&'static [u8]> {
    let given = Some(rsdp).filter(|&rsdp| bytes(rsdp, RSDP_LENGTH).is_some_and(is_rsdp));
    let address = given.or_else(find_rsdp)?;
    let rsdp = bytes(address, 36)?;
    let xsdt = if rsdp[15] >= 2 { u64_at(rsdp, 24).filter(|&xsdt| xsdt != 0) } else { None };
    let (root, entry_size) = match xsdt.and_then(table) {
        Some(xsdt) => (xsdt, 8),
        None => (table(u32_at(rsdp, 16)?.into())?, 4),
    };
    root[HEADER..].chunks_exact(entry_size).find_map(|entry| {
        let phys = if entry_size == 8 { u64_at(entry, 0)? } else { u32_at(entry, 0)?.into() };
        table(phys).filter(|table| table.starts_with(signature))
    })
}

/// What the fixed description table says about power.
pub struct Fadt(&'static [u8]);

/// How to reset the machine.
#[derive(Clone, Copy)]
pub enum ResetRegister {
    /// Write the value to an I/O port.
    Port(u16, u8),
    /// Write the value to a memory address.
    Memory(u64, u8),
}

impl Fadt {
    /// The machine's table; `rsdp` as for [`find_table`].
    pub fn find(rsdp: u64) -> Option<Self> {
        find_table(rsdp, b"FACP").map(Self)
    }

    /// The PM1a and PM1b control ports; 0: there is none.
    pub fn control_ports(&self) -> Option<[u16; 2]> {
        Some([u32_at(self.0, 64)? as u16, u32_at(self.0, 68)? as u16])
    }

    /// Port and value that switch the machine to ACPI mode.
    pub fn enable_command(&self) -> Option<(u16, u8)> {
        let (port, value) = (u32_at(self.0, 48)? as u16, *self.0.get(52)?);
        (port != 0 && value != 0).then_some((port, value))
    }

    /// The sleep types of state S5 for PM1a and PM1b.
    pub fn soft_off_types(&self) -> Option<[u8; 2]> {
        let extended = u64_at(self.0, 140).filter(|&dsdt| dsdt != 0);
        let dsdt = extended.and_then(table).or_else(|| table(u32_at(self.0, 40)?.into()))?;
        package_of_s5(&dsdt[HEADER..])
    }

    /// How to reset, if the firmware says that it works.
    pub fn reset_register(&self) -> Option<ResetRegister> {
        const RESET_SUPPORTED: u32 = 1 << 10;
        if u32_at(self.0, 112)? & RESET_SUPPORTED == 0 {
            return None;
        }
        let (space, address, value) = (*self.0.get(116)?, u64_at(self.0, 120)?, *self.0.get(128)?);
        match space {
            0 if address < MAPPED => Some(ResetRegister::Memory(address, value)),
            1 => Some(ResetRegister::Port(u16::try_from(address).ok()?, value)),
            _ => None,
        }
    }
}

/// The first two numbers of the package that AML names `_S5_`.
fn package_of_s5(aml: &[u8]) -> Option<[u8; 2]> {
    const NAME: u8 = 0x08;
    const PACKAGE: u8 = 0x12;
    let at = (1..aml.len()).find(|&at| {
        let named = aml[at - 1] == NAME || (at > 1 && aml[at - 2] == NAME && aml[at - 1] == b'\\');
        named && aml[at..].starts_with(b"_S5_\x12")
    })?;
    let package = aml.get(at + 4..)?;
    debug_assert!(package[0] == PACKAGE);
    // The package's length takes one byte and as many more as its two high bits say; then the element count.
    let length_bytes = 1 + usize::from(*package.get(1)? >> 6);
    let mut elements = package.get(1 + length_bytes + 1..)?;
    let mut next = || {
        const BYTE: u8 = 0x0a;
        let (&first, rest) = elements.split_first()?;
        let (value, rest) = match first {
            0 | 1 => (first, rest),
            BYTE => (*rest.first()?, &rest[1..]),
            _ => return None,
        };
        elements = rest;
        Some(value)
    };
    Some([next()?, next()?])
}
