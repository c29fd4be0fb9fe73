//! Semaphores: `l4sys/semaphore.h`.

use crate::arch;
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
use abi::{Error, IpcError, Rights, Tag, Timeout, Timeouts, protocol};
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

    /// Lets the first waiting thread go on, or counts: false.
    #[inline]
    fn up(&'static self) -> bool {
        let first = self.waiting.first();
        match first {
            Some(sender) => sender.finish_wait(),
            None => self.count.set(self.count.get().saturating_add(1)),
        }
        first.is_some()
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
        match ipc::deadline(message.timeouts.receive, Some(message.utcb)) {
            When::Past => Ok(Outcome::Failed(IpcError::ReceiveTimeout)),
            when => {
                self.wait(message.sender);
                ipc::set_timeout(message.sender, when);
                Ok(Outcome::Done)
            }
        }
    }

    /// The thread waits until the count goes up.
    #[inline]
    fn wait(&'static self, thread: &'static Thread) {
        thread.pending.purpose.set(Purpose::SystemCall);
        thread.state.set(State::AtSemaphore);
        thread.sender.join(&self.waiting, thread.priority.get());
    }

    /// Counts up or down, or waits without a timeout, if that is all that a system call of the thread asks for and no line
    /// has a part in it. Where it only counts there is nothing else to do, and it leaves the kernel. False if it has done
    /// nothing.
    #[inline(always)]
    pub fn quick(&'static self, thread: &'static Thread, utcb: UtcbPointer, attributes: Attributes) -> bool {
        let tag = Tag::from_raw(thread.frame.syscall_tag());
        let is_wired = self.wiring.is_wired();
        match Operation::from_raw(thread.frame.dest()) {
            Operation::SEND if tag == Tag::new(protocol::IRQ, 0, 0, 0) && !is_wired => {
                if !self.up() {
                    arch::resume(thread.as_frame());
                }
            }
            Operation::CALL if tag == Tag::new(protocol::SEMAPHORE, 1, 0, 0) && !is_wired => {
                if utcb.mr(0) & OPCODE_MASK != OP_DOWN || !Rights(attributes).contains(Rights::CAP_S) {
                    return false;
                }
                let count = self.count.get();
                if count > 0 {
                    self.count.set(count - 1);
                    thread.frame.set_tag(Tag::new(0, 0, 0, 0).raw());
                    arch::resume(thread.as_frame());
                } else if Timeouts::from_raw(thread.frame.timeout()).receive == Timeout::NEVER {
                    self.wait(thread);
                } else {
                    return false;
                }
            }
            _ => return false,
        }
        true
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
