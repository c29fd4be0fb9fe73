//! Host tests: regions and areas of an address space.

use super::*;
use alloc::vec::Vec;

const PAGE: u64 = PAGE_SIZE as u64;
const LAST: u64 = 0x7fff_ffff_ffff;

fn map() -> RegionMap<u32> {
    RegionMap::new(0x1000, LAST)
}

fn attach(map: &mut RegionMap<u32>, start: u64, size: u64, flags: RegionFlags) -> Result<u64, RegionError> {
    map.attach(Attach { start, size, flags, align: 12, offset: 0, backing: 7 })
}

#[test]
fn attached_region_is_found_up_to_its_last_byte() {
    let mut map = map();
    assert_eq!(attach(&mut map, 0x4000, 0x1800, flag::R), Ok(0x4000));
    assert_eq!(map.find(0x5fff).map(|r| (r.start, r.end)), Some((0x4000, 0x5fff)));
    assert!(map.find(0x6000).is_none() && map.find(0x3fff).is_none());
    assert_eq!(attach(&mut map, 0x5000, 0x1000, flag::R), Err(RegionError::NotAvailable));
    assert_eq!(attach(&mut map, 0, 0x1000, flag::R), Err(RegionError::NotAvailable));
    assert_eq!(attach(&mut map, 0x8000, 0, flag::R), Err(RegionError::Invalid));
    assert_eq!(attach(&mut map, !0xfff, 0x2000, flag::R), Err(RegionError::Invalid));
}

#[test]
fn search_skips_regions_and_areas_and_aligns() {
    let mut map = map();
    attach(&mut map, 0x1000, 0x2000, flag::R).unwrap();
    map.reserve(0x3000, 0x1000, 0, 12).unwrap();
    let searched =
        Attach { start: 0, size: 0x1000, flags: flag::R | flag::SEARCH_ADDR, align: 14, offset: 0, backing: 1 };
    assert_eq!(map.attach(searched.clone()), Ok(0x4000));
    assert_eq!(map.attach(searched), Ok(0x8000));
    assert_eq!(map.reserve(0, 0x10_0000, flag::SEARCH_ADDR, 21), Ok(0x20_0000));
}

#[test]
fn an_area_takes_only_regions_that_ask_for_it() {
    let mut map = map();
    map.reserve(0x1_0000, 0x4000, 0, 12).unwrap();
    assert_eq!(attach(&mut map, 0x1_1000, 0x1000, flag::R), Err(RegionError::NotAvailable));
    assert_eq!(attach(&mut map, 0x1_1000, 0x1000, flag::R | flag::IN_AREA), Ok(0x1_1000));
    let searched = flag::R | flag::IN_AREA | flag::SEARCH_ADDR;
    assert_eq!(attach(&mut map, 0x1_0000, 0x2000, searched), Ok(0x1_2000));
    assert_eq!(attach(&mut map, 0x1_0000, 0x2000, searched), Err(RegionError::NotAvailable));
    assert_eq!(attach(&mut map, 0x2_0000, 0x1000, flag::R | flag::IN_AREA), Err(RegionError::NotAvailable));
    assert_eq!(map.free_area(0x1_3fff).map(|area| area.start), Ok(0x1_0000));
    assert_eq!(map.free_area(0x1_0000), Err(RegionError::NotFound));
}

#[test]
fn reserved_areas_take_nothing() {
    let mut map = map();
    map.reserve(0x1000, 0x1000, flag::RESERVED, 12).unwrap();
    assert_eq!(attach(&mut map, 0x1000, 0x1000, flag::R | flag::IN_AREA), Err(RegionError::NotAvailable));
    attach(&mut map, 0x5000, 0x1000, flag::R).unwrap();
    assert_eq!(map.reserve(0x5000, 0x1000, flag::RESERVED, 12), Err(RegionError::NotAvailable));
    assert_eq!(map.reserve(0x5000, 0x1000, 0, 12), Ok(0x5000));
}

#[test]
fn detach_cuts_heads_tails_and_middles() {
    let mut map = map();
    attach(&mut map, 0x10_0000, 0x8000, flag::R).unwrap();
    let middle = map.detach(0x10_3000, 0x2000, false).unwrap();
    assert_eq!((middle.kind, middle.removed.offset, middle.again), (DetachKind::Split, 0x3000, false));
    let tail = map.find(0x10_5000).unwrap();
    assert_eq!((tail.offset, tail.size()), (0x5000, 0x3000));
    let head = map.detach(0x10_4000, 0x2000, false).unwrap();
    assert_eq!((head.kind, head.removed.start, head.removed.end), (DetachKind::Kept, 0x10_5000, 0x10_5fff));
    assert_eq!(map.find(0x10_6000).unwrap().offset, 0x6000);
    let all = map.detach(0x10_0000, 0x10_0000, false).unwrap();
    assert_eq!((all.kind, all.again), (DetachKind::Detached, true));
    assert_eq!(map.detach(0x10_6123, 1, true).unwrap().removed.start, 0x10_6000);
    assert_eq!(map.detach(0x10_0000, 0x10_0000, false), Err(RegionError::NotFound));
}

/// A model of pages, against which a long run of operations is compared.
#[test]
fn agrees_with_a_page_by_page_model() {
    const PAGES: u64 = 64;
    let mut map: RegionMap<u32> = RegionMap::new(0, PAGES * PAGE - 1);
    let mut model: Vec<Option<u32>> = (0..PAGES).map(|_| None).collect();
    let mut seed = 0x1234_5678_9abc_def1_u64;
    let mut next = |limit: u64| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed % limit
    };
    for step in 0..20_000u32 {
        let (page, pages) = (next(PAGES), 1 + next(6));
        let (start, size) = (page * PAGE, pages * PAGE);
        let range = page as usize..((page + pages) as usize).min(model.len());
        if next(2) == 0 {
            let fits = page + pages <= PAGES && model[range.clone()].iter().all(Option::is_none);
            let result = map.attach(Attach { start, size, flags: flag::R, align: 12, offset: start, backing: step });
            assert_eq!(result.is_ok(), fits);
            if fits {
                model[range].fill(Some(step));
            }
        } else {
            while map.detach(start, size, false).is_ok_and(|cut| cut.again) {}
            model[range].fill(None);
        }
        for (page, owner) in model.iter().enumerate() {
            let address = page as u64 * PAGE + 5;
            let found = map.find(address);
            assert_eq!(found.map(|region| region.backing), *owner);
            if let Some(region) = found {
                assert_eq!(region.offset_of(address), address);
            }
        }
    }
}
