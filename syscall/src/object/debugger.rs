//! The kernel debugger's object: names for objects, so that reports can speak of them.

use abi::{CapIndex, Flexpage, Rights, debugger::*, protocol};

use crate::{Cap, Result, cap::Kobject, ipc::Message};

/// The kernel debugger.
pub struct Debugger;

impl Kobject for Debugger {
    const PROTOCOL: i64 = protocol::DEBUGGER;
    const NAME: &'static str = "debugger";
}

/// Longest name in bytes.
const NAME_MAX: usize = 60 * 8;

impl Debugger {
    /// The debugger's object, where the task has it.
    pub const fn boot() -> Cap<Debugger> {
        Cap::new(CapIndex::DEBUGGER)
    }
}

impl Cap<Debugger> {
    /// Names an object.
    ///
    /// # Errors
    /// Those of the IPC.
    pub fn set_name<T>(self, object: Cap<T>, name: &str) -> Result {
        self.name_object(object.flexpage(Rights::CAP_RWS), name)
    }

    fn name_object(self, object: Flexpage, name: &str) -> Result {
        let name = &name.as_bytes()[..name.len().min(NAME_MAX)];
        Message::new(protocol::DEBUGGER)
            .with(OP_SET_NAME)
            .with_raw(name)
            .with(0_u8)
            .map(object)
            .call(self.index())
            .map(drop)
    }

    /// The number that the kernel knows the object by.
    ///
    /// # Errors
    /// Those of the IPC.
    pub fn global_id<T>(self, object: Cap<T>) -> Result<u64> {
        Message::new(protocol::DEBUGGER)
            .with(OP_GLOBAL_ID)
            .map(object.flexpage(Rights::CAP_RWS))
            .call(self.index())?
            .word(0)
    }

    /// The object's name, into `buffer`.
    ///
    /// # Errors
    /// Those of the IPC.
    pub fn name<T>(self, object: Cap<T>, buffer: &mut [u8]) -> Result<&[u8]> {
        let mut reply = Message::new(protocol::DEBUGGER)
            .with(OP_GET_NAME)
            .map(object.flexpage(Rights::CAP_RWS))
            .call(self.index())?;
        let length = (reply.tag().words() * 8).min(buffer.len());
        let name = reply.get_raw(length, buffer)?;
        Ok(name.split(|&byte| byte == 0).next().unwrap_or(&[]))
    }
}
