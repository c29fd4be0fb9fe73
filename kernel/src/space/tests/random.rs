//! Random operations on a few spaces, each compared with the model; and the same where memory and
//! quotas run out, compared with nothing but their own bookkeeping.

use super::super::tables::Search;
use super::machine::{TestMachine, space};
use super::model::Model;
use super::*;
use crate::invariant::Broken;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Operation {
    Map { source: usize, from: u64, target: usize, to: u64, order: u8, rights: u8, grant: bool },
    Unmap { space: usize, address: u64, order: u8, rights: u8, self_too: bool },
    Destroy { space: usize },
}

const SPACES: usize = 4;

/// Addresses at the edges of superpages, where things happen.
fn address(superpages: u64) -> impl Strategy<Value = u64> {
    (0..superpages, prop::sample::select(vec![0, 1, 2, 3, 256, 511])).prop_map(|(high, low)| high << 21 | low << 12)
}

fn order() -> impl Strategy<Value = u8> {
    prop_oneof![4 => Just(12u8), 2 => Just(13), 1 => Just(14), 1 => Just(20), 3 => Just(21), 1 => Just(22)]
}

fn a_map() -> impl Strategy<Value = Operation> {
    let rights = || prop::sample::select(vec![1u8, 4, 6, 6, 5, 7, 7, 7]);
    (0..SPACES, address(8), 1..SPACES, address(4), order(), rights(), prop::bool::weighted(0.15)).prop_map(
        |(source, from, target, to, order, rights, grant)| {
            let from = (if source == 0 { from } else { from & 0x7f_ffff }) >> order << order;
            Operation::Map { source, from, target, to: to >> order << order, order, rights, grant }
        },
    )
}

fn an_unmap() -> impl Strategy<Value = Operation> {
    (0..SPACES, address(8), order(), prop::sample::select(vec![1u8, 2, 3, 4, 7, 7]), any::<bool>()).prop_map(
        |(space, address, order, rights, self_too)| Operation::Unmap { space, address, order, rights, self_too },
    )
}

fn an_end() -> impl Strategy<Value = Operation> {
    (1..SPACES).prop_map(|space| Operation::Destroy { space })
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![12 => a_map(), 6 => an_unmap(), 1 => an_end()]
}

/// Does an operation in steps of this budget; if that is even, at once where the kernel would.
fn step_all(
    machine: &TestMachine,
    spaces: &mut [&'static MemSpace],
    operation: &Operation,
    budget: u32,
) -> Result<(), MapError> {
    let may_be_at_once = budget.is_multiple_of(2);
    match *operation {
        Operation::Map { source, from, target, to, order, rights, grant } => {
            let window = Window { source: from, target: to, order };
            let (source, target, step) = (spaces[source], spaces[target], Budget::new(budget));
            let may_be_at_once = may_be_at_once && !grant && order == PAGE;
            if may_be_at_once && Map::at_once(machine, (source, from), (target, to), Rights(rights), None, &step)? {
                return Ok(());
            }
            let mut map = Map::new(source, target, window, Rights(rights), None, grant);
            while map.step(machine, &Budget::new(budget))? == Progress::Preempted {}
        }
        Operation::Unmap { space, address, order, rights, self_too } => {
            let (walker, step) = (Box::leak(Box::default()), Budget::new(budget));
            if may_be_at_once
                && (order, Rights(rights) & Rights::R) == (PAGE, Rights::R)
                && Unmap::at_once(machine, spaces[space], address, self_too, walker, &step).is_some()
            {
                return Ok(());
            }
            let mut unmap = unmapping(spaces[space], address, order, Rights(rights), self_too);
            while unmap.step(machine, &Budget::new(budget)) == Progress::Preempted {}
        }
        Operation::Destroy { space: index } => {
            while machine.destroy(spaces[index], &Budget::new(budget)) == Progress::Preempted {}
            assert_eq!(spaces[index].quota().used(), 0);
            spaces[index] = space();
        }
    }
    Ok(())
}

/// An operation that is not done yet.
enum UnderWay {
    Map(Box<Map>),
    Unmap(Box<Unmap>),
    Destroy(&'static MemSpace),
}

fn begin(spaces: &[&'static MemSpace], operation: &Operation) -> UnderWay {
    match *operation {
        Operation::Map { source, from, target, to, order, rights, grant } => {
            let window = Window { source: from, target: to, order };
            UnderWay::Map(Box::new(Map::new(spaces[source], spaces[target], window, Rights(rights), None, grant)))
        }
        Operation::Unmap { space, address, order, rights, self_too } => {
            UnderWay::Unmap(Box::new(unmapping(spaces[space], address, order, Rights(rights), self_too)))
        }
        Operation::Destroy { space } => UnderWay::Destroy(spaces[space]),
    }
}

impl UnderWay {
    fn step(&mut self, machine: &TestMachine, budget: &Budget) -> Progress {
        match self {
            Self::Map(map) => map.step(machine, budget).unwrap_or(Progress::Done),
            Self::Unmap(unmap) => unmap.step(machine, budget),
            Self::Destroy(space) => machine.destroy(space, budget),
        }
    }

    fn cancel(&mut self, machine: &TestMachine) {
        if let Self::Unmap(unmap) = self
            && unmap.cancel(machine)
        {
            while end_left(machine, &Budget::new(3)) == Progress::Preempted {}
        }
    }
}

/// Tables and tree agree, and are all that is charged for.
fn check(machine: &TestMachine, spaces: &[&'static MemSpace]) -> Result<(), TestCaseError> {
    let mut all = Inventory::default();
    let fails = |broken: Broken| TestCaseError::fail(broken.to_string());
    let each = || spaces.iter().copied();
    machine.ledger.check(machine.database(), each, false).map_err(fails)?;
    let known: Vec<Inventory> = each().map(MemSpace::inventory).collect();
    Box::<Ledger>::default().check(machine.database(), each, true).map_err(fails)?;
    for (space, known) in each().zip(known) {
        let found = space.inventory();
        prop_assert_eq!(found, known, "the ledger has looked at everything that changed");
        prop_assert_eq!(found.bytes(), space.quota().used());
        all += found;
    }
    prop_assert_eq!(all.made, all.children, "each page that was made from another is on one list");
    let nodes = machine.database().check(true).map_err(fails)?;
    let frames = machine.database().memory().frames();
    prop_assert_eq!(frames.check(), Ok(()));
    prop_assert_eq!(frames.free_frames() + nodes + all.frames, machine.frames());
    Ok(())
}

fn compare(machine: &TestMachine, spaces: &[&'static MemSpace], model: &Model) -> Result<(), TestCaseError> {
    for (index, space) in spaces.iter().enumerate() {
        let mut at = 0;
        let mut pages = 0;
        while let Search::Page(address, slot, order) = space.next_page(machine.database(), at, USER_END, &plenty()) {
            at = address + (1 << order);
            pages += 1;
            let Some(expected) = model.find(index, address).map(|found| &model.pages[found]) else {
                return Err(TestCaseError::fail(format!("space {index} has a page at {address:#x}")));
            };
            let page = space.lookup(machine, address).expect("next_page found it");
            let (at, order_there, phys, rights) = expected.piece(address).expect("found there");
            prop_assert_eq!(
                (address, page.order, page.phys, page.rights),
                (at, order_there, phys, Rights(rights.0 | 4))
            );
            let node = slot.mapping().expect("a node");
            prop_assert_eq!((node.address(), node.order()), (expected.address, expected.order));
            let parent = node.parent().map(|parent| parent.address());
            prop_assert_eq!(parent, expected.parent.map(|parent| model.pages[parent].address));
        }
        let expected = model.live().filter(|(_, page)| page.space == index).map(|(_, page)| page.entries());
        prop_assert_eq!(pages, expected.sum::<usize>());
        prop_assert!(machine.tlb_is_honest(space), "a page was not flushed in space {}", index);
    }
    Ok(())
}

fn follow(model: &mut Model, operation: &Operation) {
    match *operation {
        Operation::Map { source, from, target, to, order, rights, grant } => {
            model.map((source, from), (target, to), order, Rights(rights), grant);
        }
        Operation::Unmap { space, address, order, rights, self_too } => {
            model.unmap(space, address, order, Rights(rights), self_too);
        }
        Operation::Destroy { space } => model.unmap(space, 0, 47, Rights::R, true),
    }
}

/// Pages that tell the ones that operations end at from their neighbours, in all spaces.
fn samples() -> impl Iterator<Item = (usize, u64)> {
    const PIECES: [u64; 14] = [0, 1, 2, 3, 4, 5, 100, 256, 257, 258, 259, 260, 300, 511];
    let pages = (0..8).flat_map(|high| PIECES.map(|low| high << 21 | low << 12));
    pages.flat_map(|at| (0..SPACES).map(move |space| (space, at)))
}

/// The rights to the page at `at`.
fn seen(machine: &TestMachine, spaces: &[&'static MemSpace], index: usize, at: u64) -> Option<Rights> {
    rights_at(machine, spaces[index], at)
}

/// The same in the model.
fn left(model: &Model, index: usize, at: u64) -> Option<Rights> {
    let (_, _, _, rights) = model.pages[model.find(index, at)?].piece(at)?;
    Some(rights | Rights::R)
}

fn touch_all(machine: &TestMachine, spaces: &[&'static MemSpace]) {
    for space in spaces {
        let mut at = 0;
        while let Search::Page(address, _, order) = space.next_page(machine.database(), at, USER_END, &plenty()) {
            machine.touch(space, address);
            at = address + (1 << order);
        }
        // Where there is no page, too: the way there is remembered as well.
        (0..machine::MEMORY_END).step_by(1 << SUPERPAGE).for_each(|address| machine.touch(space, address));
    }
}

fn destroy_all(machine: &TestMachine, spaces: &[&'static MemSpace]) {
    for space in spaces.iter().rev() {
        destroy(machine, space);
    }
    for space in spaces {
        assert_eq!(space.quota().used(), 0);
    }
    machine.assert_all_memory_is_back();
}

/// These cases are long; `PROPTEST_CASES` scales them too.
fn few_cases() -> ProptestConfig {
    let default = ProptestConfig::default();
    ProptestConfig { cases: default.cases.div_ceil(16), failure_persistence: None, ..default }
}

proptest! {
    #![proptest_config(few_cases())]

    #[test]
    fn spaces_like_the_model(operations in prop::collection::vec((operation(), 1u32..40), 1..40)) {
        let machine = TestMachine::new(1024);
        let mut spaces = vec![machine.root(), space(), space(), space()];
        let mut model = Model::default();
        for (operation, budget) in operations {
            touch_all(&machine, &spaces);
            prop_assert_eq!(step_all(&machine, &mut spaces, &operation, budget), Ok(()));
            follow(&mut model, &operation);
            compare(&machine, &spaces, &model)?;
            check(&machine, &spaces)?;
        }
        destroy_all(&machine, &spaces);
    }

    /// Several operations are under way at once, each goes on when its turn comes, some are given up.
    #[test]
    fn operations_meet(
        operations in prop::collection::vec(operation(), 1..40),
        turns in prop::collection::vec((0usize..6, 1u32..20), 1..400),
    ) {
        let machine = TestMachine::new(1024);
        let spaces = vec![machine.root(), space(), space(), space()];
        let mut operations = operations.iter();
        let mut under_way: Vec<UnderWay> = Vec::new();
        for (number, budget) in turns {
            if number >= under_way.len() {
                under_way.extend(operations.next().map(|operation| begin(&spaces, operation)));
            } else if under_way[number].step(&machine, &Budget::new(budget)) == Progress::Done {
                under_way.remove(number);
            }
            check(&machine, &spaces)?;
            prop_assert!(spaces.iter().all(|space| machine.tlb_is_honest(space)));
        }
        under_way.iter_mut().for_each(|operation| operation.cancel(&machine));
        destroy_all(&machine, &spaces);
    }

    /// However unmap operations and the ends of spaces meet, each has taken what it was to take when it is done, and all
    /// together what they take one after the other.
    #[test]
    fn what_is_taken_at_once_is_taken(
        maps in prop::collection::vec(a_map(), 1..40),
        unmaps in prop::collection::vec(prop_oneof![8 => an_unmap(), 1 => an_end()], 2..6),
        turns in prop::collection::vec((0usize..6, 1u32..20), 1..400),
    ) {
        let machine = TestMachine::new(1024);
        let mut spaces = vec![machine.root(), space(), space(), space()];
        let mut model = Model::default();
        for operation in maps {
            prop_assert_eq!(step_all(&machine, &mut spaces, &operation, 40), Ok(()));
            follow(&mut model, &operation);
        }
        let mut under_way: Vec<_> = unmaps.iter().map(|operation| (operation, begin(&spaces, operation))).collect();
        let rest = (0..6).cycle().map(|number| (number, 20));
        for (number, budget) in turns.into_iter().chain(rest) {
            if under_way.is_empty() {
                break;
            }
            if let Some((operation, steps)) = under_way.get_mut(number)
                && steps.step(&machine, &Budget::new(budget)) == Progress::Done
            {
                let mut alone = model.clone();
                follow(&mut alone, operation);
                for (index, at) in samples() {
                    let (seen, left) = (seen(&machine, &spaces, index, at), left(&alone, index, at));
                    let is_left = seen.is_none_or(|seen| left.is_some_and(|left| seen & left == seen));
                    prop_assert!(is_left, "space {} has {:?} at {:#x}, not {:?}", index, seen, at, left);
                }
                under_way.remove(number);
            }
            check(&machine, &spaces)?;
        }
        unmaps.iter().for_each(|operation| follow(&mut model, operation));
        for (index, at) in samples() {
            prop_assert_eq!(seen(&machine, &spaces, index, at), left(&model, index, at), "space {} at {:#x}", index, at);
        }
        destroy_all(&machine, &spaces);
    }

    /// With too little memory and quota operations fail, but nothing is lost.
    #[test]
    fn scarce_memory_is_returned_in_full(
        frames in 8usize..60,
        limit in 0u64..80_000,
        operations in prop::collection::vec((operation(), 1u32..40), 1..40),
    ) {
        let machine = TestMachine::new(frames);
        let poor: &'static MemSpace = Box::leak(Box::new(MemSpace::new(Box::leak(Box::new(Quota::new(limit))))));
        let mut spaces = vec![machine.root(), poor, space(), space()];
        for (operation, budget) in operations {
            touch_all(&machine, &spaces);
            let _ = step_all(&machine, &mut spaces, &operation, budget);
            for space in &spaces {
                prop_assert!(space.quota().used() <= space.quota().limit());
                prop_assert!(machine.tlb_is_honest(space));
            }
            check(&machine, &spaces)?;
        }
        destroy_all(&machine, &spaces);
    }
}
