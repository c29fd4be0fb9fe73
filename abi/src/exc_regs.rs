//! The registers of an exception message (`arch/utcb.h`, `l4_exc_regs_t`).

/// A thread's state in the message registers of an exception IPC, in both directions.
#[derive(Clone, Copy, Default, Debug)]
#[repr(C)]
#[allow(missing_docs)] // the registers' own names
pub struct ExcRegs {
    pub r15: u64,
    pub r14: u64,
    pub r13: u64,
    pub r12: u64,
    pub r11: u64,
    pub r10: u64,
    pub r9: u64,
    pub r8: u64,
    pub rdi: u64,
    pub rsi: u64,
    pub rbp: u64,
    /// Address of a page fault.
    pub pfa: u64,
    pub rbx: u64,
    pub rdx: u64,
    pub rcx: u64,
    pub rax: u64,
    /// Number of the exception; [`EX_REGS_TRAP`] for one that `ex_regs` raised.
    pub trapno: u64,
    /// The processor's error code.
    pub err: u64,
    pub ip: u64,
    /// Code segment; ignored on the way back.
    pub cs: u64,
    pub flags: u64,
    pub sp: u64,
    pub ss: u64,
    pub fs_base: u64,
    pub gs_base: u64,
    pub ds: u16,
    pub es: u16,
    pub fs: u16,
    pub gs: u16,
}

/// Message words of an exception message.
pub const WORDS: usize = size_of::<ExcRegs>() / 8;
/// The trap number of an exception raised by `ex_regs` (`l4_utcb_exc_is_ex_regs_exception`).
pub const EX_REGS_TRAP: u64 = 0xff;
/// The trap number of a page fault.
pub const PAGE_FAULT_TRAP: u64 = 14;
/// The trap number of a system call that is reported: one of an alien, or of a virtual CPU in user mode.
pub const SYSTEM_CALL_TRAP: u64 = 0xfd;
/// Error code of [`SYSTEM_CALL_TRAP`]: the call is to come, and the instruction pointer is at it.
pub const SYSTEM_CALL_TO_COME: u64 = 0;
/// Error code of [`SYSTEM_CALL_TRAP`]: the call was done.
pub const SYSTEM_CALL_DONE: u64 = 1;

const _: () = {
    assert!(WORDS == 26);
    assert!(core::mem::offset_of!(ExcRegs, ip) == 18 * 8);
};
