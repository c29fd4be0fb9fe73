//! IPC gates and receive endpoints (`l4sys/ipc_gate.h`, `l4sys/rcv_endpoint.h`), under [`crate::protocol::KOBJECT`].

/// Binds to a thread: word 1 is the label (low two bits zero), item: the thread.
pub const OP_BIND: u64 = 0x10;
/// The label of a gate.
pub const OP_GET_INFO: u64 = 0x11;
/// The bits of a received label that hold the rights of the capability that was used.
pub const LABEL_RIGHTS_MASK: u64 = 3;
