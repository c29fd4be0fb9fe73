//! I/O APICs: the machine's interrupt lines, numbered through all chips as ACPI numbers them ("global system
//! interrupts"), each with a vector, a polarity and a trigger mode.
//!
//! Invariant: a line is masked until somebody unmasks it. All lines go to the boot CPU.
#![allow(unsafe_code)] // memory-mapped registers

use core::cell::Cell;

use kernel::acpi;

use super::cpu;
use super::firmware::{Firmware, MAX_IO_APICS};
use super::paging::phys_to_virt;
use crate::locked::Locked;

/// A chip. Registers are read and written through a pair of words: number and content.
#[derive(Clone, Copy)]
struct Chip {
    registers: acpi::IoApic,
    lines: u32,
}

static CHIPS: Locked<[Cell<Option<Chip>>; MAX_IO_APICS]> = Locked::new([const { Cell::new(None) }; _]);

const VERSION: u32 = 1;
/// The first line's entry in the redirection table: two registers each.
const TABLE: u32 = 0x10;

/// Most lines of a chip that are used.
const MOST_PINS: usize = 240;

const ACTIVE_LOW: u32 = 1 << 13;
const LEVEL: u32 = 1 << 15;
const MASKED: u32 = 1 << 16;
const VECTOR: u32 = 0xff;

/// A chip's line and how to reach it.
#[derive(Clone, Copy)]
pub struct Line {
    chip: Chip,
    pin: u32,
}

impl Chip {
    /// The chip at this place, if there is one.
    fn at(registers: acpi::IoApic) -> Option<Self> {
        /// Larger numbers are those of messages.
        const MOST_LINES: u32 = 1 << 31;
        let chip = Self { registers, lines: 0 };
        let version = chip.read(VERSION);
        let lines = ((version >> 16 & 0xff) + 1).min(MOST_PINS as u32);
        let is_there = version != !0 && registers.first_line.checked_add(lines).is_some_and(|end| end <= MOST_LINES);
        is_there.then_some(Self { lines, ..chip })
    }

    fn word(self, index: usize) -> *mut u32 {
        phys_to_virt(self.registers.address.into()).cast::<u32>().wrapping_add(index)
    }

    fn select(self, register: u32) -> *mut u32 {
        // SAFETY: the firmware says that an I/O APIC is here; the direct map has the first 4 GiB.
        unsafe { self.word(0).write_volatile(register) };
        self.word(4)
    }

    fn read(self, register: u32) -> u32 {
        // SAFETY: as above.
        unsafe { self.select(register).read_volatile() }
    }

    fn write(self, register: u32, value: u32) {
        // SAFETY: as above.
        unsafe { self.select(register).write_volatile(value) };
    }
}

/// Takes over the chips that the firmware names; all lines are masked. False if there is none.
pub fn init(firmware: &Firmware) -> bool {
    for (place, registers) in CHIPS.iter().zip(firmware.io_apics.into_iter().flatten()) {
        place.set(Chip::at(registers));
    }
    for line in chips().flat_map(|chip| (0..chip.lines).map(move |pin| Line { chip, pin })) {
        line.write(MASKED);
        line.chip.write(TABLE + 2 * line.pin + 1, cpu::apic_id() << 24);
    }
    for changed in firmware.overrides.into_iter().flatten() {
        if let Some(line) = Line::find(changed.line) {
            line.set_mode(changed.is_level.unwrap_or(line.is_level()), changed.is_low.unwrap_or(false));
        }
    }
    lines() > 0
}

/// The chips' tables while the machine sleeps.
static SAVED: Locked<[[Cell<u32>; MOST_PINS]; MAX_IO_APICS]> =
    Locked::new([const { [const { Cell::new(0) }; MOST_PINS] }; MAX_IO_APICS]);

/// Keeps what a sleep loses.
pub fn save() {
    for (chip, saved) in chips().zip(SAVED.iter()) {
        for (pin, entry) in (0..chip.lines).zip(saved) {
            entry.set(Line { chip, pin }.read());
        }
    }
}

/// Puts everything back as [`save`] found it.
pub fn restore() {
    for (chip, saved) in chips().zip(SAVED.iter()) {
        for (pin, entry) in (0..chip.lines).zip(saved) {
            chip.write(TABLE + 2 * pin + 1, cpu::apic_id() << 24);
            Line { chip, pin }.write(entry.get());
        }
    }
}

/// The pages of the chips' registers.
pub fn register_pages() -> impl Iterator<Item = u64> {
    chips().map(|chip| u64::from(chip.registers.address) & !0xfff)
}

fn chips() -> impl Iterator<Item = Chip> {
    CHIPS.iter().filter_map(Cell::get)
}

/// Number of lines, those that no chip has among them included.
pub fn lines() -> u32 {
    chips().map(|chip| chip.registers.first_line + chip.lines).max().unwrap_or(0)
}

impl Line {
    /// The line with this number.
    pub fn find(number: u32) -> Option<Self> {
        chips().find_map(|chip| {
            let pin = number.checked_sub(chip.registers.first_line)?;
            (pin < chip.lines).then_some(Self { chip, pin })
        })
    }

    fn read(self) -> u32 {
        self.chip.read(TABLE + 2 * self.pin)
    }

    fn write(self, entry: u32) {
        self.chip.write(TABLE + 2 * self.pin, entry);
    }

    /// The vector that it had last.
    pub fn vector(self) -> u8 {
        (self.read() & VECTOR) as u8
    }

    /// Sets the vector.
    pub fn set_vector(self, vector: u8) {
        self.write(self.read() & !VECTOR | u32::from(vector));
    }

    /// Keeps the line from interrupting.
    pub fn mask(self) {
        self.write(self.read() | MASKED);
        // Reading waits until the chip has taken the write.
        self.read();
    }

    /// Lets the line interrupt.
    pub fn unmask(self) {
        self.write(self.read() & !MASKED);
    }

    /// Whether the line interrupts as long as it is active.
    pub fn is_level(self) -> bool {
        self.read() & LEVEL != 0
    }

    /// Sets how the line interrupts, and when it is active.
    pub fn set_mode(self, is_level: bool, is_low: bool) {
        let mode = if is_level { LEVEL } else { 0 } | if is_low { ACTIVE_LOW } else { 0 };
        self.write(self.read() & !(LEVEL | ACTIVE_LOW) | mode);
    }
}
