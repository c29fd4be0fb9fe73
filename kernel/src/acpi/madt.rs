//! The MADT: which I/O APICs there are, and where the ISA's interrupts arrive (ACPI 6.5, 5.2.12).

use super::{HEADER, u16_at, u32_at};

/// Bytes before the first entry: header, local APIC's address, flags.
const FIXED: usize = HEADER + 8;
const IO_APIC: u8 = 1;
const SOURCE_OVERRIDE: u8 = 2;

/// The table.
#[derive(Clone, Copy)]
pub struct Madt<'a>(&'a [u8]);

/// An I/O APIC.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct IoApic {
    /// Physical address of its registers.
    pub address: u32,
    /// Number of its first line among all.
    pub first_line: u32,
}

/// An interrupt of the ISA that is another line, or triggers in another way, than its number says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Override {
    /// The ISA's number.
    pub isa: u8,
    /// The line.
    pub line: u32,
    /// Low or falling (else high or rising); nothing: as usual on the ISA.
    pub is_low: Option<bool>,
    /// Level-triggered (else by edges); nothing: as usual on the ISA.
    pub is_level: Option<bool>,
}

impl<'a> Madt<'a> {
    /// The table, if it has its fixed part.
    pub fn new(table: &'a [u8]) -> Option<Self> {
        (table.len() >= FIXED).then_some(Self(table))
    }

    /// All entries: type, and the whole of it, type and length included.
    fn entries(self) -> impl Iterator<Item = (u8, &'a [u8])> {
        let mut rest = &self.0[FIXED..];
        core::iter::from_fn(move || {
            let &[kind, length, ..] = rest else { return None };
            // An entry that does not have its own first two bytes, or ends behind the table, ends the list.
            let (entry, tail) = rest.split_at_checked(length.into()).filter(|(entry, _)| entry.len() >= 2)?;
            rest = tail;
            Some((kind, entry))
        })
    }

    /// The I/O APICs.
    pub fn io_apics(self) -> impl Iterator<Item = IoApic> {
        let chips = self.entries().filter(|entry| entry.0 == IO_APIC);
        chips.filter_map(|(_, entry)| Some(IoApic { address: u32_at(entry, 4)?, first_line: u32_at(entry, 8)? }))
    }

    /// The overrides of the ISA's interrupts.
    pub fn overrides(self) -> impl Iterator<Item = Override> {
        const ISA: u8 = 0;
        let overrides = self.entries().filter(|entry| entry.0 == SOURCE_OVERRIDE);
        overrides.filter_map(|(_, entry)| {
            let (&bus, &isa, flags) = (entry.get(2)?, entry.get(3)?, u16_at(entry, 8)?);
            let either = |bits: u16| match bits & 3 {
                1 => Some(false),
                3 => Some(true),
                _ => None,
            };
            let line = u32_at(entry, 4)?;
            (bus == ISA).then(|| Override { isa, line, is_low: either(flags), is_level: either(flags >> 2) })
        })
    }
}
