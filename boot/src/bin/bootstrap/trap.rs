//! CPU exceptions while bootstrap runs: each ends in a report and a halt.
//!
//! `entry.s` loads the descriptor table together with long mode. It stays loaded when the kernel is entered, so that a
//! kernel that fails before it has its own is reported, too.
#![allow(unsafe_code)] // called from assembly, reads a control register

use crate::console::{alarm, println};

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
