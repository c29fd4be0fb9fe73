//! Consoles: the kernel's log, and the logs that moe hands out, which speak the same protocol.

use abi::{CapIndex, Tag, protocol, vcon::*};

use crate::{Cap, Result, cap::Kobject, ipc::Message};

/// A console.
pub struct Vcon;

impl Kobject for Vcon {
    const PROTOCOL: i64 = protocol::LOG;
    const NAME: &'static str = "log";
}

/// A program's log is a console of which usually only the output side is used.
pub type Log = Vcon;

impl Vcon {
    /// The kernel's log.
    pub const fn boot() -> Cap<Vcon> {
        Cap::new(CapIndex::LOG)
    }
}

impl Cap<Vcon> {
    /// Writes all bytes, in as many messages as that takes.
    ///
    /// # Errors
    /// Those of the IPC.
    pub fn write(self, bytes: &[u8]) -> Result {
        for chunk in bytes.chunks(WRITE_SIZE) {
            Message::new(protocol::LOG).with(OP_WRITE).with_bytes(chunk).flags(Tag::SCHEDULE).send(self.index())?;
        }
        Ok(())
    }

    /// Reads what is there, at most the length of `buffer`. The second part of the answer tells whether
    /// more is to be read now.
    ///
    /// # Errors
    /// Those of the IPC.
    pub fn read(self, buffer: &mut [u8]) -> Result<(usize, bool)> {
        let wanted = buffer.len().min(READ_SIZE);
        Message::new(protocol::LOG).with(OP_READ | (wanted as u64) << 16).call(self.index())?;
        // The kernel's answer has bytes, but no words.
        let registers = crate::arch::utcb();
        let status = registers.mr(0);
        let length = ((status & READ_SIZE_MASK) as usize).min(wanted);
        for (index, part) in buffer[..length].chunks_mut(8).enumerate() {
            part.copy_from_slice(&registers.mr(1 + index).to_le_bytes()[..part.len()]);
        }
        Ok((length, status & READ_STAT_DONE == 0))
    }

    /// Input, output and local flags.
    ///
    /// # Errors
    /// Those of the IPC.
    pub fn attributes(self) -> Result<[u64; 3]> {
        let reply = Message::new(protocol::LOG).with(OP_GET_ATTR).call(self.index())?;
        Ok([reply.word(1)?, reply.word(2)?, reply.word(3)?])
    }

    /// Sets input, output and local flags.
    ///
    /// # Errors
    /// Those of the IPC.
    pub fn set_attributes(self, [input, output, local]: [u64; 3]) -> Result {
        Message::new(protocol::LOG).with(OP_SET_ATTR).with(input).with(output).with(local).call(self.index()).map(drop)
    }
}
