//! A virtual CPU that resumes with messages on, and with the mark that one waits, looks for it first: an upcall, or not.

use crate::make::{self, note, noted};
use crate::vcpu::{LABEL, SENT, done, failed, gate_to, land, run, tell, tell_and_stay, told, try_send};
use harness::call::{no_buffers, outcome, write};
use harness::{Check, IPC, same};
use syscall::abi::vcpu::{IRQ, IRQ_PENDING, MESSAGE_TRAP, USER_MODE};
use syscall::abi::{Error, IpcError, Tag, Timeout, Timeouts, ipc::ERROR_MASK, ipc::Operation};
use syscall::arch::{invoke, utcb};
use syscall::vcpu::{Register, Vcpu};

crate::group!("vcpu_look":
    message_is_looked_for_on_resume, flag_without_message_is_an_upcall, failed_look_resumes, failed_look_cannot_resume);

/// Priority of virtual CPUs here.
const LOW: u64 = 50;

/// Resumes where [`land`] says, in this mode, when a message waits.
fn resume_when_flagged(vcpu: Vcpu, mode: u16) -> ! {
    no_buffers();
    while !vcpu.state().sticky_flags.contains(IRQ_PENDING) {}
    land(vcpu);
    vcpu.set_register(Register::Trap, 77);
    vcpu.set_register(Register::ErrorCode, 78);
    vcpu.state().saved_state.set(mode);
    failed(vcpu)
}

/// Tells of the upcall and whether the resumed code has run; then it does.
fn tell_and_land(vcpu: Vcpu) -> ! {
    tell(vcpu);
    note(9, noted(5));
    note(10, vcpu.state().ipc.label.get() as i64);
    note(11, Tag::from_raw(vcpu.state().ipc.tag.get()).has_error().into());
    note(12, (utcb().error() & ERROR_MASK) as i64);
    vcpu.state().sticky_flags.remove(IRQ_PENDING);
    failed(vcpu)
}

fn message_is_looked_for_on_resume() -> Check {
    let gate = gate_to(run(LOW, |vcpu| resume_when_flagged(vcpu, IRQ), tell_and_land)?)?;
    same(try_send(gate, 500_000), SENT)?;
    done()?;
    same(told(), (MESSAGE_TRAP as i64, 0, i64::from(IRQ), 0))?;
    same((noted(9), noted(10), noted(11), noted(5)), (make::UNSET, LABEL as i64 | 3, 0, 0x1234_5678))
}

/// A program that has set the flag itself gets the upcall, and with it the error that there was no message.
fn flag_without_message_is_an_upcall() -> Check {
    fn work(vcpu: Vcpu) {
        vcpu.state().sticky_flags.insert(IRQ_PENDING);
        resume_when_flagged(vcpu, IRQ)
    }
    run(LOW, work, tell_and_land)?;
    done()?;
    same(told(), (MESSAGE_TRAP as i64, 0, i64::from(IRQ), 0))?;
    same((noted(9), noted(11), noted(12)), (make::UNSET, 1, IpcError::ReceiveTimeout.code() as i64))?;
    same(noted(5), 0x1234_5678)
}

/// Sends a capability for which the virtual CPU has no receive item.
fn send_too_much(gate: syscall::abi::CapIndex) -> Check {
    let tag = write(SENT, &[1], &[make::item(make::irq()?)]);
    let timeouts = Timeouts { send: Timeout::from_microseconds(500_000), receive: Timeout::NEVER };
    same(outcome(invoke(gate, Operation::SEND, 0, tag, timeouts).0), IPC + IpcError::SendCut.code() as i64)
}

/// A message that fails is no upcall.
fn failed_look_resumes() -> Check {
    let gate = gate_to(run(LOW, |vcpu| resume_when_flagged(vcpu, IRQ), tell_and_stay)?)?;
    send_too_much(gate)?;
    done()?;
    same((noted(1), noted(5), noted(8)), (make::UNSET, 0x1234_5678, make::UNSET))
}

fn failed_look_cannot_resume() -> Check {
    let gate = gate_to(run(LOW, |vcpu| resume_when_flagged(vcpu, IRQ | USER_MODE), tell_and_stay)?)?;
    send_too_much(gate)?;
    done()?;
    same((noted(1), noted(5), noted(8)), (make::UNSET, make::UNSET, make::code(Error::NoEnt)))
}
