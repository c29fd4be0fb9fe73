//! What every kind of object answers to messages that it does not understand.

use crate::make::{self, code};
use harness::{Check, IPC, ask, same};
use syscall::abi::{CapIndex, Error, protocol};

/// An opcode that no object has.
const NO_OPCODE: u64 = 0x77;
/// A protocol that no object speaks.
const NO_PROTOCOL: i64 = 0x3333;

/// An object of a kind: its capability, its protocol.
type Subject = (CapIndex, i64);

fn task() -> Check<Subject> {
    Ok((make::task()?.index(), protocol::TASK))
}
fn thread() -> Check<Subject> {
    Ok((make::thread()?.index(), protocol::THREAD))
}
fn gate() -> Check<Subject> {
    Ok((make::unbound_gate()?.index(), protocol::KOBJECT))
}
fn irq() -> Check<Subject> {
    Ok((make::irq()?.index(), protocol::IRQ_SENDER))
}
fn semaphore() -> Check<Subject> {
    Ok((make::semaphore()?.index(), protocol::SEMAPHORE))
}
fn factory() -> Check<Subject> {
    Ok((CapIndex::FACTORY, protocol::FACTORY))
}
fn icu() -> Check<Subject> {
    Ok((CapIndex::ICU, protocol::IRQ))
}
fn platform_control() -> Check<Subject> {
    Ok((CapIndex::ICU, protocol::PLATFORM_CONTROL))
}
fn scheduler() -> Check<Subject> {
    Ok((CapIndex::SCHEDULER, protocol::SCHEDULER))
}
fn vcon() -> Check<Subject> {
    Ok((CapIndex::LOG, protocol::LOG))
}
fn debugger() -> Check<Subject> {
    Ok((CapIndex::DEBUGGER, protocol::DEBUGGER))
}

/// Makes a test of `step` for a kind of object.
macro_rules! each {
    ($($name:ident = $step:ident($subject:ident, $wanted:expr);)*) => {
        $(fn $name() -> Check {
            $step($subject()?, $wanted)
        })*
        crate::group!("kinds": $($name),*);
    };
}

fn no_words((cap, protocol): Subject, wanted: i64) -> Check {
    same(ask(cap, protocol, &[], &[]), wanted)
}

fn unknown_opcode((cap, protocol): Subject, wanted: i64) -> Check {
    same(ask(cap, protocol, &[NO_OPCODE, 0, 0, 0], &[]), wanted)
}

fn wrong_protocol((cap, _): Subject, wanted: i64) -> Check {
    same(ask(cap, NO_PROTOCOL, &[0, 0, 0], &[]), wanted)
}

/// Reference counts are for gates only.
fn kobject_protocol((cap, _): Subject, wanted: i64) -> Check {
    same(ask(cap, protocol::KOBJECT, &[0, 0], &[]), wanted)
}

fn deleted((cap, protocol): Subject, wanted: i64) -> Check {
    syscall::Cap::<syscall::Task>::new(cap).delete()?;
    same(ask(cap, protocol, &[0, 0], &[]), wanted)
}

const EMPTY: i64 = IPC + 4;
const SEND_TIMEOUT: i64 = IPC + 2;

each! {
    task_no_words = no_words(task, code(Error::MsgTooShort));
    thread_no_words = no_words(thread, code(Error::MsgTooShort));
    gate_no_words = no_words(gate, code(Error::Inval));
    irq_no_words = no_words(irq, code(Error::Inval));
    semaphore_no_words = no_words(semaphore, code(Error::Inval));
    factory_no_words = no_words(factory, code(Error::MsgTooShort));
    icu_no_words = no_words(icu, code(Error::MsgTooShort));
    platform_control_no_words = no_words(platform_control, code(Error::MsgTooShort));
    scheduler_no_words = no_words(scheduler, code(Error::MsgTooShort));
    vcon_no_words = no_words(vcon, code(Error::MsgTooShort));
    debugger_no_words = no_words(debugger, 0);
    task_unknown_opcode = unknown_opcode(task, code(Error::NoSys));
    thread_unknown_opcode = unknown_opcode(thread, code(Error::NoSys));
    gate_unknown_opcode = unknown_opcode(gate, code(Error::NoSys));
    irq_unknown_opcode = unknown_opcode(irq, code(Error::NoSys));
    semaphore_unknown_opcode = unknown_opcode(semaphore, code(Error::NoSys));
    factory_without_buffer = unknown_opcode(factory, IPC + 9);
    icu_unknown_opcode = unknown_opcode(icu, code(Error::NoSys));
    platform_control_unknown_opcode = unknown_opcode(platform_control, code(Error::NoSys));
    scheduler_unknown_opcode = unknown_opcode(scheduler, code(Error::NoSys));
    vcon_unknown_opcode = unknown_opcode(vcon, code(Error::NoSys));
    debugger_unknown_opcode = unknown_opcode(debugger, code(Error::NoSys));
    task_wrong_protocol = wrong_protocol(task, code(Error::BadProto));
    thread_wrong_protocol = wrong_protocol(thread, EMPTY);
    gate_wrong_protocol = wrong_protocol(gate, SEND_TIMEOUT);
    irq_wrong_protocol = wrong_protocol(irq, code(Error::BadProto));
    semaphore_wrong_protocol = wrong_protocol(semaphore, code(Error::BadProto));
    factory_wrong_protocol = wrong_protocol(factory, code(Error::BadProto));
    icu_wrong_protocol = wrong_protocol(icu, code(Error::BadProto));
    scheduler_wrong_protocol = wrong_protocol(scheduler, code(Error::BadProto));
    vcon_wrong_protocol = wrong_protocol(vcon, code(Error::BadProto));
    debugger_wrong_protocol = wrong_protocol(debugger, code(Error::BadProto));
    task_kobject_protocol = kobject_protocol(task, code(Error::BadProto));
    thread_kobject_protocol = kobject_protocol(thread, EMPTY);
    irq_kobject_protocol = kobject_protocol(irq, code(Error::NoSys));
    semaphore_kobject_protocol = kobject_protocol(semaphore, code(Error::BadProto));
    factory_kobject_protocol = kobject_protocol(factory, code(Error::BadProto));
    icu_kobject_protocol = kobject_protocol(icu, code(Error::BadProto));
    scheduler_kobject_protocol = kobject_protocol(scheduler, code(Error::BadProto));
    vcon_kobject_protocol = kobject_protocol(vcon, code(Error::BadProto));
    debugger_kobject_protocol = kobject_protocol(debugger, code(Error::BadProto));
    task_deleted = deleted(task, EMPTY);
    thread_deleted = deleted(thread, EMPTY);
    gate_deleted = deleted(gate, EMPTY);
    irq_deleted = deleted(irq, EMPTY);
    semaphore_deleted = deleted(semaphore, EMPTY);
}
