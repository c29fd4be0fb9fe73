//! Drives devices as a user-level driver does: I/O ports and registers from sigma0, interrupts from the ICU. Stands in
//! moe's place. Its module line says what the machine has: `edu`, QEMU's teaching device, whose interrupt is a PCI line
//! or a message. Instead `devices sleep` suspends the machine twice (or `once`); `devices echo` reads the console, by waiting
//! for its interrupt, and prints every line; `devices keyboard` drives the keyboard; `devices reboot` restarts the machine.
#![no_std]
#![no_main]

mod clocks;
mod console;
mod interrupt;
mod keyboard;
mod pci;
mod ports;
mod sleep;

use harness::program::{Check, run};
use syscall::{PlatformControl, Result, println};

syscall::boot_main!(main);

fn main() -> ! {
    let kip = syscall::boot::map_kip(harness::child::KIP).expect("sigma0 maps the kernel info page");
    let (_, modules) = syscall::boot::modules(kip);
    let line = modules.iter().find(|module| module.name() == "devices").map_or("", |module| module.command_line);
    let asked = |word: &str| line.split_ascii_whitespace().any(|other| other == word);
    let outcome = if asked("sleep") || asked("echo") {
        let slept = if asked("sleep") { sleep::run(if asked("once") { 1 } else { 2 }) } else { Ok(()) };
        slept.and_then(|()| if asked("echo") { console::echo() } else { Ok(()) })
    } else if asked("keyboard") {
        keyboard::drive()
    } else if asked("reboot") {
        PlatformControl::boot().reboot()
    } else {
        run_checks(asked("edu"))
    };
    println!("devices: the end, {outcome:?}");
    println!("devices: could not switch off: {:?}", PlatformControl::boot().shutdown());
    loop {
        let _ = syscall::ipc::wait(syscall::ipc::Timeouts::NEVER);
    }
}

/// Does all checks that the machine has something for, and says of which it has not.
fn run_checks(has_edu: bool) -> Result {
    let edu: &[Check] = if has_edu { pci::CHECKS } else { &[] };
    let (done, left_out) =
        if clocks::have_io_apic()? { (clocks::IO_APIC_CHECKS, &[][..]) } else { (&[][..], clocks::IO_APIC_CHECKS) };
    for (name, _) in left_out {
        println!("left out, for want of an I/O APIC: {name}");
    }
    run("devices", &[ports::CHECKS, clocks::CHECKS, done, edu])?;
    println!("devices: {} left out", left_out.len());
    Ok(())
}
