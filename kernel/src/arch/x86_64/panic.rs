//! The kernel's last words: what happened, where, how it got there, and what to do.
//!
//! Everything here works without per-CPU state and writes to screen and serial line.
#![allow(unsafe_code)] // stops the processor

use core::arch::asm;
use core::panic::PanicInfo;
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};

use super::backtrace;
use super::console::{self, println};
use super::frame::word;
use super::trap::TrapFrame;

/// How many reports have begun: a second one is a failure of the first.
static REPORTS: AtomicU32 = AtomicU32::new(0);

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    begin();
    match info.location() {
        Some(place) => println!("Furore kernel: panic at {}:{}", place.file(), place.line()),
        None => println!("Furore kernel: panic"),
    }
    println!("  {}", info.message());
    end(frame_pointer())
}

/// An exception in the kernel itself.
#[optimize(size)]
pub fn kernel_trap(frame: &TrapFrame, fault_address: u64) -> ! {
    begin();
    let vector = frame.word(word::TRAPNO);
    println!("Furore kernel: {} in the kernel, error code {:#x}", name(vector), frame.word(word::ERROR));
    if vector == 14 {
        println!("  at address {fault_address:#018x}");
    }
    println!("  at {}", backtrace::Place(frame.word(word::RIP)));
    for row in REGISTERS.chunks(4) {
        for (name, index) in row {
            console::print!("  {name} {:016x}", frame.word(*index));
        }
        println!();
    }
    end(frame.word(word::RBP))
}

/// A non-maskable interrupt: said, unless it came in the middle of other output, and ignored.
pub fn report_nmi(ip: u64) {
    if console::is_busy() {
        return;
    }
    println!("Furore kernel: non-maskable interrupt at {}, ignored", backtrace::Place(ip));
}

const REGISTERS: [(&str, usize); 20] = [
    ("rax", word::RAX),
    ("rbx", word::RBX),
    ("rcx", word::RCX),
    ("rdx", word::RDX),
    ("rsi", word::RSI),
    ("rdi", word::RDI),
    ("rbp", word::RBP),
    ("rsp", word::RSP),
    ("r8 ", word::R8),
    ("r9 ", word::R9),
    ("r10", word::R10),
    ("r11", word::R11),
    ("r12", word::R12),
    ("r13", word::R13),
    ("r14", word::R14),
    ("r15", word::R15),
    ("rip", word::RIP),
    ("flg", word::RFLAGS),
    ("cs ", word::CS),
    ("ss ", word::SS),
];

fn name(vector: u64) -> &'static str {
    match vector {
        0 => "divide error",
        1 => "debug exception",
        3 => "breakpoint",
        6 => "invalid instruction",
        8 => "double fault (stack overflow?)",
        10 => "invalid TSS",
        11 => "segment not present",
        12 => "stack fault",
        13 => "general protection fault",
        14 => "page fault",
        17 => "alignment check",
        18 => "machine check",
        _ => "unexpected exception",
    }
}

#[optimize(size)]
fn begin() {
    match REPORTS.fetch_add(1, Relaxed) {
        0 => {}
        1 => {
            console::seize();
            println!("\nFurore kernel: another failure while reporting one");
            halt();
        }
        _ => halt(),
    }
    console::seize();
    println!();
}

#[optimize(size)]
fn end(frame_pointer: u64) -> ! {
    backtrace::print(frame_pointer);
    println!("The kernel has stopped and nothing runs any more: reset the machine.");
    println!("If the reason above does not say what to change, please report the lines from");
    println!("\"Furore kernel\" on, with the menu entry.");
    halt()
}

fn frame_pointer() -> u64 {
    let value;
    // SAFETY: reads a register.
    unsafe { asm!("mov {}, rbp", out(reg) value, options(nomem, nostack, preserves_flags)) };
    value
}

fn halt() -> ! {
    loop {
        // SAFETY: nothing is to run any more.
        unsafe { asm!("cli", "hlt") };
    }
}
