//! Multiboot 1: the information structure of GRUB's classic `kernel`/`module` and of QEMU's `-kernel`.
//!
//! Facts are from the Multiboot Specification 0.6.96. Every pointer is checked by reading through
//! [`PhysicalMemory`]; nothing is believed about lengths.

use crate::{
    Failure, PhysicalMemory,
    information::{Information, Protocol},
    memory_map::{Entry, Kind},
};
use abi::l4re::goos::{Component, PixelInfo};
use abi::l4re::vbe::{DIRECT_COLOUR, ModeInfo, mode_attribute};
use console::Mode;

/// What EAX holds when a Multiboot 1 loader starts us.
pub const MAGIC: u32 = 0x2BAD_B002;

/// Bits of the structure's first word: which other words are valid.
mod flag {
    pub const MEMORY_SIZE: u32 = 1 << 0;
    pub const COMMAND_LINE: u32 = 1 << 2;
    pub const MODULES: u32 = 1 << 3;
    pub const MEMORY_MAP: u32 = 1 << 6;
    pub const LOADER_NAME: u32 = 1 << 9;
    pub const VBE: u32 = 1 << 11;
    pub const FRAMEBUFFER: u32 = 1 << 12;
}

/// Offsets of the structure's words in bytes.
mod offset {
    pub const MEMORY_LOWER_KIB: u64 = 4;
    pub const MEMORY_UPPER_KIB: u64 = 8;
    pub const COMMAND_LINE: u64 = 16;
    pub const MODULE_COUNT: u64 = 20;
    pub const MODULES: u64 = 24;
    pub const MEMORY_MAP_LENGTH: u64 = 44;
    pub const MEMORY_MAP: u64 = 48;
    pub const LOADER_NAME: u64 = 64;
    pub const VBE_MODE_INFO: u64 = 76;
    pub const FRAMEBUFFER: u64 = 88;
}

/// Size of one module entry in bytes: start, end, string, reserved.
const MODULE_ENTRY_SIZE: u64 = 16;
/// Longest command line that is read, in bytes.
const MAX_COMMAND_LINE: u64 = 4096;

/// The framebuffer's words, in bytes from the first of them; the same in Multiboot 2's tag.
pub(crate) mod framebuffer_offset {
    pub const PITCH: u64 = 8;
    pub const WIDTH: u64 = 12;
    pub const HEIGHT: u64 = 16;
    pub const BITS_PER_PIXEL: u64 = 20;
    pub const KIND: u64 = 21;
}

/// The kind of framebuffer whose pixels hold red, green and blue themselves.
pub(crate) const FRAMEBUFFER_RGB: u8 = 1;

/// The graphics mode that the structure at physical address `info` tells of, if the console can draw in it.
/// Nothing is wrong with a structure that tells of none; it is asked before anything can be said on a screen.
pub fn framebuffer(memory: &impl PhysicalMemory, info: u64) -> Option<Mode> {
    use framebuffer_offset::*;
    let flags = memory.u32(info)?;
    if flags & flag::FRAMEBUFFER != 0 {
        let at = info + offset::FRAMEBUFFER;
        let bytes = memory.bytes(at + BITS_PER_PIXEL, 10)?;
        let (bits_per_pixel, kind) = (bytes[0], bytes[1]);
        // The specification has the colours right here; in GRUB's structure two bytes come before, which are zero.
        let coding = [&bytes[2..8], &bytes[4..10]].into_iter().find_map(|colours| pixels(bits_per_pixel, colours));
        if kind == FRAMEBUFFER_RGB {
            let mode = Mode {
                address: memory.u64(at)?,
                pitch: memory.u32(at + PITCH)?,
                width: memory.u32(at + WIDTH)?,
                height: memory.u32(at + HEIGHT)?,
                pixels: coding?,
            };
            return mode.usable();
        }
    }
    if flags & flag::VBE == 0 {
        return None;
    }
    let mode = memory.bytes(memory.u32(info + offset::VBE_MODE_INFO)?.into(), size_of::<ModeInfo>() as u64)?;
    let mode = ModeInfo::from_bytes(mode.try_into().ok()?);
    let is_linear = mode.mode_attributes & mode_attribute::LINEAR != 0 && mode.memory_model == DIRECT_COLOUR;
    is_linear.then(|| Mode::from_vbe(&mode)).flatten()
}

/// The coding of pixels as both versions of Multiboot tell it: position and size of red, green and blue.
pub(crate) fn pixels(bits_per_pixel: u8, colours: &[u8]) -> Option<PixelInfo> {
    let [red, green, blue] = colours.get(..6)?.as_chunks::<2>().0 else { return None };
    let part = |&[shift, size]: &[u8; 2]| (size != 0).then_some(Component { size, shift });
    Some(PixelInfo {
        red: part(red)?,
        green: part(green)?,
        blue: part(blue)?,
        alpha: Component::default(),
        bytes_per_pixel: bits_per_pixel.div_ceil(8),
    })
}

/// Gathers what the structure at physical address `info` tells.
///
/// # Errors
/// When it points outside memory or holds more than we have room for.
pub fn gather(memory: &impl PhysicalMemory, info: u64) -> Result<Information, Failure<'static>> {
    let word =
        |at: u64| memory.u32(info.saturating_add(at)).ok_or(Failure::LoaderInformation("a structure outside memory"));
    let flags = word(0)?;
    let mut result = Information::new(Protocol::Multiboot1);

    if flags & flag::LOADER_NAME != 0 {
        result.loader_name = result.keep(string(memory, word(offset::LOADER_NAME)?)?)?;
    }
    if flags & flag::COMMAND_LINE != 0 {
        result.command_line = result.keep(string(memory, word(offset::COMMAND_LINE)?)?)?;
    }
    if flags & flag::MODULES != 0 {
        let table = u64::from(word(offset::MODULES)?);
        for index in 0..u64::from(word(offset::MODULE_COUNT)?) {
            let entry = table + index * MODULE_ENTRY_SIZE;
            let field = |at| memory.u32(entry + at).ok_or(Failure::LoaderInformation("a module list outside memory"));
            result.add_module(field(0)?.into(), field(4)?.into(), string(memory, field(8)?)?)?;
        }
    }
    if flags & flag::MEMORY_MAP != 0 {
        let start = u64::from(word(offset::MEMORY_MAP)?);
        gather_memory_map(memory, start, start + u64::from(word(offset::MEMORY_MAP_LENGTH)?), &mut result)?;
    } else if flags & flag::MEMORY_SIZE != 0 {
        let kib = |at| word(at).map(|size| u64::from(size) << 10);
        result.add_memory(Entry::new(0, kib(offset::MEMORY_LOWER_KIB)?, Kind::Ram))?;
        result.add_memory(Entry::new(1 << 20, kib(offset::MEMORY_UPPER_KIB)?, Kind::Ram))?;
    }
    result.set_framebuffer(framebuffer(memory, info))?;
    Ok(result)
}

/// The map's entries begin with their size, which does not count itself.
fn gather_memory_map(
    memory: &impl PhysicalMemory,
    start: u64,
    end: u64,
    result: &mut Information,
) -> Result<(), Failure<'static>> {
    const OUTSIDE: Failure<'static> = Failure::LoaderInformation("a memory map outside memory");
    let mut entry = start;
    while entry < end {
        let size = u64::from(memory.u32(entry).ok_or(OUTSIDE)?);
        if size < 20 {
            return Err(Failure::LoaderInformation("a memory map with entries of less than 20 bytes"));
        }
        let base = memory.u64(entry + 4).ok_or(OUTSIDE)?;
        let length = memory.u64(entry + 12).ok_or(OUTSIDE)?;
        let number = memory.u32(entry + 20).ok_or(OUTSIDE)?;
        result.add_memory(Entry::new(base, length, Kind::from_e820(number)))?;
        entry += 4 + size;
    }
    Ok(())
}

/// The zero-terminated string at `address`; empty for a null pointer.
fn string<M: PhysicalMemory>(memory: &M, address: u32) -> Result<&[u8], Failure<'static>> {
    if address == 0 {
        return Ok(&[]);
    }
    let start = u64::from(address);
    let length = (0..MAX_COMMAND_LINE)
        .find(|&at| memory.bytes(start + at, 1).is_none_or(|byte| byte == [0]))
        .ok_or(Failure::TextTooLong)?;
    memory.bytes(start, length).ok_or(Failure::LoaderInformation("a command line outside memory"))
}
