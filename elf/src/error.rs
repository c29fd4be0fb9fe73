//! What can be wrong with an ELF file, and what its owner should do about it.
//!
//! The texts complete the sentence "module NAME …", so that every loader can put its own name first.

use core::fmt;

/// Why a file cannot be loaded. `Display` says what is wrong and what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// There is nothing in the file.
    Empty,
    /// The file does not begin with ELF's four magic bytes.
    NotElf {
        /// What it begins with instead; zeros where it is shorter.
        begins: [u8; 4],
    },
    /// The file is shorter than its headers say; sizes in bytes.
    Truncated {
        /// The least size that its headers ask for.
        needed: u64,
        /// The size it has.
        size: u64,
    },
    /// `ELFCLASS32`.
    ThirtyTwoBit,
    /// `ELFDATA2MSB`.
    BigEndian,
    /// Made for another processor.
    WrongMachine {
        /// `e_machine` as found.
        machine: u16,
    },
    /// Neither `ET_EXEC` nor `ET_DYN`.
    WrongType {
        /// `e_type` as found.
        e_type: u16,
    },
    /// The file asks for a dynamic linker (`PT_INTERP`).
    NeedsInterpreter,
    /// No load segment has any size.
    NothingToLoad,
    /// More than [`MAX_LOAD_SEGMENTS`](crate::MAX_LOAD_SEGMENTS) load segments.
    TooManySegments,
    /// A segment is larger in the file than in memory, or runs past the end of the address space.
    BadSegment {
        /// Its virtual address.
        address: u64,
    },
    /// Two load segments want the same addresses.
    SegmentsOverlap {
        /// Virtual address of the later one in the file.
        address: u64,
    },
    /// The entry point lies in no executable segment.
    EntryOutside {
        /// The entry point.
        entry: u64,
    },
    /// A table does not follow the format; the text names it.
    Malformed(&'static str),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::Empty => write!(f, "is empty: copy or build it again"),
            Self::NotElf { begins } => {
                write!(f, "is not an ELF file (it begins with ")?;
                for byte in begins {
                    write!(f, "{byte:02x} ")?;
                }
                write!(f, "and not with 7f 45 4c 46): name the compiled program here")
            }
            Self::Truncated { needed, size } => {
                write!(f, "is truncated: its headers ask for {needed} bytes, it has {size}; copy or build it again")
            }
            Self::ThirtyTwoBit => write!(f, "is a 32-bit ELF file: build it for x86-64 (64 bit)"),
            Self::BigEndian => write!(f, "is a big-endian ELF file: build it for x86-64"),
            Self::WrongMachine { machine } => {
                write!(
                    f,
                    "is an ELF file for another processor (e_machine {machine}, x86-64 is 62): build it for x86-64"
                )
            }
            Self::WrongType { e_type } => write!(
                f,
                "is an ELF file of type {e_type}, neither an executable (2) nor position independent (3): link it to an executable"
            ),
            Self::NeedsInterpreter => {
                write!(f, "asks for a dynamic linker (PT_INTERP): link it statically (static or static-pie)")
            }
            Self::NothingToLoad => write!(f, "has no segment to load: link it to an executable"),
            Self::TooManySegments => {
                write!(f, "has more than {} load segments: use an ordinary linker script", crate::MAX_LOAD_SEGMENTS)
            }
            Self::BadSegment { address } => write!(
                f,
                "has a bad segment at {address:#x} (larger in the file than in memory, or past the end of memory): build it again"
            ),
            Self::SegmentsOverlap { address } => {
                write!(f, "has overlapping segments, one of them at {address:#x}: check its linker script")
            }
            Self::EntryOutside { entry } => write!(
                f,
                "has its entry point {entry:#x} outside its executable segments: check the ENTRY symbol of its linker script"
            ),
            Self::Malformed(what) => write!(f, "is a malformed ELF file ({what}): copy or build it again"),
        }
    }
}

impl core::error::Error for Error {}
