//! Semaphores: `l4sys/semaphore.h`.

use crate::ipc::{self, Purpose, When};
use crate::irq::{OPCODE_MASK, trigger_opcode};
use crate::lines::Wiring;
use crate::locked::Locked;
use crate::message::{self, Answer, Message, Outcome, UtcbPointer};
use crate::object::{Header, KernelObject, Object};
use crate::sender::{self, SenderQueue};
use crate::thread::{State, Thread};
use abi::ipc::Operation;
use abi::irq::{OP_EOI, OP_TRIGGER};
use abi::semaphore::OP_DOWN;
use abi::{Error, IpcError, Rights, Tag, protocol};
use core::cell::Cell;
use kernel::cap_space::Attributes;
use kernel::mem::Slab;
use kernel::space::{Budget, Progress};

/// A counting semaphore. Invariant: nobody waits while the count is above zero.
pub struct Semaphore {
    header: Header,
    count: Cell<u64>,
    waiting: SenderQueue,
    /// The interrupt line that triggers it.
    pub wiring: Wiring,
}

static SLAB: Locked<Slab<Semaphore>> = Locked::new(Slab::new());

impl KernelObject for Semaphore {
    fn header(&self) -> &Header {
        &self.header
    }

    fn slab() -> &'static Slab<Self> {
        &SLAB
    }

    fn wrap(&'static self) -> Object {
        Object::Semaphore(self)
    }
}

impl Semaphore {
    /// A semaphore with count zero.
    pub const fn new() -> Self {
        Self { header: Header::new(), count: Cell::new(0), waiting: SenderQueue::new(), wiring: Wiring::new(true) }
    }

    /// It was triggered, by a program or by its line, which is masked when the count goes beyond one until it is one again.
    pub fn trigger(&'static self) {
        if self.wiring.is_level() || self.wiring.is_wired() && self.count.get() > 0 {
            self.wiring.mask();
        }
        self.up();
    }

    /// Lets the first waiting thread go on, or counts.
    fn up(&'static self) {
        match self.waiting.first() {
            Some(sender) => sender.finish_wait(),
            None => self.count.set(self.count.get().saturating_add(1)),
        }
    }

    fn down(&'static self, message: &Message) -> Answer {
        message.require(Rights::CAP_S)?;
        let count = self.count.get();
        if count > 0 {
            self.count.set(count - 1);
            if count - 1 == 1 && !self.wiring.is_level() {
                self.wiring.unmask();
            }
            return message::ok(0);
        }
        let thread = message.sender;
        match ipc::deadline(message.timeouts.receive, Some(message.utcb)) {
            When::Past => Ok(Outcome::Failed(IpcError::ReceiveTimeout)),
            when => {
                thread.pending.purpose.set(Purpose::SystemCall);
                thread.state.set(State::AtSemaphore);
                thread.sender.join(&self.waiting, thread.priority.get());
                ipc::set_timeout(thread, when);
                Ok(Outcome::Done)
            }
        }
    }

    /// Counts up or down, if that is all that a system call of the thread asks for and nobody has to wait or is waiting.
    /// False if it has done nothing.
    #[inline(always)]
    pub fn quick(&self, thread: &Thread, utcb: UtcbPointer, attributes: Attributes) -> bool {
        let tag = Tag::from_raw(thread.frame.syscall_tag());
        let (count, is_wired) = (self.count.get(), self.wiring.is_wired());
        match Operation::from_raw(thread.frame.dest()) {
            Operation::SEND if tag == Tag::new(protocol::IRQ, 0, 0, 0) && self.waiting.is_empty() && !is_wired => {
                self.count.set(count.saturating_add(1));
                true
            }
            Operation::CALL if tag == Tag::new(protocol::SEMAPHORE, 1, 0, 0) && count > 0 => {
                let may =
                    utcb.mr(0) & OPCODE_MASK == OP_DOWN && Rights(attributes).contains(Rights::CAP_S) && !is_wired;
                if may {
                    self.count.set(count - 1);
                    thread.frame.set_tag(Tag::new(0, 0, 0, 0).raw());
                }
                may
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
                if self.count.get() == 0 {
                    self.wiring.unmask();
                }
                Ok(Outcome::NoReply)
            }
            (protocol::IRQ, OP_TRIGGER) => {
                self.trigger();
                Ok(Outcome::NoReply)
            }
            (protocol::SEMAPHORE, OP_DOWN) => self.down(message),
            (protocol::IRQ | protocol::SEMAPHORE, _) => Err(Error::NoSys),
            _ => Err(Error::BadProto),
        }
    }

    /// Whether the count is zero.
    #[cfg(feature = "invariants")]
    pub fn is_down(&self) -> bool {
        self.count.get() == 0
    }

    /// Who waits here.
    #[cfg(feature = "invariants")]
    pub fn waiting(&self) -> &SenderQueue {
        &self.waiting
    }

    /// Ends the object: waiting threads learn that it is gone.
    pub fn destroy(&'static self, budget: &Budget) -> Progress {
        self.wiring.detach();
        sender::dismiss(&self.waiting, budget, |sender| sender.abort_wait(IpcError::NotExistent))
    }
}
