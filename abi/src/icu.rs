//! Interrupt controllers (`l4sys/icu.h`), under [`crate::protocol::IRQ`].

/// Binds the IRQ object of the item to the line in word 1.
pub const OP_BIND: u64 = 0;
/// Unbinds it.
pub const OP_UNBIND: u64 = 1;
/// Reply: features, lines, MSIs.
pub const OP_INFO: u64 = 2;
/// Reply: address and data for a message-signalled interrupt.
pub const OP_MSI_INFO: u64 = 3;
/// Unmasks the line in word 1; no reply.
pub const OP_UNMASK: u64 = 4;
/// Masks the line in word 1; no reply.
pub const OP_MASK: u64 = 5;
/// Sets the trigger mode in word 2 of the line in word 1.
pub const OP_SET_MODE: u64 = 6;

/// Feature, and bit in the line's number: message-signalled interrupts.
pub const FLAG_MSI: u64 = 0x8000_0000;

/// Mode: the other bits are to be applied.
pub const MODE_SET: u64 = 0x1;
/// Mode: level triggered (else edge).
pub const MODE_LEVEL: u64 = 0x2;
/// Mode: low or falling (else high or rising).
pub const MODE_NEGATIVE: u64 = 0x4;
/// Mode: both edges.
pub const MODE_BOTH: u64 = 0x8;
