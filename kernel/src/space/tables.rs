//! Walks over whole ranges of a space's tables: finding its pages, and freeing tables that have none.
#![allow(unsafe_code)] // gives emptied tables back

use super::database::{Database, Pooled};
use super::mem_space::{Found, MIDDLE_ORDER, MemSpace, ROOT_ORDER, index};
use super::revoke::Revocation;
use super::table::{ENTRIES, Leaf, Parent, Root, Slot, Table};
use super::{Budget, Machine, PAGE, Progress, SUPERPAGE};
use core::ptr::NonNull;

/// The first multiple of `2^order` behind `address`.
const fn next(address: u64, order: u8) -> u64 {
    ((address >> order) + 1) << order
}

/// What it costs to look through a table.
const UNITS_OF_TABLE: u32 = 5;

/// What a search for a page finds.
pub(super) enum Search {
    /// A page: its address, its place in the tables, its order.
    Page(u64, Slot, u8),
    /// The budget is used up; there is none below this address.
    Stopped(u64),
    /// There is none.
    End,
}

impl MemSpace {
    /// The first page in `from..end`, or the one that `from` lies in. Most often it is right there.
    #[inline]
    pub(super) fn next_page(&self, database: &Database, from: u64, end: u64, budget: &Budget) -> Search {
        match self.find(database, from) {
            Found::Page(slot, _, order) => Search::Page(from >> order << order, slot, order),
            _ => self.search_page(database, from, end, budget),
        }
    }

    fn search_page(&self, database: &Database, from: u64, end: u64, budget: &Budget) -> Search {
        let memory = database.memory();
        let Some(root) = self.tables() else { return Search::End };
        let mut at = from;
        while at < end {
            let Some(middle) = root.child(memory, index(at, ROOT_ORDER)) else {
                match root.next_used(index(at, ROOT_ORDER), index(self.end() - 1, ROOT_ORDER) + 1) {
                    Some(used) => at = (used as u64) << ROOT_ORDER,
                    None => break,
                }
                continue;
            };
            let Some(directory) = middle.child(memory, index(at, MIDDLE_ORDER)) else {
                at = match middle.next_used(index(at, MIDDLE_ORDER), ENTRIES) {
                    Some(used) => at >> ROOT_ORDER << ROOT_ORDER | (used as u64) << MIDDLE_ORDER,
                    None => next(at, ROOT_ORDER),
                };
                budget.take(UNITS_OF_TABLE);
                continue;
            };
            let upper = Slot { leaf: directory, index: index(at, SUPERPAGE) };
            let table = directory.child(memory, upper.index);
            let found = match table {
                None if upper.entry().is_present() => {
                    return Search::Page(at >> SUPERPAGE << SUPERPAGE, upper, SUPERPAGE);
                }
                None => directory.next_used(upper.index, ENTRIES),
                Some(table) => table.next_used(index(at, PAGE), ENTRIES),
            };
            at = match (table, found) {
                (Some(table), Some(used)) => {
                    let page = at >> SUPERPAGE << SUPERPAGE | (used as u64) << PAGE;
                    let slot = Slot { leaf: table, index: used };
                    return if page < end { Search::Page(page, slot, PAGE) } else { Search::End };
                }
                (Some(_), None) => next(at, SUPERPAGE),
                (None, Some(used)) => at >> MIDDLE_ORDER << MIDDLE_ORDER | (used as u64) << SUPERPAGE,
                (None, None) => next(at, MIDDLE_ORDER),
            };
            budget.take(UNITS_OF_TABLE);
            if budget.is_used_up() {
                return Search::Stopped(at);
            }
        }
        Search::End
    }

    /// Makes room for a superpage at `address`, where there is no page of its order: whether
    /// there is nothing but an empty table, which goes.
    pub(super) fn drop_empty_table(&self, machine: &impl Machine, address: u64, budget: &Budget) -> bool {
        let span = 1 << SUPERPAGE;
        let start = address & !(span - 1);
        budget.take(UNITS_OF_TABLE);
        let _ = self.free_tables(machine, start, start + span, &mut { start }, &Budget::new(u32::MAX));
        self.find(machine.database(), address).empty().is_some_and(|order| order >= SUPERPAGE)
    }

    /// Frees the empty tables whose whole range lies in `start..end`, from `cursor` on.
    pub(super) fn free_tables(
        &self,
        machine: &impl Machine,
        start: u64,
        end: u64,
        cursor: &mut u64,
        budget: &Budget,
    ) -> Progress {
        let memory = machine.database().memory();
        let Some(root) = self.tables() else { return Progress::Done };
        let limit = if end == self.end() { u64::MAX } else { end };
        let covered = |address: u64, order: u8| {
            let first = address >> order << order;
            first >= start && first + (1 << order) <= limit
        };
        while *cursor < end {
            let upmost = index(*cursor, ROOT_ORDER);
            let Some(middle) = root.child(memory, upmost) else {
                match root.next_used(upmost, index(self.end() - 1, ROOT_ORDER) + 1) {
                    Some(used) => *cursor = (used as u64) << ROOT_ORDER,
                    None => break,
                }
                continue;
            };
            let above = index(*cursor, MIDDLE_ORDER);
            if let Some(directory) = middle.child(memory, above) {
                if self.free_leaves(machine, directory, end, covered, cursor, budget) == Progress::Preempted {
                    return Progress::Preempted;
                }
                if covered(*cursor, MIDDLE_ORDER) {
                    self.drop_table(machine, middle, above, directory, budget);
                }
                budget.take(UNITS_OF_TABLE);
            }
            *cursor = match middle.next_used(above + 1, ENTRIES) {
                Some(used) => *cursor >> ROOT_ORDER << ROOT_ORDER | (used as u64) << MIDDLE_ORDER,
                None => {
                    if covered(*cursor, ROOT_ORDER) {
                        self.drop_table(machine, root, upmost, middle, budget);
                    }
                    budget.take(UNITS_OF_TABLE);
                    next(*cursor, ROOT_ORDER)
                }
            };
            if budget.is_used_up() {
                return Progress::Preempted;
            }
        }
        Progress::Done
    }

    /// Frees the empty tables below `directory` whose whole range is covered, from `cursor` to `end`.
    fn free_leaves(
        &self,
        machine: &impl Machine,
        directory: &'static Leaf,
        end: u64,
        covered: impl Fn(u64, u8) -> bool,
        cursor: &mut u64,
        budget: &Budget,
    ) -> Progress {
        let mut next = index(*cursor, SUPERPAGE);
        while let Some(used) = directory.next_used(next, ENTRIES) {
            next = used + 1;
            let at = *cursor >> MIDDLE_ORDER << MIDDLE_ORDER | (used as u64) << SUPERPAGE;
            if at >= end {
                break;
            }
            if let Some(table) = directory.child(machine.database().memory(), used)
                && covered(at, SUPERPAGE)
            {
                self.drop_table(machine, directory, used, table, budget);
            }
            if !budget.spend() && next < ENTRIES {
                *cursor = at + (1 << SUPERPAGE);
                return Progress::Preempted;
            }
        }
        Progress::Done
    }

    /// Removes all pages and all tables below `root` from a closed space, without looking at
    /// anything twice. What is left at a preemption is a smaller space.
    pub(super) fn dismantle(&self, machine: &impl Machine, root: &'static Root, budget: &Budget) -> Progress {
        let memory = machine.database().memory();
        let evict = |leaf, index| {
            let slot = Slot { leaf, index };
            let gone = match slot.mapping() {
                Some(node) => Revocation::new(machine, budget).tree(node),
                None => !slot.take_entry().is_table(),
            };
            gone && budget.spend()
        };
        let mut upmost = 0;
        while let Some(used) = root.next_used(upmost, Root::OURS) {
            upmost = used + 1;
            let Some(middle) = root.child(memory, used) else { continue };
            let mut above = 0;
            while let Some(used) = middle.next_used(above, ENTRIES) {
                above = used + 1;
                let Some(directory) = middle.child(memory, used) else { continue };
                let mut upper = 0;
                while let Some(used) = directory.next_used(upper, ENTRIES) {
                    upper = used + 1;
                    let Some(table) = directory.child(memory, used) else {
                        if !evict(directory, used) {
                            return Progress::Preempted;
                        }
                        continue;
                    };
                    let mut lower = 0;
                    while let Some(used) = table.next_used(lower, ENTRIES) {
                        lower = used + 1;
                        if !evict(table, used) {
                            return Progress::Preempted;
                        }
                    }
                    self.free_child(machine, directory, used, table);
                    budget.take(UNITS_OF_TABLE);
                    if !budget.spend() {
                        return Progress::Preempted;
                    }
                }
                self.free_child(machine, middle, used, directory);
                budget.take(UNITS_OF_TABLE);
                if !budget.spend() {
                    return Progress::Preempted;
                }
            }
            self.free_child(machine, root, used, middle);
            budget.take(UNITS_OF_TABLE);
            if !budget.spend() {
                return Progress::Preempted;
            }
        }
        Progress::Done
    }

    /// Frees the table that entry `index` of `parent` names, if it is empty, in a space that
    /// processors may be using.
    pub(super) fn drop_table<Child: Pooled>(
        &self,
        machine: &impl Machine,
        parent: &impl Parent<Child>,
        index: usize,
        table: &'static Child,
        budget: &Budget,
    ) {
        budget.take(UNITS_OF_TABLE);
        if table.next_used(0, ENTRIES).is_some() {
            return;
        }
        parent.detach(index);
        if let Some(root) = self.tables() {
            machine.flush_space(machine.database().memory().phys(NonNull::from(root)));
        }
        // SAFETY: its only name was the entry that `detach` emptied, and no processor has that
        // cached after the flush.
        unsafe { machine.database().free_table(self.quota(), table) };
    }

    /// Frees the empty table that entry `index` of `parent` names, in a closed space.
    fn free_child<Child: Pooled>(
        &self,
        machine: &impl Machine,
        parent: &impl Parent<Child>,
        index: usize,
        table: &'static Child,
    ) {
        parent.detach(index);
        // SAFETY: its only name was the entry that `detach` emptied, and no processor uses a
        // closed space (`destroy`).
        unsafe { machine.database().free_table(self.quota(), table) };
    }
}
