//! What is mapped and unmapped at once, and what is left to operations that are stepped.

use super::*;

const HERE: u64 = 0x40_0000;
const THERE: u64 = 0x40_3000;

fn map_at_once(
    machine: &TestMachine,
    source: (&'static MemSpace, u64),
    target: (&'static MemSpace, u64),
) -> Result<bool, MapError> {
    Map::at_once(machine, source, target, Rights::RW, None, &plenty())
}

fn unmap_at_once(machine: &TestMachine, space: &'static MemSpace, address: u64, budget: u32) -> Option<Access> {
    Unmap::at_once(machine, space, address, false, Box::leak(Box::default()), &Budget::new(budget))
}

/// A root space and two others, the first of which has a page at `HERE`.
fn three() -> (TestMachine, &'static MemSpace, &'static MemSpace, &'static MemSpace) {
    let machine = TestMachine::new(64);
    let (root, a, b) = (machine.root(), space(), space());
    assert_eq!(map(&machine, (root, 0x5000), (a, HERE), PAGE, Rights::RW), Ok(true));
    (machine, root, a, b)
}

fn end(machine: &TestMachine, spaces: [&'static MemSpace; 3]) {
    for space in spaces {
        destroy(machine, space);
        assert_eq!(space.quota().used(), 0);
    }
    machine.assert_all_memory_is_back();
}

#[test]
fn a_page_is_mapped_to_a_free_place_in_a_table() {
    let (machine, root, a, b) = three();
    assert_eq!(map_at_once(&machine, (a, HERE), (b, HERE)), Ok(false), "there is no table");
    assert_eq!(map(&machine, (a, HERE), (b, HERE), PAGE, Rights::RW), Ok(true));
    let used = b.quota().used();
    assert_eq!(map_at_once(&machine, (a, HERE), (b, HERE)), Ok(false), "there is a page");
    assert_eq!(map_at_once(&machine, (a, THERE), (b, THERE)), Ok(false), "there is nothing to map");
    assert_eq!((b.quota().used(), b.lookup(&machine, THERE)), (used, None));
    assert_eq!(map_at_once(&machine, (a, HERE), (b, THERE)), Ok(true));
    assert_eq!(b.lookup(&machine, THERE).map(|page| (page.phys, page.rights)), Some((0x5000, Rights::RW)));
    unmap_all(&machine, unmapping(root, 0x5000, PAGE, Rights::R, false));
    assert_eq!((a.lookup(&machine, HERE), b.lookup(&machine, THERE)), (None, None));
    end(&machine, [root, a, b]);
}

#[test]
fn a_piece_of_a_superpage_is_mapped() {
    let (machine, root, a, b) = three();
    assert_eq!(map(&machine, (root, 2 * MIB), (b, 8 * MIB), SUPERPAGE, Rights::RW), Ok(true));
    assert_eq!(map_at_once(&machine, (b, 8 * MIB + 0x7000), (a, THERE)), Ok(true));
    assert_eq!(a.lookup(&machine, THERE).map(|page| (page.phys, page.order)), Some((2 * MIB + 0x7000, PAGE)));
    unmap_all(&machine, unmapping(b, 8 * MIB + 0x7000, PAGE, Rights::R, false));
    assert_eq!(a.lookup(&machine, THERE), None);
    end(&machine, [root, a, b]);
}

#[test]
fn a_space_that_is_being_destroyed_takes_nothing() {
    let (machine, root, a, b) = three();
    assert_eq!(map(&machine, (a, HERE), (b, HERE), PAGE, Rights::RW), Ok(true));
    assert_eq!(b.destroy(&machine, &Budget::new(0)), Progress::Preempted);
    assert_eq!(map_at_once(&machine, (a, HERE), (b, THERE)), Ok(false));
    assert_eq!(map_at_once(&machine, (a, HERE), (root, 0x9000)), Ok(false), "nor does a root space");
    end(&machine, [root, a, b]);
}

#[test]
fn a_page_is_taken_with_what_was_made_of_it() {
    let (machine, root, a, b) = three();
    assert_eq!(unmap_at_once(&machine, a, THERE, 9), None, "there is none");
    assert_eq!(map(&machine, (a, HERE), (b, HERE), PAGE, Rights::RW), Ok(true));
    assert_eq!(unmap_at_once(&machine, a, HERE, 9), Some(Access(0)));
    assert_eq!((rights_at(&machine, a, HERE), b.lookup(&machine, HERE)), (Some(Rights::RW), None));
    assert_eq!(map(&machine, (root, 2 * MIB), (b, 8 * MIB), SUPERPAGE, Rights::RW), Ok(true));
    assert_eq!(unmap_at_once(&machine, b, 8 * MIB, 9), None, "a superpage loses a part");
    end(&machine, [root, a, b]);
}

#[test]
fn what_takes_long_goes_on_in_steps() {
    let (machine, root, a, b) = three();
    for number in 0..4 {
        assert_eq!(map(&machine, (a, HERE), (b, HERE + number * 0x1000), PAGE, Rights::RW), Ok(true));
    }
    let walker = Box::leak(Box::default());
    assert_eq!(Unmap::at_once(&machine, a, HERE, false, walker, &Budget::new(2)), None);
    unmap_all(&machine, Unmap::new(a, HERE, PAGE, Rights::R, false, walker));
    assert!((0..4).all(|number| b.lookup(&machine, HERE + number * 0x1000).is_none()));
    end(&machine, [root, a, b]);
}
