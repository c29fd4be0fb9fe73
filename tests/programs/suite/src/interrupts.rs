//! IRQ objects and the interrupt controllers that trigger them: the ICU's, the scheduler's and the console's.

use crate::ipc::{HIGH, deaf, rest_deaf};
use crate::make::{self, EMPTY_SLOT, NO_CAPABILITY, code, item};
use crate::objects::{NOTHING, bind_item};
use harness::worker::spawn;
use harness::{Check, IPC, ask, same};
use syscall::abi::{CapIndex, Error, MapItem, Rights, Timeout, Timeouts, protocol};
use syscall::abi::{gate, icu, irq};
use syscall::arch::utcb;
use syscall::ipc;
use syscall::{Cap, Icu, Irq};

crate::group!("interrupts":
    irq_trigger_then_receive, irq_trigger_by_opcode, irq_trigger_unbound_is_kept, irq_trigger_twice_is_once, irq_label_with_low_bits,
    irq_bind_needs_special, irq_bind_needs_thread_special, irq_bind_without_thread, irq_bind_other_kind, irq_bind_no_capability,
    irq_bind_same_changes_label, irq_bind_same_keeps_place, irq_detach, irq_detach_dead_thread, irq_detach_unbound, irq_detach_in_line, irq_detach_needs_special, irq_rebind_keeps_message,
    irq_unknown_irq_opcode, irq_receive_timeout, irq_receive_from_other_thread, irq_bind_vcpu, irq_open_wait, icu_info, icu_bind_and_unbind,
    icu_bind_no_such_line, icu_bind_taken_line, icu_bind_needs_write, icu_bind_no_capability, icu_bind_empty_slot, icu_bind_other_kind,
    icu_bind_moves, icu_unbind_no_such_line, icu_unbind_unbound, icu_mask_and_unmask, icu_mask_too_few_words, icu_set_mode, icu_set_mode_no_such_line,
    icu_msi_info, icu_bind_semaphore, icu_deleted_irq_frees_line, scheduler_icu_info, vcon_icu_info, vcon_icu_bind);

/// An IRQ object that is bound to this thread.
fn bound(label: u64) -> Check<Cap<Irq>> {
    let irq = make::irq()?;
    irq.bind_thread(make::me(), label)?;
    Ok(irq)
}

fn short() -> Timeouts {
    Timeouts { send: Timeout::ZERO, receive: Timeout::from_microseconds(2000) }
}

fn irq_trigger_then_receive() -> Check {
    let irq = bound(0x40)?;
    irq.trigger()?;
    Ok(irq.receive(short())?)
}

fn irq_trigger_by_opcode() -> Check {
    let irq = bound(0x40)?;
    syscall::ipc::Message::new(protocol::IRQ).with(irq::OP_TRIGGER).send(irq.index())?;
    Ok(irq.receive(short())?)
}

fn irq_trigger_unbound_is_kept() -> Check {
    let irq = make::irq()?;
    irq.trigger()?;
    irq.bind_thread(make::me(), 0x40)?;
    Ok(irq.receive(short())?)
}

fn irq_trigger_twice_is_once() -> Check {
    let irq = bound(0x40)?;
    irq.trigger()?;
    irq.trigger()?;
    irq.receive(short())?;
    same(irq.receive(short()), NOTHING)
}

/// Labels of IRQs are not checked, unlike those of gates.
fn irq_label_with_low_bits() -> Check {
    let irq = bound(0x43)?;
    irq.trigger()?;
    same(ipc::wait(short())?.1, 0x43)
}

fn irq_bind_needs_special() -> Check {
    let irq = make::with_rights(make::irq()?, Rights::CAP_RW)?;
    same(bind_item(irq.index(), item(make::me())), code(Error::Perm))
}

fn irq_bind_needs_thread_special() -> Check {
    let thread = make::with_rights(make::me(), Rights::CAP_RW)?;
    same(bind_item(make::irq()?.index(), item(thread)), code(Error::Perm))
}

fn irq_bind_without_thread() -> Check {
    same(ask(make::irq()?.index(), protocol::KOBJECT, &[gate::OP_BIND, 0], &[]), code(Error::Inval))
}

fn irq_bind_other_kind() -> Check {
    same(bind_item(make::irq()?.index(), item(make::semaphore()?)), code(Error::Inval))
}

fn irq_bind_no_capability() -> Check {
    same(bind_item(make::irq()?.index(), NO_CAPABILITY), IPC + 8)
}

fn irq_bind_same_changes_label() -> Check {
    let irq = bound(0x40)?;
    irq.trigger()?;
    irq.bind_thread(make::me(), 0x50)?;
    same(ipc::wait(short())?.1, 0x50)
}

fn irq_detach() -> Check {
    let irq = bound(0x40)?;
    irq.detach()?;
    irq.trigger()?;
    same(ipc::wait(short()).map(drop), NOTHING)
}

/// The message stays before those that came later.
fn irq_bind_same_keeps_place() -> Check {
    let (first, second) = (bound(0x40)?, bound(0x50)?);
    first.trigger()?;
    second.trigger()?;
    first.bind_thread(make::me(), 0x60)?;
    same((ipc::wait(short())?.1, ipc::wait(short())?.1), (0x60, 0x50))
}

/// What is triggered when the thread is gone waits in its line all the same, for another thread.
fn irq_detach_dead_thread() -> Check {
    let (irq, worker) = (make::irq()?, spawn(HIGH, deaf, 0)?);
    irq.bind_thread(worker.thread, 0x40)?;
    worker.thread.delete()?;
    rest_deaf(1)?;
    irq.trigger()?;
    same(ask(irq.index(), protocol::IRQ_SENDER, &[irq::SENDER_OP_DETACH], &[]), 1)?;
    irq.bind_thread(make::me(), 0x50)?;
    same(ipc::wait(short())?.1, 0x50)
}

fn irq_detach_unbound() -> Check {
    same(make::irq()?.detach(), Err(syscall::Code::NoEnt.into()))
}

fn irq_detach_in_line() -> Check {
    let irq = bound(0x40)?;
    irq.trigger()?;
    same(ask(irq.index(), protocol::IRQ_SENDER, &[irq::SENDER_OP_DETACH], &[]), 1)
}

fn irq_detach_needs_special() -> Check {
    let irq = make::with_rights(bound(0x40)?, Rights::CAP_RW)?;
    same(irq.detach(), Err(syscall::Code::Perm.into()))
}

fn irq_rebind_keeps_message() -> Check {
    let irq = bound(0x40)?;
    irq.trigger()?;
    irq.detach()?;
    irq.bind_thread(make::me(), 0x60)?;
    same(ipc::wait(short())?.1, 0x60)
}

fn irq_unknown_irq_opcode() -> Check {
    same(ask(make::irq()?.index(), protocol::IRQ, &[0x77], &[]), code(Error::NoSys))
}

fn irq_receive_timeout() -> Check {
    same(bound(0x40)?.receive(short()), NOTHING)
}

/// A thread that the IRQ is not bound to waits in vain.
fn irq_receive_from_other_thread() -> Check {
    let irq = make::irq()?;
    irq.bind_thread(make::thread()?, 0)?;
    irq.trigger()?;
    same(irq.receive(short()), NOTHING)
}

fn irq_bind_vcpu() -> Check {
    let words = [irq::SENDER_OP_BIND_VCPU, 0];
    same(ask(make::irq()?.index(), protocol::IRQ_SENDER, &words, &[item(make::me())]), code(Error::NoSys))
}

fn irq_open_wait() -> Check {
    let irq = bound(0x70)?;
    irq.trigger()?;
    let (tag, label) = ipc::wait(short())?;
    same((tag.words(), tag.items(), tag.label(), label), (0, 0, 0, 0x70))
}

/// An interrupt line that nothing in these machines uses: the second serial port's.
const LINE: u64 = 3;

fn icu(words: &[u64], items: &[MapItem]) -> i64 {
    ask(CapIndex::ICU, protocol::IRQ, words, items)
}

fn icu_info() -> Check {
    let info = Icu::boot().info()?;
    harness::holds(info.lines >= 16)
}

fn icu_bind_and_unbind() -> Check {
    let irq = make::irq()?;
    same(icu(&[icu::OP_BIND, LINE], &[item(irq)]), 0)?;
    same(icu(&[icu::OP_UNBIND, LINE], &[item(irq)]), 0)
}

fn icu_bind_no_such_line() -> Check {
    let irq = make::irq()?;
    same(icu(&[icu::OP_BIND, 0x1_0000], &[item(irq)]), code(Error::Inval))?;
    same(icu(&[icu::OP_BIND, u64::MAX], &[item(irq)]), code(Error::Inval))
}

fn icu_bind_taken_line() -> Check {
    let (first, second) = (make::irq()?, make::irq()?);
    Icu::boot().bind(LINE, first)?;
    same(icu(&[icu::OP_BIND, LINE], &[item(second)]), code(Error::Inval))?;
    Ok(Icu::boot().unbind(LINE, first)?)
}

fn icu_bind_needs_write() -> Check {
    let irq = make::with_rights(make::irq()?, Rights::CAP_RS)?;
    same(icu(&[icu::OP_BIND, LINE], &[item(irq)]), code(Error::Perm))
}

fn icu_bind_no_capability() -> Check {
    same(icu(&[icu::OP_BIND, LINE], &[NO_CAPABILITY]), IPC + 8)
}

fn icu_bind_empty_slot() -> Check {
    same(icu(&[icu::OP_BIND, LINE], &[EMPTY_SLOT]), code(Error::Inval))
}

fn icu_bind_other_kind() -> Check {
    same(icu(&[icu::OP_BIND, LINE], &[item(make::me())]), code(Error::Inval))
}

/// An IRQ object has one line: binding it to another takes it off the first.
fn icu_bind_moves() -> Check {
    let (irq, other) = (make::irq()?, make::irq()?);
    Icu::boot().bind(LINE, irq)?;
    Icu::boot().bind(LINE + 2, irq)?;
    Icu::boot().bind(LINE, other)?;
    Ok(())
}

fn icu_unbind_no_such_line() -> Check {
    // Fiasco ignores unknown lines here.
    same(icu(&[icu::OP_UNBIND, 0x1_0000], &[item(make::irq()?)]), 0)
}

fn icu_unbind_unbound() -> Check {
    same(icu(&[icu::OP_UNBIND, LINE], &[item(make::irq()?)]), 0)
}

fn icu_mask_and_unmask() -> Check {
    let irq = make::irq()?;
    Icu::boot().bind(LINE, irq)?;
    Icu::boot().mask(LINE)?;
    Icu::boot().unmask(LINE)?;
    Icu::boot().mask(LINE)?;
    // No line, no object: nothing happens, and nobody answers.
    Icu::boot().mask(0x1_0000)?;
    Ok(())
}

/// There is no answer, so a call waits for one.
fn icu_mask_too_few_words() -> Check {
    same(icu(&[icu::OP_MASK], &[]), IPC + 3)?;
    same(icu(&[icu::OP_UNMASK], &[]), IPC + 3)
}

fn icu_set_mode() -> Check {
    same(icu(&[icu::OP_SET_MODE, LINE, icu::MODE_SET | icu::MODE_LEVEL], &[]), 0)?;
    same(icu(&[icu::OP_SET_MODE, LINE, icu::MODE_SET], &[]), 0)
}

fn icu_set_mode_no_such_line() -> Check {
    same(icu(&[icu::OP_SET_MODE, 0x1_0000, icu::MODE_SET], &[]), code(Error::Inval))
}

fn icu_msi_info() -> Check {
    same(icu(&[icu::OP_MSI_INFO, 0, 0], &[]) < 0, true)
}

fn icu_bind_semaphore() -> Check {
    let semaphore = make::semaphore()?;
    same(icu(&[icu::OP_BIND, LINE], &[item(semaphore)]), 0)?;
    same(icu(&[icu::OP_UNBIND, LINE], &[item(semaphore)]), 0)
}

fn icu_deleted_irq_frees_line() -> Check {
    let (first, second) = (make::irq()?, make::irq()?);
    Icu::boot().bind(LINE, first)?;
    first.delete()?;
    Icu::boot().bind(LINE, second)?;
    Ok(())
}

/// The controllers of other objects have one line.
fn one_line(cap: CapIndex) -> Check {
    same(ask(cap, protocol::IRQ, &[icu::OP_INFO], &[]), 0)?;
    same((utcb().mr(0), utcb().mr(1), utcb().mr(2)), (0, 1, 0))
}

fn scheduler_icu_info() -> Check {
    one_line(CapIndex::SCHEDULER)
}

fn vcon_icu_info() -> Check {
    one_line(CapIndex::LOG)
}

fn vcon_icu_bind() -> Check {
    let irq = make::irq()?;
    same(ask(CapIndex::LOG, protocol::IRQ, &[icu::OP_BIND, 1], &[item(irq)]), code(Error::Inval))?;
    same(ask(CapIndex::LOG, protocol::IRQ, &[icu::OP_BIND, 0], &[item(irq)]), 0)?;
    same(ask(CapIndex::LOG, protocol::IRQ, &[icu::OP_UNBIND, 0], &[item(irq)]), 0)
}
