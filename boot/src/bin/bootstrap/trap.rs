//! CPU exceptions while bootstrap runs: each ends in a report and a halt.
//!
//! The descriptor table stays loaded when the kernel is entered, so that a kernel that fails before it has
//! its own is reported, too.
#![allow(unsafe_code)] // loads the interrupt descriptor table

use crate::console::{alarm, println};
use core::ptr::addr_of_mut;

/// What `entry.s` pushes, lowest address first.
#[repr(C)]
pub struct TrapFrame {
    /// r15, r14 … r8, rdi, rsi, rbp, rbx, rdx, rcx, rax.
    registers: [u64; 15],
    vector: u64,
    error_code: u64,
    rip: u64,
    cs: u64,
    rflags: u64,
    rsp: u64,
    ss: u64,
}

const NAMES: [&str; 22] = [
    "divide error",
    "debug exception",
    "non-maskable interrupt",
    "breakpoint",
    "overflow",
    "bound range exceeded",
    "invalid opcode",
    "device not available",
    "double fault",
    "coprocessor overrun",
    "invalid TSS",
    "segment not present",
    "stack fault",
    "general protection fault",
    "page fault",
    "reserved exception",
    "floating-point error",
    "alignment check",
    "machine check",
    "SIMD floating-point error",
    "virtualisation exception",
    "control protection exception",
];

const VECTORS: usize = 32;
/// Bytes from one vector's code in `entry.s` to the next.
const ENTRY_SIZE: u64 = 16;
/// A present 64-bit interrupt gate to code segment 8.
const GATE: u128 = 0x8e00 << 32 | 8 << 16;

static mut TABLE: [u128; VECTORS] = [0; VECTORS];

unsafe extern "C" {
    static trap_entries: u8;
}

/// Takes over all CPU exceptions.
pub fn take_over() {
    #[repr(C, packed)]
    struct Pointer {
        limit: u16,
        base: u64,
    }
    let entries = &raw const trap_entries as u64;
    let table = addr_of_mut!(TABLE);
    for vector in 0..VECTORS {
        let address = u128::from(entries + vector as u64 * ENTRY_SIZE);
        let gate = GATE | (address & 0xffff) | ((address >> 16 & 0xffff) << 48) | ((address >> 32) << 64);
        // SAFETY: inside the table; nothing else touches it, and one CPU runs.
        unsafe { (&raw mut (*table)[vector]).write(gate) };
    }
    let pointer = Pointer { limit: size_of::<[u128; VECTORS]>() as u16 - 1, base: table as u64 };
    // SAFETY: the table is complete and lives forever.
    unsafe { core::arch::asm!("lidt [{}]", in(reg) &raw const pointer, options(readonly, nostack, preserves_flags)) };
}

/// Reports an exception; called by `entry.s`.
#[unsafe(no_mangle)]
extern "C" fn bootstrap_trap(frame: &TrapFrame) -> ! {
    let fault_address: u64;
    // SAFETY: reads a register.
    unsafe { core::arch::asm!("mov {}, cr2", out(reg) fault_address, options(nomem, nostack, preserves_flags)) };
    let name = NAMES.get(frame.vector as usize).copied().unwrap_or("reserved exception");
    alarm();
    println!();
    println!("{}: {name} (vector {}, error {:#x}) at {:#x}", crate::stage(), frame.vector, frame.error_code, frame.rip);
    println!("  address {fault_address:#x}, sp {:#x}, flags {:#x}", frame.rsp, frame.rflags);
    let names = ["r15", "r14", "r13", "r12", "r11", "r10", "r9", "r8", "rdi", "rsi", "rbp", "rbx", "rdx", "rcx", "rax"];
    for row in 0..5 {
        for column in 0..3 {
            let index = row * 3 + column;
            crate::console::print!("  {:3} {:016x}", names[index], frame.registers[index]);
        }
        println!();
    }
    println!("This is a fault in {}: report it with these lines. Halted.", crate::stage());
    crate::halt()
}
