//! Memory maps as real machines have them.

use crate::memory_map::{Entry, Kind, limit_ram, normalise, total_ram, with_options};
use crate::options::Options;
use proptest::prelude::*;

const KINDS: [Kind; 5] = [Kind::Ram, Kind::AcpiTables, Kind::AcpiStorage, Kind::Reserved, Kind::Defective];

#[test]
fn unsorted_overlapping_and_empty_entries() {
    let map = normalise(&[
        Entry::new(0x10_0000, 0x70_0000, Kind::Ram),
        Entry::new(0x5000, 0, Kind::Reserved),
        Entry::new(0, 0x9_fc00, Kind::Ram),
        Entry::new(0x30_0000, 0x1000, Kind::Reserved),
        Entry::new(0x9_f000, 0x1000, Kind::Reserved),
        Entry::new(u64::MAX - 0xfff, u64::MAX, Kind::Reserved),
        Entry::new(0x80_0000, 0x10_0000, Kind::Ram),
    ]);
    let expected = [
        (0, 0x9_f000, Kind::Ram),
        (0x9_f000, 0xa_0000, Kind::Reserved),
        (0x10_0000, 0x30_0000, Kind::Ram),
        (0x30_0000, 0x30_1000, Kind::Reserved),
        (0x30_1000, 0x90_0000, Kind::Ram),
        (u64::MAX - 0xfff, u64::MAX, Kind::Reserved),
    ];
    assert_eq!(map[..], expected.map(|(start, end, kind)| Entry { start, end, kind }));
    assert_eq!(total_ram(&map), 0x9_f000 + 0x20_0000 + 0x5f_f000);
}

#[test]
fn ram_can_be_limited() {
    let mut map = normalise(&[Entry::new(0, 0x1000, Kind::Ram), Entry::new(0x2000, 0x1000, Kind::Ram)]);
    limit_ram(&mut map, 0x2800);
    assert_eq!(map[1].end, 0x2800);
    limit_ram(&mut map, 0x800);
    assert_eq!(map[..], [Entry { start: 0, end: 0x800, kind: Kind::Ram }]);
}

#[test]
fn ram_can_be_named() {
    let given = [Entry::new(0, 0x800_0000, Kind::Ram), Entry::new(0x20_0000, 0x1000, Kind::Reserved)];
    let map = |words: &str| with_options(&given, &Options::parse(words.split(' '), |word, _| panic!("{word}")), 40);
    assert_eq!(map("-serial"), normalise(&given));
    let named = map("-mem=2M@1M -mem=1M@16M -maxmem=17");
    let ram: Vec<_> = named.iter().filter(|e| e.kind == Kind::Ram).map(|e| (e.start, e.end)).collect();
    assert_eq!(ram, [(0x10_0000, 0x20_0000), (0x20_1000, 0x30_0000), (0x100_0000, 0x110_0000)]);
    assert_eq!(named.iter().find(|e| e.kind == Kind::Reserved).unwrap().range(), 0x20_0000..0x20_1000);
}

#[test]
fn ram_that_the_processor_cannot_reach_is_none() {
    let given = [Entry::new(0, 0x10_0000, Kind::Ram), Entry::new(1 << 35, u64::MAX, Kind::Ram)];
    let ends = |bits| with_options(&given, &Options::default(), bits).iter().map(|e| e.end).collect::<Vec<_>>();
    assert_eq!(ends(36), [0x10_0000, 1 << 36]);
    assert_eq!(ends(32), [0x10_0000]);
    assert_eq!(ends(64), [0x10_0000, 1 << 46]);
}

fn entry() -> impl Strategy<Value = Entry> {
    (0u64..200, 0u64..60, 0usize..5).prop_map(|(start, length, kind)| Entry::new(start, length, KINDS[kind]))
}

proptest! {
    #[test]
    fn every_address_has_its_strictest_kind(entries in prop::collection::vec(entry(), 0..20)) {
        let map = normalise(&entries);
        for address in 0..300 {
            let strictest = entries.iter().filter(|e| e.range().contains(&address)).map(|e| e.kind).max();
            let found: Vec<_> = map.iter().filter(|e| e.range().contains(&address)).map(|e| e.kind).collect();
            prop_assert_eq!(found, strictest.into_iter().collect::<Vec<_>>());
        }
        for pair in map.windows(2) {
            prop_assert!(pair[0].end <= pair[1].start && pair[0].start < pair[0].end);
            prop_assert!(pair[0].end < pair[1].start || pair[0].kind != pair[1].kind, "neighbours are joined");
        }
    }

    #[test]
    fn any_numbers_are_put_in_order(numbers in prop::collection::vec((any::<u64>(), any::<u64>(), 0usize..5), 0..128)) {
        let entries: Vec<_> = numbers.iter().map(|&(s, l, k)| Entry::new(s, l, KINDS[k])).collect();
        let map = normalise(&entries);
        prop_assert!(map.windows(2).all(|pair| pair[0].end <= pair[1].start));
    }
}
