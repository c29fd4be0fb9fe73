//! Name space: a directory of capabilities (`l4re/include/namespace`). Served by moe and ned.

/// Opcodes of protocol [`PROTO_NAMESPACE`](super::PROTO_NAMESPACE).
pub mod op {
    use crate::l4re::Opcode;
    /// in: name (array of bytes, without terminator), a one-capability receive buffer. out: the
    /// capability as item; where the return value has
    /// [`PARTLY_RESOLVED`](super::PARTLY_RESOLVED), an opcode (4 bytes, to be ignored) and the rest
    /// of the name, to be asked of the capability, which is another name space.
    pub const QUERY: Opcode = 0;
    /// in: flags u32, name (array of bytes); item: the capability (absent for a placeholder).
    pub const REGISTER: Opcode = 1;
    /// in: name (array of bytes). Number 2 was the link operation.
    pub const UNLINK: Opcode = 3;
}

/// Flags of an entry: the low ones are the rights that a query hands out at most.
pub mod flags {
    /// Read right.
    pub const RO: u32 = 0x4;
    /// Read and write rights.
    pub const RW: u32 = 0x5;
    /// Read and special (strong) rights.
    pub const RS: u32 = 0x6;
    /// Read, write and special rights.
    pub const RWS: u32 = 0x7;
    /// The special right.
    pub const STRONG: u32 = 0x2;
    /// The entry was made by a trusted party.
    pub const TRUSTED: u32 = 0x8;
    /// All flags that concern rights.
    pub const CAP_MASK: u32 = 0xf;
    /// Enter a link.
    pub const LINK: u32 = 0x100;
    /// Replace an entry of that name.
    pub const OVERWRITE: u32 = 0x200;
}

/// Flag in the return value of a query: the capability is a name space to ask further.
pub const PARTLY_RESOLVED: i64 = 0x20;
