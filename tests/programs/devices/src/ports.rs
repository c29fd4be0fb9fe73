//! I/O ports: they come from sigma0 by IPC, then instructions use them.
#![allow(unsafe_code)] // instructions on ports

use core::arch::asm;
use harness::program::{Check, expect};
use syscall::abi::Flexpage;
use syscall::l4re::sigma0::Sigma0;
use syscall::{Result, Task};

pub const CHECKS: &[Check] = &[("ports that arrive by IPC can be used", arrive), ("ports can be taken away", leave)];

/// Takes 2^`order` ports from sigma0.
pub fn take(port: u16, order: u8) -> Result {
    Sigma0::boot().ports(Flexpage::io(port.into(), order))
}

macro_rules! access {
    ($read:ident, $write:ident, $type:ty, $register:tt) => {
        pub fn $read(port: u16) -> $type {
            let value;
            // SAFETY: devices of this machine that nobody else drives, and that do not touch memory.
            unsafe { asm!(concat!("in ", $register, ", dx"), out($register) value, in("dx") port, options(nostack)) };
            value
        }

        pub fn $write(port: u16, value: $type) {
            // SAFETY: as above.
            unsafe { asm!(concat!("out dx, ", $register), in($register) value, in("dx") port, options(nostack)) };
        }
    };
}
access!(read8, write8, u8, "al");
access!(read32, write32, u32, "eax");

const RTC_INDEX: u16 = 0x70;
const RTC_DATA: u16 = 0x71;
const SECONDS_ALARM: u8 = 0x01;

/// The alarm's seconds keep what is written there: the ports lead to the clock.
fn arrive() -> Result {
    take(RTC_INDEX, 1)?;
    for value in [0x12, 0x34] {
        write8(RTC_INDEX, SECONDS_ALARM);
        write8(RTC_DATA, value);
        write8(RTC_INDEX, SECONDS_ALARM);
        expect(read8(RTC_DATA) == value)?;
    }
    Ok(())
}

/// The port goes, and comes back when sigma0 is asked again.
fn leave() -> Result {
    Task::this().unmap(Flexpage::io(RTC_DATA.into(), 0), true)?;
    take(RTC_DATA, 0)?;
    write8(RTC_INDEX, SECONDS_ALARM);
    expect(read8(RTC_DATA) == 0x34)
}
