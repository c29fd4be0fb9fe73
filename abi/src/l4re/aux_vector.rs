//! What stands on a new program's stack besides arguments and environment strings
//! (`libloader/include/loader`, `l4re/include/l4aux.h`, `l4re/include/elf_aux.h`, ELF's `AT_*`).
//!
//! From the stack pointer upwards, in words: argc; argv pointers; 0; envp pointers; 0; the auxiliary
//! vector of (type, value) pairs ended by [`NULL`]; then the pointed-to [`Env`](super::env::Env),
//! [`L4Aux`] and strings. The stack pointer is a multiple of 16.

/// End of the vector.
pub const NULL: u64 = 0;
/// Address of the program headers in memory.
pub const PHDR: u64 = 3;
/// Size of one program header.
pub const PHENT: u64 = 4;
/// Number of program headers.
pub const PHNUM: u64 = 5;
/// Page size in bytes.
pub const PAGESZ: u64 = 6;
/// Base address of the interpreter.
pub const BASE: u64 = 7;
/// Entry point of the program.
pub const ENTRY: u64 = 9;
/// User id, always 0.
pub const UID: u64 = 11;
/// Effective user id, always 0.
pub const EUID: u64 = 12;
/// Group id, always 0.
pub const GID: u64 = 13;
/// Effective group id, always 0.
pub const EGID: u64 = 14;
/// Address of [`L4Aux`].
pub const L4_AUX: u64 = 0xf0;
/// Address of [`Env`](super::env::Env).
pub const L4_ENV: u64 = 0xf1;
/// Address of the kernel info page in this address space.
pub const L4_KIP: u64 = 0xf2;

/// `l4re_aux_t`: what the loader tells the l4re image about the program to load.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct L4Aux {
    /// Address of the program's file name, a C string.
    pub binary: u64,
    /// Selector of the dataspace that holds the kernel info page.
    pub kip_ds: u64,
    /// Debug level of the l4re image.
    pub dbg_lvl: u64,
    /// [`ldr_flags`] for loading the program.
    pub ldr_flags: u64,
    /// Address at which the l4re image lies; `!0` when it is not relocated.
    pub ldr_base: u64,
}

const _: () = assert!(size_of::<L4Aux>() == 40);

/// Flags of the loader.
pub mod ldr_flags {
    /// Map all pages of the program at once.
    pub const EAGER_MAP: u64 = 1;
    /// Give each segment a private copy.
    pub const ALL_SEGS_COW: u64 = 2;
    /// Put the segments in pinned memory.
    pub const PINNED_SEGS: u64 = 4;
}

/// Type of the ELF program header that holds a program's wishes ([`elf_aux`]).
pub const PT_L4_AUX: u32 = 0x6000_0000 + 0x14;

/// Entries of the section `.rol4re_elf_aux`: words (type, length in bytes, value …).
pub mod elf_aux {
    /// End.
    pub const NONE: u64 = 0;
    /// Reserve the address range (start, end).
    pub const VMA: u64 = 1;
    /// Size of the stack in bytes.
    pub const STACK_SIZE: u64 = 2;
    /// Address of the stack.
    pub const STACK_ADDR: u64 = 3;
    /// Address for the kernel info page.
    pub const KIP_ADDR: u64 = 4;
    /// Flags for starting the thread.
    pub const EX_REGS_FLAGS: u64 = 5;
}

/// Default stack: size in bytes and address, for programs that do not ask (`libloader/include/elf`).
pub const DEFAULT_STACK_SIZE: u64 = 0x4_0000 * 8;
/// Address of the default stack.
pub const DEFAULT_STACK_ADDR: u64 = 0x8000_0000;
