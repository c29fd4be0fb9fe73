//! What the reader says about right files and about each kind of wrong one.

mod common;

use common::{Header, PT_INTERP, PT_LOAD, RW, RX, Spec, file, ordinary};
use furore_elf::{Elf, Error, Kind, R_X86_64_RELATIVE};

fn error(spec: &Spec) -> Error {
    Elf::parse(&file(spec)).err().expect("must be refused")
}

#[test]
fn ordinary_file_is_read() {
    let bytes = file(&ordinary());
    let elf = Elf::parse(&bytes).unwrap();
    assert_eq!(elf.kind(), Kind::Relocatable);
    assert_eq!(elf.entry(), 0x1010);
    assert_eq!(elf.virtual_range(), 0..0x5000);
    assert_eq!(elf.physical_range(), 0..0x5000);
    assert_eq!(elf.alignment(), 0x1000);
    let segments: Vec<_> = elf.load_segments().collect();
    assert_eq!(segments.len(), 3);
    assert!(segments[1].rights.execute && !segments[1].rights.write);
    assert_eq!(segments[2].data.len(), 0x200);
    assert_eq!(segments[2].memory_size, 0x2000);
    let tls = elf.thread_local().unwrap();
    assert_eq!((tls.virtual_address, tls.data.len(), tls.memory_size), (0x3000, 0x10, 0x40));
    assert_eq!(elf.program_headers().virtual_address, Some(64));
    assert_eq!(elf.program_headers().count, 5);
}

#[test]
fn relocations_are_listed() {
    let bytes = file(&ordinary());
    let relocations: Vec<_> = Elf::parse(&bytes).unwrap().relocations().unwrap().collect();
    assert_eq!(relocations.len(), 2);
    assert!(relocations.iter().all(|r| r.relocation_type == R_X86_64_RELATIVE));
    assert_eq!((relocations[1].offset, relocations[1].addend), (0x3008, 0x3020));
}

#[test]
fn symbols_are_found_by_address() {
    let bytes = file(&ordinary());
    let elf = Elf::parse(&bytes).unwrap();
    let symbol = elf.symbol_at(0x1018).unwrap();
    assert_eq!((symbol.name, symbol.offset), ("start", 0x18));
    let symbol = elf.symbol_at(0x1100).unwrap();
    assert_eq!((symbol.name, symbol.offset), ("work", 0xe0));
    assert_eq!(elf.symbol_at(0xfff), None);
}

#[test]
fn identification_is_checked_first() {
    assert_eq!(Elf::parse(b"").err(), Some(Error::Empty));
    assert_eq!(Elf::parse(b"#!/bin/sh").err(), Some(Error::NotElf { begins: *b"#!/b" }));
    let mut bytes = file(&ordinary());
    bytes[4] = 1;
    assert_eq!(Elf::parse(&bytes).err(), Some(Error::ThirtyTwoBit));
    assert_eq!(Elf::parse(&bytes[..52]).err(), Some(Error::ThirtyTwoBit));
    bytes[4] = 2;
    bytes[5] = 2;
    assert_eq!(Elf::parse(&bytes).err(), Some(Error::BigEndian));
}

#[test]
fn machine_and_type_are_checked() {
    assert_eq!(error(&Spec { machine: 183, ..ordinary() }), Error::WrongMachine { machine: 183 });
    assert_eq!(error(&Spec { e_type: 1, ..ordinary() }), Error::WrongType { e_type: 1 });
    assert_eq!(Elf::parse(&file(&Spec { e_type: 2, ..ordinary() })).unwrap().kind(), Kind::Fixed);
}

#[test]
fn every_truncation_is_noticed() {
    let bytes = file(&ordinary());
    // The file's last byte is the end of the section headers' last used entry.
    for length in 4..0x3fc0 {
        match Elf::parse(&bytes[..length]) {
            Err(Error::Truncated { needed, size }) => assert!(size == length as u64 && needed > size),
            Err(other) => panic!("{length}: {other}"),
            Ok(_) => panic!("{length} bytes were accepted"),
        }
    }
}

#[test]
fn overlapping_segments_are_refused() {
    let mut spec = ordinary();
    spec.headers[2].address = 0x1400;
    assert_eq!(error(&spec), Error::SegmentsOverlap { address: 0x1400 });
}

#[test]
fn entry_must_lie_in_code() {
    for entry in [0, 0x10, 0x3010, 0x1800, u64::MAX] {
        assert_eq!(error(&Spec { entry, ..ordinary() }), Error::EntryOutside { entry });
    }
}

#[test]
fn bad_segments_are_refused() {
    let mut spec = ordinary();
    spec.headers[1].memory_size = 0x7ff;
    assert_eq!(error(&spec), Error::BadSegment { address: 0x1000 });
    let mut spec = ordinary();
    spec.headers[2].address = u64::MAX - 0xfff;
    assert_eq!(error(&spec), Error::BadSegment { address: u64::MAX - 0xfff });
    let mut spec = ordinary();
    spec.headers[2].offset = u64::MAX - 1;
    assert!(matches!(error(&spec), Error::Truncated { .. }));
    let mut spec = ordinary();
    spec.headers.retain(|h| h.p_type != PT_LOAD);
    assert_eq!(error(&spec), Error::NothingToLoad);
}

#[test]
fn interpreter_is_refused() {
    let mut spec = ordinary();
    let interpreter = Header { p_type: PT_INTERP, flags: RX, offset: 0, address: 0, file_size: 4, memory_size: 4 };
    spec.headers.push(interpreter);
    assert_eq!(error(&spec), Error::NeedsInterpreter);
}

#[test]
fn too_many_segments_are_refused() {
    let mut spec = ordinary();
    spec.headers = (0..100)
        .map(|i| Header { p_type: PT_LOAD, flags: RW, offset: 0, address: i * 16, file_size: 16, memory_size: 16 })
        .collect();
    assert_eq!(error(&spec), Error::TooManySegments);
}

#[test]
fn texts_say_what_to_do() {
    assert_eq!(Error::ThirtyTwoBit.to_string(), "is a 32-bit ELF file: build it for x86-64 (64 bit)");
    let truncated = Error::Truncated { needed: 100, size: 10 }.to_string();
    assert_eq!(truncated, "is truncated: its headers ask for 100 bytes, it has 10; copy or build it again");
}
