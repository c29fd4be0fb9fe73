//! Virtual CPUs (`l4sys/vcpu.h`, `__vcpu-arch.h`): what a thread in vCPU mode shares with the kernel.
//!
//! The thread has two modes: *kernel*, in its own task, and *user*, in another one. What happens to it (a message,
//! a page fault, an exception) makes the kernel save its registers in [`VcpuState::registers`], enter kernel mode, and
//! call [`VcpuState::entry_ip`] with the state's address in rdi: an upcall. [`crate::thread::OP_VCPU_RESUME`] goes back.

use crate::exc_regs;
use crate::shared::{SharedBits, SharedWord};
use core::mem::offset_of;

/// What the kernel writes to [`VcpuState::version`] (`L4_VCPU_STATE_VERSION`).
pub const VERSION: u64 = 0x26;

/// [`VcpuState::state`]: messages and interrupts make upcalls.
pub const IRQ: u16 = 0x01;
/// [`VcpuState::state`]: page faults make upcalls; otherwise they go to the pager.
pub const PAGE_FAULTS: u16 = 0x02;
/// [`VcpuState::state`]: exceptions make upcalls; otherwise they go to the exception handler.
pub const EXCEPTIONS: u16 = 0x04;
/// [`VcpuState::state`]: the thread runs in the user task.
pub const USER_MODE: u16 = 0x20;
/// [`VcpuState::state`]: the user task may use the FPU; otherwise that is an exception.
pub const FPU_ENABLED: u16 = 0x80;

/// [`VcpuState::sticky_flags`]: somebody waits to send to the thread.
pub const IRQ_PENDING: u16 = 0x01;

/// Trap number of an upcall for a message, which stands in the UTCB and in [`VcpuState::ipc`].
pub const MESSAGE_TRAP: u64 = 0xfe;

/// [`VcpuState::user_task`]: set by the kernel once it has taken the capability over.
pub const USER_TASK_TAKEN: u64 = 1;
/// [`VcpuState::user_task`], in a selector that names no capability: give the user task up.
pub const USER_TASK_RELEASE: u64 = 8;

/// The state (`l4_vcpu_state_t`). Programs place it in kernel-user memory.
#[derive(Default, Debug)]
#[repr(C)]
pub struct VcpuState {
    /// Set by the kernel to [`VERSION`].
    pub version: SharedWord,
    /// For the program.
    pub user_data: [SharedWord; 7],
    /// Registers, in the order of [`exc_regs::ExcRegs`] (whose `offset_of!` over 8 is the index): as they were before
    /// the upcall, and as resuming will set them.
    pub registers: [SharedWord; exc_regs::WORDS],
    /// What a system call would have returned for the message of an upcall.
    pub ipc: VcpuIpc,
    /// What makes upcalls now, and the mode.
    pub state: SharedBits,
    /// [`state`](Self::state) before the upcall, and what resuming will make it.
    pub saved_state: SharedBits,
    /// What must not be missed: [`IRQ_PENDING`].
    pub sticky_flags: SharedBits,
    reserved: SharedBits,
    /// Capability selector of the user task.
    pub user_task: SharedWord,
    /// Stack pointer of upcalls from user mode; one from kernel mode goes on on the interrupted stack.
    pub entry_sp: SharedWord,
    /// Where upcalls go.
    pub entry_ip: SharedWord,
    /// The stack pointer of the last upcall.
    pub reserved_sp: SharedWord,
    /// Base of FS in kernel mode.
    pub host_fs_base: SharedWord,
    /// Base of GS in kernel mode.
    pub host_gs_base: SharedWord,
    /// The selectors DS, ES, FS and GS in kernel mode.
    pub host_segments: [SharedBits; 4],
    /// Selector of the data segment of programs.
    pub user_ds32: SharedBits,
    /// Selector of their code segment.
    pub user_cs64: SharedBits,
    /// Selector of their 32-bit code segment.
    pub user_cs32: SharedBits,
}

/// A message's tag and label (`l4_vcpu_ipc_regs_t`).
#[derive(Default, Debug)]
#[repr(C)]
pub struct VcpuIpc {
    reserved: SharedWord,
    /// The label.
    pub label: SharedWord,
    reserved2: [SharedWord; 5],
    /// The tag.
    pub tag: SharedWord,
}

const _: () = {
    assert!(offset_of!(VcpuState, registers) == 0x40);
    assert!(offset_of!(VcpuState, ipc) == 0x110);
    assert!(offset_of!(VcpuState, state) == 0x150);
    assert!(offset_of!(VcpuState, user_task) == 0x158);
    assert!(offset_of!(VcpuState, host_fs_base) == 0x178);
    assert!(offset_of!(VcpuState, user_cs32) == 0x194);
    assert!(size_of::<VcpuState>() == 0x198);
};
