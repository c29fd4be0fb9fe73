//! Suspend to RAM: what a program has, its memory, its registers, its ports, its interrupts, is there when the machine wakes up.
#![allow(unsafe_code)] // an SSE register

use core::arch::asm;
use harness::program::expect;
use syscall::abi::ipc::Operation;
use syscall::abi::platform_control::OP_SUSPEND;
use syscall::abi::{CapIndex, Tag, Timeouts, protocol};
use syscall::time::kernel_clock_us;
use syscall::{Error, Result, arch, println};

use crate::clocks::{RTC_INDEX, RTC_LINE, Ticking};
use crate::interrupt::Interrupt;
use crate::ports::{take, write8};

/// ACPI's sleep type for suspend to RAM on QEMU's machines, in both registers.
const SUSPEND_TO_RAM: u64 = 0x0101;
const MARK: u64 = 0x0123_4567_89ab_cdef;

/// Suspends the machine so many times.
pub fn run(rounds: u32) -> Result {
    let interrupt = Interrupt::at(RTC_LINE)?;
    take(RTC_INDEX, 1)?;
    for round in 1..=rounds {
        println!("devices: sleeping {round}");
        let before = kernel_clock_us();
        expect(suspend_with_register()? == MARK)?;
        // Before any other system call: it could load the ports anew.
        write8(RTC_INDEX, 0xd);
        expect(kernel_clock_us() >= before)?;
        // The clock has forgotten that it should tick; the line's way to this thread is as it was.
        let ticking = Ticking::start()?;
        for _ in 0..5 {
            interrupt.wait()?;
            Ticking::acknowledge();
        }
        drop(ticking);
        println!("devices: awake {round}");
    }
    Ok(())
}

/// What an SSE register holds after a sleep that it held [`MARK`] before.
fn suspend_with_register() -> Result<u64> {
    let registers = arch::utcb();
    registers.set_mr(0, OP_SUSPEND);
    registers.set_mr(1, SUSPEND_TO_RAM);
    let call = CapIndex::ICU.raw() | Operation::CALL.bits();
    let (tag, after): (u64, u64);
    // SAFETY: a system call, with what it changes; its words are in the UTCB.
    unsafe {
        asm!(
            "movq xmm15, {mark}",
            "syscall",
            "movq {mark}, xmm15",
            mark = inout(reg) MARK => after,
            inout("rax") Tag::new(protocol::PLATFORM_CONTROL, 2, 0, 0).raw() => tag,
            inout("rdx") call => _,
            inout("rsi") 0_u64 => _,
            inout("rdi") 0_u64 => _,
            in("r8") u64::from(Timeouts::NEVER.raw()),
            out("rcx") _,
            out("r11") _,
            out("r15") _,
            out("xmm15") _,
        );
    }
    match Tag::from_raw(tag).label() {
        0 => Ok(after),
        label => Err(Error::from_label(label)),
    }
}
