//! What a processor remembers of tables is flushed when they go, whether there was a page or not.

use super::*;

const HERE: u64 = 2 << 39 | 3 << 30 | 5 << 21 | 0x4000;
/// In the same table.
const HOLE: u64 = HERE + 0x1000;

/// A space whose page at [`HERE`] is gone, but its tables are not, and a processor has looked for one at [`HOLE`].
fn emptied() -> (TestMachine, &'static MemSpace, &'static MemSpace) {
    let machine = TestMachine::new(64);
    let (root, a) = (machine.root(), space());
    assert_eq!(map(&machine, (root, 0x5000), (a, HERE), PAGE, Rights::RW), Ok(true));
    unmap_all(&machine, unmapping(a, HERE, PAGE, Rights::R, true));
    machine.touch(a, HOLE);
    (machine, root, a)
}

fn end(machine: &TestMachine, spaces: [&'static MemSpace; 2]) {
    spaces.into_iter().for_each(|space| destroy(machine, space));
    machine.assert_all_memory_is_back();
}

#[test]
fn tables_of_each_level_are_forgotten_when_they_are_freed() {
    for order in [SUPERPAGE, 30, 39] {
        let (machine, root, a) = emptied();
        let used = a.quota().used();
        unmap_all(&machine, unmapping(a, HERE, order, Rights::R, true));
        assert!(a.quota().used() < used, "order {order} frees a table");
        assert!(machine.tlb_is_honest(a), "order {order}");
        end(&machine, [root, a]);
    }
}

#[test]
fn a_table_is_forgotten_when_a_superpage_takes_its_place() {
    let (machine, root, a) = emptied();
    let large = HERE >> SUPERPAGE << SUPERPAGE;
    assert_eq!(map(&machine, (root, 0), (a, large), SUPERPAGE, Rights::RW), Ok(true));
    assert_eq!(a.lookup(&machine, HOLE).map(|page| page.order), Some(SUPERPAGE));
    assert!(machine.tlb_is_honest(a));
    end(&machine, [root, a]);
}

#[test]
fn the_table_of_a_split_superpage_is_forgotten_with_it() {
    let (machine, root, a) = emptied();
    let large = 8 * MIB;
    assert_eq!(map(&machine, (root, 2 * MIB), (a, large), SUPERPAGE, Rights::RW), Ok(true));
    machine.touch(a, large);
    unmap_all(&machine, unmapping(a, large + 0x9000, PAGE, Rights::R, true));
    assert!(machine.tlb_is_honest(a), "a piece is gone");
    machine.touch(a, large);
    machine.touch(a, large + 0x9000);
    unmap_all(&machine, unmapping(root, 2 * MIB, SUPERPAGE, Rights::R, false));
    assert_eq!(a.lookup(&machine, large), None);
    assert!(machine.tlb_is_honest(a), "all of it is gone");
    end(&machine, [root, a]);
}
