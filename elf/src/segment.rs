//! Load segments and the thread-local image: what a loader copies, and where to.
//!
//! Both are only made from headers whose file part lies inside the file and whose addresses do not wrap.

use crate::Error;
use core::ops::Range;
use elf::{abi, segment::ProgramHeader};

/// What a program may do with the memory of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rights {
    /// Loads are allowed.
    pub read: bool,
    /// Stores are allowed.
    pub write: bool,
    /// Instructions may be fetched.
    pub execute: bool,
}

/// A load segment: `data`, then zeros up to `memory_size`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment<'a> {
    /// Address the program uses for its first byte.
    pub virtual_address: u64,
    /// Physical address its first byte asks for; bootstrap loads by this one.
    pub physical_address: u64,
    /// Size in memory in bytes; not smaller than `data`.
    pub memory_size: u64,
    /// The part that comes from the file.
    pub data: &'a [u8],
    /// Offset of `data` in the file in bytes.
    pub file_offset: u64,
    /// Alignment in bytes; a power of two.
    pub alignment: u64,
    /// Access rights.
    pub rights: Rights,
}

impl<'a> Segment<'a> {
    pub(crate) fn new(header: &ProgramHeader, bytes: &'a [u8]) -> Result<Self, Error> {
        let bad = Error::BadSegment { address: header.p_vaddr };
        let data = file_part(header, bytes)?;
        let wraps = header.p_vaddr.checked_add(header.p_memsz).is_none()
            || header.p_paddr.checked_add(header.p_memsz).is_none();
        if header.p_filesz > header.p_memsz || wraps {
            return Err(bad);
        }
        let alignment = header.p_align.max(1);
        if !alignment.is_power_of_two() {
            return Err(bad);
        }
        Ok(Self {
            virtual_address: header.p_vaddr,
            physical_address: header.p_paddr,
            memory_size: header.p_memsz,
            data,
            file_offset: header.p_offset,
            alignment,
            rights: Rights {
                read: header.p_flags & abi::PF_R != 0,
                write: header.p_flags & abi::PF_W != 0,
                execute: header.p_flags & abi::PF_X != 0,
            },
        })
    }

    /// The virtual addresses it occupies.
    pub fn virtual_range(&self) -> Range<u64> {
        self.virtual_address..self.virtual_address + self.memory_size
    }

    /// The physical addresses it asks for.
    pub fn physical_range(&self) -> Range<u64> {
        self.physical_address..self.physical_address + self.memory_size
    }

    /// The bytes of the file that it takes.
    pub fn file_range(&self) -> Range<u64> {
        self.file_offset..self.file_offset + self.data.len() as u64
    }
}

/// The initial image of a thread's thread-local variables: `data`, then zeros up to `memory_size`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ThreadLocal<'a> {
    /// Address of the image in the program.
    pub virtual_address: u64,
    /// Size in bytes of one thread's block.
    pub memory_size: u64,
    /// The part that comes from the file.
    pub data: &'a [u8],
    /// Alignment in bytes; a power of two.
    pub alignment: u64,
}

impl<'a> ThreadLocal<'a> {
    pub(crate) fn new(header: &ProgramHeader, bytes: &'a [u8]) -> Result<Self, Error> {
        let Segment { virtual_address, memory_size, data, alignment, .. } = Segment::new(header, bytes)?;
        Ok(Self { virtual_address, memory_size, data, alignment })
    }
}

/// The bytes of the file that a header names, or how large the file would have to be.
fn file_part<'a>(header: &ProgramHeader, bytes: &'a [u8]) -> Result<&'a [u8], Error> {
    let needed = header.p_offset.saturating_add(header.p_filesz);
    let (start, end) = (usize::try_from(header.p_offset), usize::try_from(needed));
    let (Ok(start), Ok(end)) = (start, end) else {
        return Err(Error::Truncated { needed, size: bytes.len() as u64 });
    };
    bytes.get(start..end).ok_or(Error::Truncated { needed, size: bytes.len() as u64 })
}
