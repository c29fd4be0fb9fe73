//! The framebuffer as each kind of loader tells of it, and as they tell of none.
#![allow(unsafe_code)] // crate multiboot2 reads through a pointer

use super::gather::{multiboot2, tag};
use super::memory::Memory;
use crate::memory_map::{Kind, normalise};
use crate::{multiboot1, multiboot2 as tags};
use abi::l4re::goos::{Component, PixelInfo};
use console::Mode;

const INFO: u64 = 0x1000;

fn mode(bytes_per_pixel: u8) -> Mode {
    let part = |size, shift| Component { size, shift };
    let (red, green, blue) = match bytes_per_pixel {
        2 => (part(5, 11), part(6, 5), part(5, 0)),
        _ => (part(8, 16), part(8, 8), part(8, 0)),
    };
    let pixels = PixelInfo { red, green, blue, alpha: part(0, 0), bytes_per_pixel };
    Mode { address: 0xc000_0000, pitch: 4096, width: 1024, height: 768, pixels }
}

/// The words before the colours, as both versions of Multiboot have them.
fn words(mode: &Mode, kind: u8) -> Vec<u8> {
    let mut bytes = mode.address.to_le_bytes().to_vec();
    bytes.extend([mode.pitch, mode.width, mode.height].map(u32::to_le_bytes).concat());
    bytes.extend([mode.pixels.bytes_per_pixel * 8, kind]);
    bytes
}

fn colours(mode: &Mode) -> [u8; 6] {
    let PixelInfo { red, green, blue, .. } = mode.pixels;
    [red.shift, red.size, green.shift, green.size, blue.shift, blue.size]
}

/// A Multiboot 1 structure with a framebuffer and `gap` zeros before its colours.
fn structure(mode: &Mode, kind: u8, gap: usize) -> Memory {
    let mut memory = Memory::new(INFO, 0x1000);
    memory.put_u32(INFO, 1 << 12);
    memory.put(INFO + 88, &[words(mode, kind), vec![0; gap], colours(mode).to_vec()].concat());
    memory
}

#[test]
fn multiboot1_as_specified_and_as_grub_has_it() {
    for mode in [mode(2), mode(3), mode(4)] {
        for gap in [0, 2] {
            assert_eq!(multiboot1::framebuffer(&structure(&mode, 1, gap), INFO), Some(mode), "{gap}");
        }
        assert_eq!(multiboot1::framebuffer(&structure(&mode, 2, 2), INFO), None, "text");
        assert_eq!(multiboot1::framebuffer(&structure(&mode, 0, 2), INFO), None, "a palette");
    }
    let mut without = structure(&mode(4), 1, 2);
    without.put_u32(INFO, 0);
    assert_eq!(multiboot1::framebuffer(&without, INFO), None);
    assert_eq!(multiboot1::framebuffer(&without, 0xdead_0000), None);
}

#[test]
fn a_framebuffer_in_ram_is_none_of_it() {
    let mut memory = structure(&Mode { address: 0x10_8000, ..mode(4) }, 1, 2);
    memory.put_u32(INFO, 1 << 12 | 1);
    memory.put_u32(INFO + 8, 16 << 10);
    let information = multiboot1::gather(&memory, INFO).unwrap();
    let map = normalise(&information.memory);
    let kinds: Vec<_> = map.iter().map(|entry| (entry.start, entry.end, entry.kind)).collect();
    let (start, end) = (0x10_8000, 0x40_8000);
    assert_eq!(kinds, [(1 << 20, start, Kind::Ram), (start, end, Kind::Reserved), (end, 17 << 20, Kind::Ram)]);
    assert_eq!(information.framebuffer.unwrap().address, start);

    let mut memory = structure(&mode(4), 1, 2);
    memory.put_u32(INFO, 1 << 12 | 1);
    memory.put_u32(INFO + 8, 16 << 10);
    assert!(multiboot1::gather(&memory, INFO).unwrap().memory.iter().all(|entry| entry.kind == Kind::Ram));
}

#[test]
fn multiboot1_with_vbe_alone() {
    let mut memory = Memory::new(INFO, 0x1000);
    memory.put_u32(INFO, 1 << 11);
    memory.put_u32(INFO + 76, 0x1800);
    memory.put(0x1800, &mode(4).to_vbe().1.to_bytes());
    assert_eq!(multiboot1::framebuffer(&memory, INFO), Some(mode(4)));
    memory.put(0x1800, &[1, 0]);
    assert_eq!(multiboot1::framebuffer(&memory, INFO), None, "the mode has no linear framebuffer");
    memory.put_u32(INFO + 76, 0x1ff0);
    assert_eq!(multiboot1::framebuffer(&memory, INFO), None, "it reaches out of memory");
}

#[test]
fn multiboot2_has_a_tag() {
    let found = |payload: &[u8]| {
        let words = multiboot2(&[tag(1, b"-serial\0"), tag(8, payload)]);
        // SAFETY: aligned, and as long as it says.
        let information = unsafe { ::multiboot2::BootInformation::load(words.as_ptr().cast()) }.unwrap();
        tags::framebuffer(&information)
    };
    for mode in [mode(2), mode(3), mode(4)] {
        let payload = [words(&mode, 1), vec![0; 2], colours(&mode).to_vec()].concat();
        assert_eq!(found(&payload), Some(mode));
        for length in 0..payload.len() {
            assert_eq!(found(&payload[..length]), None, "{length}");
        }
        assert_eq!(found(&[words(&mode, 2), vec![0; 8]].concat()), None, "text");
    }
}
