//! x87, SSE and AVX registers.
//!
//! Switched eagerly, together with the thread: nobody ever runs with another task's registers loaded, which
//! is what speculative execution could read. The code saves and loads by FXSAVE and FXRSTOR; where the processor has AVX,
//! [`use_avx`] makes XSAVE and XRSTOR of them before the first thread runs (decision 26).
#![allow(unsafe_code)] // FXSAVE and FXRSTOR, changes instructions

use core::arch::asm;
use core::cell::UnsafeCell;
use core::mem::MaybeUninit;

use ::x86_64::registers::control::{Cr0, Cr0Flags};
use ::x86_64::registers::xcontrol::{XCr0, XCr0Flags};

use super::cpu;

/// What XSAVE saves here: also the mask in EAX that asks it to. FXSAVE ignores the mask.
pub(super) const FEATURES: XCr0Flags = XCr0Flags::X87.union(XCr0Flags::SSE).union(XCr0Flags::AVX);

/// Saved registers, in XSAVE's standard format. FXSAVE knows `legacy` alone.
#[repr(C)]
struct Image {
    legacy: [u8; 512],
    /// Which registers are not as at a program's start.
    header: [u8; 64],
    /// The upper halves of the AVX registers, as soon as the header names them.
    upper_halves: MaybeUninit<[u8; 256]>,
}

/// Where and how long the upper halves are, as CPUID tells it.
pub(super) const UPPER_HALVES: (usize, usize) = (core::mem::offset_of!(Image, upper_halves), 256);

/// Saved registers of a thread.
#[repr(C, align(64))]
pub struct FpuState(UnsafeCell<Image>);

impl FpuState {
    /// The state a program starts with: all exceptions masked, round to nearest.
    pub const fn new() -> Self {
        let mut legacy = [0; 512];
        (legacy[0], legacy[1]) = (0x7f, 0x03); // FCW
        (legacy[24], legacy[25]) = (0x80, 0x1f); // MXCSR
        Self(UnsafeCell::new(Image { legacy, header: [0; 64], upper_halves: MaybeUninit::uninit() }))
    }

    /// Takes over the registers saved in `other`.
    pub fn copy_from(&self, other: &Self) {
        if !core::ptr::eq(self, other) {
            // SAFETY: two different states; the kernel lock is held, nobody else refers to their bytes.
            unsafe { self.0.get().copy_from_nonoverlapping(other.0.get(), 1) };
        }
    }
}

impl Default for FpuState {
    fn default() -> Self {
        Self::new()
    }
}

/// Has the processor accept AVX instructions, and XSAVE and XRSTOR, if it has them.
pub(super) fn enable_avx() {
    if cpu::has_avx() {
        // SAFETY: CR4.OSXSAVE is set by then; the features are all there and depend on no others.
        unsafe { XCr0::write(FEATURES) };
    }
}

/// Names the place of an instruction that [`use_avx`] changes.
macro_rules! changed {
    ($instruction:literal) => {
        concat!("2: ", $instruction, "\n.pushsection .rodata.fpu, \"a\", @progbits\n.quad 2b\n.popsection")
    };
}

unsafe extern "C" {
    static __fpu_places: u64;
    static __fpu_places_end: u64;
}

/// Makes XSAVE of each FXSAVE and XRSTOR of each FXRSTOR, if the processor has AVX. To be called once, as long as the
/// kernel's text can be written.
pub(super) fn use_avx() {
    /// Prefix and opcode come before the byte that has the operation's number, which is 4 more.
    const MODRM: usize = 3;
    const FOUR_MORE: u8 = 4 << 3;
    if !cpu::has_avx() {
        return;
    }
    let (start, end) = (&raw const __fpu_places, &raw const __fpu_places_end);
    // SAFETY: the linker script puts the addresses between the two.
    let places = unsafe { core::slice::from_raw_parts(start, end.offset_from_unsigned(start)) };
    for &place in places {
        let modrm = (place as usize + MODRM) as *mut u8;
        // SAFETY: an instruction of `fpu_save` or `fpu_restore`; no thread has run yet, so it is not being executed.
        unsafe { modrm.write_volatile(modrm.read_volatile() | FOUR_MORE) };
    }
}

/// Saves the registers.
#[inline(always)]
pub fn fpu_save(state: &FpuState) {
    // SAFETY: an aligned image behind an UnsafeCell.
    unsafe {
        asm!(
            changed!("fxsave64 [{}]"),
            in(reg) state.0.get(),
            in("eax") FEATURES.bits() as u32,
            options(nostack, preserves_flags)
        );
    }
}

static ZERO: i32 = 0;

/// Loads the registers. AMD's processors leave the addresses of the last x87 instruction alone unless an
/// exception is pending, so an instruction of ours goes before: nobody sees another task's. Only [`fpu_save`] writes
/// states, so reserved bits are never set.
#[inline(always)]
pub fn fpu_restore(state: &FpuState) {
    // SAFETY: a state that `new` or `fpu_save` made.
    unsafe {
        asm!(
            "fnclex",
            "emms",
            "fild dword ptr [rip + {zero}]",
            changed!("fxrstor64 [{state}]"),
            zero = sym ZERO,
            state = in(reg) state.0.get(),
            in("eax") FEATURES.bits() as u32,
            options(nostack, preserves_flags)
        );
    }
}

/// Lets the FPU be used, or makes each use an exception, of the kernel too.
pub fn fpu_enable(enable: bool) {
    // SAFETY: changes CR0.TS alone; nobody but the two functions above uses the FPU in the kernel, and their callers
    // have it enabled.
    unsafe { Cr0::update(|cr0| cr0.set(Cr0Flags::TASK_SWITCHED, !enable)) };
}
