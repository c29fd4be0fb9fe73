//! IRQ objects: a hardware or software interrupt that arrives as a message at the thread it is bound to.

use abi::{Rights, gate, irq::*, protocol};

use crate::{
    Cap, Result,
    cap::Kobject,
    ipc::{Message, Timeouts},
    object::thread::Thread,
};

/// An IRQ object.
pub struct Irq;

impl Kobject for Irq {
    const PROTOCOL: i64 = protocol::IRQ_SENDER;
    const NAME: &'static str = "IRQ";
}

impl Cap<Irq> {
    /// Delivers the interrupt to `thread`, with `label` (its two lowest bits 0).
    ///
    /// # Errors
    /// Those of the IPC.
    pub fn bind_thread(self, thread: Cap<Thread>, label: u64) -> Result {
        Message::new(protocol::KOBJECT)
            .with(gate::OP_BIND)
            .with(label)
            .map(thread.flexpage(Rights::CAP_RWS))
            .call(self.index())
            .map(drop)
    }

    /// Delivers the interrupt to nobody.
    ///
    /// # Errors
    /// Those of the IPC.
    pub fn detach(self) -> Result {
        Message::new(protocol::IRQ_SENDER).with(SENDER_OP_DETACH).call(self.index()).map(drop)
    }

    /// Triggers the interrupt in software.
    ///
    /// # Errors
    /// Those of the IPC.
    pub fn trigger(self) -> Result {
        Message::new(protocol::IRQ).timeouts(Timeouts::ZERO).send(self.index())
    }

    /// Unmasks the interrupt after it was handled.
    ///
    /// # Errors
    /// Those of the IPC.
    pub fn unmask(self) -> Result {
        Message::new(protocol::IRQ).with(OP_EOI).send(self.index())
    }

    /// Unmasks the interrupt, then waits for the next; only for the thread that it is bound to.
    ///
    /// # Errors
    /// Those of the IPC, a timeout among them.
    pub fn receive(self, timeouts: Timeouts) -> Result {
        Message::new(protocol::IRQ).with(OP_EOI).timeouts(timeouts).call(self.index()).map(drop)
    }
}
