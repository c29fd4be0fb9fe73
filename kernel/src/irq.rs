//! IRQ objects: `l4sys/irq.h`. A trigger, by a program or an interrupt line, becomes a message to a thread.

use crate::arch;
use crate::icu;
use crate::ipc;
use crate::lines::{Bound, Line};
use crate::locked::Locked;
use crate::message::{self, Answer, Message, Outcome, UtcbPointer, expect_object};
use crate::object::{Header, KernelObject, Object, RefSlot};
use crate::sender::{Sender, SenderOwner};
use crate::thread::Thread;
use abi::ipc::Operation;
use abi::irq::{OP_EOI, OP_TRIGGER, SENDER_OP_BIND_VCPU, SENDER_OP_DETACH};
use abi::{Error, Rights, Tag, protocol};
use core::cell::Cell;
use kernel::mem::Slab;

/// An IRQ object.
pub struct Irq {
    header: Header,
    /// Its place in its thread's line.
    pub sender: Sender,
    /// What the thread gets as label.
    pub label: Cell<u64>,
    /// The thread that gets the message.
    pub thread: RefSlot<Thread>,
    /// A message is on its way or in line.
    queued: Cell<bool>,
    /// It was triggered while no thread was bound.
    pending: Cell<bool>,
    /// The line was masked because it was raised again while a message was in line.
    masked: Cell<bool>,
    /// The interrupt line that triggers it.
    pub line: Cell<Option<Line>>,
    level_triggered: Cell<bool>,
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
            line: Cell::new(None),
            level_triggered: Cell::new(false),
        }
    }

    /// Completes an object that was just created.
    pub fn created(&'static self) {
        self.sender.set_owner(SenderOwner::Irq(self));
    }

    /// Sends the message, or remembers that it is to be sent. False if one was in line already.
    pub fn trigger(&'static self) -> bool {
        match self.thread.get() {
            _ if self.queued.get() => false,
            Some(thread) if !thread.header.is_deleted() => {
                self.queued.set(true);
                ipc::send_irq(self, thread);
                true
            }
            _ => !self.pending.replace(true),
        }
    }

    /// The receiver takes the message. Returns its label.
    pub fn taken(&self) -> u64 {
        self.queued.set(false);
        if self.masked.replace(false) {
            self.unmask();
        }
        self.label.get()
    }

    /// The bound thread was killed while the message was in its line.
    pub fn receiver_is_gone(&'static self) {
        self.queued.set(false);
        self.pending.set(true);
        self.thread.set(None);
    }

    /// Whether a message is in its thread's line.
    #[cfg(feature = "invariants")]
    pub fn is_queued(&self) -> bool {
        self.queued.get()
    }

    /// Says how its line triggers.
    pub fn set_level_triggered(&self, level: bool) {
        self.level_triggered.set(level);
    }

    fn mask(&self) {
        if let Some(line) = self.line.get() {
            line.mask();
        }
    }

    fn unmask(&self) {
        if let Some(line) = self.line.get() {
            line.unmask();
        }
    }

    /// Does a trigger, or takes the message that is in line, if that is all that a system call of the thread asks for.
    /// False if it has done nothing.
    #[inline(always)]
    pub fn quick(&'static self, thread: &'static Thread, utcb: UtcbPointer) -> bool {
        let tag = Tag::from_raw(thread.frame.syscall_tag());
        match Operation::from_raw(thread.frame.dest()) {
            Operation::SEND if tag == Tag::new(protocol::IRQ, 0, 0, 0) => {
                self.trigger();
                true
            }
            Operation::CALL if tag == Tag::new(protocol::IRQ, 1, 0, 0) => {
                let in_line = utcb.mr(0) & OPCODE_MASK == OP_EOI && self.sender.waits_in(&thread.senders);
                if in_line {
                    self.sender.leave();
                    thread.frame.set_tag(Tag::new(0, 0, 0, 0).raw());
                    thread.frame.set_label(self.taken());
                }
                in_line
            }
            _ => false,
        }
    }

    /// A message to the object.
    pub fn invoke(&'static self, message: &Message) -> Answer {
        let opcode = trigger_opcode(message)?;
        match message.tag.label() {
            protocol::IRQ => match opcode {
                OP_EOI => {
                    if !self.queued.get() && !self.pending.get() {
                        self.unmask();
                    }
                    Ok(Outcome::NoReply)
                }
                OP_TRIGGER => {
                    self.trigger();
                    Ok(Outcome::NoReply)
                }
                _ => Err(Error::NoSys),
            },
            protocol::IRQ_SENDER => match opcode {
                SENDER_OP_DETACH => {
                    message.require(Rights::CAP_S)?;
                    let was_in_line = self.detach()?;
                    message::ok(i64::from(was_in_line))
                }
                SENDER_OP_BIND_VCPU => Err(Error::NoSys),
                _ => Err(Error::NoSys),
            },
            protocol::KOBJECT => match opcode {
                abi::gate::OP_BIND => self.bind(message),
                _ => Err(Error::NoSys),
            },
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
            self.trigger();
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
        self.mask();
        self.masked.set(!self.level_triggered.get());
        let was_in_line = self.leave_line();
        if was_in_line {
            self.pending.set(true);
        }
        self.thread.set(None);
        Ok(was_in_line)
    }

    /// Ends the object.
    pub fn destroy(&'static self) {
        Bound::Irq(self).unbind();
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

/// An interrupt line was raised.
pub fn raised(line: u32) {
    let Some(object) = icu::bound_to(line) else {
        arch::irq::mask(line);
        return;
    };
    match object {
        Bound::Irq(irq) => {
            let level = irq.level_triggered.get();
            if level {
                arch::irq::mask(line);
            }
            if !irq.trigger() && !level {
                irq.masked.set(true);
                arch::irq::mask(line);
            }
        }
        Bound::Semaphore(semaphore) => {
            if semaphore.raised() {
                arch::irq::mask(line);
            }
        }
    }
}
