//! Everything that can end the boot in bootstrap: each failure says what is wrong and what to do.
//!
//! The binary prints the text after the word `bootstrap:` on screen and serial line, and halts.

use core::{fmt, ops::Range};

/// Why bootstrap cannot go on. `Display` is one sentence: what failed, then what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure<'a> {
    /// The boot loader's information makes no sense; the text names the part.
    LoaderInformation(&'static str),
    /// What lies behind bootstrap in a single image is damaged.
    Contents,
    /// More modules than [`MAX_MODULES`](crate::information::MAX_MODULES).
    TooManyModules,
    /// The command lines together are too long.
    TextTooLong,
    /// The memory map names no RAM that bootstrap can use.
    NoMemory,
    /// One of the first three modules is not the one that must stand there.
    WrongModule {
        /// The line that must be there, as in menu.lst.
        expected: &'static str,
        /// Position in the menu, from 1.
        position: usize,
        /// Name of the module that stands there; `None` if the menu ends before.
        found: Option<&'a str>,
    },
    /// A module that must be somewhere in the menu is not.
    MissingModule {
        /// Its name.
        name: &'a str,
        /// What it is for.
        purpose: &'static str,
    },
    /// The ELF file of a module is no good.
    Elf {
        /// The module's name.
        module: &'a str,
        /// What is wrong.
        error: furore_elf::Error,
    },
    /// A compressed module is damaged.
    Gzip {
        /// The module's name.
        module: &'a str,
        /// What is wrong.
        error: crate::gzip::Error,
    },
    /// The kernel is position independent, or another image does not lie where it is allowed to.
    NotFixed {
        /// The module's name.
        module: &'a str,
    },
    /// An image asks for physical memory that is no RAM though RAM lies above.
    NotRam {
        /// The module's name.
        module: &'a str,
        /// What it asks for.
        range: Range<u64>,
    },
    /// The option `-modaddr=` names a place where the modules cannot go.
    ModuleAddress {
        /// Where they would lie.
        range: Range<u64>,
    },
    /// Two things want the same memory.
    Overlap {
        /// The module's name.
        module: &'a str,
        /// What it asks for.
        range: Range<u64>,
        /// Who has it.
        other: &'a str,
        /// What that one has.
        other_range: Range<u64>,
    },
    /// The machine has too little memory; sizes in bytes.
    TooLittleMemory {
        /// The least that this menu needs.
        needed: u64,
        /// What the machine has.
        available: u64,
    },
    /// Memory is so fragmented that more than the KIP's room for descriptors would be needed.
    TooManyRegions,
}

impl fmt::Display for Failure<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LoaderInformation(what) => {
                write!(f, "the boot loader handed on {what}: start bootstrap with GRUB or QEMU's -kernel")
            }
            Self::Contents => {
                write!(f, "the modules in this image are damaged: write it again (make image) and copy it anew")
            }
            Self::TooManyModules => {
                write!(f, "the menu has more than {} modules: remove some", crate::information::MAX_MODULES)
            }
            Self::TextTooLong => {
                write!(
                    f,
                    "the command lines are longer than {} bytes together: shorten them",
                    crate::information::MAX_TEXT
                )
            }
            Self::NoMemory => {
                write!(f, "the boot loader's memory map names no usable RAM: start with GRUB or QEMU's -kernel")
            }
            Self::WrongModule { expected, position, found } => {
                write!(f, "the module {expected} is missing: ")?;
                match found {
                    Some(found) => write!(f, "boot module {position} is \"{found}\"; ")?,
                    None => write!(f, "the menu ends before boot module {position}; ")?,
                }
                write!(
                    f,
                    "add the line \"module /{expected}\" (the first three are kernel, sigma0, moe, in this order)"
                )
            }
            Self::MissingModule { name, purpose } => {
                write!(
                    f,
                    "the module {name} ({purpose}) is missing: add the line \"module /{name}\" to the menu; if it is \
                     there, the boot loader had no room for it, and the machine needs more memory"
                )
            }
            Self::Elf { module, error } => write!(f, "module \"{module}\" {error}"),
            Self::Gzip { module, error } => write!(
                f,
                "module \"{module}\" is a damaged gzip file: {error}; compress it again (gzip -9), or load it as it was before"
            ),
            Self::NotFixed { module } => {
                write!(
                    f,
                    "module \"{module}\" is position independent, the kernel must not be: link it to fixed addresses"
                )
            }
            Self::NotRam { module, range } => write!(
                f,
                "module \"{module}\" wants {:#x}..{:#x}, where this machine has no RAM: link it to other addresses",
                range.start, range.end
            ),
            Self::ModuleAddress { range } => write!(
                f,
                "-modaddr= puts the modules at {:#x}..{:#x}, which is not free RAM below 4 GiB: name another address, or leave it out",
                range.start, range.end
            ),
            Self::Overlap { module, range, other, other_range } => write!(
                f,
                "module \"{module}\" wants {:#x}..{:#x}, which overlaps {other} at {:#x}..{:#x}: link it to other addresses",
                range.start, range.end, other_range.start, other_range.end
            ),
            Self::TooLittleMemory { needed, available } => write!(
                f,
                "too little memory: this menu needs at least {} KiB, the machine has {} KiB; \
                 give it more (QEMU: -m {}) or remove modules",
                needed.div_ceil(1024),
                available / 1024,
                needed.div_ceil(1 << 20).next_power_of_two()
            ),
            Self::TooManyRegions => {
                write!(f, "memory is in too many pieces for the kernel info page: report this machine's memory map")
            }
        }
    }
}
