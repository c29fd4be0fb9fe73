//! What kind of fault an exception was, in words, and the exit code it ends a program with.
//!
//! Pure. Numbers of exceptions and bits of the error code are the processor's; the exit code is 128 plus
//! the POSIX signal that L4Re's `l4re_itas` raises for the exception.

use abi::exc_regs::{ExcRegs, PAGE_FAULT_TRAP};
use core::fmt;

/// What a thread was doing with an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Loading from it.
    Read,
    /// Storing to it.
    Write,
    /// Fetching an instruction from it.
    Execute,
}

impl Access {
    /// From the first word of a page-fault message: bit 1 is a write, bit 2 an instruction fetch.
    pub const fn from_page_fault(word: u64) -> Self {
        if word & 4 != 0 {
            Self::Execute
        } else if word & 2 != 0 {
            Self::Write
        } else {
            Self::Read
        }
    }

    /// The bits that [`from_page_fault`](Self::from_page_fault) reads.
    pub const fn page_fault_bits(self) -> u64 {
        match self {
            Self::Read => 0,
            Self::Write => 2,
            Self::Execute => 4,
        }
    }

    /// From the processor's error code of a page fault.
    pub const fn from_error_code(code: u64) -> Self {
        if code & 0x10 != 0 {
            Self::Execute
        } else if code & 2 != 0 {
            Self::Write
        } else {
            Self::Read
        }
    }
}

/// What is at the address of a page fault, as the region mapper knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Nothing.
    Nothing,
    /// A guard page or the page below a stack.
    StackGuard,
    /// A region that does not allow the access.
    Forbidden,
    /// A region whose memory could not be had.
    NoMemory,
}

/// The cause of an exception.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// A page fault that could not be resolved.
    Page {
        /// What was tried.
        access: Access,
        /// Where.
        address: u64,
        /// What is there.
        place: Place,
    },
    /// Another exception.
    Trap {
        /// The processor's number.
        number: u64,
    },
}

/// Addresses below this are taken for a null pointer with an offset.
pub const NULL_END: u64 = 0x1_0000;

impl Cause {
    /// The cause of the exception with these registers; `place` is asked only for page faults.
    pub fn new(registers: &ExcRegs, place: impl FnOnce(u64, Access) -> Place) -> Self {
        if registers.trapno != PAGE_FAULT_TRAP {
            return Self::Trap { number: registers.trapno };
        }
        let (address, access) = (registers.pfa, Access::from_error_code(registers.err));
        Self::Page { access, address, place: place(address, access) }
    }

    /// The exit code of the program.
    pub const fn exit_code(&self) -> u64 {
        const SIGILL: u64 = 4;
        const SIGTRAP: u64 = 5;
        const SIGBUS: u64 = 7;
        const SIGFPE: u64 = 8;
        const SIGSEGV: u64 = 11;
        128 + match self {
            Self::Page { .. } => SIGSEGV,
            Self::Trap { number } => match number {
                0 | 16 | 19 => SIGFPE,
                1 | 3 => SIGTRAP,
                6 => SIGILL,
                11 | 12 | 17 => SIGBUS,
                _ => SIGSEGV,
            },
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Page { access, address, place } => {
                let action = match access {
                    Access::Read => "reads",
                    Access::Write => "writes",
                    Access::Execute => "jumps to",
                };
                if place == Place::StackGuard {
                    return write!(f, "stack overflow: it {action} address {address:#x} below its stack");
                }
                write!(f, "page fault: it {action} address {address:#x}")?;
                match place {
                    Place::Forbidden => f.write_str(match access {
                        Access::Read => ", which is not readable",
                        Access::Write => ", which is read-only",
                        Access::Execute => ", which is data, not code",
                    }),
                    Place::NoMemory => f.write_str(", for which there is no memory left"),
                    _ if address < NULL_END => f.write_str(" (null pointer), where nothing is mapped"),
                    _ => f.write_str(", where nothing is mapped"),
                }
            }
            Self::Trap { number } => f.write_str(match number {
                0 => "division by zero, or a quotient that does not fit",
                1 => "debug exception (single step or breakpoint register)",
                3 => "breakpoint instruction",
                4 => "overflow trap (into)",
                5 => "bound range exceeded",
                6 => "invalid opcode (ud2 is how compiled code stops on purpose)",
                7 => "floating point unit not available",
                8 => "double fault",
                10..=12 => "segment fault",
                13 => "general protection fault: privileged instruction, or an address that is no address",
                16 => "x87 floating point exception",
                17 => "unaligned access",
                18 => "machine check",
                19 => "SSE floating point exception",
                _ => return write!(f, "exception {number}"),
            }),
        }
    }
}
