//! Switching the machine off, and resetting it.
//!
//! Invariant: a function returns only if nothing that it tried worked.
#![allow(unsafe_code)] // power-management ports, a reset by triple fault

use core::arch::asm;
use core::cell::Cell;

use ::x86_64::instructions::port::Port;

use kernel::acpi::ResetRegister;

use super::clock::clock_us;
use super::firmware::{Power, Sleep};
use super::paging::phys_to_virt;
use super::segments::TablePointer;
use crate::locked::Locked;

static POWER: Locked<Cell<Power>> = Locked::new(Cell::new(Power::UNKNOWN));

/// Takes what the firmware says.
pub(super) fn init(power: Power) {
    POWER.set(power);
}

/// How the machine is suspended, if it can be.
pub(super) fn sleep() -> Option<Sleep> {
    POWER.get().sleep
}

const SLEEP_ENABLE: u16 = 1 << 13;
const SLEEP_TYPE: u16 = 7 << 10;
/// How long the machine gets to react.
pub(super) const PATIENCE_US: u64 = 100_000;

/// Switches the machine off (ACPI S5); without ACPI tables, as QEMU's machines do it.
pub fn shutdown() {
    if let Some((ports, types)) = POWER.get().soft_off {
        enter_sleep(ports, types);
        wait(PATIENCE_US);
    }
    // QEMU's machines q35 and pc, when the firmware brought no tables.
    for port in [0x604, 0xb004] {
        write_sleep_type(port, 0);
    }
    wait(PATIENCE_US);
}

/// Asks for the sleep state that the types stand for; the machine takes its time.
pub(super) fn enter_sleep(control_ports: [u16; 2], types: [u8; 2]) {
    enable_acpi(POWER.get().enable_command, control_ports[0]);
    for (port, sleep_type) in control_ports.into_iter().zip(types) {
        if port != 0 {
            write_sleep_type(port, sleep_type);
        }
    }
}

fn write_sleep_type(port: u16, sleep_type: u8) {
    let mut control = Port::<u16>::new(port);
    // SAFETY: a power-management control register; all that can happen is the sleep or power-off asked for.
    unsafe {
        let value = control.read() & !SLEEP_TYPE | u16::from(sleep_type & 7) << 10;
        control.write(value);
        control.write(value | SLEEP_ENABLE);
    }
}

/// Leaves legacy mode, in which the control register does not work.
fn enable_acpi(command: Option<(u16, u8)>, control_port: u16) {
    const SCI_ENABLE: u16 = 1;
    // SAFETY: the ports that the firmware names for this.
    let enabled = || unsafe { Port::<u16>::new(control_port).read() } & SCI_ENABLE != 0;
    let Some((port, command)) = command else { return };
    if enabled() {
        return;
    }
    // SAFETY: as above.
    unsafe { Port::new(port).write(command) };
    let end = clock_us() + PATIENCE_US;
    while !enabled() && clock_us() < end {
        core::hint::spin_loop();
    }
}

/// Resets the machine: by ACPI, by the keyboard controller, by a triple fault.
pub fn reboot() {
    match POWER.get().reset {
        // SAFETY: the register that the firmware names for a reset.
        Some(ResetRegister::Port(port, value)) => unsafe { Port::new(port).write(value) },
        // SAFETY: as above; below 4 GiB, hence mapped.
        Some(ResetRegister::Memory(phys, value)) => unsafe { phys_to_virt(phys).write_volatile(value) },
        None => {}
    }
    wait(PATIENCE_US);
    const KEYBOARD_COMMAND: u16 = 0x64;
    const PULSE_RESET: u8 = 0xfe;
    // SAFETY: the keyboard controller's reset line.
    unsafe { Port::new(KEYBOARD_COMMAND).write(PULSE_RESET) };
    wait(PATIENCE_US);
    let empty = TablePointer { limit: 0, base: 0 };
    // SAFETY: without interrupt descriptors the next exception resets the processor, which is the purpose.
    unsafe { asm!("lidt [{}]", "ud2", in(reg) &raw const empty, options(nostack)) };
}

pub(super) fn wait(us: u64) {
    let end = clock_us() + us;
    while clock_us() < end {
        core::hint::spin_loop();
    }
}
