//! Names of the kernel's functions, for reports.
//!
//! The linker leaves room for a table (`.symbols` in `linker.ld`), which a build step fills after linking:
//! `tools` reads the linked file's symbols and writes, little-endian, the number of entries (u32), then for each
//! in ascending order of address the address minus that of `__kernel_start` (u32) and the position of its
//! name (u32) behind the entries, then the names, each ended by a zero byte. An empty table has 0 entries.
#![allow(unsafe_code)] // reads what the build step wrote

use super::paging::IMAGE_OFFSET;

unsafe extern "C" {
    static __kernel_start: u8;
    static __text_end: u8;
    static __symbols_start: u8;
    static __symbols_end: u8;
}

fn table() -> &'static [u8] {
    let start = &raw const __symbols_start;
    let length = &raw const __symbols_end as usize - start as usize;
    // SAFETY: the linker script defines the section's bounds; it is read-only data.
    unsafe { core::slice::from_raw_parts(start, length) }
}

fn number(table: &[u8], position: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*table.get(position..)?.first_chunk()?))
}

/// The function that `address` is in, and the distance from its start.
pub fn lookup(address: u64) -> Option<(&'static str, u64)> {
    let base = &raw const __kernel_start as u64;
    if !(base..&raw const __text_end as u64).contains(&address) {
        return None;
    }
    debug_assert!(base > IMAGE_OFFSET);
    let offset = u32::try_from(address - base).ok()?;
    let table = table();
    let count = number(table, 0)? as usize;
    let entry = |index: usize| Some((number(table, 4 + 8 * index)?, number(table, 8 + 8 * index)?));
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = low.midpoint(high);
        if entry(middle)?.0 <= offset { low = middle + 1 } else { high = middle }
    }
    let (start, name) = entry(low.checked_sub(1)?)?;
    let names = table.get(4 + 8 * count..)?;
    let name = names.get(name as usize..)?.split(|&byte| byte == 0).next()?;
    Some((core::str::from_utf8(name).ok()?, u64::from(offset - start)))
}
