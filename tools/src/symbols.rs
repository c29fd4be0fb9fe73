//! Writes the kernel's function names into the kernel, after linking, so that its panic reports can say them.
//!
//! The kernel's linker script leaves room in a section `.symbols`; the layout of the table in it is
//! described where the kernel reads it, in `kernel/src/arch/x86_64/symbols.rs`.

use crate::names::readable;
use anyhow::{Context, Result, ensure};
use elf::ElfBytes;
use elf::endian::LittleEndian;
use std::collections::BTreeMap;
use std::path::Path;

const SECTION: &str = ".symbols";
const BASE: &str = "__kernel_start";

/// Fills the table in the file at `path`; leaves a file without room for one as it is.
pub fn fill(path: &Path) -> Result<()> {
    let mut bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let Some((room, table)) = table_for(&bytes).with_context(|| format!("symbols of {}", path.display()))? else {
        return Ok(());
    };
    bytes[room.start..room.start + table.len()].copy_from_slice(&table);
    std::fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))
}

/// Where in the file the section lies, and what belongs there.
fn table_for(bytes: &[u8]) -> Result<Option<(std::ops::Range<usize>, Vec<u8>)>> {
    let file = ElfBytes::<LittleEndian>::minimal_parse(bytes)?;
    let Some(section) = file.section_header_by_name(SECTION)? else { return Ok(None) };
    let (symbols, strings) = file.symbol_table()?.context("the file has no symbol table: do not strip it")?;
    let mut base = None;
    let mut functions = BTreeMap::new();
    for symbol in symbols {
        let name = strings.get(symbol.st_name as usize)?;
        if name == BASE {
            base = Some(symbol.st_value);
        } else if symbol.st_symtype() == elf::abi::STT_FUNC {
            functions.insert(symbol.st_value, readable(name));
        }
    }
    let base = base.with_context(|| format!("no symbol {BASE}"))?;
    let table = encode(base, &functions)?;
    let room = section.sh_offset as usize..(section.sh_offset + section.sh_size) as usize;
    ensure!(room.end <= bytes.len(), "section {SECTION} is not in the file");
    ensure!(
        table.len() <= room.len(),
        "the function names take {} bytes, {SECTION} has {}: give it more in linker.ld",
        table.len(),
        room.len()
    );
    Ok(Some((room, table)))
}

/// See where the kernel reads it.
fn encode(base: u64, functions: &BTreeMap<u64, String>) -> Result<Vec<u8>> {
    let mut table = Vec::new();
    put(&mut table, functions.len() as u64);
    let mut previous = (base, "");
    for (&address, name) in functions {
        let distance = address.checked_sub(previous.0);
        let distance = distance.with_context(|| format!("{name} at {address:#x} is not in the kernel's image"))?;
        let common = previous.1.bytes().zip(name.bytes()).take_while(|(old, new)| old == new).count();
        put(&mut table, distance);
        put(&mut table, common as u64);
        put(&mut table, (name.len() - common) as u64);
        table.extend(&name.as_bytes()[common..]);
        previous = (address, name);
    }
    Ok(table)
}

/// Appends a number as LEB128: seven bits a byte, the lowest first; the eighth says that there are more.
fn put(table: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        table.push(number as u8 | 0x80);
        number >>= 7;
    }
    table.push(number as u8);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_distances_and_what_is_new_of_names() {
        let functions = BTreeMap::from([(0x1010, "a::first".to_owned()), (0x1110, "a::fast".to_owned())]);
        let table = encode(0x1000, &functions).unwrap();
        assert_eq!(table, [&[2, 0x10, 0, 8], &b"a::first"[..], &[0x80, 2, 4, 3], b"ast"].concat());
        assert!(encode(0x1018, &functions).is_err());
    }
}
