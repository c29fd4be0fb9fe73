//! A machine for tests: an arena, and a TLB that remembers every page it was shown, and the tables on the way to it.

use super::super::mem_space::{MIDDLE_ORDER, ROOT_ORDER, index};
use super::super::table::Parent;
use super::super::*;
use crate::mem::testing::arena;
use crate::mem::{KernelMemory, Quota};
use std::cell::RefCell;
use std::collections::HashMap;
use std::ptr::NonNull;
use std::sync::atomic::Ordering;

/// The test machine has a page of its own at each address below this one ...
pub const MEMORY_END: u64 = 16 << 20;
/// ... superpages except above this one.
pub const SMALL_FROM: u64 = 12 << 20;

pub struct TestMachine {
    database: Database,
    frames: u64,
    tlb: RefCell<HashMap<(u64, u64), MappedPage>>,
    /// The tables below the root on the way to an address, whether there was a page or not.
    ways: RefCell<HashMap<(u64, u64), Vec<usize>>>,
    /// Looks at what changes from check to check.
    pub ledger: Box<Ledger>,
}

/// A space with all the quota there is.
pub fn space() -> &'static MemSpace {
    Box::leak(Box::new(MemSpace::new(Box::leak(Box::new(Quota::new(u64::MAX))))))
}

impl TestMachine {
    pub fn new(frames: usize) -> Self {
        let memory: &'static KernelMemory = Box::leak(Box::new(arena(0, frames)));
        let database = Database::new(memory);
        Self {
            database,
            frames: frames as u64,
            tlb: RefCell::default(),
            ways: RefCell::default(),
            ledger: Box::default(),
        }
    }

    pub fn root(&self) -> &'static MemSpace {
        Box::leak(Box::new(MemSpace::new_root(Box::leak(Box::new(Quota::new(u64::MAX))))))
    }

    pub fn frames(&self) -> u64 {
        self.frames
    }

    pub fn assert_all_memory_is_back(&self) {
        self.database.trim();
        assert_eq!(self.database.memory().frames().free_frames(), self.frames);
    }

    /// Destroys a space, as far as the budget goes: processors leave it before, and do not use it any more.
    pub fn destroy(&self, space: &'static MemSpace, budget: &Budget) -> Progress {
        if let Some(root) = space.tables() {
            self.flush_space(self.database.memory().phys(NonNull::from(root)));
        }
        space.destroy(self, budget)
    }

    /// Uses the page at `address` as a processor would.
    pub fn touch(&self, space: &MemSpace, address: u64) {
        if space.is_closed() {
            return;
        }
        let Ok(root) = space.root(self, &Budget::new(0)) else { return };
        self.ways.borrow_mut().insert((root, address), self.way(space, address));
        if let Some(page) = space.lookup(self, address) {
            self.tlb.borrow_mut().insert((root, address), page);
        }
    }

    /// The addresses of the tables below the root on the way to `address`.
    fn way(&self, space: &MemSpace, address: u64) -> Vec<usize> {
        let memory = self.database.memory();
        let middle = space.tables().and_then(|root| root.child(memory, index(address, ROOT_ORDER)));
        let directory = middle.and_then(|middle| middle.child(memory, index(address, MIDDLE_ORDER)));
        let table = directory.and_then(|directory| directory.child(memory, index(address, SUPERPAGE)));
        let leaves = [directory, table].map(|table| table.map(|table| core::ptr::from_ref(table).addr()));
        [middle.map(|table| core::ptr::from_ref(table).addr())].into_iter().chain(leaves).flatten().collect()
    }

    /// Whether the TLB allows nothing that the tables of `space` do not, and knows no table that is no longer on its way.
    pub fn tlb_is_honest(&self, space: &MemSpace) -> bool {
        let Ok(root) = space.root(self, &Budget::new(0)) else { return true };
        let ways = self.ways.borrow();
        let mut ways = ways.iter().filter(|((of, _), _)| *of == root);
        let pages = self.tlb.borrow();
        let mut pages = pages.iter().filter(|((of, _), _)| *of == root);
        ways.all(|((_, address), way)| self.way(space, *address).starts_with(way))
            && pages.all(|((_, address), cached)| {
                space.lookup(self, *address).is_some_and(|page| {
                    let offset = |page: &MappedPage| page.phys + (address & ((1 << page.order) - 1));
                    offset(&page) == offset(cached) && page.rights.contains(cached.rights) && page.cache == cached.cache
                })
            })
    }
}

impl Machine for TestMachine {
    fn database(&self) -> &Database {
        &self.database
    }

    fn enter_kernel_half(&self, root: &Root) {
        let last = root.kernel_half().last().expect("256 entries");
        assert_eq!(last.swap(1, Ordering::Relaxed), 0, "entered once");
    }

    /// A processor forgets all tables that are on any way when it forgets a page.
    fn flush_page(&self, root: u64, address: u64) {
        self.ways.borrow_mut().retain(|(of, _), _| *of != root);
        self.tlb
            .borrow_mut()
            .retain(|(of, cached), page| *of != root || *cached >> page.order != address >> page.order);
    }

    fn flush_space(&self, root: u64) {
        self.ways.borrow_mut().retain(|(of, _), _| *of != root);
        self.tlb.borrow_mut().retain(|(of, _), _| *of != root);
    }

    fn root_page(&self, address: u64) -> Option<(u8, Cache)> {
        let order = if address < SMALL_FROM { SUPERPAGE } else { PAGE };
        (address < MEMORY_END).then_some((order, Cache::Cached))
    }
}
