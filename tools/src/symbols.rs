//! Writes the kernel's function names into the kernel, after linking, so that its panic reports can say them.
//!
//! The kernel's linker script leaves room in a section `.symbols`; the layout of the table in it is
//! described where the kernel reads it, in `kernel/src/arch/x86_64/symbols.rs`.

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

/// The name as in the source: without its hash, and without what its type parameters are.
fn readable(name: &str) -> String {
    let demangled = format!("{:#}", rustc_demangle::demangle(name));
    let mut depth = 0_u32;
    let mut short = String::new();
    let mut previous = ' ';
    for character in demangled.chars() {
        // `<` after `::` is a parameter list; at the start of a path it is a type, which names the function.
        match character {
            '<' if depth > 0 || previous == ':' => depth += 1,
            '>' if depth > 0 && previous != '-' => depth -= 1,
            _ if depth == 0 => short.push(character),
            _ => {}
        }
        previous = character;
    }
    short.trim_end_matches(':').to_owned()
}

fn encode(base: u64, functions: &BTreeMap<u64, String>) -> Result<Vec<u8>> {
    let mut names = Vec::new();
    let mut entries = Vec::new();
    for (address, name) in functions {
        let offset = address.checked_sub(base).and_then(|offset| u32::try_from(offset).ok());
        let offset = offset.with_context(|| format!("{name} at {address:#x} is not in the kernel's image"))?;
        entries.extend(offset.to_le_bytes());
        entries.extend(u32::try_from(names.len())?.to_le_bytes());
        names.extend(name.as_bytes());
        names.push(0);
    }
    let count = u32::try_from(functions.len())?.to_le_bytes();
    Ok([&count[..], &entries, &names].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn table_is_sorted_and_relative_to_the_base() {
        let functions = BTreeMap::from([(0x1010, "b".to_owned()), (0x1000, "first".to_owned())]);
        let table = encode(0x1000, &functions).unwrap();
        let expected = [2_u32, 0, 0, 0x10, 6].iter().flat_map(|n| n.to_le_bytes()).collect::<Vec<_>>();
        assert_eq!(table, [&expected[..], b"first\0b\0"].concat());
        assert!(encode(0x1008, &functions).is_err());
    }

    #[test]
    fn names_lose_their_parameters() {
        assert_eq!(readable("kernel_main"), "kernel_main");
        assert_eq!(readable("_RNvNtCs1234_7mycrate3foo3bar"), "mycrate::foo::bar");
        assert_eq!(readable("_RINvCs1234_7mycrate3fooyE"), "mycrate::foo");
    }
}
