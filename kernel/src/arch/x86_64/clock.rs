//! The clock: the time stamp counter, scaled.
//!
//! Invariant: microseconds = tsc × `US` / 2^64 and nanoseconds = tsc × `NS` / 2^58, computed alike here and by
//! the code that [`write_kip_code`] puts where programs call it (`l4sys/kip.h`, offsets 0x900 and 0x980), so
//! kernel and programs read the same clock. It counts from the reset of the processor.
#![allow(unsafe_code)] // RDTSC, writes the counter, reads the bytes of the code to copy

use core::arch::naked_asm;
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

use ::x86_64::registers::model_specific::Msr;
use abi::kip::{READ_NS_OFFSET, READ_US_OFFSET, VERSION_STRINGS_OFFSET};

/// Where in the kernel info page the two scalers lie: behind the code, before the version strings.
const US_SCALER_OFFSET: usize = 0x9f0;
const NS_SCALER_OFFSET: usize = 0x9f8;
const _: () = assert!(NS_SCALER_OFFSET + 8 == VERSION_STRINGS_OFFSET);

static TSC_HZ: AtomicU64 = AtomicU64::new(0);
static US: AtomicU64 = AtomicU64::new(0);
/// Ticks in a microsecond, as a 32.32 fixed-point number.
static TICKS_PER_US: AtomicU64 = AtomicU64::new(0);

/// The time stamp counter.
#[inline(always)]
pub fn tsc() -> u64 {
    // SAFETY: every x86_64 processor has it.
    unsafe { core::arch::x86_64::_rdtsc() }
}

/// Sees to it that the counter, which may have been reset, goes on from `earlier` at least.
pub(super) fn go_on_from(earlier: u64) {
    if tsc() < earlier {
        // SAFETY: IA32_TIME_STAMP_COUNTER; the clock never goes back.
        unsafe { Msr::new(0x10).write(earlier) };
    }
}

/// Microseconds since the processor's reset; never goes back.
#[inline(always)]
pub fn clock_us() -> u64 {
    us_of_ticks(tsc())
}

/// That many ticks of the time stamp counter in microseconds, rounded down.
#[inline(always)]
pub fn us_of_ticks(ticks: u64) -> u64 {
    ((u128::from(ticks) * u128::from(US.load(Relaxed))) >> 64) as u64
}

/// That many microseconds in ticks of the time stamp counter, rounded down.
pub fn ticks_of_us(us: u64) -> u64 {
    let ticks = (u128::from(us) * u128::from(TICKS_PER_US.load(Relaxed))) >> 32;
    u64::try_from(ticks).unwrap_or(u64::MAX)
}

/// Frequency of the time stamp counter.
pub fn tsc_hz() -> u64 {
    TSC_HZ.load(Relaxed)
}

/// Sets the frequency of the time stamp counter, once.
pub(super) fn set_tsc_hz(hz: u64) {
    assert!(hz > 16_000_000, "time stamp counter at {hz} Hz: too slow to be a clock");
    TSC_HZ.store(hz, Relaxed);
    US.store(scaler(1_000_000, 64, hz), Relaxed);
    TICKS_PER_US.store(((u128::from(hz) << 32) / 1_000_000) as u64, Relaxed);
}

/// 2^`shift` × `units_per_second` / `hz`, rounded down.
fn scaler(units_per_second: u64, shift: u32, hz: u64) -> u64 {
    ((u128::from(units_per_second) << shift) / u128::from(hz)) as u64
}

/// The time stamp counter at which [`clock_us`] has reached `us`, rounded up.
pub(super) fn tsc_at(us: u64) -> u64 {
    let ticks = u128::from(us) * u128::from(tsc_hz());
    u64::try_from(ticks.div_ceil(1_000_000)).unwrap_or(u64::MAX).saturating_add(1)
}

macro_rules! clock_code {
    ($name:ident, $end:ident, $scaler_offset:expr, $own_offset:expr, $($shift:literal)?) => {
        /// Position-independent relative to its place in the page; touches only rax and rdx.
        #[unsafe(naked)]
        unsafe extern "C" fn $name() -> u64 {
            naked_asm!(
                "2: rdtsc",
                "shl rdx, 32",
                "or rax, rdx",
                "mul qword ptr [rip + 2b + {scaler} - {own}]",
                $($shift,)?
                concat!("mov rax, rdx"),
                "ret",
                concat!(".globl ", stringify!($end)),
                concat!(stringify!($end), ":"),
                scaler = const $scaler_offset,
                own = const $own_offset,
            )
        }
        unsafe extern "C" {
            static $end: u8;
        }
    };
}
clock_code!(read_us, clock_read_us_end, US_SCALER_OFFSET, READ_US_OFFSET,);
clock_code!(read_ns, clock_read_ns_end, NS_SCALER_OFFSET, READ_NS_OFFSET, "shld rdx, rax, 6");

/// Writes the code that programs read the clock with, and its constants, into the kernel info page.
pub fn write_kip_code(kip: &mut [u8; 4096]) {
    copy_code(&mut kip[READ_US_OFFSET..READ_NS_OFFSET], read_us, &raw const clock_read_us_end);
    copy_code(&mut kip[READ_NS_OFFSET..US_SCALER_OFFSET], read_ns, &raw const clock_read_ns_end);
    let scalers =
        [(US_SCALER_OFFSET, scaler(1_000_000, 64, tsc_hz())), (NS_SCALER_OFFSET, scaler(1_000_000_000, 58, tsc_hz()))];
    for (offset, value) in scalers {
        kip[offset..offset + 8].copy_from_slice(&value.to_le_bytes());
    }
}

fn copy_code(target: &mut [u8], start: unsafe extern "C" fn() -> u64, end: *const u8) {
    let start = start as *const u8;
    let length = end as usize - start as usize;
    // SAFETY: the bytes of one naked function, up to the label at its end.
    let code = unsafe { core::slice::from_raw_parts(start, length) };
    target[..length].copy_from_slice(code);
}
