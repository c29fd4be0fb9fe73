//! Names for addresses, for backtraces and crash reports.

use crate::Elf;
use elf::abi;

/// A symbol that covers an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Symbol<'a> {
    /// Its name as in the file: mangled, or as the build has made it.
    pub name: &'a str,
    /// Its virtual address, as linked.
    pub address: u64,
    /// Distance of the address asked for from `address`, in bytes.
    pub offset: u64,
}

impl<'a> Elf<'a> {
    /// The code symbol that covers the virtual address `address` (as linked), if the file has a symbol table
    /// that names one. A symbol without a size covers all up to the next one.
    pub fn symbol_at(&self, address: u64) -> Option<Symbol<'a>> {
        let (symbols, names) = self.file.symbol_table().ok()??;
        let covers = |s: &elf::symbol::Symbol| {
            matches!(s.st_symtype(), abi::STT_FUNC | abi::STT_NOTYPE)
                && !s.is_undefined()
                && s.st_name != 0
                && s.st_value <= address
                && (s.st_size == 0 || address - s.st_value < s.st_size)
        };
        let best = symbols.iter().filter(covers).max_by_key(|s| (s.st_value, s.st_size))?;
        let name = names.get(best.st_name as usize).ok()?;
        Some(Symbol { name, address: best.st_value, offset: address - best.st_value })
    }
}
