//! What the firmware says about the machine: ACPI's tables, read by [`kernel::acpi`].
//!
//! Invariant: they are read once, at boot, while nobody else can have written to the memory that they lie in; what
//! is needed of them is copied.
#![allow(unsafe_code)] // reads the firmware's tables

use kernel::acpi::{IoApic, Memory, Override, ResetRegister, Tables};

use super::paging::phys_to_virt;

const MAPPED: u64 = 4 << 30;
/// Most I/O APICs that are used.
pub const MAX_IO_APICS: usize = 8;
/// Most overrides: the ISA's interrupts.
const MAX_OVERRIDES: usize = 16;

/// What is known of the machine.
pub struct Firmware {
    pub io_apics: [Option<IoApic>; MAX_IO_APICS],
    pub overrides: [Option<Override>; MAX_OVERRIDES],
    pub power: Power,
}

/// How to switch the machine off and to reset it.
#[derive(Clone, Copy)]
pub struct Power {
    /// Port and value that switch the machine to ACPI mode.
    pub enable_command: Option<(u16, u8)>,
    /// The control ports, 0 for none, and the sleep types of state S5 for each.
    pub soft_off: Option<([u16; 2], [u8; 2])>,
    pub reset: Option<ResetRegister>,
    /// What a sleep takes, if the firmware can go on after one.
    pub sleep: Option<Sleep>,
}

/// How to suspend the machine, and how it wakes up.
#[derive(Clone, Copy)]
pub struct Sleep {
    /// The control ports, 0 for none.
    pub control_ports: [u16; 2],
    /// The event ports, 0 for none.
    pub event_ports: [u16; 2],
    /// Physical address of the word that says where the firmware goes on.
    pub wake_vector: u64,
}

impl Power {
    /// What a machine without tables says.
    pub const UNKNOWN: Self = Self { enable_command: None, soft_off: None, reset: None, sleep: None };
}

/// Memory below 4 GiB, by the direct map.
#[derive(Clone, Copy)]
struct DirectMap;

impl Memory<'static> for DirectMap {
    fn bytes(self, phys: u64, length: usize) -> Option<&'static [u8]> {
        let end = phys.checked_add(length as u64)?;
        if phys == 0 || end > MAPPED {
            return None;
        }
        // SAFETY: mapped by the direct map, and nobody writes there while the kernel starts.
        Some(unsafe { core::slice::from_raw_parts(phys_to_virt(phys), length) })
    }
}

impl Firmware {
    /// Reads the tables; `rsdp` is where they begin, or 0 if that is to be looked for.
    #[optimize(size)]
    pub fn read(rsdp: u64) -> Self {
        let tables = Tables::find(DirectMap, rsdp);
        let mut firmware = Self { io_apics: [None; _], overrides: [None; _], power: Power::UNKNOWN };
        if let Some(madt) = tables.and_then(|tables| tables.madt()) {
            fill(&mut firmware.io_apics, madt.io_apics());
            fill(&mut firmware.overrides, madt.overrides());
        }
        if let Some((tables, fadt)) = tables.and_then(|tables| Some((tables, tables.fadt()?))) {
            let mapped = |reset: &_| !matches!(reset, ResetRegister::Memory(phys, _) if *phys >= MAPPED);
            firmware.power = Power {
                enable_command: fadt.enable_command(),
                soft_off: fadt.control_ports().zip(fadt.soft_off_types(&tables)),
                reset: fadt.reset_register().filter(mapped),
                sleep: fadt.control_ports().zip(fadt.event_ports()).zip(fadt.wake_vector(&tables)).map(
                    |((control_ports, event_ports), wake_vector)| Sleep { control_ports, event_ports, wake_vector },
                ),
            };
        }
        firmware
    }
}

fn fill<T>(places: &mut [Option<T>], values: impl Iterator<Item = T>) {
    for (place, value) in places.iter_mut().zip(values) {
        *place = Some(value);
    }
}
