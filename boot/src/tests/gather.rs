//! What loaders hand on, right and wrong; and the search for the ACPI root pointer.
#![allow(unsafe_code)] // crate multiboot2 reads through a pointer

use super::memory::{Memory, multiboot1};
use crate::{
    Failure,
    information::{Information, MAX_MODULES, Protocol},
    memory_map::{Entry, Kind},
    multiboot1, multiboot2, rsdp,
};
use proptest::prelude::*;

const MAP: [(u64, u64, u32); 3] = [(0, 0x9fc00, 1), (0x9fc00, 0x400, 2), (0x10_0000, 0x7f0_0000, 1)];

#[test]
fn multiboot1_structure_is_read() {
    let memory =
        multiboot1(&[(0x20_0000, 0x20_1000, "/kernel"), (0x30_0000, 0x30_0010, "/moe rom/hello.lua -x")], &MAP);
    let information = multiboot1::gather(&memory, 0x1000).unwrap();
    assert_eq!(information.protocol, Protocol::Multiboot1);
    assert_eq!(information.text(information.command_line), "/bootstrap -serial");
    assert_eq!(information.text(information.loader_name), "test loader");
    assert_eq!(information.modules.len(), 2);
    assert_eq!(information.modules[1].size, 0x10);
    assert_eq!((information.name(1), information.arguments(1)), ("moe", "rom/hello.lua -x"));
    assert_eq!((information.name(0), information.arguments(0)), ("kernel", ""));
    assert_eq!(information.memory[1], Entry { start: 0x9fc00, end: 0xa0000, kind: Kind::Reserved });
}

#[test]
fn multiboot1_without_a_map_has_two_sizes() {
    let mut memory = Memory::new(0x1000, 0x1000);
    memory.put_u32(0x1000, 1);
    memory.put_u32(0x1004, 639);
    memory.put_u32(0x1008, 0x1f000);
    let information = multiboot1::gather(&memory, 0x1000).unwrap();
    assert_eq!(information.memory[0], Entry { start: 0, end: 639 << 10, kind: Kind::Ram });
    assert_eq!(information.memory[1], Entry { start: 1 << 20, end: (1 << 20) + (0x1f000 << 10), kind: Kind::Ram });
}

#[test]
fn multiboot1_structures_outside_memory_are_refused() {
    let right = || multiboot1(&[(1, 2, "a")], &MAP);
    for pointer in [0x1010, 0x1018, 0x1030] {
        let mut memory = right();
        memory.put_u32(pointer, 0xfff0_0000);
        assert!(matches!(multiboot1::gather(&memory, 0x1000), Err(Failure::LoaderInformation(_))), "{pointer:#x}");
    }
    assert!(multiboot1::gather(&right(), 0xdead_0000).is_err());
    let mut memory = right();
    memory.put_u32(0x1014, MAX_MODULES as u32 + 1);
    assert!(multiboot1::gather(&memory, 0x1000).is_err());
    let mut memory = right();
    memory.put_u32(0x5000, 0);
    assert!(multiboot1::gather(&memory, 0x1000).is_err());
}

#[test]
fn unprintable_command_lines_are_kept_readable() {
    let mut information = Information::new(Protocol::Multiboot1);
    let text = information.keep(b"a\x1b[2J\xff\xfe b").unwrap();
    assert_eq!(information.text(text), "a?[2J?? b");
    let text = information.keep("grün".as_bytes()).unwrap();
    assert_eq!(information.text(text), "grün");
}

/// Eight-byte aligned bytes for crate multiboot2.
fn aligned(bytes: &[u8]) -> Vec<u64> {
    bytes.chunks(8).map(|c| u64::from_le_bytes(core::array::from_fn(|i| c.get(i).copied().unwrap_or(0)))).collect()
}

pub fn tag(number: u32, payload: &[u8]) -> Vec<u8> {
    let mut tag = [number.to_le_bytes(), (payload.len() as u32 + 8).to_le_bytes()].concat();
    tag.extend_from_slice(payload);
    tag.resize(tag.len().next_multiple_of(8), 0);
    tag
}

pub fn multiboot2(tags: &[Vec<u8>]) -> Vec<u64> {
    let body = tags.concat();
    let mut bytes = [(body.len() as u32 + 16).to_le_bytes(), [0; 4]].concat();
    bytes.extend_from_slice(&body);
    bytes.extend_from_slice(&tag(0, &[]));
    aligned(&bytes)
}

pub fn root_pointer() -> [u8; 36] {
    let mut bytes = [0; 36];
    bytes[..8].copy_from_slice(b"RSD PTR ");
    bytes[15] = 2;
    bytes[20] = 36;
    bytes[8] = bytes[..20].iter().fold(0u8, |sum, b| sum.wrapping_sub(*b));
    bytes[32] = bytes.iter().fold(0u8, |sum, b| sum.wrapping_sub(*b));
    bytes
}

#[test]
fn multiboot2_tags_are_read() {
    let mut map = [24u32.to_le_bytes(), [0; 4]].concat();
    for (start, length, kind) in MAP {
        map.extend_from_slice(&[start.to_le_bytes(), length.to_le_bytes()].concat());
        map.extend_from_slice(&[kind.to_le_bytes(), [0; 4]].concat());
    }
    let module = [&0x20_0000u32.to_le_bytes()[..], &0x20_0100u32.to_le_bytes(), b"kernel -x\0"].concat();
    let words =
        multiboot2(&[tag(1, b"-serial\0"), tag(2, b"GRUB\0"), tag(3, &module), tag(6, &map), tag(15, &root_pointer())]);
    // SAFETY: aligned, and as long as it says.
    let tags = unsafe { ::multiboot2::BootInformation::load(words.as_ptr().cast()) }.unwrap();
    let information = multiboot2::gather(&tags).unwrap();
    assert_eq!(information.text(information.command_line), "-serial");
    assert_eq!(information.text(information.loader_name), "GRUB");
    assert_eq!((information.name(0), information.arguments(0)), ("kernel", "-x"));
    assert_eq!(information.modules[0].size, 0x100);
    assert_eq!(information.memory.len(), 3);
    assert_eq!(information.rsdp.unwrap()[..], root_pointer());
}

#[test]
fn root_pointer_is_found_where_bios_leaves_it() {
    let mut memory = Memory::new(0x400, 0x10_0000);
    assert_eq!(rsdp::find(&memory), None);
    memory.put(0xf_59d0, &root_pointer());
    assert_eq!(rsdp::find(&memory), Some(0xf_59d0));
    memory.put(0x40e, &0x9fc0u16.to_le_bytes());
    memory.put(0x9_fc10, &root_pointer());
    assert_eq!(rsdp::find(&memory), Some(0x9_fc10));
    memory.put(0x9_fc18, &[1]);
    assert_eq!(rsdp::find(&memory), Some(0xf_59d0), "one with a wrong sum is passed over");
}

#[test]
fn root_pointer_in_ram_is_copied() {
    let copy: rsdp::Copy = root_pointer().into_iter().collect();
    let ram = [Entry::new(0, 0xa_0000, Kind::Ram)];
    let mut memory = Memory::new(0x400, 0x10_0000);
    assert_eq!(rsdp::choose(&memory, &ram, None), rsdp::RootPointer::Absent);
    assert_eq!(rsdp::choose(&memory, &ram, Some(&copy)), rsdp::RootPointer::Copied(copy.clone()));
    memory.put(0x40e, &0x9fc0u16.to_le_bytes());
    memory.put(0x9_fc10, &root_pointer());
    assert_eq!(rsdp::choose(&memory, &ram, None), rsdp::RootPointer::Copied(copy));
    assert_eq!(rsdp::choose(&memory, &[], None), rsdp::RootPointer::Firmware(0x9_fc10));
}

proptest! {
    #[test]
    fn damaged_multiboot1_never_panics(changes in prop::collection::vec((0usize..0x5000, any::<u8>()), 1..40)) {
        let mut memory = multiboot1(&[(0x20_0000, 0x20_1000, "/kernel"), (0x30_0000, 0x30_0010, "/moe x")], &MAP);
        for (at, value) in changes {
            memory.bytes[at] = value;
        }
        if let Ok(information) = multiboot1::gather(&memory, 0x1000) {
            for index in 0..information.modules.len() {
                let _ = (information.name(index), information.arguments(index));
            }
        }
    }

    #[test]
    fn arbitrary_multiboot1_heads_never_panic(head in prop::collection::vec(any::<u8>(), 88)) {
        let mut memory = multiboot1(&[(0x20_0000, 0x20_1000, "/kernel")], &MAP);
        memory.put(0x1000, &head);
        let _ = multiboot1::gather(&memory, 0x1000);
    }

    #[test]
    fn damaged_multiboot2_never_panics(at in 8usize..80, value: u8, kind in 0u32..24, size in 0usize..64) {
        let words = multiboot2(&[tag(1, b"-serial\0"), tag(kind, &vec![value; size]), tag(3, &[0x55; 24])]);
        let mut bytes: Vec<u8> = words.iter().flat_map(|w| w.to_le_bytes()).collect();
        let last = bytes.len() - 17;
        bytes[at.min(last)] = value;
        let words = aligned(&bytes);
        // SAFETY: aligned, and as long as it says: the first word is untouched.
        if let Ok(tags) = unsafe { ::multiboot2::BootInformation::load(words.as_ptr().cast()) } {
            let _ = multiboot2::gather(&tags);
        }
    }
}
