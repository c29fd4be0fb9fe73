//! Host tests: the allocator against a table of frames.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

#[test]
fn everything_comes_back_and_joins() {
    let mut frames = Frames::new();
    assert!(frames.add(0x400, 10));
    assert!(frames.add(0x200, 9));
    let pages: Vec<u64> = core::iter::from_fn(|| frames.allocate_one()).collect();
    assert_eq!((pages.len(), frames.free()), (0x600, 0));
    pages.into_iter().for_each(|page| frames.unshare(page));
    assert_eq!(frames.allocate(10), Some(0x400));
    assert_eq!(frames.allocate(9), Some(0x200));
    assert_eq!((frames.allocate(0), frames.allocate_one()), (None, None));
    assert!(!frames.add(1 << 40, 0), "out of reach");
}

#[test]
fn foreign_frames_stay_foreign() {
    let mut frames = Frames::new();
    frames.unshare(7);
    assert!(!frames.share(7));
    assert_eq!((frames.uses(7), frames.uses(1 << 50), frames.free()), (0, 0, 0));
}

proptest! {
    #[test]
    fn agrees_with_a_table(steps in prop::collection::vec((0u8..6, 0u32..5, any::<usize>()), 1..300)) {
        let mut frames = Frames::new();
        let mut table: BTreeMap<u64, u32> = BTreeMap::new();
        prop_assert!(frames.add(0x1e0, 5) && frames.add(0x200, 6));
        for (kind, order, pick) in steps {
            let picked = table.keys().nth(pick % table.len().max(1)).copied();
            match (kind, picked) {
                (0 | 1, _) => {
                    let Some(first) = frames.allocate(order) else { continue };
                    prop_assert_eq!(first % (1 << order), 0);
                    for frame in first..first + (1 << order) {
                        prop_assert!(table.insert(frame, 1).is_none());
                    }
                }
                (2, _) => {
                    let Some(frame) = frames.allocate_one() else { continue };
                    prop_assert!(table.insert(frame, 1).is_none());
                }
                (3, Some(frame)) => {
                    prop_assert!(frames.share(frame));
                    *table.get_mut(&frame).unwrap() += 1;
                }
                (_, Some(frame)) => {
                    frames.unshare(frame);
                    let uses = table.get_mut(&frame).unwrap();
                    *uses -= 1;
                    if *uses == 0 { table.remove(&frame); }
                }
                _ => {}
            }
            prop_assert_eq!(frames.free() + table.len() as u64, frames.total());
            for (&frame, &uses) in &table {
                prop_assert_eq!(frames.uses(frame), uses);
            }
        }
        for (frame, uses) in table {
            (0..uses).for_each(|_| frames.unshare(frame));
        }
        prop_assert_eq!(frames.allocate(6), Some(0x200));
        prop_assert_eq!(frames.allocate(5), Some(0x1e0));
    }
}
