//! The upper halves of AVX registers, for tests of the FPU: nothing else in the program touches them, so they stay as they
//! are between two of its instructions.
#![allow(unsafe_code)] // AVX instructions

use core::arch::asm;
use core::arch::x86_64::__cpuid;

const AVX: u32 = 1 << 28;
const OSXSAVE: u32 = 1 << 27;

/// Whether the processor has AVX instructions, and whether the kernel switches their registers.
pub fn avx() -> (bool, bool) {
    let features = __cpuid(1).ecx;
    let switched = features & OSXSAVE != 0 && {
        let features: u32;
        // SAFETY: reads a register, which CPUID says can be read.
        unsafe { asm!("xgetbv", in("ecx") 0, out("eax") features, out("edx") _, options(nomem, nostack)) };
        features & 7 == 7
    };
    (features & AVX != 0, switched)
}

/// Loads the upper half of the test's register, ymm9, if there is one.
pub fn set_upper(value: u64) {
    if avx().1 {
        // SAFETY: loads a register.
        unsafe {
            asm!("movq xmm9, {}", "vinsertf128 ymm9, ymm9, xmm9, 1", in(reg) value, out("xmm9") _, options(nomem, nostack));
        }
    }
}

/// What the upper half of the test's register holds, or `none` if there is none.
pub fn upper_or(none: u64) -> u64 {
    if !avx().1 {
        return none;
    }
    let value: u64;
    // SAFETY: reads a register.
    unsafe {
        asm!("vextractf128 xmm8, ymm9, 1", "movq {}, xmm8", out(reg) value, out("xmm8") _, options(nomem, nostack))
    };
    value
}
