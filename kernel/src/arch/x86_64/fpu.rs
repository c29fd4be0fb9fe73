//! x87 and SSE registers, in the format of FXSAVE.
//!
//! Switched eagerly, together with the thread: nobody ever runs with another task's registers loaded, which
//! is what speculative execution could read. AVX is not enabled (CR4.OSXSAVE is clear).
#![allow(unsafe_code)] // FXSAVE and FXRSTOR

use core::arch::asm;
use core::cell::UnsafeCell;

use ::x86_64::registers::control::{Cr0, Cr0Flags};

/// Saved x87 and SSE registers of a thread.
#[repr(C, align(16))]
pub struct FpuState(UnsafeCell<[u8; 512]>);

impl FpuState {
    /// The state a program starts with: all exceptions masked, round to nearest.
    pub const fn new() -> Self {
        let mut image = [0; 512];
        (image[0], image[1]) = (0x7f, 0x03); // FCW
        (image[24], image[25]) = (0x80, 0x1f); // MXCSR
        Self(UnsafeCell::new(image))
    }

    /// Takes over the registers saved in `other`.
    pub fn copy_from(&self, other: &Self) {
        if !core::ptr::eq(self, other) {
            // SAFETY: two different states; the kernel lock is held, nobody else refers to their bytes.
            unsafe { *self.0.get() = *other.0.get() };
        }
    }
}

impl Default for FpuState {
    fn default() -> Self {
        Self::new()
    }
}

/// Saves the registers.
#[inline(always)]
pub fn fpu_save(state: &FpuState) {
    // SAFETY: 512 aligned bytes behind an UnsafeCell.
    unsafe { asm!("fxsave64 [{}]", in(reg) state.0.get(), options(nostack, preserves_flags)) };
}

static ZERO: i32 = 0;

/// Loads the registers. AMD's processors leave the addresses of the last x87 instruction alone unless an
/// exception is pending, so an instruction of ours goes before: nobody sees another task's. Only [`fpu_save`] writes states, so reserved MXCSR bits are never set.
#[inline(always)]
pub fn fpu_restore(state: &FpuState) {
    // SAFETY: a state that `new` or FXSAVE made.
    unsafe {
        asm!(
            "fnclex",
            "emms",
            "fild dword ptr [rip + {zero}]",
            "fxrstor64 [{state}]",
            zero = sym ZERO,
            state = in(reg) state.0.get(),
            options(nostack, preserves_flags)
        )
    };
}

/// Lets the FPU be used, or makes each use an exception, of the kernel too.
pub fn fpu_enable(enable: bool) {
    // SAFETY: changes CR0.TS alone; nobody but the two functions above uses the FPU in the kernel, and their callers
    // have it enabled.
    unsafe { Cr0::update(|cr0| cr0.set(Cr0Flags::TASK_SWITCHED, !enable)) };
}
