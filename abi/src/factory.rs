//! Factories (`l4sys/factory.h`), under [`crate::protocol::FACTORY`].
//!
//! A create message: word 0 is the protocol of the new object ([`IPC_GATE`] for gates), then arguments, each a
//! word of type and size in bytes (type in bits 0 to 7, size from bit 16) followed by its value. The receive
//! window for the new capability is in the first buffer register.

/// The number for an IPC gate, in place of a protocol.
pub const IPC_GATE: i64 = 0;

/// Type of an argument (`L4_varg_type`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum ArgumentType {
    /// No value.
    Nil = 0x00,
    /// An unsigned word.
    Unsigned = 0x01,
    /// A signed word.
    Signed = 0x81,
    /// Characters; a zero byte at the end counts.
    String = 0x02,
    /// A flexpage.
    Flexpage = 0x03,
}

impl ArgumentType {
    /// The type in an argument's first word.
    pub const fn from_header(word: u64) -> Option<Self> {
        match word & 0xff {
            0x00 => Some(Self::Nil),
            0x01 => Some(Self::Unsigned),
            0x81 => Some(Self::Signed),
            0x02 => Some(Self::String),
            0x03 => Some(Self::Flexpage),
            _ => None,
        }
    }
}

/// The first word of an argument with `size` bytes of value.
pub const fn argument_header(kind: ArgumentType, size: usize) -> u64 {
    kind as u64 | (size as u64) << 16
}

/// The size in bytes in an argument's first word.
pub const fn argument_size(header: u64) -> usize {
    ((header >> 16) & 0xffff) as usize
}
