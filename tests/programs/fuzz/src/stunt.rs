//! Instructions that no program should use: interrupts, flags, segments, addresses that are none.
#![allow(unsafe_code)] // the point of it

use crate::random::Random;
use core::arch::asm;
use syscall::abi::CapIndex;

/// Does one of them. Most end in a fault or an exception of this thread.
pub fn one(random: &mut Random) {
    let word = random.odd();
    // SAFETY: the thread that does this is expendable, and so is its task.
    unsafe {
        match random.below(18) {
            0 => asm!("int3"),
            1 => asm!("int 0x80"),
            2 => asm!("int 0x20"),
            3 => asm!("int 14"),
            4 => asm!("int 4"),
            5 => asm!("ud2"),
            6 => asm!("hlt"),
            7 => asm!("pushfq", "or qword ptr [rsp], 0x100", "popfq", "nop"),
            8 => asm!(
                "pushfq",
                "or qword ptr [rsp], 0x44000",
                "popfq",
                "pushfq",
                "and qword ptr [rsp], -262145",
                "popfq"
            ),
            9 => asm!("mov ds, {0:x}", in(reg) word),
            10 => asm!("mov fs, {0:x}", in(reg) word & 3),
            11 => asm!("mov gs, {0:x}", in(reg) word & 0x3b),
            12 => asm!("mov rax, [{0}]", in(reg) word, out("rax") _),
            13 => asm!("mov [{0}], al", in(reg) word),
            14 => asm!("jmp {0}", in(reg) word),
            15 => asm!("mov rax, cr0", out("rax") _),
            16 => asm!("out 0x64, al", in("al") 0xfe_u8),
            _ => asm!(
                "std", "syscall", "cld",
                inlateout("rax") word => _, inlateout("rdx") CapIndex::INVALID.raw() | 2 => _, inlateout("rsi") word => _,
                in("r8") 0x0400_0400_u64, lateout("rdi") _, lateout("rcx") _, lateout("r11") _, lateout("r15") _,
            ),
        }
    }
}
