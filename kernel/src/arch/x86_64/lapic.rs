//! The local APIC: end of interrupt, the timer's registers, and the way of the 8259s, if they are used, to the processor.
//!
//! Invariant: used in xAPIC mode, through the direct map, where its page is uncached.
#![allow(unsafe_code)] // memory-mapped registers, IA32_APIC_BASE

use core::cell::Cell;

use ::x86_64::registers::model_specific::Msr;

use super::paging::phys_to_virt;
use super::trap::{LAPIC_ERROR_VECTOR, SPURIOUS_VECTOR, TIMER_VECTOR};

/// Byte offsets of the registers in use.
#[derive(Clone, Copy)]
#[repr(u16)]
enum Register {
    TaskPriority = 0x80,
    EndOfInterrupt = 0xb0,
    Spurious = 0xf0,
    ErrorStatus = 0x280,
    LvtTimer = 0x320,
    LvtPerformance = 0x340,
    LvtLint0 = 0x350,
    LvtLint1 = 0x360,
    LvtError = 0x370,
    InitialCount = 0x380,
    CurrentCount = 0x390,
    DivideConfiguration = 0x3e0,
}

const MASKED: u32 = 1 << 16;
const ENABLE: u32 = 1 << 8;
const DELIVER_NMI: u32 = 4 << 8;
const DELIVER_EXTINT: u32 = 7 << 8;
const DIVIDE_BY_1: u32 = 0b1011;
const TSC_DEADLINE: u32 = 2 << 17;

/// Where the registers are, unless the firmware has moved them.
pub const REGISTERS: u64 = 0xfee0_0000;

struct Base(Cell<*mut u8>);
// SAFETY: written once by the boot CPU.
unsafe impl Sync for Base {}
static BASE: Base = Base(Cell::new(phys_to_virt(REGISTERS)));

fn write(register: Register, value: u32) {
    // SAFETY: a register of this CPU's local APIC, mapped by the direct map.
    unsafe { BASE.0.get().add(register as usize).cast::<u32>().write_volatile(value) };
}

fn read(register: Register) -> u32 {
    // SAFETY: as above.
    unsafe { BASE.0.get().add(register as usize).cast::<u32>().read_volatile() }
}

/// Enables the local APIC of this CPU; the timer is stopped. `pass_pic`: interrupts of the 8259s pass through.
pub fn init(pass_pic: bool) {
    const X2APIC: u64 = 1 << 10;
    const GLOBAL_ENABLE: u64 = 1 << 11;
    let mut msr = Msr::new(0x1b);
    // SAFETY: IA32_APIC_BASE; the address stays, x2APIC mode can only be left by way of "disabled".
    let base = unsafe {
        let value = msr.read();
        if value & X2APIC != 0 {
            msr.write(value & !(X2APIC | GLOBAL_ENABLE));
        }
        let value = value & !X2APIC | GLOBAL_ENABLE;
        msr.write(value);
        value & 0x000f_ffff_ffff_f000
    };
    BASE.0.set(phys_to_virt(base));
    write(Register::TaskPriority, 0);
    write(Register::Spurious, ENABLE | u32::from(SPURIOUS_VECTOR));
    write(Register::LvtLint0, if pass_pic { DELIVER_EXTINT } else { MASKED });
    write(Register::LvtLint1, DELIVER_NMI);
    write(Register::LvtPerformance, MASKED);
    write(Register::LvtError, u32::from(LAPIC_ERROR_VECTOR));
    write(Register::ErrorStatus, 0);
    write(Register::DivideConfiguration, DIVIDE_BY_1);
    write(Register::LvtTimer, u32::from(TIMER_VECTOR));
    write(Register::InitialCount, 0);
    end_of_interrupt();
}

/// Makes the timer follow IA32_TSC_DEADLINE.
pub fn use_tsc_deadline() {
    write(Register::LvtTimer, TSC_DEADLINE | u32::from(TIMER_VECTOR));
}

/// Lets the next interrupt of the local APIC through.
#[inline(always)]
pub fn end_of_interrupt() {
    write(Register::EndOfInterrupt, 0);
}

/// Starts the timer with `count` ticks; 0 stops it.
#[inline(always)]
pub fn start_timer(count: u32) {
    write(Register::InitialCount, count);
}

/// Ticks that the timer has left.
pub fn timer_count() -> u32 {
    read(Register::CurrentCount)
}
