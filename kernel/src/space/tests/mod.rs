//! Tests of spaces: directed ones here, random ones against [`model`] in [`random`].

mod at_once;
mod flushes;
mod machine;
mod model;
mod random;

use super::*;
use crate::mem::{Quota, Slab};
use abi::{Flexpage, Rights};
use machine::{TestMachine, space};

const MIB: u64 = 1 << 20;

fn plenty() -> Budget {
    Budget::new(u32::MAX)
}

/// An unmap operation with a walker of its own.
fn unmapping(space: &'static MemSpace, address: u64, order: u8, rights: Rights, self_too: bool) -> Unmap {
    Unmap::new(space, address, order, rights, self_too, Box::leak(Box::default()))
}

/// Steps a map with a small budget until it ends.
fn map_all(machine: &TestMachine, mut map: Map) -> Result<bool, MapError> {
    while map.step(machine, &Budget::new(3))? == Progress::Preempted {}
    Ok(map.found_any())
}

fn unmap_all(machine: &TestMachine, mut unmap: Unmap) -> Access {
    while unmap.step(machine, &Budget::new(3)) == Progress::Preempted {}
    unmap.access()
}

fn map(
    machine: &TestMachine,
    source: (&'static MemSpace, u64),
    target: (&'static MemSpace, u64),
    order: u8,
    rights: Rights,
) -> Result<bool, MapError> {
    let window = Window { source: source.1, target: target.1, order };
    map_all(machine, Map::new(source.0, target.0, window, rights, None, false))
}

fn rights_at(machine: &TestMachine, space: &MemSpace, address: u64) -> Option<Rights> {
    space.lookup(machine, address).map(|page| page.rights)
}

fn destroy(machine: &TestMachine, space: &'static MemSpace) {
    while machine.destroy(space, &Budget::new(2)) == Progress::Preempted {}
}

#[test]
fn one_page_and_back() {
    let machine = TestMachine::new(64);
    let (root, user) = (machine.root(), space());
    assert_eq!(map(&machine, (root, 0x5000), (user, 0x40_0000), PAGE, Rights::RW), Ok(true));
    let page = user.lookup(&machine, 0x40_0123).expect("the page");
    assert_eq!(page, MappedPage { phys: 0x5000, order: PAGE, rights: Rights::RW, cache: Cache::Cached });
    assert_eq!(user.lookup(&machine, 0x40_1000), None);
    unmap_all(&machine, unmapping(root, 0x5000, PAGE, Rights::R, false));
    assert_eq!(user.lookup(&machine, 0x40_0123), None);
    destroy(&machine, user);
    assert_eq!(user.quota().used(), 0);
    destroy(&machine, root);
    assert_eq!(root.quota().used(), 0);
    machine.assert_all_memory_is_back();
}

#[test]
fn superpages_stay_whole_where_they_fit() {
    let machine = TestMachine::new(64);
    let (root, user, pieces) = (machine.root(), space(), space());
    assert_eq!(map(&machine, (root, 2 * MIB), (user, 4 * MIB), 22, Rights::RWX), Ok(true));
    assert_eq!(user.lookup(&machine, 4 * MIB).map(|page| (page.phys, page.order)), Some((2 * MIB, SUPERPAGE)));
    assert_eq!(user.lookup(&machine, 7 * MIB).map(|page| (page.phys, page.order)), Some((4 * MIB, SUPERPAGE)));
    // Not aligned in the receiver: 512 pieces.
    assert_eq!(map(&machine, (user, 4 * MIB), (pieces, 5 * MIB), SUPERPAGE, Rights::R), Ok(true));
    let last = pieces.lookup(&machine, 7 * MIB - 1).map(|page| (page.phys, page.order));
    assert_eq!(last, Some((4 * MIB - 0x1000, PAGE)));
    // Only the piece that the range touches goes.
    unmap_all(&machine, unmapping(user, 4 * MIB + 0x3000, PAGE, Rights::R, false));
    assert_eq!(pieces.lookup(&machine, 5 * MIB + 0x3000), None);
    assert!(pieces.lookup(&machine, 5 * MIB + 0x2000).is_some());
    assert!(pieces.lookup(&machine, 5 * MIB + 0x4000).is_some());
    unmap_all(&machine, unmapping(user, 4 * MIB, SUPERPAGE, Rights::R, true));
    assert_eq!(user.lookup(&machine, 5 * MIB), None);
    assert_eq!(pieces.lookup(&machine, 5 * MIB), None);
    assert!(user.lookup(&machine, 6 * MIB).is_some());
    // An empty table makes room for a superpage.
    assert_eq!(map(&machine, (root, 0), (pieces, 6 * MIB), SUPERPAGE, Rights::R), Ok(true));
    assert_eq!(pieces.lookup(&machine, 6 * MIB).map(|page| page.order), Some(SUPERPAGE));
    for space in [pieces, user, root] {
        destroy(&machine, space);
        assert_eq!(space.quota().used(), 0);
    }
    machine.assert_all_memory_is_back();
}

#[test]
fn pages_are_cached_as_asked_or_as_the_source_has_them() {
    const FRAME: u64 = 2 * MIB;
    let machine = TestMachine::new(128);
    let (root, a, b) = (machine.root(), space(), space());
    let hand = |from: (&'static MemSpace, u64), to: (&'static MemSpace, u64), order: u8, cache: Option<Cache>| {
        let window = Window { source: from.1, target: to.1, order };
        map_all(&machine, Map::new(from.0, to.0, window, Rights::RW, cache, false)).expect("there is memory")
    };
    let seen = |space: &MemSpace, address: u64| space.lookup(&machine, address).map(|page| (page.phys, page.cache));
    let kinds = [None, Some(Cache::Uncached), Some(Cache::Combining), Some(Cache::Cached)];
    for (number, (kind, order)) in (1..).zip(kinds.into_iter().flat_map(|kind| [(kind, PAGE), (kind, SUPERPAGE)])) {
        let at = number << SUPERPAGE;
        let wanted = kind.unwrap_or(Cache::Cached);
        assert!(hand((root, FRAME), (a, at), order, kind));
        assert_eq!(seen(a, at), Some((FRAME, wanted)));
        // Handed on it stays so, in pieces, too; and another one can be asked for again, in either place.
        assert!(hand((a, at), (b, at), PAGE, None));
        assert_eq!(seen(b, at), Some((FRAME, wanted)));
        for other in [Cache::Uncached, Cache::Cached, Cache::Combining] {
            assert!(hand((a, at), (b, at), PAGE, Some(other)));
            assert_eq!((seen(a, at), seen(b, at)), (Some((FRAME, wanted)), Some((FRAME, other))));
        }
    }
    for space in [b, a, root] {
        destroy(&machine, space);
    }
    machine.assert_all_memory_is_back();
}

/// A space with no more quota than `superpages` superpages below one table need.
fn poor_space(superpages: u64) -> &'static MemSpace {
    let limit = 0x4000 + superpages * Slab::<Mapping>::OBJECT_BYTES;
    Box::leak(Box::new(MemSpace::new(Box::leak(Box::new(Quota::new(limit))))))
}

#[test]
fn superpages_lose_what_the_range_covers() {
    let machine = TestMachine::new(128);
    let (root, a, b, poor) = (machine.root(), space(), space(), poor_space(1));
    let below = space();
    let all = [a, b, poor, below, root];
    for (source, target) in [(root, a), (a, b), (a, poor), (poor, below)] {
        assert_eq!(map(&machine, (source, 0), (target, 0), SUPERPAGE, Rights::RWX), Ok(true));
    }
    let charged = b.quota().used();
    // Rights to a part: those who cannot pay for a table lose them for all of it.
    unmap_all(&machine, unmapping(a, 0x8000, PAGE + 1, Rights::W, true));
    for (space, rest) in [(a, Rights::RWX), (b, Rights::RWX), (poor, Rights::RX), (below, Rights::RWX)] {
        assert_eq!(rights_at(&machine, space, 0x7000), Some(rest));
        assert_eq!(rights_at(&machine, space, 0x8000), Some(Rights::RX));
        assert_eq!(rights_at(&machine, space, 0x9000), Some(Rights::RX));
        assert_eq!(rights_at(&machine, space, 0xa000), Some(rest));
    }
    assert_eq!(rights_at(&machine, root, 0x8000), Some(Rights::RWX));
    assert_eq!(b.quota().used(), charged + 0x2000);
    // A part: they lose all of it, and so do those who got it there.
    unmap_all(&machine, unmapping(root, 0, PAGE, Rights::R, false));
    for (space, rest) in [(a, true), (b, true), (poor, false), (below, false)] {
        assert_eq!(space.lookup(&machine, 0), None);
        assert_eq!(space.lookup(&machine, 0x1000).is_some(), rest);
    }
    // A page in the place of the part is one that the unmap finds, and that does not hide the others.
    assert_eq!(map(&machine, (root, 4 * MIB), (a, 0), PAGE, Rights::R), Ok(true));
    unmap_all(&machine, unmapping(a, 0, 14, Rights::R, true));
    assert!((0..4).all(|page| a.lookup(&machine, page << 12).is_none()));
    assert!(a.lookup(&machine, 0x4000).is_some());
    assert!(b.lookup(&machine, 0x3000).is_none() && b.lookup(&machine, 0x4000).is_some());
    // The table goes with the last of the superpage.
    unmap_all(&machine, unmapping(root, 0, SUPERPAGE, Rights::R, false));
    assert_eq!(b.quota().used(), charged - Slab::<Mapping>::OBJECT_BYTES);
    for space in all {
        destroy(&machine, space);
        assert_eq!(space.quota().used(), 0);
    }
    machine.assert_all_memory_is_back();
}

#[test]
fn mapping_again_extends_rights_and_mapping_elsewhere_replaces() {
    let machine = TestMachine::new(64);
    let (root, a, b) = (machine.root(), space(), space());
    assert_eq!(map(&machine, (root, 0x1000), (a, 0), PAGE, Rights::R), Ok(true));
    assert_eq!(map(&machine, (a, 0), (b, 0x7000), PAGE, Rights::RWX), Ok(true));
    assert_eq!(rights_at(&machine, b, 0x7000), Some(Rights::R));
    assert_eq!(map(&machine, (root, 0x1000), (a, 0), PAGE, Rights::RW), Ok(true));
    assert_eq!(rights_at(&machine, a, 0), Some(Rights::RW));
    assert_eq!(rights_at(&machine, b, 0x7000), Some(Rights::R));
    assert_eq!(map(&machine, (root, 0x2000), (a, 0), PAGE, Rights::R), Ok(true));
    assert_eq!(a.lookup(&machine, 0).map(|page| page.phys), Some(0x2000));
    assert_eq!(b.lookup(&machine, 0x7000), None);
    // A page mapped onto itself or its ancestor is lost, as in Fiasco.
    assert_eq!(map(&machine, (a, 0), (b, 0x7000), PAGE, Rights::R), Ok(true));
    assert_eq!(map(&machine, (b, 0x7000), (a, 0), PAGE, Rights::R), Ok(true));
    assert_eq!((a.lookup(&machine, 0), b.lookup(&machine, 0x7000)), (None, None));
    assert_eq!(map(&machine, (a, 0), (b, 0), 30, Rights::R), Ok(false));
}

#[test]
fn granted_pages_move_with_their_children_and_their_charge() {
    let machine = TestMachine::new(128);
    let (root, a, b, c) = (machine.root(), space(), space(), space());
    assert_eq!(map(&machine, (root, 0), (a, 0), SUPERPAGE, Rights::RW), Ok(true));
    assert_eq!(map(&machine, (a, 0x3000), (c, 0), PAGE, Rights::RW), Ok(true));
    let window = Window { source: 0, target: 8 * MIB, order: SUPERPAGE };
    assert_eq!(map_all(&machine, Map::new(a, b, window, Rights::RW, None, true)), Ok(true));
    assert_eq!(a.lookup(&machine, 0), None);
    assert_eq!(b.lookup(&machine, 8 * MIB).map(|page| page.order), Some(SUPERPAGE));
    assert!(c.lookup(&machine, 0).is_some());
    destroy(&machine, a);
    assert_eq!(a.quota().used(), 0);
    unmap_all(&machine, unmapping(b, 8 * MIB + 0x3000, PAGE, Rights::R, false));
    assert_eq!(c.lookup(&machine, 0), None);
    for space in [b, c, root] {
        destroy(&machine, space);
        assert_eq!(space.quota().used(), 0);
    }
    machine.assert_all_memory_is_back();
}

#[test]
fn rights_are_taken_from_the_whole_subtree() {
    let machine = TestMachine::new(64);
    let (root, a) = (machine.root(), space());
    let others: Vec<_> = (0..5).map(|_| space()).collect();
    assert_eq!(map(&machine, (root, 0x1000), (a, 0x1000), PAGE, Rights::RW), Ok(true));
    for (index, other) in others.iter().enumerate() {
        for page in 0..20 {
            let from = if index == 0 { (a, 0x1000) } else { (others[index - 1], page << 12) };
            assert_eq!(map(&machine, from, (other, page << 12), PAGE, Rights::RW), Ok(true));
        }
    }
    let mut unmap = unmapping(a, 0x1000, PAGE, Rights::W, false);
    let mut gone = 0;
    while unmap.step(&machine, &Budget::new(1)) == Progress::Preempted {
        // Meanwhile pages go, the walk's next one among them, and new ones come.
        unmap_all(&machine, unmapping(others[1], gone << 12, PAGE, Rights::R, true));
        let _ = map(&machine, (others[0], gone << 12), (others[1], (100 + gone) << 12), PAGE, Rights::RW);
        gone += 1;
    }
    assert_eq!(rights_at(&machine, a, 0x1000), Some(Rights::RW));
    for other in &others {
        for page in 0..130 {
            let rights = rights_at(&machine, other, page << 12);
            assert!(rights.is_none_or(|rights| rights == Rights::R), "page {page} has {rights:?}");
        }
    }
    let mut cancelled = unmapping(root, 0x1000, PAGE, Rights::X, false);
    assert_eq!(cancelled.step(&machine, &Budget::new(1)), Progress::Preempted);
    cancelled.cancel(&machine);
    for space in others.into_iter().chain([a, root]) {
        destroy(&machine, space);
        assert_eq!(space.quota().used(), 0);
    }
    machine.assert_all_memory_is_back();
}

/// One walk waits at most: who wants another one goes on with it first, in the name of who began it.
#[test]
fn walks_are_ended_by_whoever_wants_another() {
    let machine = TestMachine::new(64);
    let (root, a, b) = (machine.root(), space(), space());
    assert_eq!(map(&machine, (root, 0), (a, 0), 15, Rights::RWX), Ok(true));
    let to_all = |page: u64| {
        (0..20).for_each(|copy| {
            assert_eq!(map(&machine, (a, page << 12), (b, (page * 20 + copy) << 12), PAGE, Rights::RWX), Ok(true))
        });
    };
    (0..4).for_each(to_all);
    let have = |page: u64, rights: Rights| {
        (0..20).filter(|copy| rights_at(&machine, b, (page * 20 + copy) << 12) == Some(rights)).count()
    };
    let all_have = |page: u64, rights: Rights| have(page, rights) == 20;
    let preempted = |page: u64| {
        let mut unmap = unmapping(a, page << 12, PAGE, Rights::W, false);
        assert_eq!(unmap.step(&machine, &Budget::new(2)), Progress::Preempted);
        unmap
    };
    // The first walk is ended by the second operation, the second by the third, and that, which is cancelled, by the last.
    let mut first = preempted(0);
    let mut second = preempted(1);
    assert!(!all_have(0, Rights::RX));
    while have(1, Rights::RX) == 0 {
        assert_eq!(second.step(&machine, &Budget::new(2)), Progress::Preempted);
    }
    assert!(all_have(0, Rights::RX));
    let mut third = preempted(2);
    while have(2, Rights::RX) == 0 {
        assert_eq!(third.step(&machine, &Budget::new(2)), Progress::Preempted);
    }
    assert!(all_have(1, Rights::RX));
    assert_eq!(first.step(&machine, &plenty()), Progress::Done);
    assert_eq!(second.step(&machine, &plenty()), Progress::Done);
    assert!(third.cancel(&machine) && !third.cancel(&machine));
    assert!(!all_have(2, Rights::RX) && all_have(3, Rights::RWX));
    // One whose root goes while it waits has ended.
    let mut last = preempted(3);
    unmap_all(&machine, unmapping(root, 3 << 12, PAGE, Rights::R, false));
    assert_eq!(last.step(&machine, &plenty()), Progress::Done);
    unmap_all(&machine, unmapping(a, 0, 15, Rights::X, true));
    assert!((0..3).all(|page| all_have(page, Rights::R)));
    for space in [b, a, root] {
        destroy(&machine, space);
        assert_eq!(space.quota().used(), 0);
    }
    machine.assert_all_memory_is_back();
}

/// Who finds nothing to unmap since somebody else is taking it knows, when that is done, that nobody below has it.
#[test]
fn what_a_walk_has_taken_is_gone_below_when_an_unmap_ends() {
    let machine = TestMachine::new(256);
    let (root, a, b, c) = (machine.root(), space(), space(), space());
    assert_eq!(map(&machine, (root, 0), (a, 0), SUPERPAGE, Rights::RWX), Ok(true));
    assert_eq!(map(&machine, (a, 0), (b, 0), SUPERPAGE, Rights::RWX), Ok(true));
    for copy in 0..4 {
        assert_eq!(map(&machine, (b, 0), (c, copy * 2 * MIB), SUPERPAGE, Rights::RWX), Ok(true));
    }
    let has = |space: &MemSpace, page: u64| space.lookup(&machine, page << 12).is_some();
    for (page, other) in [(0, a), (2, b)] {
        let mut taking = unmapping(a, page << 12, PAGE, Rights::R, true);
        while has(b, page) {
            assert_eq!(taking.step(&machine, &Budget::new(1)), Progress::Preempted);
        }
        assert!(has(c, page), "the walk goes on");
        unmap_all(&machine, unmapping(other, page << 12, PAGE, Rights::R, true));
        assert!((0..4).all(|copy| !has(c, page + copy * 512)));
        assert_eq!(taking.step(&machine, &plenty()), Progress::Done);
    }
    // Who was taking it has gone: a could not take it from the others any more.
    let mut taking = unmapping(a, 4 << 12, PAGE, Rights::R, true);
    while has(b, 4) {
        assert_eq!(taking.step(&machine, &Budget::new(1)), Progress::Preempted);
    }
    assert!(taking.cancel(&machine) && has(c, 4));
    assert_eq!(end_left(&machine, &Budget::new(0)), Progress::Preempted);
    assert!(has(c, 4));
    while end_left(&machine, &Budget::new(1)) == Progress::Preempted {}
    assert!((0..4).all(|copy| !has(c, 4 + copy * 512)) && has(c, 5));
    for space in [c, b, a, root] {
        destroy(&machine, space);
        assert_eq!(space.quota().used(), 0);
    }
    machine.assert_all_memory_is_back();
}

/// What is in the place of lost pieces hides none of the others from an unmap.
#[test]
fn a_split_superpage_is_dealt_with_once() {
    let machine = TestMachine::new(64);
    let (root, a, b) = (machine.root(), space(), space());
    assert_eq!(map(&machine, (root, 0), (a, 0), SUPERPAGE, Rights::RWX), Ok(true));
    assert_eq!(map(&machine, (a, 0), (b, 0), SUPERPAGE, Rights::RWX), Ok(true));
    for page in (1..64).step_by(2) {
        unmap_all(&machine, unmapping(a, page << 12, PAGE, Rights::R, true));
        assert_eq!(map(&machine, (root, 4 * MIB + (page << 12)), (a, page << 12), PAGE, Rights::RWX), Ok(true));
    }
    let steps = |mut unmap: Unmap| (1..).find(|_| unmap.step(&machine, &Budget::new(1)) == Progress::Done);
    // Each entry of the table once, the superpage's pieces below, its pieces.
    let restricted = steps(unmapping(a, 0, 18, Rights::W, true));
    assert!(restricted.is_some_and(|steps| steps < 100), "{restricted:?}");
    assert!((0..64).all(|page| rights_at(&machine, a, page << 12) == Some(Rights::RX)));
    assert!(
        (0..64).all(|page| rights_at(&machine, b, page << 12) == if page % 2 == 0 { Some(Rights::RX) } else { None })
    );
    assert_eq!(rights_at(&machine, b, 64 << 12), Some(Rights::RWX));
    unmap_all(&machine, unmapping(a, 0, 18, Rights::R, true));
    assert!((0..64).all(|page| a.lookup(&machine, page << 12).is_none() && b.lookup(&machine, page << 12).is_none()));
    assert!(a.lookup(&machine, 64 << 12).is_some() && b.lookup(&machine, 64 << 12).is_some());
    for space in [b, a, root] {
        destroy(&machine, space);
        assert_eq!(space.quota().used(), 0);
    }
    machine.assert_all_memory_is_back();
}

#[test]
fn kernel_pages_are_neither_sent_nor_unmapped() {
    let machine = TestMachine::new(64);
    let (root, user, other) = (machine.root(), space(), space());
    assert_eq!(user.map_kernel_page(&machine, 0x7000, 0x9000, Rights::RW, &plenty()), Ok(true));
    assert_eq!(user.map_kernel_page(&machine, 0x7000, 0xa000, Rights::RW, &plenty()), Ok(false));
    assert_eq!(map(&machine, (user, 0x7000), (other, 0), PAGE, Rights::RW), Ok(false));
    assert_eq!(other.lookup(&machine, 0), None);
    assert_eq!(map(&machine, (root, 0), (user, 0x7000), PAGE, Rights::RW), Ok(true));
    unmap_all(&machine, unmapping(user, 0, 40, Rights::R, true));
    assert_eq!(user.lookup(&machine, 0x7000).map(|page| page.phys), Some(0x9000));
    for space in [user, other, root] {
        destroy(&machine, space);
        assert_eq!(space.quota().used(), 0);
    }
    machine.assert_all_memory_is_back();
}

#[test]
fn nothing_is_mapped_outside_user_memory() {
    let machine = TestMachine::new(64);
    let (root, user) = (machine.root(), space());
    let page = MappedPage { phys: 0, order: PAGE, rights: Rights::RW, cache: Cache::Cached };
    for address in [USER_END, 0xffff_8000_0000_0000, !0xfff] {
        assert_eq!(root.fabricate(&machine, address, &plenty()), Ok(false));
        assert_eq!(user.map_kernel_page(&machine, address, 0, Rights::RW, &plenty()), Ok(false));
        assert_eq!(user.map_root(&machine, address, page, &plenty()), Ok(()));
        assert_eq!(map(&machine, (root, 0), (user, address), PAGE, Rights::RW), Ok(false));
        assert_eq!(map(&machine, (user, address), (user, 0), PAGE, Rights::RW), Ok(false));
        unmap_all(&machine, unmapping(user, address, PAGE, Rights::RWX, true));
        assert_eq!(user.lookup(&machine, address), None);
    }
    // The last page can be mapped, and what would lie behind it is left out.
    assert_eq!(map(&machine, (root, 0), (user, USER_END - 0x1000), 13, Rights::RW), Ok(true));
    assert!(user.lookup(&machine, USER_END - 1).is_some());
    unmap_all(&machine, unmapping(user, 0, 63, Rights::RWX, true));
    destroy(&machine, user);
    destroy(&machine, root);
    assert_eq!(user.quota().used(), 0);
    machine.assert_all_memory_is_back();
}

#[test]
fn depth_is_bounded() {
    let machine = TestMachine::new(64);
    let (root, user) = (machine.root(), space());
    assert_eq!(map(&machine, (root, 0), (user, 0), PAGE, Rights::R), Ok(true));
    let chain = (0..).find(|&page| {
        map(&machine, (user, page << 12), (user, (page + 1) << 12), PAGE, Rights::R) == Err(MapError::TooDeep)
    });
    assert_eq!(chain, Some(254));
    unmap_all(&machine, unmapping(root, 0, PAGE, Rights::R, false));
    assert_eq!(user.lookup(&machine, 254 << 12), None);
}

#[test]
fn quota_and_closed_spaces_refuse() {
    let machine = TestMachine::new(64);
    let root = machine.root();
    let poor: &'static MemSpace =
        Box::leak(Box::new(MemSpace::new(Box::leak(Box::new(Quota::new(0x6000 + 2 * Slab::<Mapping>::OBJECT_BYTES))))));
    assert_eq!(map(&machine, (root, 0), (poor, 0), 14, Rights::R), Err(MapError::OutOfQuota));
    assert!(poor.lookup(&machine, 0).is_some() && poor.lookup(&machine, 0x1000).is_some());
    assert_eq!(poor.lookup(&machine, 0x2000), None);
    assert_eq!(map(&machine, (poor, 0), (root, 0), PAGE, Rights::R), Err(MapError::Closed));
    destroy(&machine, poor);
    assert_eq!(poor.quota().used(), 0);
    assert_eq!(map(&machine, (root, 0), (poor, 0), PAGE, Rights::R), Err(MapError::Closed));
}

#[test]
fn ports_follow_the_tree() {
    let machine = TestMachine::new(128);
    let io = |space: IoSpace| -> &'static IoSpace { Box::leak(Box::new(space)) };
    let quota = || -> &'static Quota { Box::leak(Box::new(Quota::new(u64::MAX))) };
    let (sigma0, moe, driver) = (io(IoSpace::new_root(quota())), io(IoSpace::new(quota())), io(IoSpace::new(quota())));
    let send = |from: &'static IoSpace, to: &'static IoSpace, page: Flexpage| {
        let window = Window::new(page, Flexpage::ALL, page.address()).expect("a window");
        map_all(&machine, Map::new(from, to, window, Rights::RW, None, false))
    };
    assert_eq!(send(sigma0, moe, Flexpage::io(0, Flexpage::WHOLE_IO_SPACE)), Ok(true));
    let bits = moe.bitmap().expect("a bitmap").0;
    assert!([0u16, 1, 511, 512, 65535].iter().all(|&port| bits.is_open(port)));
    assert_eq!(send(moe, driver, Flexpage::io(0x3f8, 3)), Ok(true));
    let bits = driver.bitmap().expect("a bitmap").0;
    assert!((0..=65535).all(|port| bits.is_open(port) == (0x3f8..0x400).contains(&port)));
    unmap_all(&machine, unmapping(moe, Flexpage::io(0x3fc, 2).address(), 14, Rights::RW, false));
    assert!((0..=65535).all(|port| bits.is_open(port) == (0x3f8..0x3fc).contains(&port)));
    // Of the 512 ports that are a superpage four go, and then the others without one that came in their place.
    let bits = moe.bitmap().expect("a bitmap").0;
    unmap_all(&machine, unmapping(moe, Flexpage::io(0x3fc, 2).address(), 14, Rights::RW, true));
    assert!((0..=65535).all(|port| bits.is_open(port) != (0x3fc..0x400).contains(&port)));
    assert_eq!(send(sigma0, moe, Flexpage::io(0x3fe, 0)), Ok(true));
    unmap_all(&machine, unmapping(sigma0, Flexpage::io(0x200, 0).address(), 12, Rights::RW, false));
    assert!(
        (0x200..0x400)
            .all(|port| bits.is_open(port) != (port == 0x200 || port == 0x3fc || port == 0x3fd || port == 0x3ff))
    );
    destroy(&machine, moe);
    assert!(!bits.is_open(0x3f8));
    destroy(&machine, driver);
    destroy(&machine, sigma0);
    assert_eq!([sigma0, moe, driver].map(|space| space.quota().used()), [0; 3]);
    machine.assert_all_memory_is_back();
}

#[test]
fn windows() {
    let memory = |address, order| Flexpage::memory(address, order, Rights::RW);
    let window = |sent, receive, base| Window::new(sent, receive, base).map(|w| (w.source, w.target, w.order));
    assert_eq!(window(memory(0x1000, 12), memory(0x40_0000, 22), 0x5fff), Some((0x1000, 0x40_5000, 12)));
    assert_eq!(window(memory(0x1000, 12), memory(0x40_0000, 22), 0xff40_5000), Some((0x1000, 0x40_5000, 12)));
    assert_eq!(window(memory(0x40_0000, 22), memory(0x9000, 12), 0x3000), Some((0x40_3000, 0x9000, 12)));
    assert_eq!(window(memory(0x1234_5678, 20), Flexpage::ALL, 0x70_0000), Some((0x1230_0000, 0x70_0000, 20)));
    assert_eq!(window(memory(0x1000, 11), Flexpage::ALL, 0), None);
    assert_eq!(window(Flexpage::io(0, 4), memory(0, 22), 0), None);
    assert_eq!(window(Flexpage::io(0x3f8, 3), Flexpage::io(0, 16), 0x3f8 << 12), Some((0x3f8 << 12, 0x3f8 << 12, 15)));
    assert_eq!(window(Flexpage::ALL, Flexpage::ALL, 0), None);
    // Ports stay what they are, whatever the sender asks for.
    assert_eq!(window(Flexpage::io(0x3f8, 3), Flexpage::ALL, 0x80 << 12), Some((0x3f8 << 12, 0x3f8 << 12, 15)));
    assert_eq!(window(Flexpage::io(0, 16), Flexpage::io(0x3f8, 3), 0), Some((0x3f8 << 12, 0x3f8 << 12, 15)));
    assert_eq!(window(Flexpage::io(0x3f8, 3), Flexpage::io(0x80, 3), 0x80 << 12), None);
}
