//! Host tests: plans of ELF files made for each case.

use super::*;

const PT_LOAD: u32 = 1;
const R: u32 = 4;
const RW: u32 = 6;
const RX: u32 = 5;

/// A program header: type, flags, file offset, address, bytes in the file, bytes in memory.
struct Header(u32, u32, u64, u64, u64, u64);

/// An ELF file with these headers and `size` bytes, each the low byte of its offset.
fn file(entry: u64, headers: &[Header], size: usize) -> Vec<u8> {
    let mut bytes: Vec<u8> = (0..size).map(|at| at as u8).collect();
    let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
    put(0, b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0");
    put(16, &2u16.to_le_bytes());
    put(18, &62u16.to_le_bytes());
    put(20, &1u32.to_le_bytes());
    put(24, &entry.to_le_bytes());
    put(32, &64u64.to_le_bytes());
    put(40, &[0; 12]);
    put(52, &64u16.to_le_bytes());
    put(54, &56u16.to_le_bytes());
    put(56, &(headers.len() as u16).to_le_bytes());
    put(58, &[0; 6]);
    for (index, Header(kind, flags, offset, address, in_file, in_memory)) in headers.iter().enumerate() {
        let at = 64 + index * 56;
        put(at, &kind.to_le_bytes());
        put(at + 4, &flags.to_le_bytes());
        for (word, value) in [offset, address, address, in_file, in_memory, &0x1000].into_iter().enumerate() {
            put(at + 8 + word * 8, &value.to_le_bytes());
        }
    }
    bytes
}

#[test]
fn text_is_shared_and_data_copied() {
    let bytes = file(
        0x100_0100,
        &[
            Header(PT_LOAD, RX, 0, 0x100_0000, 0x1234, 0x1234),
            Header(PT_LOAD, R, 0x1238, 0x100_2238, 0x100, 0x100),
            Header(PT_LOAD, RW, 0x2340, 0x100_3340, 0x10, 0x3000),
            Header(PT_LOAD, RW, 0, 0x100_8000, 0, 0x20),
        ],
        0x3000,
    );
    let elf = Elf::parse(&bytes).unwrap();
    let pieces = plan(&elf).unwrap();
    let expected = [
        (0x100_0000, 0x2000, rm::flags::RX, Content::Shared { file_offset: 0 }),
        (0x100_2000, 0x1000, rm::flags::R, Content::Shared { file_offset: 0x1000 }),
        (
            0x100_3000,
            0x4000,
            rm::flags::RW,
            Content::Private(vec![Part { file_offset: 0x2340, length: 0x10, at: 0x340 }]),
        ),
        (0x100_8000, 0x1000, rm::flags::RW, Content::Private(vec![])),
    ];
    let expected = expected.map(|(start, size, flags, content)| Piece { start, size, flags, content });
    assert_eq!(pieces, expected);
    let headers = program_headers(&elf, 0x1000).unwrap();
    assert_eq!((headers.address, headers.count, headers.entry_size), (0x100_1040, 4, 56));
}

#[test]
fn a_read_only_segment_that_is_not_congruent_is_copied() {
    let bytes = file(0x100_0000, &[Header(PT_LOAD, RX, 0x210, 0x100_0000, 0x20, 0x20)], 0x400);
    let pieces = plan(&Elf::parse(&bytes).unwrap()).unwrap();
    assert_eq!(pieces[0].content, Content::Private(vec![Part { file_offset: 0x210, length: 0x20, at: 0 }]));
}

#[test]
fn writable_segments_that_meet_on_a_page_become_one_piece() {
    let headers = [
        Header(PT_LOAD, RX, 0, 0x100_0000, 0x200, 0x200),
        Header(PT_LOAD, RW, 0x1000, 0x100_1000, 0x1010, 0x1010),
        Header(PT_LOAD, RW, 0x2010, 0x100_2010, 0x20, 0x4000),
    ];
    let bytes = file(0x100_0000, &headers, 0x3000);
    let pieces = plan(&Elf::parse(&bytes).unwrap()).unwrap();
    assert_eq!(pieces.len(), 2);
    assert_eq!((pieces[1].start, pieces[1].end()), (0x100_1000, 0x100_7000));
    let parts = vec![
        Part { file_offset: 0x1000, length: 0x1010, at: 0 },
        Part { file_offset: 0x2010, length: 0x20, at: 0x1010 },
    ];
    assert_eq!(pieces[1].content, Content::Private(parts));
}

#[test]
fn code_and_data_on_one_page_are_refused() {
    let headers =
        [Header(PT_LOAD, RX, 0, 0x100_0000, 0x100, 0x100), Header(PT_LOAD, RW, 0x100, 0x100_0100, 0x100, 0x100)];
    let bytes = file(0x100_0000, &headers, 0x400);
    assert!(plan(&Elf::parse(&bytes).unwrap()).is_err());
}

#[test]
fn the_file_s_wishes_for_its_stack_are_heard() {
    let default = Wishes { stack_address: 0x8000_0000, stack_size: 0x20_0000, kip: 0xb3f0_0000 };
    let text = Header(PT_LOAD, RX, 0, 0x100_0000, 0x200, 0x200);
    let mut bytes = file(0x100_0000, &[text, Header(aux_vector::PT_L4_AUX, R, 0x300, 0x300, 48, 48)], 0x400);
    let elements: [u64; 6] =
        [aux_vector::elf_aux::STACK_SIZE, 24, 0x1_2345, aux_vector::elf_aux::STACK_ADDR, 24, 0x7000_0000];
    for (index, word) in elements.iter().enumerate() {
        bytes[0x300 + index * 8..][..8].copy_from_slice(&word.to_le_bytes());
    }
    let wanted = wishes(&Elf::parse(&bytes).unwrap(), default).unwrap();
    assert_eq!(wanted, Wishes { stack_address: 0x7000_0000, stack_size: 0x1_3000, ..default });

    let plain = file(0x100_0000, &[Header(PT_LOAD, RX, 0, 0x100_0000, 0x200, 0x200)], 0x400);
    assert_eq!(wishes(&Elf::parse(&plain).unwrap(), default), Ok(default));
    let endless = Header(0x6474_e551, RW, 0, 0, 0, u64::MAX - 5);
    let endless = file(0x100_0000, &[Header(PT_LOAD, RX, 0, 0x100_0000, 0x200, 0x200), endless], 0x400);
    assert!(wishes(&Elf::parse(&endless).unwrap(), default).is_err());
}
