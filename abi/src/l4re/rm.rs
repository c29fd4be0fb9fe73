//! Region map: the layout of one address space as a list of regions, each backed by a dataspace
//! (`l4re/include/rm`). l4re serves it inside each program, moe for ned's l4re. Page faults reach
//! the same object by the kernel's page-fault protocol.

/// Opcodes of protocol [`PROTO_RM`](super::PROTO_RM).
pub mod op {
    use crate::l4re::Opcode;
    /// in: start u64, size u64, flags u32, offset u64, align (log2) u8, client's slot of the
    /// dataspace u64, name string, backing offset u64; item: the dataspace (absent for reserved
    /// regions). out: start u64.
    pub const ATTACH: Opcode = 0;
    /// in: address u64, size u64, [detach flags](super::detach) u32; out: start u64, size u64,
    /// client's slot of the dataspace u64; the return value is of [`detached`](super::detached).
    pub const DETACH: Opcode = 1;
    /// in: address u64, size u64; out: address u64, size u64, flags u32, offset u64, client's slot
    /// u64. For an area, the flags have [`IN_AREA`](super::flags::IN_AREA).
    pub const FIND: Opcode = 2;
    /// in: start u64, size u64, flags u32, align (log2) u8; out: start u64.
    pub const RESERVE_AREA: Opcode = 3;
    /// in: address u64.
    pub const FREE_AREA: Opcode = 4;
    /// in: start u64; out: as many [`Region`](super::Region)s as the return value says.
    pub const GET_REGIONS: Opcode = 5;
    /// in: start u64; out: as many areas as the return value says.
    pub const GET_AREAS: Opcode = 6;
    /// in: address u64; out: name string, backing offset u64.
    pub const GET_INFO: Opcode = 7;
    /// in: first pc u64, the pc behind the last one u64, rescue pc u64.
    pub const ADD_RESCUE_JUMP: Opcode = 8;
    /// in: pc u64.
    pub const REMOVE_RESCUE_JUMP: Opcode = 9;
    /// in: first address u64, last address u64, rights u16, receive window; out: helper u64, one
    /// memory item.
    pub const PAGE_IN: Opcode = 10;
}

/// Flags of a region (low 16 bits) and of the attach operation (above).
pub mod flags {
    /// Readable.
    pub const R: u32 = 4;
    /// Writable.
    pub const W: u32 = 2;
    /// Executable.
    pub const X: u32 = 1;
    /// Readable and writable.
    pub const RW: u32 = R | W;
    /// Readable and executable.
    pub const RX: u32 = R | X;
    /// All rights.
    pub const RWX: u32 = R | W | X;
    /// The rights among the flags.
    pub const RIGHTS_MASK: u32 = 0x0f;
    /// The caching attributes (as in dataspace flags).
    pub const CACHING_MASK: u32 = 0x30;
    /// The part that goes on to the dataspace's map operation.
    pub const DS_MAP_MASK: u32 = 0xff;
    /// Memory that the kernel manages here (UTCBs): no pages are supplied.
    pub const KERNEL: u32 = 0x100;
    /// The backing is a pager, not a dataspace.
    pub const PAGER: u32 = 0x400;
    /// Reserved: not backed at all.
    pub const RESERVED: u32 = 0x800;
    /// A copy-on-write view.
    pub const PRIVATE: u32 = 0x1000;
    /// Anonymous memory.
    pub const ANONYMOUS: u32 = 0x2000;
    /// All flags a region keeps.
    pub const REGION_MASK: u32 = 0xffff;
    /// Search for a free address at or above the given one.
    pub const SEARCH_ADDR: u32 = 0x2_0000;
    /// Attach inside a reserved area.
    pub const IN_AREA: u32 = 0x4_0000;
    /// Map all pages at once.
    pub const EAGER_MAP: u32 = 0x8_0000;
    /// Map pages on demand even where eager is the default.
    pub const NO_EAGER_MAP: u32 = 0x10_0000;
    /// All flags of the attach operation.
    pub const ATTACH_MASK: u32 = 0x1f_0000;
}

/// Flags of the detach operation.
pub mod detach {
    /// Detach exactly the given range (regions are split).
    pub const EXACT: u32 = 1;
    /// Detach the whole region that overlaps the address.
    pub const OVERLAP: u32 = 2;
}

/// Results of the detach operation.
pub mod detached {
    /// The region is gone and its dataspace no longer used by it.
    pub const DETACHED: i64 = 0;
    /// Part of the region stays; the dataspace is still in use.
    pub const KEPT: i64 = 1;
    /// The region was split in two.
    pub const SPLIT: i64 = 2;
    /// Mask of the three results above.
    pub const RESULT_MASK: i64 = 3;
    /// More regions lie in the range: call again.
    pub const AGAIN: i64 = 4;
    /// The server has unmapped the pages itself.
    pub const UNMAPPED: i64 = 8;
}

/// One entry of [`op::GET_REGIONS`] and [`op::GET_AREAS`].
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Region {
    /// First address.
    pub start: u64,
    /// Last address.
    pub end: u64,
    /// Region flags.
    pub flags: u16,
}

const _: () = assert!(size_of::<Region>() == 24);
