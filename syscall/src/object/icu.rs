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

/// The write by which a device makes a message-signalled interrupt.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct MsiInfo {
    /// The address to write to.
    pub address: u64,
    /// What to write.
    pub data: u32,
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

    /// The write that makes the message `number` (with [`FLAG_MSI`]), which must be bound. `source` says which device
    /// makes it, where that matters; else 0.
    ///
    /// # Errors
    /// Those of the IPC; `Range` when there is no such message.
    pub fn msi_info(self, number: u64, source: u64) -> Result<MsiInfo> {
        let reply = Message::new(protocol::IRQ).with(OP_MSI_INFO).with(number).with(source).call(self.index())?;
        Ok(MsiInfo { address: reply.word(0)?, data: reply.word(1)? as u32 })
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
