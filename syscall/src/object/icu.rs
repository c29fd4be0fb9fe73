//! Interrupt controllers: connect hardware lines with IRQ objects.

use abi::{CapIndex, Rights, icu::*, protocol};

use crate::{Cap, Result, cap::Kobject, ipc::Message, object::irq::Irq};

/// An interrupt controller.
pub struct Icu;

impl Kobject for Icu {
    const PROTOCOL: i64 = protocol::IRQ;
    const NAME: &'static str = "ICU";
}

/// What a controller offers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Info {
    /// Features, [`FLAG_MSI`] for message-signalled interrupts.
    pub features: u64,
    /// Number of lines.
    pub lines: u64,
    /// Number of message-signalled interrupts.
    pub msis: u64,
}

impl Icu {
    /// The machine's controller, as boot servers have it.
    pub const fn boot() -> Cap<Icu> {
        Cap::new(CapIndex::ICU)
    }
}

impl Cap<Icu> {
    /// Connects `line` with `irq`. The answer tells whether to unmask at the controller
    /// ([`unmask`](Self::unmask)) in place of the IRQ object.
    ///
    /// # Errors
    /// Those of the IPC; `Inval` for a line that does not exist.
    pub fn bind(self, line: u64, irq: Cap<Irq>) -> Result<bool> {
        let reply = Message::new(protocol::IRQ)
            .with(OP_BIND)
            .with(line)
            .map(irq.flexpage(Rights::CAP_RWS))
            .call(self.index())?;
        Ok(reply.value() == 1)
    }

    /// Disconnects `line` from `irq`.
    ///
    /// # Errors
    /// Those of the IPC.
    pub fn unbind(self, line: u64, irq: Cap<Irq>) -> Result {
        Message::new(protocol::IRQ)
            .with(OP_UNBIND)
            .with(line)
            .map(irq.flexpage(Rights::CAP_RWS))
            .call(self.index())
            .map(drop)
    }

    /// What the controller offers.
    ///
    /// # Errors
    /// Those of the IPC.
    pub fn info(self) -> Result<Info> {
        let reply = Message::new(protocol::IRQ).with(OP_INFO).call(self.index())?;
        Ok(Info { features: reply.word(0)?, lines: reply.word(1)?, msis: reply.word(2)? })
    }

    /// Unmasks `line`.
    ///
    /// # Errors
    /// Those of the IPC.
    pub fn unmask(self, line: u64) -> Result {
        Message::new(protocol::IRQ).with(OP_UNMASK).with(line).send(self.index())
    }

    /// Masks `line`.
    ///
    /// # Errors
    /// Those of the IPC.
    pub fn mask(self, line: u64) -> Result {
        Message::new(protocol::IRQ).with(OP_MASK).with(line).send(self.index())
    }

    /// Sets the trigger mode of `line`, a sum of the `MODE_…` numbers of [`abi::icu`].
    ///
    /// # Errors
    /// Those of the IPC.
    pub fn set_mode(self, line: u64, mode: u64) -> Result {
        Message::new(protocol::IRQ).with(OP_SET_MODE).with(line).with(mode).call(self.index()).map(drop)
    }
}
