//! The relocations of a static-pie file.
//!
//! Such a program relocates itself when it starts, or its loader does it: for each
//! [`R_X86_64_RELATIVE`] entry, the 64-bit word at `offset` + distance becomes `addend` + distance.

use crate::{Elf, Error};
use elf::{abi, endian::LittleEndian, file::Class, parse::ParsingTable, relocation::Rela};

pub use elf::abi::R_X86_64_RELATIVE;

/// One entry of the relocation table (`Elf64_Rela`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Relocation {
    /// Virtual address, as linked, of the word to change.
    pub offset: u64,
    /// What to do; a static-pie file has only [`R_X86_64_RELATIVE`].
    pub relocation_type: u32,
    /// Value to add to the distance moved.
    pub addend: i64,
}

impl<'a> Elf<'a> {
    /// The relocation table that `PT_DYNAMIC` names (`DT_RELA`); empty if there is none.
    ///
    /// # Errors
    /// [`Error::Malformed`] if the dynamic section or the table lies outside the file.
    pub fn relocations(&self) -> Result<impl Iterator<Item = Relocation> + use<'a>, Error> {
        let (mut address, mut size) = (0, 0);
        let dynamic = self.headers().find(|h| h.p_type == abi::PT_DYNAMIC);
        if let Some(header) = dynamic {
            let data = self.at_virtual(header.p_vaddr, header.p_filesz).ok_or(Error::Malformed("dynamic section"))?;
            let entries: ParsingTable<'_, _, elf::dynamic::Dyn> = ParsingTable::new(LittleEndian, Class::ELF64, data);
            for entry in entries.iter().take_while(|e| e.d_tag != abi::DT_NULL) {
                match entry.d_tag {
                    abi::DT_RELA => address = entry.d_ptr(),
                    abi::DT_RELASZ => size = entry.d_val(),
                    _ => {}
                }
            }
        }
        let data = if size == 0 { Some(&[][..]) } else { self.at_virtual(address, size) };
        let table: ParsingTable<'a, _, Rela> =
            ParsingTable::new(LittleEndian, Class::ELF64, data.ok_or(Error::Malformed("relocation table"))?);
        Ok(table.iter().map(|r| Relocation { offset: r.r_offset, relocation_type: r.r_type, addend: r.r_addend }))
    }

    /// The file's bytes that are loaded to `address`, if all of them come from one segment.
    pub fn at_virtual(&self, address: u64, size: u64) -> Option<&'a [u8]> {
        let segment = self.load_segments().find(|s| s.virtual_range().contains(&address))?;
        let start = usize::try_from(address - segment.virtual_address).ok()?;
        segment.data.get(start..start.checked_add(usize::try_from(size).ok()?)?)
    }
}
