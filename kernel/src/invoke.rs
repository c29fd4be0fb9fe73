//! The one system call: invoke a capability.

use crate::arch::{self, Frame};
use crate::fault;
use crate::ipc::{self, From, Purpose, Start};
use crate::ipc_fast;
use crate::message::{Answer, Message, Outcome, UtcbPointer};
use crate::object::Object;
use crate::reply;
use crate::sched;
use crate::sender::Sender;
use crate::task::Task;
use crate::thread::{Leave, Thread};
use crate::work::{self, Work};
use abi::cap::{INVALID_BIT, REPLY_BIT};
use abi::ipc::Operation;
use abi::{CapIndex, IpcError, Rights, Tag, Timeout, Timeouts};
use core::cell::Cell;
use kernel::cap_space::Attributes;

/// A system call of the running thread that has just entered the kernel. The fast path, where it hands the CPU on itself,
/// does not return.
#[inline(always)]
pub fn entered(thread: &'static Thread, task: &'static Task, utcb: UtcbPointer) {
    if thread.reports_calls.get() {
        work::begin_entry();
        return system_call(thread, task, utcb);
    }
    let destination = thread.frame.dest();
    if names_slot(destination) {
        let Some((header, attributes)) = task.caps.lookup(CapIndex::from_raw(destination).index()) else {
            fail_at_once(thread, utcb, IpcError::NotExistent);
            arch::resume(thread.as_frame());
        };
        let object = header.object();
        let done = match object {
            Object::Gate(gate) => {
                ipc_fast::call(thread, task, utcb, gate, attributes);
                false
            }
            Object::Irq(irq) => irq.quick(thread, utcb),
            Object::Thread(target) => target.quick(thread, utcb),
            Object::Semaphore(semaphore) => semaphore.quick(thread, utcb, attributes),
            Object::Task(target) => {
                work::begin_entry();
                if !target.quick(thread, utcb) {
                    invoke(thread, task, utcb, object, attributes);
                }
                true
            }
            _ => false,
        };
        if !done {
            work::begin_entry();
            invoke(thread, task, utcb, object, attributes);
        }
    } else if is_yield(&thread.frame) {
        fail_at_once(thread, utcb, IpcError::ReceiveTimeout);
        sched::yield_to_next(thread);
    } else if !ipc_fast::reply_and_wait(thread, task, utcb) {
        work::begin_entry();
        system_call(thread, task, utcb);
    }
}

/// Whether a system call waits for a message of the thread to itself, and not at all: that is how a program yields.
#[inline(always)]
fn is_yield(frame: &Frame) -> bool {
    frame.dest() & (INVALID_BIT | REPLY_BIT | Operation::MASK) == INVALID_BIT | Operation::RECEIVE.bits()
        && Timeouts::from_raw(frame.timeout()).receive == Timeout::ZERO
}

/// Whether a destination register names a slot of the task's capability space, and not the thread itself or a caller.
#[inline(always)]
fn names_slot(destination: u64) -> bool {
    destination & (INVALID_BIT | REPLY_BIT | Operation::REPLY.bits()) == 0
}

/// Ends a system call that has not begun with anything.
#[inline(always)]
fn fail_at_once(thread: &'static Thread, utcb: UtcbPointer, error: IpcError) {
    utcb.set_error(error.code());
    thread.frame.set_tag(Tag::new(0, 0, 0, Tag::ERROR).raw());
}

/// Goes on with the system call in which a thread that runs now was stopped.
pub fn system_call_again(thread: &'static Thread) {
    let Some((task, utcb)) = thread.task.get_with() else { return };
    match thread.take_work() {
        Some(Work::Transfer(transfer)) => ipc::resume_transfer(transfer),
        Some(Work::Send(_)) if !thread.pending.is_system_call() => fault::gate_was_bound(thread),
        Some(Work::Send(gate)) => {
            if let Some(gate) = gate.get() {
                gate.send(&message(thread, task, utcb, thread.pending.rights.get().0));
            }
        }
        Some(work) => {
            thread.continue_now(work);
            // What was begun is not reported again if the thread is an alien.
            thread.alien_leave.set(if thread.is_alien.get() { Leave::Taken } else { Leave::None });
            system_call(thread, task, utcb);
            thread.drop_stale_work();
        }
        None => {}
    }
}

/// Attributes of the running thread's implicit capability to itself.
const SELF_ATTRIBUTES: Attributes = Rights::CAP_RWS.0;

/// The system call of the running thread.
pub fn system_call(thread: &'static Thread, task: &'static Task, utcb: UtcbPointer) {
    if thread.reports_calls.get() && !fault::may_call(thread) {
        return fault::system_call_to_come(thread);
    }
    let destination = thread.frame.dest();
    let target = if Operation::from_raw(destination).contains(Operation::REPLY) {
        let slot = match explicit_reply_slot(destination) {
            Some(index) => task.replies.slot(index),
            None => Some(&thread.reply),
        };
        slot.and_then(reply::take).map(|caller| (Object::Thread(caller), caller.pending.rights.get().0))
    } else if names_slot(destination) {
        let found = task.caps.lookup(CapIndex::from_raw(destination).index());
        found.map(|(header, attributes)| (header.object(), attributes))
    } else {
        Some((Object::Thread(thread), SELF_ATTRIBUTES))
    };
    match target {
        Some((object, attributes)) => invoke(thread, task, utcb, object, attributes),
        None => fail_at_once(thread, utcb, IpcError::NotExistent),
    }
}

/// The system call of the running thread, to this object.
#[inline(never)]
fn invoke(thread: &'static Thread, task: &'static Task, utcb: UtcbPointer, object: Object, attributes: Attributes) {
    let message = message(thread, task, utcb, attributes);
    match object {
        Object::Thread(target) if !is_thread_operation(&message) => send(&message, target, thread.frame.label()),
        Object::Gate(gate) if !is_control_operation(&message) => gate.send(&message),
        _ => kernel_object(&message, object),
    }
}

/// The message in a thread's registers, to an object that it has a capability with these attributes to.
#[inline(always)]
fn message(thread: &'static Thread, task: &'static Task, utcb: UtcbPointer, attributes: Attributes) -> Message {
    let frame = &thread.frame;
    Message {
        sender: thread,
        task,
        utcb,
        tag: Tag::from_raw(frame.syscall_tag()),
        operation: Operation::from_raw(frame.dest()),
        timeouts: Timeouts::from_raw(frame.timeout()),
        attributes,
        failure: Cell::new(None),
    }
}

/// The index of the explicit reply slot that a destination register selects.
fn explicit_reply_slot(destination: u64) -> Option<u64> {
    (destination & (INVALID_BIT | REPLY_BIT) == REPLY_BIT).then(|| CapIndex::from_raw(destination).index())
}

/// Whether a message to a thread is for the kernel's thread object, not for the thread itself.
fn is_thread_operation(message: &Message) -> bool {
    let operation = message.operation;
    let is_reply = operation.contains(Operation::REPLY);
    let has_send = operation.contains(Operation::SEND) || operation.bits() == 0;
    has_send && !is_reply && message.tag.label() == abi::protocol::THREAD
}

/// Whether a message to a gate is for the kernel's gate object, not for the thread behind it.
fn is_control_operation(message: &Message) -> bool {
    message.attributes & abi::item::OBJECT_RIGHT_1 as Attributes != 0
        && message.tag.label() == abi::protocol::KOBJECT
        && message.operation.contains(Operation::SEND)
}

/// IPC with a thread, directly or through its gate, under the label that the receiver gets.
pub fn send(message: &Message, target: &'static Thread, label: u64) {
    let to = message.operation.contains(Operation::SEND).then_some(target);
    if to.is_none() && !message.wants_reply() {
        return ipc::fail(message.sender, IpcError::NotExistent);
    }
    exchange(message, to, &target.sender, label);
}

/// The phases of an IPC: a send phase if there is somebody `to` send to, a closed receive phase if it is one from `partner`.
fn exchange(message: &Message, to: Option<&'static Thread>, partner: &'static Sender, label: u64) {
    let Some(from) = receive_phase(message, partner) else {
        return ipc::fail(message.sender, IpcError::NoReplyCap);
    };
    ipc::start(
        message.sender,
        Start {
            to,
            from,
            tag: message.tag,
            label,
            rights: message.rights(),
            timeouts: message.timeouts,
            purpose: Purpose::SystemCall,
        },
    );
}

/// The receive phase of a message. None if there is no slot for the caller.
fn receive_phase(message: &Message, partner: &'static Sender) -> Option<From> {
    if !message.operation.contains(Operation::RECEIVE) {
        return Some(From::Nobody);
    }
    if !message.operation.contains(Operation::OPEN_WAIT) {
        return Some(From::Only(partner));
    }
    match explicit_reply_slot(message.sender.frame.dest()) {
        None => Some(From::Anybody),
        Some(index) => message.task.reply_slot_for(index).map(From::AnybodyInto),
    }
}

/// Invokes an object of the kernel, then runs the receive phase if the object does not answer.
fn kernel_object(message: &Message, object: Object) {
    let thread = message.sender;
    let answer =
        if message.operation.contains(Operation::SEND) { dispatch(message, object) } else { Ok(Outcome::NoReply) };
    let outcome = answer.unwrap_or_else(|error| match message.failure.get() {
        Some(failure) => Outcome::Failed(failure),
        None => Outcome::Reply(Tag::new(-error.code(), 0, 0, 0)),
    });
    match outcome {
        Outcome::Done | Outcome::Preempted => {}
        Outcome::Failed(error) => {
            message.utcb.set_error(error.code());
            thread.frame.set_tag(Tag::new(0, 0, 0, Tag::ERROR).raw());
        }
        Outcome::Reply(tag) if message.wants_reply() => thread.frame.set_tag(tag.raw()),
        Outcome::NoReply if message.wants_reply() => {
            let partner = match object {
                Object::Irq(irq) => &irq.sender,
                _ => &thread.sender,
            };
            exchange(message, None, partner, 0);
        }
        Outcome::Reply(_) | Outcome::NoReply => {}
    }
}

fn dispatch(message: &Message, object: Object) -> Answer {
    match object {
        Object::Task(task) => task.invoke(message),
        Object::Thread(thread) => thread.invoke(message),
        Object::Gate(gate) => gate.invoke(message),
        Object::Irq(irq) => irq.invoke(message),
        Object::Semaphore(semaphore) => semaphore.invoke(message),
        Object::Factory(factory) => factory.invoke(message),
        Object::Icu(icu) => icu.invoke(message),
        Object::Scheduler(scheduler) => scheduler.invoke(message),
        Object::Vcon(vcon) => vcon.invoke(message),
        Object::Debugger(debugger) => debugger.invoke(message),
    }
}
