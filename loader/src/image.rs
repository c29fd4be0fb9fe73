//! Which parts of an ELF file go where in an address space, and what the file asks of its loader.
//!
//! Text and constants are shared with the file's dataspace, all else is a private copy that ends in zeros
//! (`libloader/elf`). Invariant: the pieces of a plan are page aligned and never overlap. Pure; the parser
//! is crate `furore-elf`, users are [`crate::start`] and the service `l4re`.

use abi::PAGE_SIZE;
use abi::l4re::{aux_vector, rm};
use alloc::vec::Vec;
use furore_elf::{Elf, Rights, Segment};

use crate::layout::{round_page, trunc_page};
use crate::stack::ProgramHeaders;
use crate::{Error, RegionFlags, Result};

/// A page-aligned part of the image in memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Address as linked, before the load offset is added.
    pub start: u64,
    /// Bytes, a whole number of pages.
    pub size: u64,
    /// Rights as region flags.
    pub flags: RegionFlags,
    /// Where its content comes from.
    pub content: Content,
}

impl Piece {
    /// The address behind it, as linked.
    pub const fn end(&self) -> u64 {
        self.start + self.size
    }
}

/// Where the content of a [`Piece`] comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// The file itself from this page-aligned offset on; never written to.
    Shared {
        /// Offset in the file in bytes.
        file_offset: u64,
    },
    /// New memory, zero but for copies of parts of the file.
    Private(Vec<Part>),
}

/// A part of the file that is copied.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// Offset in the file in bytes.
    pub file_offset: u64,
    /// Bytes to copy; not 0.
    pub length: u64,
    /// Where in the piece they go.
    pub at: u64,
}

/// What a file asks of its loader by `PT_L4_AUX` (`l4re/elf_aux.h`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wishes {
    /// Lowest address of the stack.
    pub stack_address: u64,
    /// Bytes of the stack.
    pub stack_size: u64,
    /// Address of the kernel info page.
    pub kip: u64,
}

/// The pieces of a parsed file, ascending. Writable segments that meet on a page, as linkers leave them at the
/// end of what is read-only after relocation, become one piece.
///
/// # Errors
/// `-L4_EINVAL` where segments that are not both just writable share a page.
pub fn plan(elf: &Elf) -> Result<Vec<Piece>> {
    let mut segments: Vec<Segment> = Vec::new();
    for segment in elf.load_segments() {
        let at = segments.partition_point(|other| other.virtual_address < segment.virtual_address);
        segments.insert(at, segment);
    }
    let mut pieces: Vec<Piece> = Vec::with_capacity(segments.len());
    for segment in segments {
        let piece = piece(&segment)?;
        match pieces.last_mut().filter(|last| last.end() > piece.start) {
            None => pieces.push(piece),
            Some(last) => merge(last, piece)?,
        }
    }
    Ok(pieces)
}

/// Extends a piece by one that begins on its last page.
fn merge(last: &mut Piece, piece: Piece) -> Result<()> {
    let shift = piece.start - last.start;
    let end = piece.end();
    match (&mut last.content, piece.content) {
        (Content::Private(parts), Content::Private(more)) if last.flags == piece.flags => {
            parts.extend(more.into_iter().map(|part| Part { at: part.at + shift, ..part }));
            last.size = last.size.max(end - last.start);
            Ok(())
        }
        _ => {
            Err(invalid(alloc::format!("placing two segments with different rights on the page at {:#x}", piece.start)))
        }
    }
}

fn piece(segment: &Segment) -> Result<Piece> {
    let start = trunc_page(segment.virtual_address);
    let at = segment.virtual_address - start;
    let size = at.checked_add(segment.memory_size).and_then(round_page);
    let size = size.ok_or_else(|| invalid(alloc::format!("placing the segment at {start:#x}")))?;
    let (file_offset, length) = (segment.file_offset, segment.data.len() as u64);
    let congruent = file_offset % PAGE_SIZE as u64 == at;
    let content = if congruent && !segment.rights.write && segment.memory_size == length {
        Content::Shared { file_offset: trunc_page(file_offset) }
    } else {
        Content::Private([Part { file_offset, length, at }].into_iter().filter(|part| part.length != 0).collect())
    };
    Ok(Piece { start, size, flags: region_rights(segment.rights), content })
}

fn region_rights(rights: Rights) -> RegionFlags {
    let bit = |set, flag| if set { flag } else { 0 };
    bit(rights.read, rm::flags::R) | bit(rights.write, rm::flags::W) | bit(rights.execute, rm::flags::X)
}

/// Where the program headers are in memory once the file lies `load_offset` from its linked addresses.
pub fn program_headers(elf: &Elf, load_offset: u64) -> Option<ProgramHeaders> {
    let headers = elf.program_headers();
    Some(ProgramHeaders {
        address: headers.virtual_address?.wrapping_add(load_offset),
        count: headers.count.into(),
        entry_size: headers.entry_size.into(),
    })
}

/// What the file asks for; `default` where it does not.
///
/// # Errors
/// `-L4_EINVAL` for a stack that leaves the address space or is no whole number of pages.
pub fn wishes(elf: &Elf, default: Wishes) -> Result<Wishes> {
    let mut wishes = default;
    if let Some(size) = elf.stack_size() {
        wishes.stack_size = size;
    }
    for [kind, value] in aux_elements(elf) {
        match kind {
            aux_vector::elf_aux::STACK_SIZE => wishes.stack_size = value,
            aux_vector::elf_aux::STACK_ADDR => wishes.stack_address = value,
            aux_vector::elf_aux::KIP_ADDR => wishes.kip = value,
            _ => {}
        }
    }
    let stack_end = round_page(wishes.stack_size).and_then(|size| wishes.stack_address.checked_add(size));
    match stack_end {
        Some(end) if end > wishes.stack_address => {
            wishes.stack_address = trunc_page(wishes.stack_address);
            wishes.stack_size = trunc_page(end - wishes.stack_address);
            Ok(wishes)
        }
        _ => Err(invalid("placing the stack that the file asks for")),
    }
}

/// Type and first value of each entry in the file's `PT_L4_AUX` segment.
fn aux_elements(elf: &Elf) -> Vec<[u64; 2]> {
    let mut rest = elf.segment_data(aux_vector::PT_L4_AUX).unwrap_or_default();
    let mut elements = Vec::new();
    while let [Some(kind), Some(length), Some(value)] = [0, 8, 16].map(|at| word(rest, at)) {
        if kind == aux_vector::elf_aux::NONE {
            break;
        }
        elements.push([kind, value]);
        match usize::try_from(length).ok().filter(|length| *length != 0).and_then(|length| rest.get(length..)) {
            Some(next) => rest = next,
            None => break,
        }
    }
    elements
}

fn word(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..at + 8)?.try_into().ok().map(u64::from_le_bytes)
}

fn invalid(action: impl Into<alloc::string::String>) -> Error {
    Error::new(action, abi::Error::Inval.into())
}

#[cfg(test)]
mod tests;
