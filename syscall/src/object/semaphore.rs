//! Kernel semaphores: what the locks of [`crate::sync`] wait on.

use abi::{protocol, semaphore::OP_DOWN};

use crate::{
    Cap, Result,
    cap::Kobject,
    ipc::{Message, Timeout, Timeouts},
};

/// A counting semaphore.
pub struct Semaphore;

impl Kobject for Semaphore {
    const PROTOCOL: i64 = protocol::SEMAPHORE;
    const NAME: &'static str = "semaphore";
}

impl Cap<Semaphore> {
    /// Adds one, or wakes the first thread that waits.
    ///
    /// # Errors
    /// Those of the IPC.
    pub fn up(self) -> Result {
        Message::new(protocol::IRQ).timeouts(Timeouts::ZERO).send(self.index())
    }

    /// Subtracts one, waiting for it if there is none.
    ///
    /// # Errors
    /// Those of the IPC, a timeout among them.
    pub fn down(self, timeout: Timeout) -> Result {
        Message::new(protocol::SEMAPHORE)
            .with(OP_DOWN)
            .timeouts(Timeouts { send: Timeout::NEVER, receive: timeout })
            .call(self.index())
            .map(drop)
    }
}
