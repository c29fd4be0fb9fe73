//! Protocol numbers, carried in the label of a message tag (`l4sys/types.h`).

/// No protocol; also the label of a successful reply of a kernel object.
pub const NONE: i64 = 0;
/// Reply to an alien's exception: let it do its system call.
pub const ALLOW_SYSCALL: i64 = 1;
/// Reply to a page fault: raise an exception instead.
pub const PAGE_FAULT_EXCEPTION: i64 = 1;
/// Interrupts.
pub const IRQ: i64 = -1;
/// Page faults, from the kernel to a pager.
pub const PAGE_FAULT: i64 = -2;
/// Exceptions, from the kernel to an exception handler.
pub const EXCEPTION: i64 = -5;
/// The root pager's protocol.
pub const SIGMA0: i64 = -6;
/// Faults on I/O ports.
pub const IO_PAGE_FAULT: i64 = -8;
/// Thread groups.
pub const THREAD_GROUP: i64 = -9;
/// What every kernel object understands, and binding of receive endpoints.
pub const KOBJECT: i64 = -10;
/// Tasks.
pub const TASK: i64 = -11;
/// Threads.
pub const THREAD: i64 = -12;
/// Logs and virtual consoles.
pub const LOG: i64 = -13;
/// Schedulers.
pub const SCHEDULER: i64 = -14;
/// Factories.
pub const FACTORY: i64 = -15;
/// Virtual machines.
pub const VM: i64 = -16;
/// DMA spaces.
pub const DMA_SPACE: i64 = -17;
/// Interrupt senders (IRQ objects that send IPC).
pub const IRQ_SENDER: i64 = -18;
/// Semaphores.
pub const SEMAPHORE: i64 = -20;
/// Questions about the protocols that an object speaks.
pub const META: i64 = -21;
/// IOMMUs.
pub const IOMMU: i64 = -22;
/// The kernel debugger.
pub const DEBUGGER: i64 = -23;
/// Arm secure monitor calls.
pub const SMCCC: i64 = -24;
/// Hardware virtual CPU contexts.
pub const VCPU_CONTEXT: i64 = -25;
/// Platform control (`l4sys/platform_control.h`): shares its number with [`NONE`].
pub const PLATFORM_CONTROL: i64 = 0;
