//! A single image: bootstrap with all modules of a menu entry behind it in the same file, as `make image` writes it.
//!
//! The contents are records without gaps: bootstrap's own line first, with no data, then one for each module in the order of the
//! menu. A record is the size of its data and the length of its line (32 bits each, little-endian), the line, the data. Two words
//! beside the Multiboot headers say where the contents begin and end; bootstrap alone has 0 there. [`write`] is for the host program
//! that makes images, [`add`] for bootstrap.

use crate::{
    Failure,
    information::{Information, Module},
};
use arrayvec::ArrayVec;

/// Stands before the two words, so that they are found in bootstrap's file.
pub const MARK: u64 = u64::from_le_bytes(*b"contents");
/// Size in bytes of the two numbers that a record begins with.
const HEAD_SIZE: usize = 8;

/// Writes the contents piece by piece: bootstrap's line, then line and data of each module.
pub fn write<'a>(own_line: &'a str, modules: impl Iterator<Item = (&'a str, &'a [u8])>, mut put: impl FnMut(&[u8])) {
    for (line, data) in core::iter::once((own_line, &[][..])).chain(modules) {
        put(&(data.len() as u32).to_le_bytes());
        put(&(line.len() as u32).to_le_bytes());
        put(line.as_bytes());
        put(data);
    }
}

/// Adds what `contents`, which lie at physical address `start`, hold: the modules before those of the loader, and bootstrap's own
/// line, unless the loader gave options.
///
/// # Errors
/// [`Failure::Contents`] if they are damaged; that there are too many modules or too long lines.
pub fn add(information: &mut Information, start: u64, contents: &[u8]) -> Result<(), Failure<'static>> {
    let loaders: ArrayVec<Module, _> = core::mem::take(&mut information.modules);
    let mut rest = contents;
    let mut is_own = true;
    while !rest.is_empty() {
        let mut take = |count: usize| -> Result<&[u8], Failure<'static>> {
            let (taken, after) = rest.split_at_checked(count).ok_or(Failure::Contents)?;
            rest = after;
            Ok(taken)
        };
        let head = take(HEAD_SIZE)?;
        let [size, length] = [0, 4].map(|at| u32::from_le_bytes(core::array::from_fn(|byte| head[at + byte])));
        let line = take(length as usize)?;
        let data = take(size as usize)?;
        if core::mem::take(&mut is_own) {
            if information.options().next().is_none() {
                information.command_line = information.keep(line)?;
            }
            continue;
        }
        let end = start + (contents.len() - rest.len()) as u64;
        information.add_module(end - data.len() as u64, end, line)?;
    }
    for module in loaders {
        information.modules.try_push(module).map_err(|_| Failure::TooManyModules)?;
    }
    Ok(())
}
