//! The one system call and the way to a thread's own UTCB: the only instructions of the user side
//! that depend on the binary interface (`l4sys/include/ARCH-amd64/arch/{ipc,utcb}.h`).
//!
//! ```no_run
//! use syscall::{abi::{CapIndex, Tag, Timeouts, ipc::Operation, protocol}, arch};
//!
//! // Up on the semaphore in slot 0x20: a send without words.
//! let tag = Tag::new(protocol::IRQ, 0, 0, 0);
//! let (result, _) = arch::invoke(CapIndex::new(0x20), Operation::SEND, 0, tag, Timeouts::ZERO);
//! assert!(!result.has_error());
//! ```
#![allow(unsafe_code)] // the system-call instruction and raw access to the UTCB

use abi::{CapIndex, Tag, Timeouts, Utcb, ipc::Operation};

/// Invokes the capability `destination` and returns the received tag and label.
///
/// The message is in the caller's UTCB, which the kernel overwrites with what is received. What an
/// invocation can do to this address space (unmap it, for instance) lies outside Rust's model of
/// memory, as does a debugger's write; it is bounded by the capabilities that the task holds.
#[inline(always)]
pub fn invoke(destination: CapIndex, operation: Operation, label: u64, tag: Tag, timeouts: Timeouts) -> (Tag, u64) {
    let (received_tag, received_label): (u64, u64);
    // SAFETY: the registers are those that the interface names, all clobbered ones are declared, and
    // memory is assumed to change (no `nomem`), so that UTCB accesses stay on their side.
    unsafe {
        core::arch::asm!(
            "syscall",
            inlateout("rax") tag.raw() => received_tag,
            inlateout("rdx") destination.raw() | operation.bits() => _,
            inlateout("rsi") label => received_label,
            lateout("rdi") _,
            in("r8") timeouts.raw() as u64,
            lateout("rcx") _,
            lateout("r11") _,
            lateout("r15") _,
            options(nostack),
        );
    }
    (Tag::from_raw(received_tag), received_label)
}

/// The calling thread's UTCB. Not to be handed to another thread.
#[derive(Clone, Copy)]
pub struct UtcbRef(*mut Utcb);

/// The calling thread's UTCB, found at `gs:0`.
#[inline(always)]
pub fn utcb() -> UtcbRef {
    let address: *mut Utcb;
    // SAFETY: the kernel keeps the GS base of every thread at a word that holds its UTCB's address.
    unsafe {
        core::arch::asm!("mov {}, gs:[0]", out(reg) address, options(pure, nomem, nostack, preserves_flags));
    }
    UtcbRef(address)
}

macro_rules! register {
    ($(#[$doc:meta])* $get:ident, $set:ident, $field:ident [$count:expr]) => {
        $(#[$doc])*
        ///
        /// # Panics
        /// If there is no such register.
        #[inline(always)]
        pub fn $get(self, index: usize) -> u64 {
            assert!(index < $count);
            // SAFETY: the index is checked; the UTCB is mapped as long as its thread runs, and only
            // this thread and, during its system calls, the kernel touch it.
            unsafe { (&raw const (*self.0).$field).cast::<u64>().add(index).read() }
        }

        /// Sets that register.
        ///
        /// # Panics
        /// If there is no such register.
        #[inline(always)]
        pub fn $set(self, index: usize, value: u64) {
            assert!(index < $count);
            // SAFETY: as above.
            unsafe { (&raw mut (*self.0).$field).cast::<u64>().add(index).write(value) }
        }
    };
}

impl UtcbRef {
    register! {
        /// Message register `index`.
        mr, set_mr, mr[abi::utcb::MESSAGE_REGISTERS]
    }
    register! {
        /// Buffer register `index`.
        br, set_br, br[abi::utcb::BUFFER_REGISTERS]
    }
    register! {
        /// Register `index` of the three that are the program's own.
        user, set_user, user[3]
    }

    /// The buffer descriptor.
    #[inline(always)]
    pub fn bdr(self) -> u64 {
        // SAFETY: as for the registers.
        unsafe { (&raw const (*self.0).bdr).read() }
    }

    /// Sets the buffer descriptor.
    #[inline(always)]
    pub fn set_bdr(self, value: u64) {
        // SAFETY: as for the registers.
        unsafe { (&raw mut (*self.0).bdr).write(value) }
    }

    /// The error code of the last IPC that failed.
    #[inline(always)]
    pub fn error(self) -> u64 {
        // SAFETY: as for the registers.
        unsafe { (&raw const (*self.0).error).read() }
    }

    /// Runs `work`, which may do IPC, so that message and buffer registers are afterwards as before.
    pub fn preserved<T>(self, work: impl FnOnce() -> T) -> T {
        // SAFETY: as for the registers; the copies are of plain numbers.
        let (messages, descriptor, buffers) = unsafe {
            ((&raw const (*self.0).mr).read(), (&raw const (*self.0).bdr).read(), (&raw const (*self.0).br).read())
        };
        let result = work();
        // SAFETY: as above.
        unsafe {
            (&raw mut (*self.0).mr).write(messages);
            (&raw mut (*self.0).bdr).write(descriptor);
            (&raw mut (*self.0).br).write(buffers);
        }
        result
    }

    /// Address of the UTCB.
    pub fn address(self) -> u64 {
        self.0 as u64
    }
}
