//! Small objects: gates, semaphores, consoles, platform control, debugger, meta.

use crate::make::{self, EMPTY_SLOT, NO_CAPABILITY, code, item};
use harness::call::{outcome, write};
use harness::{Check, IPC, ask, same};
use syscall::abi::{CapIndex, Error, MapItem, Rights, Timeout, Timeouts, ipc::Operation, protocol};
use syscall::abi::{debugger, gate, icu, irq, kobject, meta, platform_control, scheduler, semaphore, thread, vcon};
use syscall::arch::{invoke, utcb};
use syscall::{Cap, Vcon};

crate::group!("objects":
    gate_bind, gate_bind_too_few_words, gate_bind_label_taken, gate_bind_without_thread, gate_bind_no_capability, gate_bind_other_kind,
    gate_bind_needs_special, gate_bind_needs_thread_special, gate_label, gate_label_needs_server, gate_bind_again_moves, gate_count,
    gate_count_too_few_words, gate_count_keeps_nothing, gate_register_irq, semaphore_up_down, semaphore_down_timeout_zero, semaphore_down_timeout,
    semaphore_down_needs_special, semaphore_counts, semaphore_unknown_irq_opcode, semaphore_end_of_interrupt, vcon_write_too_long, vcon_write_too_short,
    vcon_read_needs_write, vcon_read_nothing, vcon_read_no_bytes, vcon_attributes, vcon_set_attributes, vcon_attributes_by_opcode, platform_shutdown_wrong_words,
    platform_shutdown_unknown_way, platform_allow_shutdown, platform_cpu_enable, platform_suspend, debugger_names, debugger_numbers_differ,
    debugger_no_object, debugger_empty_slot, debugger_output_too_short, debugger_output, debugger_names_by_opcode, debugger_not_there, meta_is_not_spoken, no_answer_without_receive_phase);

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

pub fn bind_item(cap: CapIndex, item: MapItem) -> i64 {
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

pub const NOTHING: Result<(), syscall::Error> = Err(syscall::Error::Ipc(syscall::abi::IpcError::ReceiveTimeout));

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
/// Text that the host looks for: it must never appear.
const UNSEEN: u64 = u64::from_le_bytes(*b"unseen\r\n");

fn vcon_write_too_long() -> Check {
    let words = [vcon::OP_WRITE, vcon::WRITE_SIZE as u64 + 1, UNSEEN];
    same(ask(CapIndex::LOG, protocol::LOG, &words, &[]), IPC + 3)
}

/// Without the word that says how long it is, what that register holds does not count.
fn vcon_write_too_short() -> Check {
    utcb().set_mr(1, 8);
    utcb().set_mr(2, UNSEEN);
    same(ask(CapIndex::LOG, protocol::LOG, &[vcon::OP_WRITE], &[]), IPC + 3)
}

fn vcon_read_needs_write() -> Check {
    let log = make::with_rights(Vcon::boot(), Rights::CAP_RS)?;
    same(ask(log.index(), protocol::LOG, &[vcon::OP_READ | 8 << 16], &[]), code(Error::Perm))
}

fn vcon_read_nothing() -> Check {
    let mut buffer = [0; 8];
    same(Vcon::boot().read(&mut buffer)?, (0, false))
}

/// Who asks for none does not learn whether there are some.
fn vcon_read_no_bytes() -> Check {
    same(ask(CapIndex::LOG, protocol::LOG, &[vcon::OP_READ], &[]), 0)?;
    same(utcb().mr(0), 0)
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
    same(debugger.name(irq, &mut [0; 32]).map(drop), Err(syscall::Code::NoEnt.into()))?;
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

const ABOUT_OBJECTS: [u64; 3] = [debugger::OP_SET_NAME, debugger::OP_GLOBAL_ID, debugger::OP_GET_NAME];

fn debugger_no_object() -> Check {
    for opcode in ABOUT_OBJECTS {
        same(debugger(&[opcode, 0], &[]), code(Error::Inval))?;
        same(debugger(&[opcode, 0], &[NO_CAPABILITY]), IPC + 8)?;
    }
    Ok(())
}

fn debugger_empty_slot() -> Check {
    for opcode in ABOUT_OBJECTS {
        same(debugger(&[opcode, 0], &[EMPTY_SLOT]), code(Error::Inval))?;
    }
    Ok(())
}

fn debugger_output_too_short() -> Check {
    same(ask(CapIndex::DEBUGGER, protocol::DEBUGGER, &[1], &[]), code(Error::MsgTooShort))
}

/// Which protocols they speak, the kernel's objects do not tell: that is among servers.
fn meta_is_not_spoken() -> Check {
    let (mine, made) = (make::irq()?.index(), make::semaphore()?.index());
    let objects = [CapIndex::TASK, CapIndex::FACTORY, CapIndex::LOG, CapIndex::ICU, CapIndex::SCHEDULER];
    for opcode in [meta::OP_NUM_INTERFACES, meta::OP_INTERFACE, meta::OP_SUPPORTS] {
        for object in objects.into_iter().chain([mine, made, CapIndex::DEBUGGER]) {
            same(ask(object, protocol::META, &[opcode, 0], &[]), code(Error::BadProto))?;
        }
        // To threads and gates it is a message like any other: a server answers it, if there is one.
        same(ask(make::thread()?.index(), protocol::META, &[opcode, 0], &[]), IPC + 4)?;
        same(ask(crate::ipc::server()?.index(), protocol::META, &[opcode, 0], &[]), protocol::META + 1)?;
    }
    Ok(())
}

fn platform_suspend() -> Check {
    // A sleep type that no machine has; without ACPI there are none.
    let has_acpi = syscall::Icu::boot().info()?.lines > 16;
    let wanted = if has_acpi { Error::Inval } else { Error::NoDev };
    let answer = platform(&[platform_control::OP_SUSPEND, 0x0707]);
    // The one operation that waits with interrupts off (decision 4).
    harness::stretch::longest();
    same(answer, code(wanted))
}

fn debugger(words: &[u64], items: &[MapItem]) -> i64 {
    ask(CapIndex::DEBUGGER, protocol::DEBUGGER, words, items)
}

/// On the console there is then: `OK 0000ffff0000f`, and so on.
/// What appears is looked at from outside: `make test ONLY="debugger writes"`.
fn debugger_output() -> Check {
    use syscall::abi::debugger::*;
    same(debugger(&[OP_OUT_CHAR, 0x100 | u64::from(b'O')], &[]), 0)?;
    same(debugger(&[OP_OUT_STRING, 1, u64::from_le_bytes(*b"K1234567")], &[]), 0)?;
    for number in [0xfedc_ba98_7654_3210, 5] {
        for opcode in [OP_OUT_HEX32, OP_OUT_HEX20, OP_OUT_HEX16, OP_OUT_HEX12, OP_OUT_HEX8, OP_OUT_DECIMAL] {
            same(debugger(&[OP_OUT_CHAR, u64::from(b' ')], &[]), 0)?;
            same(debugger(&[opcode, number], &[]), 0)?;
        }
    }
    same(debugger(&[OP_OUT_CHAR, u64::from(b'\n')], &[]), 0)?;
    same(debugger(&[OP_ENTER, 4, u64::from_le_bytes(*b"test    ")], &[]), 0)
}

fn debugger_names_by_opcode() -> Check {
    let irq = make::irq()?;
    let name = u64::from_le_bytes(*b"abcdefg\0");
    same(debugger(&[debugger::OP_SET_NAME, name], &[item(irq)]), 0)?;
    same(debugger(&[debugger::OP_GET_NAME, 0], &[item(irq)]), 0)?;
    same(utcb().mr(0), name)?;
    // It ends with the first zero.
    same(debugger(&[debugger::OP_SET_NAME, u64::from_le_bytes(*b"ab\0defgh"), name], &[item(irq)]), 0)?;
    same(debugger(&[debugger::OP_GET_NAME, 0], &[item(irq)]), 0)?;
    same([utcb().mr(0), utcb().mr(1)], [u64::from_le_bytes(*b"ab\0\0\0\0\0\0"), 0])
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

/// Who only sends finds the message as it was.
fn no_answer_without_receive_phase() -> Check {
    let messages = [
        (CapIndex::ICU, protocol::IRQ, icu::OP_INFO),
        (CapIndex::SCHEDULER, protocol::SCHEDULER, scheduler::OP_IDLE_TIME),
        (make::me().index(), protocol::THREAD, thread::OP_STATS),
    ];
    for (cap, protocol, opcode) in messages {
        let words = [opcode, 0, 1, 0x5a5a];
        let tag = write(protocol, &words, &[]);
        let sent = invoke(cap, Operation::SEND, 0, tag, Timeouts::NEVER).0;
        same((outcome(sent), [0, 1, 2, 3].map(|index| utcb().mr(index))), (protocol, words))?;
    }
    Ok(())
}
