//! IRQ objects: `l4sys/irq.h`. A trigger, by a program or an interrupt line, becomes a message to a thread.

use crate::arch;
use crate::ipc;
use crate::lines::Wiring;
use crate::locked::Locked;
use crate::message::{self, Answer, Message, Outcome, UtcbPointer, expect_object};
use crate::object::{Header, KernelObject, Object, RefSlot};
use crate::sender::{Sender, SenderOwner};
use crate::thread::Thread;
use abi::gate::OP_BIND;
use abi::ipc::Operation;
use abi::irq::{OP_EOI, OP_TRIGGER, SENDER_OP_DETACH};
use abi::{Error, Rights, Tag, Timeout, Timeouts, protocol};
use core::cell::Cell;
use kernel::mem::Slab;

/// An IRQ object.
#[repr(C)] // so that its place in a line has its address: who triggers it needs both
pub struct Irq {
    /// Its place in its thread's line.
    pub sender: Sender,
    header: Header,
    /// What the thread gets as label.
    pub label: Cell<u64>,
    /// The thread that gets the message.
    pub thread: RefSlot<Thread>,
    /// A message is on its way or in line.
    queued: Cell<bool>,
    /// It was triggered while no thread was bound.
    pending: Cell<bool>,
    /// The line was masked because it was raised again while a message was in line, until that is taken.
    masked: Cell<bool>,
    /// The interrupt line that triggers it.
    pub wiring: Wiring,
}

static SLAB: Locked<Slab<Irq>> = Locked::new(Slab::new());

impl KernelObject for Irq {
    fn header(&self) -> &Header {
        &self.header
    }

    fn slab() -> &'static Slab<Self> {
        &SLAB
    }

    fn wrap(&'static self) -> Object {
        Object::Irq(self)
    }
}

impl Irq {
    /// An IRQ object that nobody is bound to.
    pub const fn new() -> Self {
        Self {
            header: Header::new(),
            sender: Sender::new(),
            label: Cell::new(0),
            thread: RefSlot::empty(),
            queued: Cell::new(false),
            pending: Cell::new(false),
            masked: Cell::new(false),
            wiring: Wiring::new(false),
        }
    }

    /// Completes an object that was just created.
    pub fn created(&'static self) {
        self.sender.set_owner(SenderOwner::Irq(self));
    }

    /// It was triggered, by a program or by its line: sends the message or, if the line will not trigger again by
    /// itself, remembers that it is to be sent.
    pub fn trigger(&'static self) {
        let is_level = self.wiring.is_level();
        if is_level {
            self.wiring.mask();
        }
        match self.thread.get() {
            Some(thread) if self.is_idle() => self.send(thread),
            _ if is_level => {}
            _ => {
                self.pending.set(!self.queued.get() || self.pending.get());
                self.masked.set(true);
                self.wiring.mask();
            }
        }
    }

    /// Whether no message is on its way or to be sent.
    fn is_idle(&self) -> bool {
        !self.queued.get() && !self.pending.get()
    }

    #[inline(always)]
    fn send(&'static self, thread: &'static Thread) {
        self.queued.set(true);
        self.masked.set(false);
        ipc::send_irq(self, thread);
    }

    /// The receiver takes the message. Returns its label.
    #[inline(always)]
    pub fn taken(&self) -> u64 {
        self.queued.set(false);
        if self.masked.replace(false) {
            self.wiring.unmask();
        }
        self.label.get()
    }

    /// The bound thread was killed while the message was in its line.
    pub fn receiver_is_gone(&'static self) {
        self.keep_message();
        self.thread.set(None);
    }

    /// Whether a message is in its thread's line.
    #[cfg(feature = "invariants")]
    pub fn is_queued(&self) -> bool {
        self.queued.get()
    }

    /// The message that was in line has no receiver now. What a line still has to tell it tells again when it is unmasked.
    fn keep_message(&self) {
        self.queued.set(false);
        self.pending.set(!self.wiring.is_level());
    }

    /// The last message was dealt with: the line may be raised again, if no other one is on its way.
    fn end_of_interrupt(&self) {
        if self.is_idle() {
            self.wiring.unmask();
        }
    }

    /// Does a trigger, or the receive phase without a timeout of the one it is for, if that is all that a system call of
    /// the thread asks for. With a message that is in line it leaves the kernel. False if it has done nothing.
    #[inline(always)]
    pub fn quick(&'static self, thread: &'static Thread, utcb: UtcbPointer) -> bool {
        let tag = Tag::from_raw(thread.frame.syscall_tag());
        match Operation::from_raw(thread.frame.dest()) {
            Operation::SEND if tag == Tag::new(protocol::IRQ, 0, 0, 0) => {
                self.trigger();
                true
            }
            Operation::CALL if tag == Tag::new(protocol::IRQ, 1, 0, 0) => {
                if utcb.mr(0) & OPCODE_MASK != OP_EOI {
                    return false;
                }
                if self.sender.waits_in(&thread.senders) {
                    self.sender.leave();
                    thread.frame.set_tag(Tag::new(0, 0, 0, 0).raw());
                    thread.frame.set_label(self.taken());
                    arch::resume(thread.as_frame());
                }
                let waits = Timeouts::from_raw(thread.frame.timeout()).receive == Timeout::NEVER;
                if waits {
                    self.end_of_interrupt();
                    ipc::listen_to(thread, &self.sender);
                }
                waits
            }
            _ => false,
        }
    }

    /// A message to the object.
    #[inline(never)]
    pub fn invoke(&'static self, message: &Message) -> Answer {
        let opcode = trigger_opcode(message)?;
        match (message.tag.label(), opcode) {
            (protocol::IRQ, OP_EOI) => {
                self.end_of_interrupt();
                Ok(Outcome::NoReply)
            }
            (protocol::IRQ, OP_TRIGGER) => {
                self.trigger();
                Ok(Outcome::NoReply)
            }
            (protocol::IRQ_SENDER, SENDER_OP_DETACH) => {
                message.require(Rights::CAP_S)?;
                let was_in_line = self.detach()?;
                message::ok(i64::from(was_in_line))
            }
            (protocol::KOBJECT, OP_BIND) => self.bind(message),
            // There is no direct injection of interrupts into virtual CPUs to bind for, as in Fiasco on this architecture.
            (protocol::IRQ | protocol::IRQ_SENDER | protocol::KOBJECT, _) => Err(Error::NoSys),
            _ => Err(Error::BadProto),
        }
    }

    fn bind(&'static self, message: &Message) -> Answer {
        message.require(Rights::CAP_S)?;
        let (thread, rights) = expect_object!(message, 0, Thread);
        if !rights.contains(Rights::CAP_S) {
            return Err(Error::Perm);
        }
        self.label.set(message.word(1)?);
        if self.thread.get().is_some_and(|bound| core::ptr::eq(bound, thread)) {
            return message::ok(0);
        }
        let was_queued = self.leave_line();
        self.thread.set(Some(thread));
        if was_queued || self.pending.replace(false) {
            self.send(thread);
        }
        message::ok(0)
    }

    /// Takes the message back that is in line. Says whether there was one.
    fn leave_line(&'static self) -> bool {
        self.sender.leave();
        self.queued.replace(false)
    }

    /// Unbinds the thread. Says whether a message was in its line.
    fn detach(&'static self) -> Result<bool, Error> {
        if self.thread.get().is_none() {
            return Err(Error::NoEnt);
        }
        self.wiring.mask();
        let was_in_line = self.leave_line();
        if was_in_line {
            self.keep_message();
        }
        self.thread.set(None);
        Ok(was_in_line)
    }

    /// Ends the object.
    pub fn destroy(&'static self) {
        self.wiring.detach();
        self.leave_line();
        self.thread.set(None);
    }
}

/// The bits of the first word that hold the opcode.
pub const OPCODE_MASK: u64 = 0xffff;

/// The opcode of a message to an IRQ or a semaphore: an empty one under the protocol of interrupts triggers.
pub fn trigger_opcode(message: &Message) -> Result<u64, Error> {
    if message.tag.label() == protocol::IRQ && message.tag.words() == 0 {
        return Ok(OP_TRIGGER);
    }
    Ok(message.word(0).map_err(|_| Error::Inval)? & OPCODE_MASK)
}
