//! DMA space: device addresses of dataspaces (`l4re/include/dma_space`). Numbers only: no server of
//! Furore offers it yet; moe answers requests to make one with an error that says so.

/// Opcodes of protocol [`PROTO_DMA_SPACE`](super::PROTO_DMA_SPACE).
pub mod op {
    use crate::l4re::Opcode;
    /// in: offset u64, size u64, align (log2) u8, attributes u32, address u64, highest address u64;
    /// item: dataspace. out: size u64, address u64.
    pub const MAP: Opcode = 0;
    /// in: address u64, size u64, flags u32.
    pub const UNMAP: Opcode = 1;
}

/// Attribute of map: search for a free device address.
pub const SEARCH_ADDR: u32 = 1;
/// Attribute of map: less than the whole may be mapped.
pub const PARTIAL_MAP: u32 = 2;
/// Attribute of map: only reserve the range.
pub const RESERVE: u32 = 4;
/// Attribute of map: replace what was mapped.
pub const REPLACE: u32 = 8;
