//! Threads as virtual CPUs: what happens to one is a call of its handler, and it can run in another task.
//!
//! The handler starts with nothing but its [`Vcpu`], looks at what happened, and ends by [`Vcpu::resume`] or by waiting.
//! It runs with upcalls off, on the stack that it was given where the thread was in its user task, and on the stack that it
//! interrupted otherwise.
//!
//! ```no_run
//! use syscall::{Thread, abi::{exc_regs::PAGE_FAULT_TRAP, vcpu}, vcpu::{Register, Vcpu}};
//!
//! fn handler(vcpu: Vcpu) -> ! {
//!     let (trap, at) = (vcpu.register(Register::Trap), vcpu.register(Register::FaultAddress));
//!     syscall::println!("trap {trap}, address {at:#x}");
//!     vcpu.set_register(Register::Ip, vcpu.register(Register::Ip) + 2);
//!     panic!("could not resume: {}", vcpu.resume(&[]))
//! }
//!
//! let stack = vec![0; 16 * 1024].leak();
//! let vcpu = Vcpu::enable(Thread::main(), 0xb000_0000, stack, handler)?;
//! vcpu.state().state.insert(vcpu::EXCEPTIONS);
//! # Ok::<(), syscall::Error>(())
//! ```
#![allow(unsafe_code)] // the handler's first instructions, the state's address

use core::mem::offset_of;

use abi::exc_regs::ExcRegs;
use abi::vcpu::VcpuState;
use abi::{Flexpage, MapItem, PAGE_SHIFT, Rights};

use crate::{Cap, Error, Result, Task, Thread};

/// A virtual CPU of the program.
#[derive(Clone, Copy, Debug)]
pub struct Vcpu(&'static VcpuState);

macro_rules! registers {
    ($($(#[$doc:meta])* $name:ident: $field:ident),* $(,)?) => {
        /// A register in the state of a virtual CPU.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[repr(usize)]
        pub enum Register {
            $($(#[$doc])* $name = offset_of!(ExcRegs, $field) / size_of::<u64>()),*
        }
    };
}

registers! {
    /// Instruction pointer.
    Ip: ip,
    /// Stack pointer.
    Sp: sp,
    /// Flags.
    Flags: flags,
    /// First argument.
    Rdi: rdi,
    /// Second argument.
    Rsi: rsi,
    /// Result.
    Rax: rax,
    /// A register that calls preserve.
    Rbx: rbx,
    /// The selector of the code segment.
    Cs: cs,
    /// The selector of the stack segment.
    Ss: ss,
    /// What happened: the number of an exception, or [`abi::vcpu::MESSAGE_TRAP`].
    Trap: trapno,
    /// The exception's error code.
    ErrorCode: err,
    /// The address of a page fault.
    FaultAddress: pfa,
    /// Base of FS in the user task.
    FsBase: fs_base,
    /// Base of GS in the user task.
    GsBase: gs_base,
    /// The selectors DS, ES, FS and GS, from the lowest bits up.
    Segments: ds,
}

core::arch::global_asm!(
    ".pushsection .text.__vcpu_entry, \"ax\", @progbits",
    ".global __vcpu_entry",
    "__vcpu_entry:",
    "sub rsp, 128", // what the interrupted function may have below its stack pointer
    "and rsp, -16",
    "xor ebp, ebp",
    "call {enter}",
    "ud2",
    ".popsection",
    enter = sym enter,
);

unsafe extern "C" {
    fn __vcpu_entry();
}

extern "C" fn enter(state: &'static VcpuState) -> ! {
    // SAFETY: `enable` put a function of this type there.
    let handler: fn(Vcpu) -> ! = unsafe { core::mem::transmute(state.user_data[0].get() as *const ()) };
    handler(Vcpu(state))
}

impl Vcpu {
    /// Makes `thread`, of this program, a virtual CPU. A page of kernel-user memory for its state is added to the
    /// program's memory at `address`, where nothing else may be. Nothing makes upcalls yet.
    ///
    /// # Errors
    /// Those of [`add_ku_mem`](Cap::<Task>::add_ku_mem) and [`vcpu_control`](Cap::<Thread>::vcpu_control).
    pub fn enable(thread: Cap<Thread>, address: u64, stack: &'static mut [u8], handler: fn(Self) -> !) -> Result<Self> {
        Task::this().add_ku_mem(Flexpage::memory(address, PAGE_SHIFT, Rights::RW))?;
        thread.vcpu_control(address)?;
        // SAFETY: the kernel has just put memory there, which stays as long as the program does; the state has atomic
        // fields only.
        let state = unsafe { &*(address as *const VcpuState) };
        state.user_data[0].set(handler as usize as u64);
        state.entry_ip.set(__vcpu_entry as *const () as u64);
        state.entry_sp.set(stack.as_mut_ptr_range().end as u64);
        // Fiasco does not resume a thread without them.
        let vcpu = Self(state);
        vcpu.set_register(Register::Cs, state.user_cs64.get().into());
        vcpu.set_register(Register::Ss, state.user_ds32.get().into());
        Ok(vcpu)
    }

    /// The state.
    pub fn state(self) -> &'static VcpuState {
        self.0
    }

    /// A register as it was before the upcall.
    pub fn register(self, register: Register) -> u64 {
        self.0.registers[register as usize].get()
    }

    /// Sets a register to what resuming will make it.
    pub fn set_register(self, register: Register, value: u64) {
        self.0.registers[register as usize].set(value);
    }

    /// Goes on where the state says, after `items` were mapped to the user task. Only the virtual CPU's own thread can do
    /// this. Returns only what was wrong.
    pub fn resume(self, items: &[MapItem]) -> Error {
        Thread::vcpu_resume(items)
    }
}
