//! The interrupt descriptor table, and the other places where the processor enters the kernel.
//!
//! Invariant: every gate is an interrupt gate (interrupts off); user programs can raise vectors 3 and 4 only.
#![allow(unsafe_code)] // loads the table and the system-call MSRs

use core::arch::asm;
use core::cell::Cell;

use ::x86_64::registers::model_specific::Msr;

use super::entry::{self, STUB_SIZE, STUBS};
use super::segments::{KERNEL_CODE, TablePointer, USER_CODE32};

/// A table that is written once, before it is loaded.
struct Idt([Cell<[u64; 2]>; STUBS]);
// SAFETY: written by the boot CPU only, before the processor reads it.
unsafe impl Sync for Idt {}

static IDT: Idt = Idt([const { Cell::new([0; 2]) }; STUBS]);

/// The table's last byte.
pub const LIMIT: u16 = size_of::<Idt>() as u16 - 1;

const INTERRUPT_GATE: u64 = 0x8e00 << 32;
const DPL3: u64 = 3 << 45;

fn gate(entry: u64, interrupt_stack: u64, flags: u64) -> [u64; 2] {
    let low = (entry & 0xffff)
        | u64::from(KERNEL_CODE) << 16
        | interrupt_stack << 32
        | INTERRUPT_GATE
        | flags
        | (entry >> 16 & 0xffff) << 48;
    [low, entry >> 32]
}

/// Fills and loads the table of this CPU.
pub fn load() {
    let first_stub = entry::stubs as *const () as u64;
    for (vector, slot) in IDT.0.iter().enumerate() {
        let flags = if matches!(vector, 3 | 4) { DPL3 } else { 0 };
        slot.set(gate(first_stub + vector as u64 * STUB_SIZE, 0, flags));
    }
    IDT.0[8].set(gate(entry::double_fault as *const () as u64, 1, 0));
    IDT.0[2].set(gate(entry::nmi as *const () as u64, 2, 0));
    IDT.0[18].set(gate(entry::machine_check as *const () as u64, 3, 0));
    let pointer = TablePointer { limit: LIMIT, base: address() };
    // SAFETY: the table is complete and static.
    unsafe { asm!("lidt [{}]", in(reg) &raw const pointer, options(nostack)) };
}

/// Where the table is.
pub fn address() -> u64 {
    IDT.0.as_ptr() as u64
}

/// Flags that SYSCALL clears: TF, IF, DF, IOPL, NT, AC.
const SYSCALL_MASK: u64 = 0x0004_7700;

/// Makes SYSCALL work on this CPU. A SYSCALL of compatibility mode, which user programs cannot enter, would
/// arrive at the same place.
pub fn enable_syscall() {
    let entry = entry::syscall_entry as *const () as u64;
    let selectors = u64::from(USER_CODE32) << 48 | u64::from(KERNEL_CODE) << 32;
    let registers = [(0xc000_0081, selectors), (0xc000_0082, entry), (0xc000_0083, entry), (0xc000_0084, SYSCALL_MASK)];
    for (number, value) in registers {
        // SAFETY: STAR, LSTAR, CSTAR and SFMASK, with the kernel's entry and segments.
        unsafe { Msr::new(number).write(value) };
    }
    // SYSENTER is not part of the interface: without a code segment it raises #GP.
    // SAFETY: IA32_SYSENTER_CS.
    unsafe { Msr::new(0x174).write(0) };
}
