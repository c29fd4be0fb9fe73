//! The region list against a map of single addresses.

use crate::{
    memory_map::{Entry, Kind},
    picture,
    region::{AddError, Owner, RegionList},
};
use core::ops::Range;
use proptest::prelude::*;

#[test]
fn overlaps_are_refused_and_named() {
    let mut list = RegionList::default();
    list.add(0x1000..0x2000, Owner::Kernel, "kernel").unwrap();
    list.add(0x2000..0x3000, Owner::Sigma0, "sigma0").unwrap();
    list.add(0x1800..0x1800, Owner::Sigma0, "nothing").unwrap();
    match list.add(0x1fff..0x2001, Owner::Kernel, "x") {
        Err(AddError::Overlaps(other)) => assert_eq!(other.name, "kernel"),
        other => panic!("{other:?}"),
    }
    assert_eq!(list.iter().count(), 2);
}

#[test]
fn picture_joins_neighbours_and_shows_free_ram() {
    let mut list = RegionList::default();
    list.add(0x1000..0x2000, Owner::Kernel, "kernel").unwrap();
    list.add(0x2000..0x3000, Owner::Kernel, "kernel").unwrap();
    list.add(0x4000..0x5000, Owner::Moe(abi::Rights::RX), "moe").unwrap();
    let map = [Entry::new(0, 0x4800, Kind::Ram), Entry::new(0x6000, 0x1000, Kind::Ram)];
    let mut rows = Vec::new();
    picture::rows(&map, &list, |row| rows.push((row.range.clone(), row.owner)));
    let expected = [
        (0..0x1000, "free"),
        (0x1000..0x3000, "kernel"),
        (0x3000..0x4000, "free"),
        (0x4000..0x5000, "moe"),
        (0x6000..0x7000, "free"),
    ];
    assert_eq!(rows, expected);
    let mut text = String::new();
    picture::rows(&map, &list, |row| text = format!("{text}{row}\n"));
    assert!(text.contains("       4000 |    moe    |     4.0 KiB  r-x\n"), "{text}");
    assert_eq!(picture::Size(u64::MAX).to_string().trim(), "17179869183.9 GiB");
}

fn small_range() -> impl Strategy<Value = Range<u64>> {
    (0u64..100, 0u64..20).prop_map(|(start, size)| start..start + size)
}

proptest! {
    #[test]
    fn free_places_are_free_lowest_and_found_if_there(
        taken in prop::collection::vec(small_range(), 0..12),
        ram in prop::collection::vec(small_range(), 1..4),
        size in 1u64..12, alignment in 0u32..4, bounds in small_range(),
    ) {
        let mut list = RegionList::default();
        let mut used = [false; 200];
        for range in taken {
            if list.add(range.clone(), Owner::Kernel, "").is_ok() {
                range.for_each(|address| used[address as usize] = true);
            }
        }
        let mut ram = ram;
        ram.sort_by_key(|r| r.start);
        let bounds = bounds.start..bounds.end + 50;
        let alignment = 1 << alignment;
        let fits = |start: u64| {
            let within = |r: &Range<u64>| r.start <= start && start + size <= r.end;
            start.is_multiple_of(alignment)
                && within(&bounds)
                && ram.iter().any(within)
                && (start..start + size).all(|address| !used[address as usize])
        };
        let found = list.find_free(size, alignment, ram.iter().cloned(), &bounds);
        prop_assert_eq!(found.map(|range| range.start), (0..150).find(|&start| fits(start)));
    }
}
