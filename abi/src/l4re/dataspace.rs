//! Dataspace: a container of memory that can be mapped page by page (`l4re/include/dataspace`).
//! Served by moe (anonymous memory, boot modules) and by any program that offers memory.

/// Opcodes of protocol [`PROTO_DATASPACE`](super::PROTO_DATASPACE).
pub mod op {
    use crate::l4re::Opcode;
    /// in: offset u64, spot u64, flags u64, receive window; out: one memory item.
    pub const MAP: Opcode = 0;
    /// in: offset u64, size u64. Makes the range read as zeros.
    pub const CLEAR: Opcode = 1;
    /// out: [`Stats`](super::Stats).
    pub const INFO: Opcode = 2;
    /// in: destination offset u64, source offset u64, size u64, item: the source dataspace.
    pub const COPY_IN: Opcode = 3;
    /// in: offset u64, size u64. Backs the range with memory now.
    pub const ALLOCATE: Opcode = 4;
    /// out: start u64, end u64 of the fixed physical range, where there is one.
    pub const MAP_INFO: Opcode = 5;
}

/// Map flags: the rights are those of a memory flexpage.
pub mod flags {
    /// Readable.
    pub const R: u64 = 4;
    /// Writable.
    pub const W: u64 = 2;
    /// Executable.
    pub const X: u64 = 1;
    /// Readable and writable.
    pub const RW: u64 = R | W;
    /// Readable and executable.
    pub const RX: u64 = R | X;
    /// All rights.
    pub const RWX: u64 = R | W | X;
    /// The rights among the flags.
    pub const RIGHTS_MASK: u64 = 0x0f;
    /// Ordinary cached memory.
    pub const NORMAL: u64 = 0;
    /// Write-combining memory.
    pub const BUFFERABLE: u64 = 0x10;
    /// Uncached memory.
    pub const UNCACHEABLE: u64 = 0x20;
    /// The caching attributes among the flags.
    pub const CACHING_MASK: u64 = 0x30;
}

/// Answer to [`op::INFO`].
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Size in bytes.
    pub size: u64,
    /// The [`flags`] that maps of it can have.
    pub flags: u64,
}

const _: () = assert!(size_of::<Stats>() == 16);
