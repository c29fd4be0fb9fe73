//! The one reader of ELF64 files that bootstrap, the kernel and the loaders share.
//!
//! [`Elf::parse`] checks a file once and completely; what it returns can be asked without fear: every
//! segment lies in the file, none overlaps another, the entry lies in an executable one. Nothing here
//! allocates, panics or knows a machine. The parsing of single headers is crate `elf`'s, which callers
//! never see; [`Error`]'s texts say what is wrong with a file and what to do about it.
#![no_std]

mod error;
mod relocation;
mod segment;
mod symbol;

use core::ops::Range;
use elf::{ElfBytes, ParseError, abi, endian::LittleEndian};

pub use error::Error;
pub use relocation::{R_X86_64_RELATIVE, Relocation};
pub use segment::{Rights, Segment, ThreadLocal};
pub use symbol::Symbol;

/// The most load segments a file may have; linkers make at most a dozen.
pub const MAX_LOAD_SEGMENTS: usize = 64;

/// How the addresses in a file are meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `ET_EXEC`: the file runs at exactly the addresses its segments name.
    Fixed,
    /// `ET_DYN` without an interpreter (static-pie): the file runs at any page-aligned distance from
    /// the addresses named, once its relocations are applied (by the program itself, or by its loader).
    Relocatable,
}

/// Where a file's program headers are, as the auxiliary vector hands it on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProgramHeaders {
    /// Offset of the table in the file, in bytes.
    pub file_offset: u64,
    /// Virtual address of the table, if a load segment covers it.
    pub virtual_address: Option<u64>,
    /// Size of one entry in bytes.
    pub entry_size: u16,
    /// Number of entries.
    pub count: u16,
}

/// A checked ELF64 file for x86-64.
pub struct Elf<'a> {
    file: ElfBytes<'a, LittleEndian>,
    bytes: &'a [u8],
    kind: Kind,
}

impl<'a> Elf<'a> {
    /// Checks `bytes`, the whole file, and returns the reader for it.
    ///
    /// # Errors
    /// The first thing found that would keep the file from being loaded and run.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Error> {
        check_identification(bytes)?;
        let file = ElfBytes::minimal_parse(bytes).map_err(|e| table_error(&e, bytes.len()))?;
        if file.ehdr.e_machine != abi::EM_X86_64 {
            return Err(Error::WrongMachine { machine: file.ehdr.e_machine });
        }
        let kind = match file.ehdr.e_type {
            abi::ET_EXEC => Kind::Fixed,
            abi::ET_DYN => Kind::Relocatable,
            other => return Err(Error::WrongType { e_type: other }),
        };
        let elf = Self { file, bytes, kind };
        elf.check_segments()?;
        elf.check_entry()?;
        Ok(elf)
    }

    /// Whether the file must lie at its addresses or may be moved.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// The whole file.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Virtual address of the first instruction, as linked.
    pub fn entry(&self) -> u64 {
        self.file.ehdr.e_entry
    }

    /// The non-empty load segments, in the file's order.
    pub fn load_segments(&self) -> impl Iterator<Item = Segment<'a>> + use<'a, '_> {
        self.headers()
            .filter(|h| h.p_type == abi::PT_LOAD && h.p_memsz != 0)
            .filter_map(|h| Segment::new(&h, self.bytes).ok())
    }

    /// From the lowest to the end of the highest virtual address of the load segments.
    pub fn virtual_range(&self) -> Range<u64> {
        span(self.load_segments().map(|s| s.virtual_range()))
    }

    /// From the lowest to the end of the highest physical address of the load segments.
    pub fn physical_range(&self) -> Range<u64> {
        span(self.load_segments().map(|s| s.physical_range()))
    }

    /// The largest alignment that a load segment asks for, in bytes; at least 1, a power of two.
    pub fn alignment(&self) -> u64 {
        self.load_segments().map(|s| s.alignment).max().unwrap_or(1)
    }

    /// The image of thread-local variables (`PT_TLS`), if the program has any.
    pub fn thread_local(&self) -> Option<ThreadLocal<'a>> {
        let header = self.headers().find(|h| h.p_type == abi::PT_TLS)?;
        ThreadLocal::new(&header, self.bytes).ok()
    }

    /// The size of the initial stack in bytes that the program asks for with `PT_GNU_STACK`, if it names one.
    pub fn stack_size(&self) -> Option<u64> {
        self.headers().find(|h| h.p_type == abi::PT_GNU_STACK).map(|h| h.p_memsz).filter(|&size| size != 0)
    }

    /// Where the program headers are, for `AT_PHDR`, `AT_PHENT` and `AT_PHNUM`.
    pub fn program_headers(&self) -> ProgramHeaders {
        let ehdr = &self.file.ehdr;
        let covering = self.load_segments().find(|s| s.file_range().contains(&ehdr.e_phoff));
        ProgramHeaders {
            file_offset: ehdr.e_phoff,
            virtual_address: covering.map(|s| s.virtual_address + (ehdr.e_phoff - s.file_offset)),
            entry_size: ehdr.e_phentsize,
            count: ehdr.e_phnum,
        }
    }

    /// The bytes in the file of the first program header of type `p_type`, if there is one.
    pub fn segment_data(&self, p_type: u32) -> Option<&'a [u8]> {
        let header = self.headers().find(|h| h.p_type == p_type)?;
        Segment::new(&header, self.bytes).ok().map(|segment| segment.data)
    }

    fn headers(&self) -> impl Iterator<Item = elf::segment::ProgramHeader> + use<'a, '_> {
        (0..).map_while(|index| self.header(index))
    }

    // Not inlined: every method here walks the headers, and reading one is long.
    #[inline(never)]
    fn header(&self, index: usize) -> Option<elf::segment::ProgramHeader> {
        self.file.segments()?.get(index).ok()
    }

    fn check_segments(&self) -> Result<(), Error> {
        let mut ranges = [const { 0..0 }; MAX_LOAD_SEGMENTS];
        let mut count = 0;
        for header in self.headers() {
            match header.p_type {
                abi::PT_INTERP => return Err(Error::NeedsInterpreter),
                abi::PT_TLS => drop(ThreadLocal::new(&header, self.bytes)?),
                abi::PT_LOAD if header.p_memsz != 0 || header.p_filesz != 0 => {
                    let range = Segment::new(&header, self.bytes)?.virtual_range();
                    if ranges[..count].iter().any(|other| other.start < range.end && range.start < other.end) {
                        return Err(Error::SegmentsOverlap { address: range.start });
                    }
                    *ranges.get_mut(count).ok_or(Error::TooManySegments)? = range;
                    count += 1;
                }
                _ => {}
            }
        }
        if count == 0 { Err(Error::NothingToLoad) } else { Ok(()) }
    }

    fn check_entry(&self) -> Result<(), Error> {
        let entry = self.entry();
        let inside = |s: Segment<'_>| s.rights.execute && s.virtual_range().contains(&entry);
        if self.load_segments().any(inside) { Ok(()) } else { Err(Error::EntryOutside { entry }) }
    }
}

/// Magic, class and byte order: decided from the first six bytes, before anything else is believed.
fn check_identification(bytes: &[u8]) -> Result<(), Error> {
    if bytes.is_empty() {
        return Err(Error::Empty);
    }
    if !bytes.starts_with(&abi::ELFMAGIC) {
        return Err(Error::NotElf { begins: core::array::from_fn(|i| bytes.get(i).copied().unwrap_or(0)) });
    }
    if bytes.len() < 64 && bytes.get(abi::EI_CLASS) != Some(&abi::ELFCLASS32) {
        return Err(Error::Truncated { needed: 64, size: bytes.len() as u64 });
    }
    match bytes.get(abi::EI_CLASS).copied() {
        Some(abi::ELFCLASS64) => {}
        Some(abi::ELFCLASS32) => return Err(Error::ThirtyTwoBit),
        _ => return Err(Error::Malformed("unknown class")),
    }
    match bytes.get(abi::EI_DATA).copied() {
        Some(abi::ELFDATA2LSB) => Ok(()),
        Some(abi::ELFDATA2MSB) => Err(Error::BigEndian),
        _ => Err(Error::Malformed("unknown byte order")),
    }
}

/// Translates what crate `elf` says about the header tables.
fn table_error(error: &ParseError, size: usize) -> Error {
    match error {
        ParseError::SliceReadError((_, end)) => Error::Truncated { needed: *end as u64, size: size as u64 },
        ParseError::BadEntsize(_) => Error::Malformed("header tables with entries of the wrong size"),
        ParseError::UnsupportedVersion(_) => Error::Malformed("unknown version"),
        _ => Error::Malformed("header tables out of bounds"),
    }
}

fn span(ranges: impl Iterator<Item = Range<u64>>) -> Range<u64> {
    ranges.reduce(|a, b| a.start.min(b.start)..a.end.max(b.end)).unwrap_or(0..0)
}
