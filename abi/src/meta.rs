//! Questions about the protocols of an object (`l4sys/meta`), under [`crate::protocol::META`].

/// Number of protocols; the answer stands in the reply's label.
pub const OP_NUM_INTERFACES: u64 = 0;
/// Protocol number and name of the interface with the index in the second word.
pub const OP_INTERFACE: u64 = 1;
/// Whether the object speaks the protocol in the second word; the reply's label is 1 or 0.
pub const OP_SUPPORTS: u64 = 2;
