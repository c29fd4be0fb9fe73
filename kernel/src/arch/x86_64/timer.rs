//! The one-shot timer of a CPU: TSC deadline where the processor has it, else the local APIC's counter.
//!
//! Invariant: after [`program_timer`] the interrupt comes at the deadline or up to a few microseconds later,
//! never earlier, except that far deadlines may be split: whoever handles it looks at the clock. Without a
//! deadline there is no interrupt: no periodic tick.
#![allow(unsafe_code)] // IA32_TSC_DEADLINE, the interval timer's ports

use core::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use ::x86_64::instructions::port::Port;
use ::x86_64::registers::model_specific::Msr;

use super::{clock, cpu, irq, lapic};

/// Ticks of the local APIC's counter per microsecond, as a 32.32 fixed-point number.
static TICKS_PER_US: AtomicU64 = AtomicU64::new(0);
static USE_DEADLINE: AtomicBool = AtomicBool::new(false);

/// Measures the frequencies of clock and timer. Takes about 3 ms.
pub fn init() {
    assert!(
        cpu::has_local_apic(),
        "this CPU has no local APIC, which the timer needs; in QEMU take -cpu qemu64 or newer"
    );
    lapic::init(!irq::use_io_apic());
    let measured = calibrate();
    clock::set_tsc_hz(measured.tsc_hz);
    TICKS_PER_US.store(((u128::from(measured.lapic_hz) << 32) / 1_000_000) as u64, Relaxed);
    USE_DEADLINE.store(cpu::has_tsc_deadline(), Relaxed);
    choose_mode();
}

/// Sets the timer up again after a sleep, with no deadline.
pub(super) fn restore() {
    lapic::init(!irq::use_io_apic());
    choose_mode();
}

fn choose_mode() {
    if USE_DEADLINE.load(Relaxed) {
        lapic::use_tsc_deadline();
    }
}

/// Asks for one timer interrupt when [`clock::clock_us`] reaches `deadline_us`; replaces an earlier request.
#[inline]
pub fn program_timer(deadline_us: u64) {
    if USE_DEADLINE.load(Relaxed) {
        return write_deadline(clock::tsc_at(deadline_us));
    }
    let delta = deadline_us.saturating_sub(clock::clock_us());
    let ticks = (u128::from(delta) * u128::from(TICKS_PER_US.load(Relaxed))) >> 32;
    lapic::start_timer(u32::try_from(ticks + 1).unwrap_or(u32::MAX));
}

fn write_deadline(tsc: u64) {
    let mut msr = Msr::new(0x6e0);
    // SAFETY: IA32_TSC_DEADLINE, which CPUID reports; 0 disarms.
    unsafe { msr.write(tsc) };
}

struct Frequencies {
    tsc_hz: u64,
    lapic_hz: u64,
}

const PIT_HZ: u64 = 1_193_182;
/// Length of the measurement in ticks of the interval timer: 3 ms.
const PIT_TICKS: u16 = 3580;
const PIT_CHANNEL_2: u16 = 0x42;
const PIT_COMMAND: u16 = 0x43;
/// Bit 0: gate of channel 2; bit 1: speaker; bit 5: output of channel 2.
const PIT_GATE: u16 = 0x61;

/// One look at all three counters.
struct Sample {
    pit: u16,
    tsc: u64,
    lapic: u32,
    /// How long the look took: the less, the better.
    width: u64,
}

fn sample() -> Sample {
    const LATCH_CHANNEL_2: u8 = 0x80;
    let mut command = Port::<u8>::new(PIT_COMMAND);
    let mut counter = Port::<u8>::new(PIT_CHANNEL_2);
    let before = clock::tsc();
    // SAFETY: the interval timer's ports; latching and reading does not disturb it.
    unsafe { command.write(LATCH_CHANNEL_2) };
    let latched = clock::tsc();
    let lapic = lapic::timer_count();
    // SAFETY: as above; the latched count comes low byte first.
    let pit = unsafe { u16::from_le_bytes([counter.read(), counter.read()]) };
    Sample { pit, tsc: before.midpoint(latched), lapic, width: clock::tsc() - before }
}

/// The quickest of a few looks: under an emulator, one may be interrupted by the host.
fn best_sample() -> Sample {
    let mut best = sample();
    for _ in 0..4 {
        let next = sample();
        if next.width < best.width {
            best = next;
        }
    }
    best
}

/// Measures until a measurement was not spoilt by a pause of the (virtual) machine.
fn calibrate() -> Frequencies {
    (0..8).find_map(|_| measure()).expect("the interval timer (8254, port 0x42) gives no steady clock")
}

/// Counts time stamp counter and local APIC against the interval timer's channel 2. `None` if the channel's
/// 16 bits, 55 ms, did not suffice.
fn measure() -> Option<Frequencies> {
    const CHANNEL_2_MODE_0: u8 = 0xb0;
    const OUTPUT: u8 = 1 << 5;
    let mut gate = Port::<u8>::new(PIT_GATE);
    // SAFETY: the interval timer's channel 2 and its gate; the speaker stays off.
    unsafe {
        let value = gate.read();
        gate.write(value & !3 | 1);
        Port::<u8>::new(PIT_COMMAND).write(CHANNEL_2_MODE_0);
        Port::<u8>::new(PIT_CHANNEL_2).write(0xff);
        Port::<u8>::new(PIT_CHANNEL_2).write(0xff);
    }
    lapic::start_timer(u32::MAX);
    let start = best_sample();
    let mut end = best_sample();
    let mut looks = 0_u32;
    while start.pit.wrapping_sub(end.pit) < PIT_TICKS {
        end = best_sample();
        looks += 1;
        assert!(looks < 1_000_000, "the interval timer (8254, port 0x42) does not count: no clock");
    }
    lapic::start_timer(0);
    // SAFETY: as above.
    let wrapped = unsafe { gate.read() } & OUTPUT != 0;
    let ticks = u64::from(start.pit.wrapping_sub(end.pit));
    let per_second = |count: u64| (u128::from(count) * u128::from(PIT_HZ) / u128::from(ticks)) as u64;
    (!wrapped).then(|| Frequencies {
        tsc_hz: per_second(end.tsc - start.tsc),
        lapic_hz: per_second(u64::from(start.lapic - end.lapic)),
    })
}
