//! QEMU's teaching device `edu`: a PCI device whose interrupt a program raises and ends by writing to a register. It
//! comes over a PCI line, level-triggered, or as a message.
#![allow(unsafe_code)] // the device's registers

use harness::program::{Check, expect};
use syscall::abi::icu::{FLAG_MSI, MODE_LEVEL, MODE_SET};
use syscall::abi::{Flexpage, Rights};
use syscall::l4re::sigma0::Sigma0;
use syscall::{Code, Icu, Result};

use crate::interrupt::Interrupt;
use crate::ports::{read32, take, write32};

pub const CHECKS: &[Check] = &[
    ("a PCI line goes on until the device is served", line),
    ("a message arrives", message),
    ("messages arrive where they are bound", messages),
    ("a message to an unbound vector is lost, and nothing else", unbound),
];

const ADDRESS: u16 = 0xcf8;
const DATA: u16 = 0xcfc;
/// Vendor and device number.
const EDU: u32 = 0x11e8_1234;

/// Bytes from a function's configuration space.
mod config {
    pub const COMMAND: u8 = 0x04;
    pub const BAR: u8 = 0x10;
    pub const CAPABILITIES: u8 = 0x34;
    pub const LINE: u8 = 0x3c;
}

/// The device.
struct Edu {
    address: u32,
    registers: u64,
}

impl Edu {
    fn find() -> Result<Self> {
        take(ADDRESS, 3)?;
        let address = |device: u32| 1_u32 << 31 | device << 11;
        let found = (0..32).map(address).find(|&address| read(address, 0) == EDU).ok_or(Code::NoEnt)?;
        let registers = u64::from(read(found, config::BAR) & !0xf);
        Sigma0::boot().device_memory(Flexpage::memory(registers, 12, Rights::RW), false)?;
        const MEMORY_AND_MASTER: u32 = 6;
        write(found, config::COMMAND, read(found, config::COMMAND) & 0xffff | MEMORY_AND_MASTER);
        let edu = Self { address: found, registers };
        edu.serve();
        Ok(edu)
    }

    fn register(&self, offset: u64) -> *mut u32 {
        (self.registers + offset) as *mut u32
    }

    /// Raises the interrupt.
    fn raise(&self) {
        // SAFETY: the device's register, mapped from sigma0.
        unsafe { self.register(0x60).write_volatile(1) };
    }

    /// Ends it.
    fn serve(&self) {
        // SAFETY: as above.
        unsafe { self.register(0x64).write_volatile(u32::MAX) };
    }

    /// Where the capability of message-signalled interrupts stands.
    fn msi(&self) -> Result<u8> {
        const MSI: u8 = 5;
        let mut at = read(self.address, config::CAPABILITIES) as u8;
        while at != 0 {
            let [kind, next, ..] = read(self.address, at).to_le_bytes();
            if kind == MSI {
                return Ok(at);
            }
            at = next;
        }
        Err(Code::NoEnt.into())
    }

    /// Sends this message from now on; none: uses its line.
    fn send(&self, number: Option<u64>) -> Result {
        const ENABLE: u32 = 1 << 16;
        let at = self.msi()?;
        let control = read(self.address, at);
        if let Some(number) = number {
            let message = Icu::boot().msi_info(number, 0)?;
            write(self.address, at + 4, message.address as u32);
            write(self.address, at + 8, (message.address >> 32) as u32);
            write(self.address, at + 12, message.data);
            write(self.address, at, control | ENABLE);
        } else {
            write(self.address, at, control & !ENABLE);
        }
        Ok(())
    }
}

fn read(address: u32, offset: u8) -> u32 {
    write32(ADDRESS, address | u32::from(offset));
    read32(DATA)
}

fn write(address: u32, offset: u8, value: u32) {
    write32(ADDRESS, address | u32::from(offset));
    write32(DATA, value);
}

fn line() -> Result {
    let edu = Edu::find()?;
    edu.send(None)?;
    let line = u64::from(read(edu.address, config::LINE) & 0xff);
    Icu::boot().set_mode(line, MODE_SET | MODE_LEVEL)?;
    let interrupt = Interrupt::at(line)?;
    expect(!interrupt.comes_within(10_000)?)?;
    edu.raise();
    for _ in 0..3 {
        interrupt.wait()?;
    }
    edu.serve();
    expect(!interrupt.comes_within(10_000)?)?;
    edu.raise();
    interrupt.wait()?;
    edu.serve();
    expect(!interrupt.comes_within(10_000)?)
}

fn message() -> Result {
    let edu = Edu::find()?;
    let interrupt = Interrupt::at(FLAG_MSI)?;
    edu.send(Some(FLAG_MSI))?;
    expect(!interrupt.comes_within(10_000)?)?;
    for _ in 0..3 {
        edu.raise();
        interrupt.wait()?;
        expect(!interrupt.comes_within(10_000)?)?;
        edu.serve();
    }
    edu.send(None)
}

fn messages() -> Result {
    let edu = Edu::find()?;
    let numbers = [0, 1, 77, 199].map(|number| FLAG_MSI | number);
    let [a, b, c, d] = numbers.map(Interrupt::at);
    let interrupts = [a?, b?, c?, d?];
    for (number, interrupt) in numbers.into_iter().zip(&interrupts) {
        edu.send(Some(number))?;
        edu.raise();
        interrupt.wait()?;
        edu.serve();
        for other in &interrupts {
            expect(!other.comes_within(2000)?)?;
        }
    }
    edu.send(None)
}

fn unbound() -> Result {
    let edu = Edu::find()?;
    let other = Interrupt::at(FLAG_MSI | 1)?;
    drop({
        let interrupt = Interrupt::at(FLAG_MSI)?;
        edu.send(Some(FLAG_MSI))?;
        interrupt
    });
    edu.raise();
    expect(!other.comes_within(10_000)?)?;
    edu.serve();
    edu.send(Some(FLAG_MSI | 1))?;
    edu.raise();
    other.wait()?;
    edu.serve();
    edu.send(None)
}
