//! Names of the kernel's functions, for reports.
//!
//! The linker leaves room for a table (`.symbols` in `linker.ld`), which a build step fills after linking: `tools` reads
//! the linked file's symbols and writes the number of functions, then for each, in ascending order of address: the distance
//! from the one before (from `__kernel_start` for the first), how many bytes its name begins with that the name before
//! begins with, too, how many others follow, and these. Numbers are LEB128. An empty table has 0 functions.
#![allow(unsafe_code)] // reads what the build step wrote

use core::fmt;

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

/// Takes a number off the front of `table`.
fn number(table: &mut &[u8]) -> Option<usize> {
    let mut number = 0;
    for shift in (0..usize::BITS).step_by(7) {
        let (&byte, rest) = table.split_first()?;
        *table = rest;
        number |= usize::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}

/// A function's name; of one that is too long, its beginning.
pub struct Name {
    bytes: [u8; 128],
    length: usize,
}

impl Name {
    /// Keeps `common` bytes of the name and adds `more`.
    fn change(&mut self, common: usize, more: &[u8]) {
        let common = common.min(self.bytes.len());
        let more = &more[..more.len().min(self.bytes.len() - common)];
        self.bytes[common..][..more.len()].copy_from_slice(more);
        self.length = common + more.len();
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(core::str::from_utf8(&self.bytes[..self.length]).unwrap_or("?"))
    }
}

/// The function that `address` is in, and the distance from its start.
pub fn lookup(address: u64) -> Option<(Name, usize)> {
    let base = &raw const __kernel_start as u64;
    if !(base..&raw const __text_end as u64).contains(&address) {
        return None;
    }
    debug_assert!(base > IMAGE_OFFSET);
    let mut name = Name { bytes: [0; 128], length: 0 };
    let mut rest = table();
    let functions = number(&mut rest)?;
    // From the start of the function that the name is of; from the image's start at first.
    let mut offset = usize::try_from(address - base).ok()?;
    for index in 0..functions {
        let distance = number(&mut rest)?;
        if distance > offset {
            return (index > 0).then_some((name, offset));
        }
        offset -= distance;
        let (common, length) = (number(&mut rest)?, number(&mut rest)?);
        let (more, others) = rest.split_at_checked(length)?;
        name.change(common, more);
        rest = others;
    }
    (functions > 0).then_some((name, offset))
}
