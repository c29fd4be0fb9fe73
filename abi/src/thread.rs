//! Thread objects (`l4sys/thread.h`), under [`crate::protocol::THREAD`].

/// Sets pager, exception handler, task and UTCB; see the `CONTROL_*` numbers.
pub const OP_CONTROL: u64 = 0;
/// Exchanges instruction and stack pointer; flags from bit 16 on.
pub const OP_EX_REGS: u64 = 1;
/// Lets the thread run in place of the caller.
pub const OP_SWITCH: u64 = 2;
/// The CPU time that the thread has consumed, in microseconds.
pub const OP_STATS: u64 = 3;
/// Resumes a virtual CPU: items that are mapped to its user task first.
pub const OP_VCPU_RESUME: u64 = 4;
/// Sets the IRQ that is triggered when a gate bound to the thread is deleted.
pub const OP_REGISTER_DELETE_IRQ: u64 = 5;
/// Rewrites the labels of messages that wait for the thread.
pub const OP_MODIFY_SENDER: u64 = 6;
/// Turns the thread into a virtual CPU, with its state at this address.
pub const OP_VCPU_CONTROL: u64 = 7;
/// Sets the IRQ that is triggered when a message comes for a virtual CPU with interrupts disabled.
pub const OP_REGISTER_DOORBELL_IRQ: u64 = 8;
/// Page-fault trampoline: what to do stands in the bits from 16 on, the `PF_TRAMPOLINE_*` numbers.
pub const OP_PF_TRAMPOLINE: u64 = 9;
/// Sets the thread's own descriptors in the global descriptor table, from the second word's on; the answer's label is the
/// selector of the first. Without further words, answers with the place of the first of them in the table.
pub const OP_GDT: u64 = 0x10;
/// Sets the base of FS or GS: the segment in bits 16 to 31, the base in the second word.
pub const OP_SET_SEGMENT_BASE: u64 = 0x12;
/// The selectors of the user's data and code segments.
pub const OP_SEGMENT_INFO: u64 = 0x13;
/// The bits of the first word that hold the opcode.
pub const OPCODE_MASK: u64 = 0xffff;

/// [`OP_CONTROL`]: set the pager.
pub const CONTROL_SET_PAGER: u64 = 0x001_0000;
/// [`OP_CONTROL`]: bind to a task and a UTCB.
pub const CONTROL_BIND_TASK: u64 = 0x020_0000;
/// [`OP_CONTROL`]: make the thread an alien, or no alien.
pub const CONTROL_ALIEN: u64 = 0x040_0000;
/// [`OP_CONTROL`]: set the exception handler.
pub const CONTROL_SET_EXC_HANDLER: u64 = 0x100_0000;

/// [`OP_CONTROL`]: message register of opcode and flags.
pub const CONTROL_MR_FLAGS: usize = 0;
/// [`OP_CONTROL`]: message register of the pager's selector; the reply holds the old one.
pub const CONTROL_MR_PAGER: usize = 1;
/// [`OP_CONTROL`]: message register of the exception handler's selector.
pub const CONTROL_MR_EXC_HANDLER: usize = 2;
/// [`OP_CONTROL`]: message register of the flags' values.
pub const CONTROL_MR_FLAG_VALUES: usize = 4;
/// [`OP_CONTROL`]: message register of the UTCB's address.
pub const CONTROL_MR_BIND_UTCB: usize = 5;
/// [`OP_CONTROL`]: message register of the item with the task.
pub const CONTROL_MR_BIND_TASK: usize = 6;

/// [`OP_EX_REGS`]: cancel an IPC in progress.
pub const EX_REGS_CANCEL: u64 = 0x1_0000;
/// [`OP_EX_REGS`]: raise an exception in the thread.
pub const EX_REGS_TRIGGER_EXCEPTION: u64 = 0x2_0000;

/// [`OP_VCPU_CONTROL`]: a virtual CPU of the processor's hardware virtualisation.
pub const VCPU_CONTROL_EXTENDED: u64 = 0x1_0000;

/// [`OP_PF_TRAMPOLINE`]: the state lies at this address; switches the trampoline on.
pub const PF_TRAMPOLINE_SETUP: u64 = 0;
/// [`OP_PF_TRAMPOLINE`]: ends the calling thread's handler; the instruction that faulted is executed again.
pub const PF_TRAMPOLINE_RESUME: u64 = 0x1_0000;
/// [`OP_PF_TRAMPOLINE`]: ends the calling thread's handler; the fault becomes an exception.
pub const PF_TRAMPOLINE_REFLECT: u64 = 0x2_0000;
/// [`OP_PF_TRAMPOLINE`]: switches the trampoline off; the answer says whether it was on.
pub const PF_TRAMPOLINE_DISABLE: u64 = 0x3_0000;
/// [`OP_PF_TRAMPOLINE`]: switches it on again.
pub const PF_TRAMPOLINE_ENABLE: u64 = 0x4_0000;

/// [`OP_SET_SEGMENT_BASE`]: the FS segment.
pub const SEGMENT_FS: u64 = 0;
/// [`OP_SET_SEGMENT_BASE`]: the GS segment.
pub const SEGMENT_GS: u64 = 1;
