//! Instructions that no program should use: interrupts, flags, segments, privileged ones, system calls from odd
//! places, addresses that are none.
#![allow(unsafe_code)] // the point of it

use crate::random::Random;
use core::arch::{asm, global_asm};
use harness::child::PAGES;
use syscall::abi::{CapIndex, Flexpage, Rights};
use syscall::{Cap, Task};

/// The last page below the hole between the halves of the address space.
const LAST_PAGE: u64 = (1 << 47) - 0x1000;

/// Bytes of one of [`__fuzz_interrupts`].
const INTERRUPT_SIZE: u64 = 4;

global_asm!(
    ".pushsection .text.__fuzz_interrupts, \"ax\", @progbits",
    ".global __fuzz_interrupts",
    ".balign 16",
    "__fuzz_interrupts:",
    ".set number, 0",
    ".rept 256",
    ".byte 0xcd, number",
    "ret",
    "nop",
    ".set number, number + 1",
    ".endr",
    ".popsection",
);

unsafe extern "C" {
    /// `int n; ret` for each n.
    fn __fuzz_interrupts();
}

/// Does one of them. Most end in a fault or an exception of this thread.
pub fn one(random: &mut Random) {
    match random.below(5) {
        0 => addresses(random),
        1 => segments(random),
        2 => system_calls(random),
        3 => privileged(random),
        _ => exceptions(random),
    }
}

fn addresses(random: &mut Random) {
    // Half of them are no addresses at all.
    let word = if random.once_in(2) { random.odd() ^ 1 << (47 + random.below(17)) } else { random.odd() };
    // SAFETY: the thread that does this is expendable, and so is its task.
    unsafe {
        match random.below(6) {
            0 => asm!("mov rax, [{0}]", in(reg) word, out("rax") _),
            1 => asm!("mov [{0}], al", in(reg) word),
            2 => asm!("jmp {0}", in(reg) word),
            3 => asm!("mov rsp, {0}", "push rax", "ud2", in(reg) word, options(noreturn)),
            4 => asm!("mov rsp, {0}", "int3", "ud2", in(reg) word, options(noreturn)),
            _ => asm!("fxsave64 [{0}]", in(reg) word),
        }
    }
}

fn segments(random: &mut Random) {
    let word = random.odd();
    let known = random.one(&[0, 3, 0x08, 0x10, 0x1b, 0x23, 0x2b, 0x33, 0x38, 0x3b, 0x43, 0x47, 7]);
    let selector = if random.once_in(4) { word & 0xffff } else { known };
    // SAFETY: as above.
    unsafe {
        match random.below(9) {
            0 => asm!("mov ds, {0:x}", in(reg) selector),
            1 => asm!("mov es, {0:x}", in(reg) selector),
            2 => asm!("mov fs, {0:x}", in(reg) selector),
            3 => asm!("mov gs, {0:x}", in(reg) selector),
            4 => asm!("mov ss, {0:x}", in(reg) selector),
            5 => asm!("push {0}", "push {1}", "retfq", in(reg) selector, in(reg) word),
            6 => asm!(
                "push {0}", "push {2}", "push {1}", "push {0}", "push {2}", "iretq",
                in(reg) selector, in(reg) random.odd(), in(reg) word,
            ),
            7 => asm!("verr {0:x}", "lar {1}, {0}", in(reg) selector, out(reg) _),
            _ => asm!("lldt {0:x}", in(reg) selector),
        }
    }
}

fn system_calls(random: &mut Random) {
    let word = random.odd();
    // SAFETY: as above. Every register that a system call changes is declared.
    unsafe {
        match random.below(5) {
            0 => {
                // The instruction behind this one has no address.
                let here = Cap::<Task>::new(CapIndex::TASK);
                let page = PAGES + (random.below(16) << 12);
                if here.map(here, Flexpage::memory(page, 12, Rights::RWX), LAST_PAGE).is_ok() {
                    asm!(
                        "mov word ptr [rcx], 0x050f", // syscall
                        "jmp rcx",
                        in("rcx") LAST_PAGE + 0xffe, in("rax") word, in("rdx") CapIndex::INVALID.raw() | 2,
                        in("rsi") word, in("r8") 0x0400_0400_u64, options(noreturn),
                    )
                }
            }
            1 => asm!(
                "std", "syscall", "cld",
                inlateout("rax") word => _, inlateout("rdx") CapIndex::INVALID.raw() | 2 => _,
                inlateout("rsi") word => _, in("r8") 0x0400_0400_u64, lateout("rdi") _, lateout("rcx") _,
                lateout("r11") _, lateout("r15") _,
            ),
            2 => asm!(
                "pushfq", "or qword ptr [rsp], 0x100", "popfq", "syscall",
                inlateout("rax") word => _, inlateout("rdx") CapIndex::INVALID.raw() | 2 => _,
                inlateout("rsi") word => _, in("r8") 0x0400_0400_u64, lateout("rdi") _, lateout("rcx") _,
                lateout("r11") _, lateout("r15") _,
            ),
            3 => asm!(
                "mov rsp, {0}", "syscall", "ud2",
                in(reg) word, in("rax") random.odd(), in("rdx") random.odd(), in("rsi") random.odd(),
                in("r8") 0x0400_0400_u64, options(noreturn),
            ),
            _ => asm!("sysenter", in("rcx") word, in("rdx") word),
        }
    }
}

fn privileged(random: &mut Random) {
    let word = random.odd();
    // SAFETY: as above.
    unsafe {
        match random.below(17) {
            0 => asm!("hlt"),
            1 => asm!("cli"),
            2 => asm!("mov rax, cr0", out("rax") _),
            3 => asm!("mov cr3, {0}", in(reg) word),
            4 => asm!("out dx, al", in("dx") word as u16, in("al") 0xfe_u8),
            5 => asm!("in al, dx", in("dx") word as u16, out("al") _),
            6 => asm!("rdmsr", in("ecx") word as u32, out("eax") _, out("edx") _),
            7 => asm!("wrmsr", in("ecx") 0xc000_0102_u32, in("eax") word as u32, in("edx") 0),
            8 => asm!("swapgs"),
            9 => asm!("invlpg [{0}]", in(reg) word),
            10 => asm!("lgdt [rsp]"),
            11 => asm!("ltr {0:x}", in(reg) word),
            12 => asm!("sysretq", in("rcx") word, in("r11") word),
            13 => asm!("rdfsbase {0}", out(reg) _),
            14 => asm!("wbinvd"),
            15 => asm!("xgetbv", in("ecx") 0, out("eax") _, out("edx") _),
            _ => asm!("clac", "stac"),
        }
    }
}

fn exceptions(random: &mut Random) {
    let word = random.odd();
    let interrupt = __fuzz_interrupts as *const () as u64 + random.below(256) * INTERRUPT_SIZE;
    // SAFETY: as above.
    unsafe {
        match random.below(11) {
            0..3 => asm!("call {0}", in(reg) interrupt, clobber_abi("C")),
            3 => asm!("int3"),
            4 => asm!("ud2"),
            5 => asm!(".byte 0xf1"), // int1
            6 => asm!("pushfq", "or qword ptr [rsp], 0x100", "popfq", "nop"),
            7 => asm!(
                "pushfq",
                "or qword ptr [rsp], 0x44000",
                "popfq",
                "pushfq",
                "and qword ptr [rsp], -262145",
                "popfq"
            ),
            8 => asm!("xor edx, edx", "xor ecx, ecx", "div rcx", out("rax") _, out("rcx") _, out("rdx") _),
            9 => asm!("push {0}", "ldmxcsr [rsp]", "pop {0}", inout(reg) word => _),
            // An exception of the FPU that is pending when the next instruction of it comes.
            _ => asm!("push 0", "fldcw [rsp]", "fld1", "fldz", "fdivp", "fwait", "pop rax", out("rax") _),
        }
    }
}
