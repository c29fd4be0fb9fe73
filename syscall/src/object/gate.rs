//! IPC gates: the capabilities by which a server is called. What is sent through a gate reaches the
//! thread that it is bound to, with the gate's label.

use abi::{Rights, gate::*, protocol};

use crate::{Cap, Result, cap::Kobject, ipc::Message, object::thread::Thread};

/// An IPC gate, seen from the side that serves it.
pub struct Gate;

impl Kobject for Gate {
    const PROTOCOL: i64 = protocol::KOBJECT;
    const NAME: &'static str = "gate";
}

impl Cap<Gate> {
    /// Binds the gate to a thread; `label` has its two lowest bits 0. Needs the server right.
    ///
    /// # Errors
    /// Those of the IPC; `Perm` without the right.
    pub fn bind_thread(self, thread: Cap<Thread>, label: u64) -> Result {
        Message::new(protocol::KOBJECT)
            .with(OP_BIND)
            .with(label)
            .map(thread.flexpage(Rights::CAP_RWS))
            .call(self.index())
            .map(drop)
    }

    /// The gate's label. Needs the server right.
    ///
    /// # Errors
    /// Those of the IPC; `Perm` without the right.
    pub fn label(self) -> Result<u64> {
        Message::new(protocol::KOBJECT).with(OP_GET_INFO).call(self.index())?.word(0)
    }
}
