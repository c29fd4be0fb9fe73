//! The PC's two old clocks, by their lines: real-time clock (line 8) and interval timer (the ISA's 0, which is line 2 of
//! an I/O APIC).

use harness::program::{Check, expect};
use syscall::abi::icu::{MODE_LEVEL, MODE_SET};
use syscall::abi::{Timeout, Timeouts};
use syscall::time::kernel_clock_us as clock_us;
use syscall::{Cap, Factory, Icu, Irq, Owned, Result, Semaphore, Thread};

use crate::interrupt::Interrupt;
use crate::ports::{read8, take, write8};

pub const CHECKS: &[Check] = &[
    ("the real-time clock ticks by its line", ticks),
    ("a masked line is silent", masked),
    ("a line moves to another object", moves),
    ("a detached object's line is silent", detached),
    ("a line makes a semaphore go up", semaphore),
    ("the interval timer fires by its line", interval),
    ("no line is unmasked while a message of its is in line", early_end),
    ("an unbound line is silent, whoever gets its vector", unbound),
];

/// What only an I/O APIC's lines do: the 8259s' have one mode, and keep what comes while they are masked.
pub const IO_APIC_CHECKS: &[Check] = &[
    ("a semaphore that is at two masks its line until it is at one", semaphore_at_two),
    ("a level-triggered line is masked until its semaphore is told", semaphore_of_level),
    ("a line that was raised twice goes on when its message is taken", taken),
    ("a line whose object was detached stays masked when its message is taken", taken_after_detaching),
    ("a semaphore that a program brings above one masks its line until it is at one", semaphore_at_three),
    ("an ISA line's mode can be set", modes),
];

/// Whether the machine's lines are an I/O APIC's.
pub fn have_io_apic() -> Result<bool> {
    Ok(Icu::boot().info()?.lines > 16)
}

pub const RTC_INDEX: u16 = 0x70;
const RTC_DATA: u16 = 0x71;
pub const RTC_LINE: u64 = 8;
/// Ticks per second at the slowest rate that is taken here.
const RATE: u64 = 1024;

fn rtc(register: u8) -> u8 {
    write8(RTC_INDEX, register);
    read8(RTC_DATA)
}

fn set_rtc(register: u8, value: u8) {
    write8(RTC_INDEX, register);
    write8(RTC_DATA, value);
}

/// The clock ticks while this lives.
pub struct Ticking;

impl Ticking {
    pub fn start() -> Result<Self> {
        take(RTC_INDEX, 1)?;
        set_rtc(0xa, 0x26); // 1024 times a second
        set_rtc(0xb, rtc(0xb) | 0x40);
        Self::acknowledge();
        Ok(Self)
    }

    /// Lets the clock's line drop, so that it can rise again.
    pub fn acknowledge() {
        rtc(0xc);
    }

    /// Lets the clock tick so often, whether anybody hears it or not: an emulated one ticks when its host lets it.
    fn tick(times: usize) -> Result {
        const TICKED: u8 = 0x40;
        Self::acknowledge();
        for _ in 0..times {
            let start = clock_us();
            while rtc(0xc) & TICKED == 0 {
                expect(clock_us() - start < 1_000_000)?;
            }
        }
        Ok(())
    }
}

impl Drop for Ticking {
    fn drop(&mut self) {
        set_rtc(0xb, rtc(0xb) & !0x40);
        Self::acknowledge();
    }
}

fn ticks() -> Result {
    let interrupt = Interrupt::at(RTC_LINE)?;
    let _ticking = Ticking::start()?;
    // The first may have come before the clock was acknowledged.
    interrupt.wait()?;
    Ticking::acknowledge();
    let start = clock_us();
    let mut ticks = 0;
    while ticks < 64 {
        // QEMU's clock can raise its line twice for a tick.
        interrupt.wait()?;
        ticks += u64::from(rtc(0xc) & 0x40 != 0);
    }
    // The emulated clock catches up after a pause, so it may seem faster, but not much.
    expect(clock_us() - start > 32 * 1_000_000 / RATE)
}

fn masked() -> Result {
    let interrupt = Interrupt::at(RTC_LINE)?;
    let _ticking = Ticking::start()?;
    interrupt.wait()?;
    Ticking::acknowledge();
    interrupt.wait()?;
    Icu::boot().mask(RTC_LINE)?;
    // What came before the mask, if anything, is taken; `receive` would unmask.
    let short = syscall::abi::Timeouts {
        send: syscall::abi::Timeout::ZERO,
        receive: syscall::abi::Timeout::from_microseconds(20_000),
    };
    let _ = syscall::ipc::wait(short);
    Ticking::acknowledge();
    expect(syscall::ipc::wait(short).is_err())?;
    Ticking::acknowledge();
    interrupt.wait()
}

fn moves() -> Result {
    let _ticking = Ticking::start()?;
    for _ in 0..3 {
        let interrupt = Interrupt::at(RTC_LINE)?;
        Ticking::acknowledge();
        interrupt.wait()?;
    }
    Ok(())
}

/// What the clock says while nobody is bound is not kept: the line is masked until the object is told to go on.
fn detached() -> Result {
    let irq = Factory::boot().create_irq()?;
    irq.bind_thread(Thread::main(), 0)?;
    Icu::boot().bind(RTC_LINE, *irq)?;
    irq.unmask()?;
    let ticking = Ticking::start()?;
    irq.receive(within_ms(1000))?;
    irq.detach()?;
    Ticking::tick(1)?;
    irq.bind_thread(Thread::main(), 0)?;
    expect(syscall::ipc::wait(within_ms(20)).is_err())?;
    irq.unmask()?;
    Ticking::acknowledge();
    irq.receive(within_ms(1000))?;
    drop(ticking);
    Icu::boot().unbind(RTC_LINE, *irq)
}

fn within_ms(milliseconds: u64) -> Timeouts {
    Timeouts { send: Timeout::ZERO, receive: Timeout::from_microseconds(milliseconds * 1000) }
}

/// Takes what there is of the semaphore's count.
fn count(semaphore: Cap<Semaphore>) -> usize {
    (0..100).take_while(|_| semaphore.down(Timeout::ZERO).is_ok()).count()
}

fn semaphore_at_two() -> Result {
    let semaphore = Factory::boot().create_semaphore()?;
    Icu::boot().bind(RTC_LINE, (*semaphore).cast())?;
    let ticking = Ticking::start()?;
    Ticking::tick(5)?;
    semaphore.down(Timeout::ZERO)?; // from two to one
    Ticking::tick(5)?;
    // At two again, it is not to be told.
    (*semaphore).cast::<Irq>().unmask()?;
    Ticking::tick(5)?;
    expect(count(*semaphore) == 2)?;
    drop(ticking);
    Icu::boot().unbind(RTC_LINE, (*semaphore).cast())
}

fn semaphore_of_level() -> Result {
    let semaphore = Factory::boot().create_semaphore()?;
    Icu::boot().set_mode(RTC_LINE, MODE_SET | MODE_LEVEL)?;
    Icu::boot().bind(RTC_LINE, (*semaphore).cast())?;
    let ticking = Ticking::start()?;
    for _ in 0..3 {
        Ticking::tick(5)?;
        expect(count(*semaphore) == 1)?;
        (*semaphore).cast::<Irq>().unmask()?;
    }
    drop(ticking);
    Icu::boot().unbind(RTC_LINE, (*semaphore).cast())?;
    Icu::boot().set_mode(RTC_LINE, MODE_SET)
}

fn semaphore() -> Result {
    let semaphore = Factory::boot().create_semaphore()?;
    // The line is unmasked at once: a semaphore has no such operation of its own before it is down.
    Icu::boot().bind(RTC_LINE, (*semaphore).cast())?;
    let _ticking = Ticking::start()?;
    for _ in 0..8 {
        semaphore.down(syscall::abi::Timeout::from_microseconds(1_000_000))?;
        Ticking::acknowledge();
        Icu::boot().unmask(RTC_LINE)?;
    }
    Icu::boot().unbind(RTC_LINE, (*semaphore).cast())
}

fn interval() -> Result {
    const CHANNEL_0: u16 = 0x40;
    const COMMAND: u16 = 0x43;
    const ONE_SHOT: u8 = 0x30;
    const HZ: u64 = 1_193_182;
    const COUNT: u16 = 24_000; // 20 ms
    let line = if have_io_apic()? { 2 } else { 0 };
    take(CHANNEL_0, 2)?;
    // The firmware left the timer running; now its output is low.
    write8(COMMAND, ONE_SHOT);
    let interrupt = Interrupt::at(line)?;
    interrupt.comes_within(1000)?;
    let start = clock_us();
    for byte in COUNT.to_le_bytes() {
        write8(CHANNEL_0, byte);
    }
    interrupt.wait()?;
    let took = clock_us() - start;
    expect(took > u64::from(COUNT) * 1_000_000 / HZ / 2)?;
    expect(!interrupt.comes_within(50_000)?)
}

/// The end of an interrupt that is told too early changes nothing.
fn early_end() -> Result {
    let irq = Factory::boot().create_irq()?;
    irq.bind_thread(Thread::main(), 0)?;
    Icu::boot().bind(RTC_LINE, *irq)?;
    irq.unmask()?;
    irq.trigger()?;
    Icu::boot().mask(RTC_LINE)?;
    irq.unmask()?;
    let ticking = Ticking::start()?;
    syscall::ipc::wait(within_ms(20))?;
    expect(syscall::ipc::wait(within_ms(20)).is_err())?;
    irq.unmask()?;
    Ticking::acknowledge();
    irq.receive(within_ms(1000))?;
    drop(ticking);
    Icu::boot().unbind(RTC_LINE, *irq)
}

fn unbound() -> Result {
    /// The second serial port's, which is silent.
    const SILENT: u64 = 3;
    let ticking = Ticking::start()?;
    let first = Interrupt::at(RTC_LINE)?;
    first.wait()?;
    drop(first);
    let second = Interrupt::at(SILENT)?;
    Ticking::tick(3)?;
    expect(!second.comes_within(20_000)?)?;
    drop(ticking);
    Ok(())
}

/// An object at the clock's line with a message in line, after which it was raised again.
fn raised_twice() -> Result<Owned<Irq>> {
    let irq = Factory::boot().create_irq()?;
    irq.bind_thread(Thread::main(), 0)?;
    Icu::boot().bind(RTC_LINE, *irq)?;
    irq.unmask()?;
    irq.trigger()?;
    irq.trigger()?;
    Ok(irq)
}

fn taken() -> Result {
    let irq = raised_twice()?;
    let ticking = Ticking::start()?;
    Ticking::tick(3)?;
    syscall::ipc::wait(within_ms(20))?;
    Ticking::acknowledge();
    syscall::ipc::wait(within_ms(1000))?;
    drop(ticking);
    Icu::boot().unbind(RTC_LINE, *irq)
}

fn taken_after_detaching() -> Result {
    let irq = raised_twice()?;
    irq.detach()?;
    irq.bind_thread(Thread::main(), 0)?;
    let ticking = Ticking::start()?;
    syscall::ipc::wait(within_ms(20))?;
    Ticking::acknowledge();
    expect(syscall::ipc::wait(within_ms(20)).is_err())?;
    drop(ticking);
    Icu::boot().unbind(RTC_LINE, *irq)
}

fn semaphore_at_three() -> Result {
    let semaphore = Factory::boot().create_semaphore()?;
    Icu::boot().bind(RTC_LINE, (*semaphore).cast())?;
    (0..3).try_for_each(|_| semaphore.up())?;
    let ticking = Ticking::start()?;
    Ticking::tick(3)?;
    semaphore.down(Timeout::ZERO)?;
    Ticking::tick(3)?;
    expect(count(*semaphore) == 2)?;
    drop(ticking);
    Icu::boot().unbind(RTC_LINE, (*semaphore).cast())
}

/// Level-triggered, the clock's line goes on until the clock is asked.
fn modes() -> Result {
    Icu::boot().set_mode(RTC_LINE, MODE_SET | MODE_LEVEL)?;
    let interrupt = Interrupt::at(RTC_LINE)?;
    let ticking = Ticking::start()?;
    interrupt.wait()?;
    interrupt.wait()?;
    interrupt.wait()?;
    drop(ticking);
    interrupt.comes_within(1000)?;
    Icu::boot().set_mode(RTC_LINE, MODE_SET)?;
    expect(!interrupt.comes_within(20_000)?)
}
