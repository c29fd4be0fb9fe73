//! Tests of the kernel's memory: the allocators against simple models.
#![allow(unsafe_code)] // the slab's free is unsafe

use super::testing::arena;
use super::*;
use proptest::prelude::*;
use std::collections::BTreeMap;

#[test]
fn quota_refuses_what_exceeds_it() {
    let quota = Quota::new(100);
    assert_eq!(quota.charge(60), Ok(()));
    assert_eq!(quota.charge(41), Err(OutOfQuota));
    assert_eq!(quota.charge(u64::MAX), Err(OutOfQuota));
    assert_eq!(quota.charge(40), Ok(()));
    quota.release(100);
    assert_eq!(quota.used(), 0);
    assert_eq!(Quota::new(u64::MAX).charge(u64::MAX), Ok(()));
}

#[test]
fn slab_returns_every_frame() {
    let memory = arena(0, 64);
    let slab: Slab<[u64; 7]> = Slab::new();
    let objects: Vec<_> = (0..1000).map(|i| slab.create(&memory, || [i; 7]).expect("memory")).collect();
    assert!(memory.frames().free_frames() < 64);
    for (i, object) in objects.iter().enumerate() {
        assert_eq!(**object, [i as u64; 7]);
    }
    for object in objects {
        // SAFETY: created above, used no more.
        unsafe { slab.destroy(&memory, object) };
    }
    assert_eq!(slab.frames(), 1);
    slab.trim(&memory);
    assert_eq!(memory.frames().free_frames(), 64);
}

#[test]
fn slab_of_large_objects() {
    let memory = arena(0, 64);
    let slab: Slab<[u8; 5000]> = Slab::new();
    let a = slab.create(&memory, || [1; 5000]).expect("memory");
    let b = slab.create(&memory, || [2; 5000]).expect("memory");
    assert!(a.iter().all(|&byte| byte == 1) && b.iter().all(|&byte| byte == 2));
    // SAFETY: created above, used no more.
    unsafe {
        slab.destroy(&memory, a);
        slab.destroy(&memory, b);
    }
    slab.trim(&memory);
    assert_eq!(memory.frames().free_frames(), 64);
}

#[test]
fn slab_hands_the_value_back_when_memory_is_out() {
    let memory = arena(0, 1);
    let slab: Slab<[u64; 64]> = Slab::new();
    let made = (0..).take_while(|_| slab.create(&memory, || [0; 64]).is_some()).count();
    assert_eq!(made, 7);
    assert_eq!(slab.create(&memory, || [9; 64]), None);
}

proptest! {
    /// Blocks are aligned, inside the span, never overlap, and all come back together as one.
    #[test]
    fn frames_like_a_map(base in 0u64..3, steps in prop::collection::vec((0usize..6, any::<usize>(), any::<bool>()), 1..300)) {
        let frames = 1 << MAX_ORDER;
        let base = (base * 5) << FRAME_SHIFT;
        let infos = Vec::leak((0..frames).map(|_| FrameInfo::new()).collect());
        let allocator = FrameAllocator::new(base, infos);
        let end = base + ((frames as u64) << FRAME_SHIFT);
        allocator.release(base, end);
        let mut model: BTreeMap<u64, usize> = BTreeMap::new();
        for (order, pick, allocate) in steps {
            if allocate {
                let Some(phys) = allocator.alloc(order) else { continue };
                let size = FRAME_SIZE << order;
                prop_assert_eq!(phys % size, 0);
                prop_assert!(phys >= base && phys + size <= end);
                let before = model.range(..phys + size).next_back();
                prop_assert!(before.is_none_or(|(&start, &order)| start + (FRAME_SIZE << order) <= phys));
                model.insert(phys, order);
            } else if !model.is_empty() {
                let phys = *model.keys().nth(pick % model.len()).expect("an entry");
                let order = model.remove(&phys).expect("an entry");
                allocator.free(phys, order);
            }
            prop_assert_eq!(allocator.check(), Ok(()));
            let used: u64 = model.values().map(|order| 1 << order).sum();
            prop_assert_eq!(allocator.free_frames(), frames as u64 - used);
        }
        for (phys, order) in model {
            allocator.free(phys, order);
        }
        prop_assert_eq!(allocator.free_frames(), frames as u64);
        if base == 0 {
            prop_assert_eq!(allocator.alloc(MAX_ORDER), Some(0));
        }
    }

    /// Objects keep their values whatever is freed between them.
    #[test]
    fn slab_like_a_vec(steps in prop::collection::vec((any::<u64>(), any::<bool>()), 1..400)) {
        let memory = arena(0x40_0000, 16);
        let slab: Slab<[u64; 20]> = Slab::new();
        let mut model: Vec<(&'static [u64; 20], u64)> = Vec::new();
        for (value, create) in steps {
            if create {
                if let Some(object) = slab.create(&memory, || [value; 20]) {
                    model.push((object, value));
                }
            } else if !model.is_empty() {
                let (object, _) = model.swap_remove(value as usize % model.len());
                // SAFETY: created above, used no more.
                unsafe { slab.destroy(&memory, object) };
            }
            prop_assert_eq!(slab.check(), Ok(()));
            for (object, value) in &model {
                prop_assert_eq!(**object, [*value; 20]);
            }
            prop_assert_eq!(memory.frames().free_frames() + slab.frames(), 16);
        }
    }
}
