//! What interrupt controllers say of their lines: features, modes, messages (MSI), vectors; and what a line's mode makes of
//! the IRQ object that is bound to it. That interrupts come is checked by the program `devices`.

use crate::ipc::{HIGH, deaf, rest_deaf};
use crate::make::{self, code, item};
use crate::objects::NOTHING;
use harness::worker::spawn;
use harness::{Check, ask, holds, same};
use syscall::abi::icu::{FLAG_MSI, MODE_BOTH, MODE_LEVEL, MODE_NEGATIVE, MODE_SET, OP_BIND, OP_MSI_INFO, OP_SET_MODE};
use syscall::abi::{CapIndex, Error, Timeout, Timeouts, icu, protocol};
use syscall::{Cap, Icu, Irq};

crate::group!("controllers":
    icu_features, msi_bind_and_unbind, msi_bind_no_such, msi_bind_taken, msi_info_of_bound, msi_info_unbound, msi_info_no_such, msi_info_too_few_words,
    msi_set_mode, msi_mask_and_unmask, line_numbers_beyond_32_bits, messages_differ, vectors_run_out, line_of_the_kernel, modes_are_taken, level_is_told_to_the_bound, level_forgets_without_thread,
    edge_keeps_without_thread, level_detached_in_line, level_of_a_dead_thread, level_rebound_keeps_message, unbound_object_is_edge_triggered, scheduler_line_modes, scheduler_line_msi,
    scheduler_line_bind, console_line_msi, console_line_trigger, semaphore_at_object_line, semaphore_at_level_line);

/// An interrupt line that nothing in these machines uses: the second serial port's.
const LINE: u64 = 3;
const MSIS: u64 = 200;

fn controller(cap: CapIndex, words: &[u64]) -> i64 {
    ask(cap, protocol::IRQ, words, &[])
}

fn bind(number: u64, irq: Cap<Irq>) -> i64 {
    ask(CapIndex::ICU, protocol::IRQ, &[OP_BIND, number], &[item(irq)])
}

fn short() -> Timeouts {
    Timeouts { send: Timeout::ZERO, receive: Timeout::from_microseconds(2000) }
}

/// Puts the line back to edges, whatever a test does.
struct Level;

impl Level {
    fn set() -> Check<Self> {
        Icu::boot().set_mode(LINE, MODE_SET | MODE_LEVEL)?;
        Ok(Self)
    }
}

impl Drop for Level {
    fn drop(&mut self) {
        let _ = Icu::boot().set_mode(LINE, MODE_SET);
    }
}

fn icu_features() -> Check {
    let info = Icu::boot().info()?;
    same((info.features, info.msis), (FLAG_MSI, MSIS))?;
    holds(info.lines >= 16 && info.lines < FLAG_MSI)
}

fn msi_bind_and_unbind() -> Check {
    let irq = make::irq()?;
    for number in [0, 1, MSIS - 1] {
        Icu::boot().bind(FLAG_MSI | number, irq)?;
        Icu::boot().unbind(FLAG_MSI | number, irq)?;
    }
    Ok(())
}

fn msi_bind_no_such() -> Check {
    let irq = make::irq()?;
    same(bind(FLAG_MSI | MSIS, irq), code(Error::Inval))?;
    same(bind(FLAG_MSI | 0x7fff_ffff, irq), code(Error::Inval))
}

fn msi_bind_taken() -> Check {
    let (first, second) = (make::irq()?, make::irq()?);
    Icu::boot().bind(FLAG_MSI | 5, first)?;
    same(bind(FLAG_MSI | 5, second), code(Error::Inval))?;
    first.delete()?;
    same(bind(FLAG_MSI | 5, second), 0)
}

fn msi_info_of_bound() -> Check {
    Icu::boot().bind(FLAG_MSI | 7, make::irq()?)?;
    let info = Icu::boot().msi_info(FLAG_MSI | 7, 0)?;
    // To a local APIC, physically addressed; edge-triggered, with a vector that is no exception's.
    same(info.address & !0xff000, 0xfee0_0000)?;
    same(info.data & !0xff, 0x4000)?;
    holds(info.data & 0xff >= 0x20)
}

fn msi_info_unbound() -> Check {
    same(Icu::boot().msi_info(FLAG_MSI | 8, 0)?.data, 0x4000)
}

fn msi_info_no_such() -> Check {
    same(controller(CapIndex::ICU, &[OP_MSI_INFO, FLAG_MSI | MSIS, 0]), code(Error::Range))?;
    same(controller(CapIndex::ICU, &[OP_MSI_INFO, LINE, 0]), code(Error::Range))
}

fn msi_info_too_few_words() -> Check {
    same(controller(CapIndex::ICU, &[OP_MSI_INFO, FLAG_MSI]), code(Error::MsgTooShort))
}

/// Messages have no mode: any is accepted.
fn msi_set_mode() -> Check {
    same(controller(CapIndex::ICU, &[OP_SET_MODE, FLAG_MSI | 3, MODE_SET | MODE_LEVEL]), 0)?;
    same(controller(CapIndex::ICU, &[OP_SET_MODE, FLAG_MSI | MSIS, MODE_SET]), code(Error::Inval))
}

fn msi_mask_and_unmask() -> Check {
    Icu::boot().bind(FLAG_MSI | 9, make::irq()?)?;
    Icu::boot().mask(FLAG_MSI | 9)?;
    Icu::boot().unmask(FLAG_MSI | 9)?;
    Ok(())
}

/// They name no line, whatever their lower half is.
fn line_numbers_beyond_32_bits() -> Check {
    let irq = make::irq()?;
    for number in [LINE, FLAG_MSI | 5] {
        for beyond in [1 << 32, 1 << 63] {
            same(bind(beyond | number, irq), code(Error::Inval))?;
            same(controller(CapIndex::ICU, &[OP_SET_MODE, beyond | number, MODE_SET]), code(Error::Inval))?;
            same(controller(CapIndex::ICU, &[OP_MSI_INFO, beyond | number, 0]), code(Error::Range))?;
        }
    }
    Ok(())
}

/// As many as there are vectors for in any machine.
fn messages_differ() -> Check {
    let mut seen = [false; 256];
    for number in 0..180 {
        Icu::boot().bind(FLAG_MSI | number, make::irq()?)?;
        let vector = Icu::boot().msi_info(FLAG_MSI | number, 0)?.data & 0xff;
        holds(!core::mem::replace(&mut seen[vector as usize], true))?;
    }
    Ok(())
}

/// Lines and messages share the processor's vectors. When none is left, binding fails, until one is given back.
fn vectors_run_out() -> Check {
    let mut numbers =
        (0..MSIS).map(|number| FLAG_MSI | number).chain((0..Icu::boot().info()?.lines).filter(|&line| line != 4));
    let mut bound = 0;
    let refused = loop {
        let Some(number) = numbers.next() else { return holds(bound >= MSIS) };
        if bind(number, make::irq()?) != 0 && number & FLAG_MSI != 0 {
            break number;
        }
        bound += 1;
    };
    holds(bound >= 180)?;
    let irq = make::irq()?;
    same(bind(refused, irq), code(Error::Inval))?;
    Icu::boot().unbind(FLAG_MSI, irq)?;
    same(bind(refused, irq), 0)
}

/// The first serial port's line is the console's.
fn line_of_the_kernel() -> Check {
    let irq = make::irq()?;
    same(bind(4, irq), code(Error::Inval))?;
    Icu::boot().unbind(4, irq)?;
    Icu::boot().mask(4)?;
    same(bind(4, irq), code(Error::Inval))?;
    // Triggered by level, with the polarity that it does not have, it would never be silent.
    same(controller(CapIndex::ICU, &[OP_SET_MODE, 4, MODE_SET | MODE_LEVEL | MODE_NEGATIVE]), code(Error::Inval))
}

fn modes_are_taken() -> Check {
    let _level = Level::set()?;
    for mode in [
        0,
        MODE_LEVEL,
        MODE_SET,
        MODE_SET | MODE_NEGATIVE,
        MODE_SET | MODE_BOTH,
        MODE_SET | MODE_LEVEL | MODE_NEGATIVE,
        u64::MAX,
    ] {
        same(controller(CapIndex::ICU, &[OP_SET_MODE, LINE, mode]), 0)?;
    }
    Ok(())
}

fn has_modes() -> Check<bool> {
    Ok(Icu::boot().info()?.lines > 16)
}

/// At a level-triggered line a trigger without a thread is dropped, as the line would tell again.
fn forgets(irq: Cap<Irq>) -> Check<bool> {
    irq.trigger()?;
    irq.bind_thread(make::me(), 0x40)?;
    Ok(irq.receive(short()) == NOTHING)
}

fn level_is_told_to_the_bound() -> Check {
    let irq = make::irq()?;
    Icu::boot().bind(LINE, irq)?;
    let _level = Level::set()?;
    holds(forgets(irq)?)
}

fn level_forgets_without_thread() -> Check {
    let _level = Level::set()?;
    let irq = make::irq()?;
    Icu::boot().bind(LINE, irq)?;
    holds(forgets(irq)?)
}

fn edge_keeps_without_thread() -> Check {
    let irq = make::irq()?;
    Icu::boot().bind(LINE, irq)?;
    same(forgets(irq)?, !has_modes()?)
}

fn level_detached_in_line() -> Check {
    let _level = Level::set()?;
    let irq = make::irq()?;
    Icu::boot().bind(LINE, irq)?;
    irq.bind_thread(make::me(), 0x40)?;
    irq.trigger()?;
    irq.detach()?;
    irq.bind_thread(make::me(), 0x40)?;
    same(irq.receive(short()), NOTHING)
}

fn level_of_a_dead_thread() -> Check {
    let _level = Level::set()?;
    let (irq, worker) = (make::irq()?, spawn(HIGH, deaf, 0)?);
    Icu::boot().bind(LINE, irq)?;
    irq.bind_thread(worker.thread, 0x40)?;
    irq.trigger()?;
    worker.thread.delete()?;
    rest_deaf(1)?;
    irq.bind_thread(make::me(), 0x50)?;
    same(irq.receive(short()), NOTHING)
}

/// Bound to another thread, the message that is in line goes along.
fn level_rebound_keeps_message() -> Check {
    let _level = Level::set()?;
    let irq = make::irq()?;
    Icu::boot().bind(LINE, irq)?;
    irq.bind_thread(make::thread()?, 0x40)?;
    irq.trigger()?;
    irq.bind_thread(make::me(), 0x50)?;
    same(syscall::ipc::wait(short())?.1, 0x50)
}

fn unbound_object_is_edge_triggered() -> Check {
    let _level = Level::set()?;
    let irq = make::irq()?;
    Icu::boot().bind(LINE, irq)?;
    Icu::boot().unbind(LINE, irq)?;
    same(forgets(irq)?, false)
}

fn scheduler_line_modes() -> Check {
    same(controller(CapIndex::SCHEDULER, &[OP_SET_MODE, 0, MODE_SET | MODE_LEVEL]), 0)?;
    same(controller(CapIndex::SCHEDULER, &[OP_SET_MODE, 1, MODE_SET]), code(Error::Inval))
}

fn scheduler_line_msi() -> Check {
    same(controller(CapIndex::SCHEDULER, &[OP_MSI_INFO, FLAG_MSI, 0]), code(Error::NoSys))
}

fn scheduler_line_bind() -> Check {
    let irq = make::irq()?;
    same(ask(CapIndex::SCHEDULER, protocol::IRQ, &[OP_BIND, 1], &[item(irq)]), code(Error::Inval))?;
    same(ask(CapIndex::SCHEDULER, protocol::IRQ, &[OP_BIND, 0], &[item(irq)]), 0)?;
    same(ask(CapIndex::SCHEDULER, protocol::IRQ, &[OP_BIND, 0], &[item(make::irq()?)]), code(Error::Inval))?;
    same(ask(CapIndex::SCHEDULER, protocol::IRQ, &[icu::OP_UNBIND, 0], &[item(irq)]), 0)
}

fn console_line_msi() -> Check {
    same(controller(CapIndex::LOG, &[OP_MSI_INFO, FLAG_MSI, 0]), code(Error::NoSys))
}

/// An object at a kernel object's line still is one that programs trigger.
fn console_line_trigger() -> Check {
    let irq = make::irq()?;
    irq.bind_thread(make::me(), 0x40)?;
    same(ask(CapIndex::LOG, protocol::IRQ, &[OP_BIND, 0], &[item(irq)]), 0)?;
    irq.trigger()?;
    irq.receive(short())?;
    same(irq.receive(short()), NOTHING)
}

fn semaphore_at_object_line() -> Check {
    let semaphore = make::semaphore()?;
    same(ask(CapIndex::LOG, protocol::IRQ, &[OP_BIND, 0], &[item(semaphore)]), 0)?;
    for _ in 0..3 {
        semaphore.up()?;
    }
    for _ in 0..3 {
        semaphore.down(Timeout::ZERO)?;
    }
    semaphore.delete()?;
    same(ask(CapIndex::LOG, protocol::IRQ, &[OP_BIND, 0], &[item(make::irq()?)]), 0)
}

fn semaphore_at_level_line() -> Check {
    let _level = Level::set()?;
    let semaphore = make::semaphore()?;
    same(ask(CapIndex::ICU, protocol::IRQ, &[OP_BIND, LINE], &[item(semaphore)]), 0)?;
    for _ in 0..3 {
        semaphore.up()?;
    }
    for _ in 0..3 {
        semaphore.down(Timeout::ZERO)?;
    }
    same(semaphore.down(Timeout::ZERO), NOTHING)
}
