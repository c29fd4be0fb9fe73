//! IRQ objects (`l4sys/irq.h`).

/// Under [`crate::protocol::IRQ`]: trigger. Any opcode but the two others triggers, as does an empty message.
pub const OP_TRIGGER: u64 = 2;
/// Under [`crate::protocol::IRQ`]: unmask; with a receive phase, then wait.
pub const OP_EOI: u64 = 4;

/// Under [`crate::protocol::IRQ_SENDER`]: unbind from the thread.
pub const SENDER_OP_DETACH: u64 = 1;
/// Under [`crate::protocol::IRQ_SENDER`]: bind to a virtual CPU.
pub const SENDER_OP_BIND_VCPU: u64 = 2;
