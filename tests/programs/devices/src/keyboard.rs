//! A keyboard driver of one's own: binding the keyboard's interrupt takes the keyboard from the kernel's console.

use syscall::{Code, Result, Vcon, println};

use crate::interrupt::Interrupt;
use crate::ports::{read8, take};

/// The keyboard's line of the ISA, and its ports.
const LINE: u64 = 1;
const DATA: u16 = 0x60;
const STATUS: u16 = 0x64;
const FULL: u8 = 1;

/// Microseconds to wait for a key.
const PATIENCE_US: u64 = 10_000_000;
/// The scan code of a key that is let go has this bit.
const RELEASED: u8 = 0x80;

/// Says when a key can be pressed for the kernel's console, reads it there, then drives the keyboard until a
/// key that was pressed for the driver is let go.
pub fn drive() -> Result {
    let mut bytes = [0; 8];
    println!("devices: press a key for the console");
    let typed = loop {
        let (count, _) = Vcon::boot().read(&mut bytes)?;
        if count > 0 {
            break bytes[0];
        }
        syscall::thread::sleep(core::time::Duration::from_millis(10));
    };
    println!("devices: the console has {:?}", char::from(typed));
    take(DATA, 0)?;
    take(STATUS, 0)?;
    let interrupt = Interrupt::at(LINE)?;
    println!("devices: press a key for the driver");
    let mut pressed = 0;
    loop {
        if !interrupt.comes_within(PATIENCE_US)? {
            return Err(Code::NoEnt.into());
        }
        while read8(STATUS) & FULL != 0 {
            let scan_code = read8(DATA);
            println!("devices: the driver has {scan_code:#04x}");
            if scan_code & RELEASED == 0 {
                pressed = scan_code;
            } else if scan_code == pressed | RELEASED {
                let (count, _) = Vcon::boot().read(&mut bytes)?;
                println!("devices: the console has {count} bytes more");
                return Ok(());
            }
        }
    }
}
