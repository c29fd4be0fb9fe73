//! System calls with known values in all registers that the kernel must preserve (`arch/ipc.h`), and threads that
//! look at their registers before anything else.
#![allow(unsafe_code)] // registers

use crate::finding::{FOUND, Finding, report};
use core::arch::{asm, global_asm};
use syscall::abi::utcb::INHERIT_FPU;
use syscall::abi::{CapIndex, Tag, Timeouts, ipc::Operation};
use syscall::arch::utcb;

/// What the preserved registers hold during a system call: this and the numbers behind it.
const PRESERVED: u64 = 0x5eed_0fca_1101_0000;
/// What the supervisor has in its FPU while it waits, and nobody else ever has.
const SECRET: u64 = 0x5ec2_e75e_c2e7_5ec2;

/// One system call: the received tag.
pub fn invoke(cap: CapIndex, operation: Operation, label: u64, tag: Tag, timeouts: Timeouts) -> Tag {
    // A message may hand the FPU on to who says so.
    let keeps_fpu = utcb().bdr() & INHERIT_FPU == 0;
    let (received, changed, changed_fpu): (u64, u64, u64);
    // SAFETY: as for `syscall::arch::invoke`; rbx and rbp are saved on the stack meanwhile.
    unsafe {
        asm!(
            "push rbx",
            "push rbp",
            "mov rbx, {preserved}",
            "lea rbp, [rbx + 1]",
            "lea r9, [rbx + 2]",
            "lea r10, [rbx + 3]",
            "lea r12, [rbx + 4]",
            "lea r13, [rbx + 5]",
            "lea r14, [rbx + 6]",
            "movq xmm6, r13",
            "movq xmm15, r14",
            "syscall",
            "mov rcx, {preserved}",
            "movq r11, xmm6",
            "sub r11, rcx",
            "sub r11, 5",
            "movq rdi, xmm15",
            "sub rdi, rcx",
            "sub rdi, 6",
            "or rdi, r11",
            "sub rbx, rcx",
            "sub rbp, rcx",
            "sub rbp, 1",
            "sub r9, rcx",
            "sub r9, 2",
            "sub r10, rcx",
            "sub r10, 3",
            "sub r12, rcx",
            "sub r12, 4",
            "sub r13, rcx",
            "sub r13, 5",
            "sub r14, rcx",
            "sub r14, 6",
            "or rbx, rbp",
            "or rbx, r9",
            "or rbx, r10",
            "or rbx, r12",
            "or rbx, r13",
            "or rbx, r14",
            "mov rcx, rbx",
            "pop rbp",
            "pop rbx",
            preserved = const PRESERVED,
            inlateout("rax") tag.raw() => received,
            inlateout("rdx") cap.raw() | operation.bits() => _,
            inlateout("rsi") label => _,
            lateout("rdi") changed_fpu,
            in("r8") u64::from(timeouts.raw()),
            lateout("rcx") changed,
            lateout("r9") _, lateout("r10") _, lateout("r11") _, lateout("r12") _,
            lateout("r13") _, lateout("r14") _, lateout("r15") _,
            lateout("xmm6") _, lateout("xmm15") _,
        );
    }
    if changed != 0 || changed_fpu != 0 && keeps_fpu {
        report(Finding::Register);
    }
    Tag::from_raw(received)
}

/// Puts the supervisor's secret into its registers.
pub fn keep_secret() {
    // SAFETY: only a register changes.
    unsafe { asm!("movq xmm15, {}", in(reg) SECRET, out("xmm15") _, options(nomem, nostack)) };
}

global_asm!(
    ".pushsection .text.__fuzz_thread, \"ax\", @progbits",
    ".global __fuzz_thread",
    "__fuzz_thread:",
    "mov rax, {secret}",
    "movq rcx, xmm15",
    "cmp rax, rcx",
    "jne __harness_thread",
    "mov qword ptr [rip + {found}], {leak}",
    "jmp __harness_thread",
    ".popsection",
    secret = const SECRET,
    found = sym FOUND,
    leak = const Finding::Leak as usize,
);

unsafe extern "C" {
    fn __fuzz_thread();
}

/// Lays out the stack with this number as [`harness::worker::prepare`] does, for a thread that first looks at its
/// registers; returns instruction and stack pointer.
pub fn prepare(number: usize, work: fn(u64), argument: u64) -> (u64, u64) {
    let (_, sp) = harness::worker::prepare(number, work, argument);
    (__fuzz_thread as *const () as u64, sp)
}
