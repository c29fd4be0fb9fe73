//! What every kernel object understands (`l4sys/kernel_object.h`), under [`crate::protocol::KOBJECT`].

/// Changes the reference count of the object by the (signed) second word; see `L4_KOBJECT_OP_DEC_REFCNT`.
pub const OP_DEC_REFCNT: u64 = 0;
/// Reserved by the header.
pub const OP_REGISTER_IRQ: u64 = 1;
