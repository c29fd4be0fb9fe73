//! Memory allocator: a factory (kernel protocol) that makes dataspaces and other L4Re objects
//! (`l4re/include/mem_alloc`). Served by moe.
//!
//! A dataspace is created by the factory protocol with object type
//! [`PROTO_DATASPACE`](super::PROTO_DATASPACE) and the arguments size (signed), flags, alignment
//! (log2) and, where [`flags::FIXED_PADDR`] is given, the physical address.

/// Flags of a dataspace to be made.
pub mod flags {
    /// Physically contiguous.
    pub const CONTINUOUS: u64 = 0x01;
    /// Never paged out or moved.
    pub const PINNED: u64 = 0x02;
    /// Made of 2 MiB pages.
    pub const SUPER_PAGES: u64 = 0x04;
    /// At a given physical address.
    pub const FIXED_PADDR: u64 = 0x08;
}

/// Opcode of protocol [`PROTO_MEM_ALLOC`](super::PROTO_MEM_ALLOC): out: [`Stats`].
pub const OP_INFO: super::Opcode = 0;

/// What an allocator says of itself, all in bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Quota of this factory.
    pub quota: u64,
    /// Used part of the quota.
    pub quota_used: u64,
    /// Memory of the whole server.
    pub mem_limit: u64,
    /// Used part of it.
    pub mem_used: u64,
    /// Free part of it.
    pub mem_free: u64,
}

const _: () = assert!(size_of::<Stats>() == 40);
