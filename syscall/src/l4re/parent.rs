//! The parent: whoever started this program and waits for its end.

use abi::l4re::{
    PROTO_PARENT,
    parent::{OP_SIGNAL, SIGNAL_EXIT},
};

use crate::{Cap, Kobject, Result, ipc::Message};

/// A parent.
pub struct Parent;

impl Kobject for Parent {
    const PROTOCOL: i64 = PROTO_PARENT;
    const NAME: &'static str = "parent";
}

impl Cap<Parent> {
    /// Sends a signal with a value.
    ///
    /// # Errors
    /// Those of the IPC.
    pub fn signal(self, signal: u64, value: u64) -> Result {
        Message::new(PROTO_PARENT).with(OP_SIGNAL).with(signal).with(value).call(self.index()).map(drop)
    }

    /// Reports that this program has ended with `code`. Does not return where the parent understands.
    ///
    /// # Errors
    /// Those of the IPC.
    pub fn exit(self, code: i32) -> Result {
        self.signal(SIGNAL_EXIT, i64::from(code) as u64)
    }
}
