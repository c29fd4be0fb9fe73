//! Virtual consoles and logs (`l4sys/vcon.h`), under [`crate::protocol::LOG`].

/// Word 1: number of bytes, which follow. No reply.
pub const OP_WRITE: u64 = 0;
/// Bits 16 to 31 of the first word: bytes wanted. Reply: status and number of bytes, then the bytes.
pub const OP_READ: u64 = 1;
/// Words 1 to 3: input, output and local flags.
pub const OP_SET_ATTR: u64 = 2;
/// Reply: word 1 to 3 as above.
pub const OP_GET_ATTR: u64 = 3;
/// The bits of the first word that hold the opcode.
pub const OPCODE_MASK: u64 = 0xffff;

/// Most bytes of a write.
pub const WRITE_SIZE: usize = (crate::utcb::MESSAGE_REGISTERS - 2) * 8;
/// Most bytes of a read.
pub const READ_SIZE: usize = (crate::utcb::MESSAGE_REGISTERS - 1) * 8;

/// Status of a read: the bits that hold the number of bytes.
pub const READ_SIZE_MASK: u64 = 0x3fff_ffff;
/// Status of a read: a break was received.
pub const READ_STAT_BREAK: u64 = 1 << 30;
/// Status of a read: there is no more input now.
pub const READ_STAT_DONE: u64 = 1 << 31;

/// Input flag: translate NL to CR.
pub const INLCR: u64 = 0o100;
/// Input flag: ignore CR.
pub const IGNCR: u64 = 0o200;
/// Input flag: translate CR to NL.
pub const ICRNL: u64 = 0o400;
/// Output flag: translate NL to CR NL.
pub const ONLCR: u64 = 0o4;
/// Output flag: translate CR to NL.
pub const OCRNL: u64 = 0o10;
/// Output flag: no CR is put out.
pub const ONLRET: u64 = 0o40;
/// Local flag: canonical mode.
pub const ICANON: u64 = 0o2;
/// Local flag: echo input.
pub const ECHO: u64 = 0o10;
