//! Parent: how a program tells whoever started it that it ends (`l4re/include/parent`).

/// Opcode of protocol [`PROTO_PARENT`](super::PROTO_PARENT): in: signal u64, value u64. The call does
/// not return when the signal is [`SIGNAL_EXIT`], since the parent destroys the task.
pub const OP_SIGNAL: super::Opcode = 0;

/// The signal that means: this program has ended; the value is its exit code.
pub const SIGNAL_EXIT: u64 = 0;

/// A signal that Furore's own service code sends and Furore's own parents understand (for L4Re's, every signal but
/// [`SIGNAL_EXIT`] is without meaning): the value is for how many seconds the program has done nothing that anybody could
/// notice since it was started.
pub const SIGNAL_SILENT: u64 = 0x5349_4c45;
