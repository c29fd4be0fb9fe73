//! Semaphores (`l4sys/semaphore.h`). Up is a trigger ([`crate::irq::OP_TRIGGER`]).

/// Under [`crate::protocol::SEMAPHORE`]: down, waiting as long as the receive timeout says.
pub const OP_DOWN: u64 = 0;
