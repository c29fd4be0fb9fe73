//! Platform control (`l4sys/platform_control.h`), under [`crate::protocol::PLATFORM_CONTROL`].

/// Suspends the machine.
pub const OP_SUSPEND: u64 = 0;
/// Switches the machine off; with 1 in word 1, restarts it.
pub const OP_SHUTDOWN: u64 = 1;
/// Allows a CPU to be switched off when it idles.
pub const OP_CPU_ALLOW_SHUTDOWN: u64 = 2;
/// Switches a CPU on.
pub const OP_CPU_ENABLE: u64 = 3;
/// Switches a CPU off.
pub const OP_CPU_DISABLE: u64 = 4;
