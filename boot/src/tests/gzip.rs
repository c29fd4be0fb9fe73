//! Compressed modules: what is unpacked, what is refused and why, and where the content goes.

use crate::{
    Failure,
    files::room,
    gzip::{Error, Gzip},
    information::{Information, Protocol},
    memory_map::{Entry, Kind},
};
use flate2::{Compression, GzBuilder, write::GzEncoder};
use proptest::prelude::*;
use std::io::Write;

/// A gzip file as gzip itself writes it, at this level.
pub fn gzip(content: &[u8], level: u32) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(level));
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

fn unpack(file: &[u8]) -> Result<Vec<u8>, Error> {
    let gzip = Gzip::parse(file).expect("begins as gzip does")?;
    let mut out = vec![0; gzip.unpacked_size() as usize];
    gzip.unpack(&mut out).map(|()| out)
}

/// Text that compresses about as programs do.
fn content(size: usize) -> Vec<u8> {
    (0..size).map(|at| ((at * at) >> 7) as u8 & 0x3f).collect()
}

#[test]
fn what_was_packed_comes_out() {
    for size in [0, 1, 100, 70_000, 500_000] {
        for level in [0, 1, 9] {
            assert_eq!(unpack(&gzip(&content(size), level)).unwrap(), content(size), "{size} at level {level}");
        }
    }
}

#[test]
fn every_header_field_is_passed_over() {
    let mut encoder = GzBuilder::new()
        .filename("kernel")
        .comment("a comment")
        .extra(vec![7; 300])
        .write(Vec::new(), Compression::default());
    encoder.write_all(b"content").unwrap();
    let mut file = encoder.finish().unwrap();
    assert_eq!(unpack(&file).unwrap(), b"content");
    file[3] |= 0x20;
    assert_eq!(unpack(&file), Err(Error::Header));
}

#[test]
fn other_files_are_left_alone() {
    for file in [&b""[..], b"\x1f", b"\x1f\x8b", b"\x7fELF", b"\x1f\x8b\x07 another method"] {
        assert!(Gzip::parse(file).is_none());
    }
}

#[test]
fn each_kind_of_damage_is_named() {
    let right = gzip(&content(5000), 9);
    let at_end = right.len();
    let changed = |at: usize, value: u8| {
        let mut file = right.clone();
        file[at] ^= value;
        unpack(&file)
    };
    assert_eq!(changed(at_end - 8, 1), Err(Error::Checksum));
    assert_eq!(changed(at_end - 4, 1), Err(Error::Length));
    assert_eq!(changed(at_end - 3, 0x40), Err(Error::Length));
    assert_eq!(changed(at_end - 1, 0x80), Err(Error::Size));
    assert_eq!(changed(10, 6), Err(Error::Data), "a block of the type that does not exist");
    assert_eq!(unpack(&right[..5]), Err(Error::Truncated));
    assert_eq!(unpack(&right[..15]), Err(Error::Truncated));
    let mut two = right.clone();
    two.extend_from_slice(&right);
    assert_eq!(unpack(&two), Err(Error::Trailing));
}

#[test]
fn content_goes_where_nobody_is() {
    let map = [Entry::new(0, 0x9_f000, Kind::Ram), Entry::new(0x10_0000, 0x70_0000, Kind::Ram)];
    let mut information = Information::new(Protocol::Multiboot1);
    information.add_module(0x13_0000, 0x14_0800, b"/kernel.gz").unwrap();
    information.add_module(0x20_0000, 0x20_0000, b"/empty").unwrap();
    let place = |size| room(&information, &map, 0x10_0000..0x12_0000, size);
    assert_eq!(place(0x1_0000), Ok(0x12_0000..0x13_0000));
    assert_eq!(place(0x1_0001), Ok(0x14_1000..0x15_1001));
    assert!(matches!(place(0x70_0000), Err(Failure::TooLittleMemory { needed, available }) if needed > available));
    information.add_module(0x13_0000, 0x13_0001, b"/sigma0").unwrap();
    assert!(matches!(room(&information, &map, 0..0, 1), Err(Failure::LoaderInformation("modules that overlap"))));
}

#[test]
fn the_ending_is_no_part_of_the_name() {
    let mut information = Information::new(Protocol::Multiboot1);
    let lines = ["/kernel.gz", " /x/moe.gz rom/a.gz -x", "/dir/.gz", "", "gz", "/a.gz.gz\tb"];
    for line in lines {
        information.add_module(0, 0, line.as_bytes()).unwrap();
    }
    let kept: Vec<_> = (0..lines.len()).map(|index| information.line(index)).collect();
    assert_eq!(kept, ["/kernel", "/x/moe rom/a.gz -x", "/dir/.gz", "", "gz", "/a.gz b"]);
}

proptest! {
    #[test]
    fn damaged_files_never_panic(
        size in 0usize..5000, level in 0u32..10,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8), cut: prop::sample::Index,
    ) {
        let mut file = gzip(&content(size), level);
        for (at, value) in changes {
            let at = at.index(file.len());
            file[at] = value;
        }
        file.truncate(cut.index(file.len()) + 1);
        if let Some(Ok(gzip)) = Gzip::parse(&file) {
            let mut out = vec![0; gzip.unpacked_size() as usize];
            let _ = gzip.unpack(&mut out);
        }
    }
}
