//! Small objects: gates, IRQs, interrupt controllers, semaphores, consoles, platform control, debugger, meta.

use crate::make::{self, EMPTY_SLOT, NO_CAPABILITY, code, item};
use harness::{Check, IPC, ask, same};
use syscall::abi::{CapIndex, Error, MapItem, Rights, Timeout, Timeouts, protocol};
use syscall::abi::{debugger, gate, icu, irq, kobject, meta, platform_control, semaphore, vcon};
use syscall::arch::utcb;
use syscall::ipc;
use syscall::{Cap, Icu, Irq, Vcon};

crate::group!("objects":
    gate_bind, gate_bind_too_few_words, gate_bind_label_taken, gate_bind_without_thread, gate_bind_no_capability, gate_bind_other_kind,
    gate_bind_needs_special, gate_bind_needs_thread_special, gate_label, gate_label_needs_server, gate_bind_again_moves, gate_count,
    gate_count_too_few_words, gate_count_keeps_nothing, gate_register_irq,
    irq_trigger_then_receive, irq_trigger_by_opcode, irq_trigger_unbound_is_kept, irq_trigger_twice_is_once, irq_label_with_low_bits,
    irq_bind_needs_special, irq_bind_needs_thread_special, irq_bind_without_thread, irq_bind_other_kind, irq_bind_no_capability,
    irq_bind_same_changes_label, irq_detach, irq_detach_unbound, irq_detach_in_line, irq_detach_needs_special, irq_rebind_keeps_message,
    irq_unknown_irq_opcode, irq_receive_timeout, irq_receive_from_other_thread, irq_bind_vcpu, irq_open_wait,
    icu_info, icu_bind_and_unbind, icu_bind_no_such_line, icu_bind_taken_line, icu_bind_needs_write, icu_bind_no_capability,
    icu_bind_empty_slot, icu_bind_other_kind, icu_bind_moves, icu_unbind_no_such_line, icu_unbind_unbound, icu_mask_and_unmask,
    icu_mask_too_few_words, icu_set_mode, icu_set_mode_no_such_line, icu_msi_info, icu_bind_semaphore, icu_deleted_irq_frees_line,
    scheduler_icu_info, vcon_icu_info, vcon_icu_bind,
    semaphore_up_down, semaphore_down_timeout_zero, semaphore_down_timeout, semaphore_down_needs_special, semaphore_counts,
    semaphore_unknown_irq_opcode, semaphore_end_of_interrupt,
    vcon_write_too_long, vcon_read_needs_write, vcon_read_nothing, vcon_attributes, vcon_set_attributes, vcon_attributes_by_opcode,
    platform_shutdown_wrong_words, platform_shutdown_unknown_way, platform_allow_shutdown, platform_cpu_enable, platform_suspend,
    debugger_names, debugger_numbers_differ, debugger_no_object, debugger_empty_slot, debugger_output_too_short, debugger_output, debugger_names_by_opcode, debugger_not_there,
    meta_number, meta_interface, meta_interface_out_of_range, meta_supports, meta_unknown_opcode);

fn gate_bind() -> Check {
    let gate = make::unbound_gate()?;
    same(ask(gate.index(), protocol::KOBJECT, &[gate::OP_BIND, 0x40], &[item(make::me())]), 0)
}

fn gate_bind_too_few_words() -> Check {
    let gate = make::unbound_gate()?;
    same(ask(gate.index(), protocol::KOBJECT, &[gate::OP_BIND], &[item(make::me())]), code(Error::MsgTooShort))
}

fn gate_bind_label_taken() -> Check {
    let gate = make::unbound_gate()?;
    same(ask(gate.index(), protocol::KOBJECT, &[gate::OP_BIND, 0x41], &[item(make::me())]), code(Error::Inval))
}

fn bind_item(cap: CapIndex, item: MapItem) -> i64 {
    ask(cap, protocol::KOBJECT, &[gate::OP_BIND, 0x40], &[item])
}

fn gate_bind_without_thread() -> Check {
    let gate = make::unbound_gate()?.index();
    same(ask(gate, protocol::KOBJECT, &[gate::OP_BIND, 0x40], &[]), code(Error::Inval))?;
    same(bind_item(gate, EMPTY_SLOT), code(Error::Inval))
}

fn gate_bind_no_capability() -> Check {
    same(bind_item(make::unbound_gate()?.index(), NO_CAPABILITY), IPC + 8)
}

fn gate_bind_other_kind() -> Check {
    same(bind_item(make::unbound_gate()?.index(), item(make::irq()?)), code(Error::Inval))
}

/// A capability with these rights that may still be the server.
fn server<T>(cap: Cap<T>, rights: Rights) -> Check<CapIndex> {
    let place = make::slot();
    syscall::Task::this().map_cap(cap, rights, place)?;
    Ok(place)
}

fn gate_bind_needs_special() -> Check {
    let gate = server(make::unbound_gate()?, Rights::CAP_RW)?;
    same(bind_item(gate, item(make::me())), code(Error::Perm))
}

fn gate_bind_needs_thread_special() -> Check {
    let thread = make::with_rights(make::me(), Rights::CAP_RW)?;
    same(bind_item(make::unbound_gate()?.index(), item(thread)), code(Error::Perm))
}

fn gate_label() -> Check {
    same(make::gate(0x1230)?.label(), Ok(0x1230))
}

/// Without the server's right the message goes through the gate.
fn gate_label_needs_server() -> Check {
    let gate = make::with_rights(make::unbound_gate()?, Rights::CAP_RWS)?;
    same(ask(gate.index(), protocol::KOBJECT, &[gate::OP_GET_INFO], &[]), IPC + 2)
}

fn gate_bind_again_moves() -> Check {
    let gate = make::gate(0x10)?;
    gate.bind_thread(make::thread()?, 0x20)?;
    same(gate.label(), Ok(0x20))?;
    // The new thread never started.
    same(ask(gate.index(), 0, &[], &[]), IPC + 4)
}

fn gate_count() -> Check {
    let gate = make::gate(0)?;
    same(gate.decrease_reference_count(0), Ok(1))?;
    make::with_rights(gate, Rights::CAP_RWS)?;
    same(gate.decrease_reference_count(0), Ok(2))?;
    same(gate.decrease_reference_count(1), Ok(1))?;
    same(gate.decrease_reference_count(-1), Ok(2))
}

fn gate_count_too_few_words() -> Check {
    let gate = make::gate(0)?;
    same(ask(gate.index(), protocol::KOBJECT, &[kobject::OP_DEC_REFCNT], &[]), code(Error::Inval))
}

/// With its last capability a gate goes, whatever its count was made.
fn gate_count_keeps_nothing() -> Check {
    make::irq()?;
    let before = harness::quota::left(make::factory());
    let gate = make::gate(0)?;
    gate.decrease_reference_count(-1000)?;
    gate.release()?;
    same(harness::quota::left(make::factory()), before)
}

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

const NOTHING: Result<(), syscall::Error> = Err(syscall::Error::Ipc(syscall::abi::IpcError::ReceiveTimeout));

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

fn semaphore_up_down() -> Check {
    let semaphore = make::semaphore()?;
    semaphore.up()?;
    Ok(semaphore.down(Timeout::ZERO)?)
}

fn semaphore_down_timeout_zero() -> Check {
    same(make::semaphore()?.down(Timeout::ZERO), NOTHING)
}

fn semaphore_down_timeout() -> Check {
    same(make::semaphore()?.down(Timeout::from_microseconds(3000)), NOTHING)
}

fn semaphore_down_needs_special() -> Check {
    let semaphore = make::with_rights(make::semaphore()?, Rights::CAP_RW)?;
    semaphore.up()?;
    same(ask(semaphore.index(), protocol::SEMAPHORE, &[semaphore::OP_DOWN], &[]), code(Error::Perm))
}

fn semaphore_counts() -> Check {
    let semaphore = make::semaphore()?;
    for _ in 0..5 {
        semaphore.up()?;
    }
    for _ in 0..5 {
        semaphore.down(Timeout::ZERO)?;
    }
    same(semaphore.down(Timeout::ZERO), NOTHING)
}

fn semaphore_unknown_irq_opcode() -> Check {
    same(ask(make::semaphore()?.index(), protocol::IRQ, &[0x77], &[]), code(Error::NoSys))
}

fn semaphore_end_of_interrupt() -> Check {
    syscall::ipc::Message::new(protocol::IRQ).with(irq::OP_EOI).send(make::semaphore()?.index())?;
    Ok(())
}

/// Too long a text is ignored; there is no answer to a write.
fn vcon_write_too_long() -> Check {
    let words = [vcon::OP_WRITE, vcon::WRITE_SIZE as u64 + 1, 0x4141_4141];
    same(ask(CapIndex::LOG, protocol::LOG, &words, &[]), IPC + 3)
}

fn vcon_read_needs_write() -> Check {
    let log = make::with_rights(Vcon::boot(), Rights::CAP_RS)?;
    same(ask(log.index(), protocol::LOG, &[vcon::OP_READ | 8 << 16], &[]), code(Error::Perm))
}

fn vcon_read_nothing() -> Check {
    let mut buffer = [0; 8];
    same(Vcon::boot().read(&mut buffer)?, (0, false))
}

fn vcon_attributes() -> Check {
    let [_, output, _] = Vcon::boot().attributes()?;
    same(output & vcon::ONLCR, vcon::ONLCR)
}

fn vcon_set_attributes() -> Check {
    let log = Vcon::boot();
    let old = log.attributes()?;
    log.set_attributes([vcon::IGNCR, 0, 0])?;
    let new = log.attributes()?;
    log.set_attributes(old)?;
    same(new, [vcon::IGNCR, vcon::ONLCR, 0])
}

fn platform(words: &[u64]) -> i64 {
    ask(CapIndex::ICU, protocol::PLATFORM_CONTROL, words, &[])
}

fn platform_shutdown_wrong_words() -> Check {
    same(platform(&[platform_control::OP_SHUTDOWN]), code(Error::Inval))?;
    same(platform(&[platform_control::OP_SHUTDOWN, 0, 0]), code(Error::Inval))
}

fn platform_shutdown_unknown_way() -> Check {
    same(platform(&[platform_control::OP_SHUTDOWN, 2]), code(Error::NoSys))
}

fn platform_allow_shutdown() -> Check {
    same(platform(&[platform_control::OP_CPU_ALLOW_SHUTDOWN, 0, 1]), 0)
}

fn platform_cpu_enable() -> Check {
    same(platform(&[platform_control::OP_CPU_ENABLE, 0]), code(Error::NoSys))?;
    same(platform(&[platform_control::OP_CPU_DISABLE, 0]), code(Error::NoSys))
}

fn debugger_names() -> Check {
    let (debugger, irq) = (syscall::Debugger::boot(), make::irq()?);
    debugger.set_name(irq, "thirteenchars")?;
    let mut buffer = [0; 32];
    same(debugger.name(irq, &mut buffer)?, b"thirteenchars")
}

fn debugger_numbers_differ() -> Check {
    let debugger = syscall::Debugger::boot();
    let (a, b) = (make::irq()?, make::irq()?);
    harness::holds(debugger.global_id(a)? != debugger.global_id(b)?)?;
    same(debugger.global_id(a)?, debugger.global_id(make::with_rights(a, Rights::CAP_R)?)?)
}

fn debugger_no_object() -> Check {
    same(ask(CapIndex::DEBUGGER, protocol::DEBUGGER, &[debugger::OP_GLOBAL_ID], &[]), code(Error::Inval))
}

fn debugger_empty_slot() -> Check {
    same(ask(CapIndex::DEBUGGER, protocol::DEBUGGER, &[debugger::OP_GLOBAL_ID], &[EMPTY_SLOT]), code(Error::Inval))
}

fn debugger_output_too_short() -> Check {
    same(ask(CapIndex::DEBUGGER, protocol::DEBUGGER, &[1], &[]), code(Error::MsgTooShort))
}

fn meta(cap: CapIndex, words: &[u64]) -> i64 {
    ask(cap, protocol::META, words, &[])
}

fn meta_number() -> Check {
    harness::holds(meta(CapIndex::TASK, &[meta::OP_NUM_INTERFACES]) >= 2)
}

fn meta_interface() -> Check {
    same(meta(CapIndex::TASK, &[meta::OP_INTERFACE, 1]), 0)?;
    same(utcb().mr(0) as i64, protocol::TASK)
}

fn meta_interface_out_of_range() -> Check {
    same(meta(CapIndex::TASK, &[meta::OP_INTERFACE, 99]), code(Error::Inval))
}

fn meta_supports() -> Check {
    same(meta(CapIndex::TASK, &[meta::OP_SUPPORTS, protocol::TASK as u64]), 1)?;
    same(meta(CapIndex::TASK, &[meta::OP_SUPPORTS, protocol::THREAD as u64]), 0)
}

fn meta_unknown_opcode() -> Check {
    same(meta(CapIndex::TASK, &[9]), code(Error::NoSys))
}

fn platform_suspend() -> Check {
    same(platform(&[platform_control::OP_SUSPEND, 0]), code(Error::NoDev))
}

fn debugger(words: &[u64], items: &[MapItem]) -> i64 {
    ask(CapIndex::DEBUGGER, protocol::DEBUGGER, words, items)
}

/// On the console there is then: `OK 0000ffff0000f`, and so on.
fn debugger_output() -> Check {
    use syscall::abi::debugger::*;
    same(debugger(&[OP_OUT_CHAR, u64::from(b'O')], &[]), 0)?;
    same(debugger(&[OP_OUT_STRING, 2, u64::from_le_bytes(*b"K       ")], &[]), 0)?;
    for opcode in [OP_OUT_HEX32, OP_OUT_HEX20, OP_OUT_HEX16, OP_OUT_HEX12, OP_OUT_HEX8, OP_OUT_DECIMAL] {
        same(debugger(&[opcode, 0xffff], &[]), 0)?;
    }
    same(debugger(&[OP_OUT_CHAR, u64::from(b'\n')], &[]), 0)?;
    same(debugger(&[OP_ENTER, 4, u64::from_le_bytes(*b"test    ")], &[]), 0)
}

fn debugger_names_by_opcode() -> Check {
    let irq = make::irq()?;
    let name = u64::from_le_bytes(*b"abcdefg\0");
    same(debugger(&[debugger::OP_SET_NAME, name], &[item(irq)]), 0)?;
    same(debugger(&[debugger::OP_GET_NAME, 0], &[item(irq)]), 0)?;
    same(utcb().mr(0), name)
}

/// What Fiasco's debugger knows, and Furore has not.
fn debugger_not_there() -> Check {
    use syscall::abi::debugger::*;
    let opcodes = [
        OP_POINTER_GLOBAL_ID,
        OP_LOG_TYPE_ID,
        OP_LOG_SWITCH,
        OP_GLOBAL_ID_NAME,
        OP_LOG_NAME,
        OP_ADD_IMAGE_INFO,
        OP_OBJECT_INFO,
    ];
    for opcode in opcodes {
        same(debugger(&[opcode, 0], &[item(make::me())]), code(Error::NoSys))?;
    }
    Ok(())
}

fn gate_register_irq() -> Check {
    // As in Fiasco.
    same(ask(make::gate(0)?.index(), protocol::KOBJECT, &[kobject::OP_REGISTER_IRQ, 0], &[]), code(Error::NoSys))
}

fn vcon_attributes_by_opcode() -> Check {
    same(ask(CapIndex::LOG, protocol::LOG, &[vcon::OP_GET_ATTR], &[]), 0)?;
    let words = [vcon::OP_SET_ATTR, utcb().mr(1), utcb().mr(2), utcb().mr(3)];
    same(ask(CapIndex::LOG, protocol::LOG, &words, &[]), 0)
}
