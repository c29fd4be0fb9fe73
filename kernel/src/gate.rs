//! IPC gates: `l4sys/ipc_gate.h`. A gate passes messages on to the thread it is bound to, under its label.

use crate::invoke;
use crate::ipc::{self, Purpose, When};
use crate::locked::Locked;
use crate::message::{self, Answer, Message, Outcome, expect_object};
use crate::object::{Header, KernelObject, Object, RefSlot};
use crate::sender::{self, Sender, SenderQueue};
use crate::thread::{State, Thread};
use crate::work::{self, Work};
use abi::gate::{LABEL_RIGHTS_MASK, OP_BIND, OP_GET_INFO};
use abi::{Error, IpcError, Rights};
use core::cell::Cell;
use kernel::mem::Slab;
use kernel::planted::{Bug, is_planted};
use kernel::space::{Budget, Progress};

/// An IPC gate.
pub struct Gate {
    header: Header,
    /// The thread that the gate leads to.
    pub thread: RefSlot<Thread>,
    /// What the thread gets as label; the low two bits carry the sender's rights.
    pub label: Cell<u64>,
    /// Senders that wait for a thread to be bound.
    waiting: SenderQueue,
}

static SLAB: Locked<Slab<Gate>> = Locked::new(Slab::new());

impl KernelObject for Gate {
    fn header(&self) -> &Header {
        &self.header
    }

    fn slab() -> &'static Slab<Self> {
        &SLAB
    }

    fn wrap(&'static self) -> Object {
        Object::Gate(self)
    }
}

impl Gate {
    /// A gate with this label that leads nowhere yet.
    pub const fn new(label: u64) -> Self {
        Self { header: Header::new(), thread: RefSlot::empty(), label: Cell::new(label), waiting: SenderQueue::new() }
    }

    /// Passes a message on to the gate's thread.
    pub fn send(&'static self, message: &Message) {
        match self.thread.get() {
            Some(thread) => {
                let label = self.label.get() | u64::from(message.rights().0) & LABEL_RIGHTS_MASK;
                invoke::send(message, thread, label);
            }
            None => self.wait(message),
        }
    }

    /// Lets the sender wait until the gate is bound; then it sends its message.
    fn wait(&'static self, message: &Message) {
        let when = ipc::deadline(message.timeouts.send, Some(message.utcb));
        self.hold(message.sender, Purpose::SystemCall, message.rights(), when);
    }

    /// Lets a thread wait until the gate is bound, with what it has to send.
    pub fn hold(&'static self, thread: &'static Thread, purpose: Purpose, rights: Rights, until: When) {
        thread.pending.purpose.set(purpose);
        if self.header.is_deleted() {
            return ipc::fail(thread, IpcError::NotExistent);
        }
        match until {
            When::Past => ipc::fail(thread, IpcError::SendTimeout),
            when => {
                thread.pending.rights.set(rights);
                thread.state.set(State::AtGate);
                thread.sender.join(&self.waiting, thread.priority.get());
                ipc::set_timeout(thread, when);
            }
        }
    }

    /// The messages for the gate itself.
    #[inline(never)]
    pub fn invoke(&'static self, message: &Message) -> Answer {
        match message.opcode().map_err(|_| Error::Inval)? {
            OP_BIND => self.bind(message),
            OP_GET_INFO => {
                message.answer(0, self.label.get());
                message::ok_words(0, 1)
            }
            abi::kobject::OP_DEC_REFCNT => {
                let difference = message.word(1).map_err(|_| Error::Inval)? as i64;
                message.answer(0, self.header.subtract_counted(difference) as u64);
                message::ok_words(0, 1)
            }
            _ => Err(Error::NoSys),
        }
    }

    fn bind(&'static self, message: &Message) -> Answer {
        if !is_planted(Bug::RightUnchecked) {
            message.require(Rights::CAP_S)?;
        }
        let label = checked_label(message.word(1)?)?;
        let (thread, rights) = expect_object!(message, 0, Thread);
        if !rights.contains(Rights::CAP_S) {
            return Err(Error::Perm);
        }
        self.label.set(label);
        self.thread.set(Some(thread));
        let send = |sender: &'static Sender| sender.send_through(self);
        if sender::dismiss(&self.waiting, work::budget(), send) == Progress::Preempted {
            message.sender.continue_later(Work::Bind);
            return Ok(Outcome::Preempted);
        }
        message::ok(0)
    }

    /// Who waits here.
    #[cfg(feature = "invariants")]
    pub fn waiting(&self) -> &SenderQueue {
        &self.waiting
    }

    /// Ends the gate: its thread is told by its deletion IRQ, waiting senders by an error.
    pub fn destroy(&'static self, budget: &Budget) -> Progress {
        let gone = |sender: &'static Sender| sender.abort_wait(IpcError::NotExistent);
        if sender::dismiss(&self.waiting, budget, gone) == Progress::Preempted {
            return Progress::Preempted;
        }
        if let Some(thread) = self.thread.get() {
            thread.delete_line.raise();
        }
        self.thread.set(None);
        Progress::Done
    }
}

/// A label for a gate, or the error that its low bits are taken.
pub fn checked_label(label: u64) -> Result<u64, Error> {
    if label & LABEL_RIGHTS_MASK == 0 { Ok(label) } else { Err(Error::Inval) }
}
