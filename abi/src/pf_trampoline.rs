//! Page-fault trampolines (`l4sys/pf_trampoline.h`, `arch/pf_trampoline.h`): a thread handles its page faults itself,
//! without a message. L4Re's service code in each task does.

use crate::exc_regs::ExcRegs;
use crate::shared::SharedWord;
use core::mem::offset_of;

/// [`PfTrampoline::flags`]: the handler runs; the thread must not be interfered with.
pub const IN_PROGRESS: u64 = 1;
/// [`PfTrampoline::flags`]: an exception is to be raised as soon as the handler has resumed the thread.
pub const TRIGGER_EXCEPTION: u64 = 2;

/// How many registers are saved: all but the segments'.
pub const REGISTERS: usize = offset_of!(ExcRegs, fs_base) / size_of::<u64>();

/// What a thread with a trampoline shares with the kernel (`l4_pf_trampoline_t`), in kernel-user memory.
#[derive(Default, Debug)]
#[repr(C)]
pub struct PfTrampoline {
    /// The handler. It gets the state's address in rdi, and what the pager would get as first word in rsi.
    pub handler_ip: SharedWord,
    /// For the program.
    pub user_data: [SharedWord; 2],
    /// The first message register as it was; it is put back.
    pub saved_mr0: SharedWord,
    /// [`IN_PROGRESS`], [`TRIGGER_EXCEPTION`].
    pub flags: SharedWord,
    /// The registers at the page fault, in the order of [`ExcRegs`].
    pub registers: [SharedWord; REGISTERS],
}

const _: () = assert!(REGISTERS == 23 && size_of::<PfTrampoline>() == 224);
