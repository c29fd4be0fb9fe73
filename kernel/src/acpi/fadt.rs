//! The FADT: how to switch the machine off and how to reset it; and `_S5` in the DSDT, found by its name instead of
//! by an interpreter (ACPI 6.5, 5.2.9 and 16.1.7).

use super::{HEADER, Memory, Tables, u16_at, u32_at, u64_at};

/// The table.
#[derive(Clone, Copy)]
pub struct Fadt<'a>(&'a [u8]);

/// How to reset the machine.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ResetRegister {
    /// Write the value to an I/O port.
    Port(u16, u8),
    /// Write the value to a memory address.
    Memory(u64, u8),
}

impl<'a> Fadt<'a> {
    pub(super) fn new(table: &'a [u8]) -> Self {
        Self(table)
    }

    /// The PM1a and PM1b control ports; 0: there is none.
    pub fn control_ports(self) -> Option<[u16; 2]> {
        Some([u16_at(self.0, 64)?, u16_at(self.0, 68)?])
    }

    /// The PM1a and PM1b event ports, where it shows that the machine woke up; 0: there is none.
    pub fn event_ports(self) -> Option<[u16; 2]> {
        Some([u16_at(self.0, 56)?, u16_at(self.0, 60)?])
    }

    /// Where the firmware reads at what address to go on after a sleep: in the FACS, which has no checksum.
    pub fn wake_vector<M: Memory<'a>>(self, tables: &Tables<'a, M>) -> Option<u64> {
        const LENGTH: usize = 24;
        const VECTOR: u64 = 12;
        let facs = u32_at(self.0, 36)?.into();
        let bytes = tables.memory.bytes(facs, LENGTH)?;
        (bytes.starts_with(b"FACS") && u32_at(bytes, 4)? as usize >= LENGTH).then_some(facs + VECTOR)
    }

    /// Port and value that switch the machine to ACPI mode.
    pub fn enable_command(self) -> Option<(u16, u8)> {
        let (port, value) = (u16_at(self.0, 48)?, *self.0.get(52)?);
        (port != 0 && value != 0).then_some((port, value))
    }

    /// The sleep types of state S5 for PM1a and PM1b, from the DSDT.
    pub fn soft_off_types<M: Memory<'a>>(self, tables: &Tables<'a, M>) -> Option<[u8; 2]> {
        let extended = u64_at(self.0, 140).and_then(|dsdt| tables.at(dsdt));
        let dsdt = extended.or_else(|| tables.at(u32_at(self.0, 40)?.into()))?;
        package_of_s5(dsdt.get(HEADER..)?)
    }

    /// How to reset, if the firmware says that it works.
    pub fn reset_register(self) -> Option<ResetRegister> {
        const RESET_SUPPORTED: u32 = 1 << 10;
        if u32_at(self.0, 112)? & RESET_SUPPORTED == 0 {
            return None;
        }
        let (space, address, value) = (*self.0.get(116)?, u64_at(self.0, 120)?, *self.0.get(128)?);
        match space {
            0 => Some(ResetRegister::Memory(address, value)),
            1 => Some(ResetRegister::Port(u16::try_from(address).ok()?, value)),
            _ => None,
        }
    }
}

/// The first two numbers of the package that AML names `_S5_`.
fn package_of_s5(aml: &[u8]) -> Option<[u8; 2]> {
    const NAME: u8 = 0x08;
    let at = (1..aml.len()).find(|&at| {
        let named = aml[at - 1] == NAME || (at > 1 && aml[at - 2] == NAME && aml[at - 1] == b'\\');
        named && aml[at..].starts_with(b"_S5_\x12")
    })?;
    let package = aml.get(at + 4..)?;
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
