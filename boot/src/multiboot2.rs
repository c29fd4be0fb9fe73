//! Multiboot 2: the tags of GRUB's `multiboot2`/`module2`.
//!
//! Crate `multiboot2` checks that the tags follow each other within the structure, and separates them;
//! their contents are read here, because its readers of single tags panic on a size they do not expect.

use crate::{
    Failure,
    information::{Information, Protocol},
    memory_map::{Entry, Kind},
    multiboot1::{FRAMEBUFFER_RGB, framebuffer_offset, pixels},
    rsdp,
};
use console::Mode;
use multiboot2::{BootInformation, TagType};

/// What EAX holds when a Multiboot 2 loader starts us.
pub const MAGIC: u32 = multiboot2::MAGIC;

/// The least size in bytes of an entry of the memory map: address, length, kind.
const MEMORY_ENTRY_SIZE: usize = 20;

/// The graphics mode that the tags tell of, if the console can draw in it.
pub fn framebuffer(tags: &BootInformation<'_>) -> Option<Mode> {
    use framebuffer_offset::*;
    let is_framebuffer = |typ: u32| TagType::from_val(typ) == TagType::Framebuffer;
    let tag = tags.tags().find(|tag| is_framebuffer(tag.header().typ.get()))?;
    let payload = tag.payload();
    let byte = |at: u64| payload.get(at as usize).copied();
    let word = |at: u64| word(payload, at as usize);
    if byte(KIND)? != FRAMEBUFFER_RGB {
        return None;
    }
    const COLOURS: usize = 24;
    let colours = payload.get(COLOURS..)?;
    Mode {
        address: u64::from(word(0)?) | u64::from(word(4)?) << 32,
        pitch: word(PITCH)?,
        width: word(WIDTH)?,
        height: word(HEIGHT)?,
        pixels: pixels(byte(BITS_PER_PIXEL)?, colours)?,
    }
    .usable()
}

/// Gathers what the tags tell.
///
/// # Errors
/// When a tag is shorter than its contents, or they hold more than we have room for.
pub fn gather(tags: &BootInformation<'_>) -> Result<Information, Failure<'static>> {
    const SHORT: Failure<'static> = Failure::LoaderInformation("a tag that is shorter than its contents");
    let mut result = Information::new(Protocol::Multiboot2);
    for tag in tags.tags() {
        let payload = tag.payload();
        match TagType::from_val(tag.header().typ.get()) {
            TagType::Cmdline => result.command_line = result.keep(string(payload))?,
            TagType::BootLoaderName => result.loader_name = result.keep(string(payload))?,
            TagType::Module => {
                let (start, end) = (word(payload, 0).ok_or(SHORT)?, word(payload, 4).ok_or(SHORT)?);
                result.add_module(start.into(), end.into(), string(payload.get(8..).ok_or(SHORT)?))?;
            }
            TagType::Mmap => gather_memory_map(payload, &mut result)?,
            TagType::AcpiV1 if result.rsdp.is_none() => result.rsdp = rsdp::intact(payload),
            TagType::AcpiV2 => result.rsdp = rsdp::intact(payload),
            _ => {}
        }
    }
    result.set_framebuffer(framebuffer(tags))?;
    Ok(result)
}

/// The map says how large its entries are; what follows the known part of each is for later versions.
fn gather_memory_map(payload: &[u8], result: &mut Information) -> Result<(), Failure<'static>> {
    const SHORT: Failure<'static> = Failure::LoaderInformation("a memory map with entries of less than 20 bytes");
    let entry_size = word(payload, 0).ok_or(SHORT)? as usize;
    if entry_size < MEMORY_ENTRY_SIZE {
        return Err(SHORT);
    }
    for entry in payload.get(8..).ok_or(SHORT)?.chunks_exact(entry_size) {
        let quad = |at| Some(u64::from(word(entry, at)?) | u64::from(word(entry, at + 4)?) << 32);
        let (start, length) = (quad(0).ok_or(SHORT)?, quad(8).ok_or(SHORT)?);
        result.add_memory(Entry::new(start, length, Kind::from_e820(word(entry, 16).ok_or(SHORT)?)))?;
    }
    Ok(())
}

/// The bytes up to the first zero.
fn string(payload: &[u8]) -> &[u8] {
    payload.split(|byte| *byte == 0).next().unwrap_or_default()
}

fn word(payload: &[u8], at: usize) -> Option<u32> {
    payload.get(at..at + 4)?.try_into().ok().map(u32::from_le_bytes)
}
