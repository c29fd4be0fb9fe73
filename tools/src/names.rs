//! Makes the symbol tables of programs what reports of crashes need: functions, by their names in the source.
//!
//! The service `l4re` prints the names of a program's symbol table as they are: demangling them here keeps the code for it
//! out of every system, and halves the tables.

use anyhow::{Context, Result, ensure};
use elf::ElfBytes;
use elf::abi::{SHF_EXECINSTR, SHT_NOBITS, SHT_SYMTAB, STT_FUNC, STT_NOTYPE};
use elf::endian::LittleEndian;
use elf::section::SectionHeader;
use elf::symbol::Symbol;
use std::collections::BTreeMap;
use std::path::Path;

/// Bytes of a section's header; where in it offset, size and info are (`Elf64_Shdr`).
const HEADER_SIZE: usize = 64;
const OFFSET_AT: usize = 24;
const SIZE_AT: usize = 32;
const INFO_AT: usize = 44;
/// Where in a file the offset of the section headers is (`e_shoff`).
const HEADERS_AT: usize = 40;

/// Replaces the symbol table of the program at `path`; leaves a program without one as it is.
pub fn make_readable(path: &Path) -> Result<()> {
    let bytes = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    if let Some(bytes) = replaced(&bytes).with_context(|| format!("symbols of {}", path.display()))? {
        std::fs::write(path, bytes).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

/// The file with its new symbol table: what was before the tables, then symbols, names, names of sections, section headers.
fn replaced(bytes: &[u8]) -> Result<Option<Vec<u8>>> {
    let file = ElfBytes::<LittleEndian>::minimal_parse(bytes)?;
    let sections: Vec<SectionHeader> = file.section_headers().context("the file has no sections")?.iter().collect();
    let Some(table) = sections.iter().position(|section| section.sh_type == SHT_SYMTAB) else { return Ok(None) };
    let (names, section_names) = (sections[table].sh_link as usize, usize::from(file.ehdr.e_shstrndx));
    let at_the_end = [table, names, section_names];
    let kept = sections.iter().enumerate().filter(|(index, s)| !at_the_end.contains(index) && s.sh_type != SHT_NOBITS);
    let kept = kept.map(|(_, section)| section.sh_offset + section.sh_size).max().unwrap_or(0) as usize;
    let headers_at = file.ehdr.e_shoff as usize;
    let moved_from = at_the_end.iter().map(|&index| sections[index].sh_offset as usize).chain([headers_at]);
    ensure!(moved_from.min() >= Some(kept), "the tables of symbols and sections are not at the end");

    let (symbols, strings) = file.symbol_table()?.context("the file has no symbol table")?;
    let (symbols, strings) = encode(&functions(symbols.iter(), &strings, &sections)?)?;
    let mut headers = bytes.get(headers_at..headers_at + HEADER_SIZE * sections.len()).context("cut off")?.to_vec();
    let mut put = |section: usize, at: usize, value: &[u8]| {
        headers[section * HEADER_SIZE + at..][..value.len()].copy_from_slice(value);
    };
    let mut result = bytes[..kept].to_vec();
    let names_of_sections = file.section_data(&sections[section_names])?.0;
    for (section, content) in at_the_end.into_iter().zip([&symbols[..], &strings, names_of_sections]) {
        result.resize(result.len().next_multiple_of(8), 0);
        put(section, OFFSET_AT, &result.len().to_le_bytes());
        put(section, SIZE_AT, &content.len().to_le_bytes());
        result.extend(content);
    }
    // All symbols are local: those that are not begin behind the last.
    put(table, INFO_AT, &u32::try_from(symbols.len() / SYMBOL_SIZE)?.to_le_bytes());
    result.resize(result.len().next_multiple_of(8), 0);
    let headers_at = result.len().to_le_bytes();
    result[HEADERS_AT..][..headers_at.len()].copy_from_slice(&headers_at);
    result.extend(headers);
    Ok(Some(result))
}

/// A function: its symbol and its readable name.
type Function = (Symbol, String);

/// What lies in code, one symbol for each address: the longest, for labels of assembly have no size.
fn functions(
    symbols: impl Iterator<Item = Symbol>,
    strings: &elf::string_table::StringTable<'_>,
    sections: &[SectionHeader],
) -> Result<BTreeMap<u64, Function>> {
    let mut functions = BTreeMap::<u64, Function>::new();
    for symbol in symbols {
        let is_code = sections
            .get(usize::from(symbol.st_shndx))
            .is_some_and(|section| section.sh_flags & u64::from(SHF_EXECINSTR) != 0);
        if !is_code || symbol.st_name == 0 || !matches!(symbol.st_symtype(), STT_FUNC | STT_NOTYPE) {
            continue;
        }
        let name = readable(strings.get(symbol.st_name as usize)?);
        let known = functions.get(&symbol.st_value);
        if known.is_none_or(|(known, _)| known.st_size < symbol.st_size) {
            functions.insert(symbol.st_value, (symbol, name));
        }
    }
    Ok(functions)
}

/// Bytes of a symbol (`Elf64_Sym`).
const SYMBOL_SIZE: usize = 24;

/// The tables of symbols and of their names.
fn encode(functions: &BTreeMap<u64, Function>) -> Result<(Vec<u8>, Vec<u8>)> {
    // Both begin with an empty one.
    let (mut symbols, mut strings) = (vec![0; SYMBOL_SIZE], vec![0]);
    let mut places = BTreeMap::new();
    for (symbol, name) in functions.values() {
        let place = *places.entry(name).or_insert_with(|| {
            let place = strings.len();
            strings.extend(name.as_bytes());
            strings.push(0);
            place
        });
        symbols.extend(u32::try_from(place)?.to_le_bytes());
        symbols.extend([symbol.st_symtype(), 0]);
        symbols.extend(symbol.st_shndx.to_le_bytes());
        symbols.extend(symbol.st_value.to_le_bytes());
        symbols.extend(symbol.st_size.to_le_bytes());
    }
    Ok((symbols, strings))
}

/// The name as in the source: without its hash, and without what its type parameters are.
pub fn readable(name: &str) -> String {
    let demangled = format!("{:#}", rustc_demangle::demangle(name));
    let mut depth = 0_u32;
    let mut short = String::new();
    let mut previous = ' ';
    for character in demangled.chars() {
        // `<` after a name or `::` begins a parameter list; else it is before a type, which names the function.
        let after_name = previous.is_alphanumeric() || matches!(previous, '_' | ':');
        match character {
            '<' if depth > 0 || after_name => depth += 1,
            '>' if depth > 0 && previous != '-' => depth -= 1,
            _ if depth == 0 => short.push(character),
            _ => {}
        }
        previous = character;
    }
    short.trim_end_matches(':').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_their_parameters() {
        assert_eq!(readable("kernel_main"), "kernel_main");
        assert_eq!(readable("_RNvNtCs1234_7mycrate3foo3bar"), "mycrate::foo::bar");
        assert_eq!(readable("_RINvCs1234_7mycrate3fooyE"), "mycrate::foo");
        assert_eq!(readable("_RNvMCs1234_7mycrateINtB2_3FooyE3bar"), "<mycrate::Foo>::bar");
    }
}
