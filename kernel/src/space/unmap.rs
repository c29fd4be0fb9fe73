//! Unmap: takes the pages in a range back from everybody they were handed to, and from the space
//! itself if asked, as a whole or only some rights.
//!
//! As in Fiasco a page is never split: a page made from a larger one goes as a whole when the range
//! touches it, and so does the space's own page when the space itself is to lose it.

use super::bookmark::Bookmark;
use super::database::Database;
use super::mapping::{Mapping, Span};
use super::mem_space::{Found, MemSpace};
use super::revoke::{remove_below, remove_tree, restrict, restrict_below};
use super::table::Slot;
use super::{Access, Budget, Machine, PAGE, Progress, SUPERPAGE};
use abi::Rights;

/// An unmap operation on its way.
pub struct Unmap {
    space: &'static MemSpace,
    start: u64,
    end: u64,
    rights: Rights,
    /// Whether the pages go, not only rights to them.
    whole: bool,
    self_too: bool,
    access: Access,
    /// How far pages, and then tables, have been dealt with.
    at: u64,
    tables: u64,
    walk: Option<&'static Bookmark>,
}

impl Unmap {
    /// Takes `rights` to the pages in the `2^order` bytes around `address` from those whom `space`
    /// gave them to, and with `self_too` from `space`. Read stands for the whole page.
    pub fn new(space: &'static MemSpace, address: u64, order: u8, rights: Rights, self_too: bool) -> Self {
        let size = 1u64 << order.clamp(PAGE, 63);
        let start = address & !(size - 1);
        Self {
            space,
            start,
            end: start.saturating_add(size).min(space.end()).max(start),
            rights,
            whole: rights.contains(Rights::R) || space.holds_ports() && rights != Rights::NONE,
            self_too,
            access: Access::default(),
            at: start,
            tables: start,
            walk: None,
        }
    }

    /// Goes on until done or until the budget is used up.
    pub fn step(&mut self, machine: &impl Machine, budget: &mut Budget) -> Progress {
        let database = machine.database();
        if let Some(place) = self.walk.take().and_then(|bookmark| database.unmark(bookmark)) {
            self.walk = restrict_below(machine, place, self.rights, budget, &mut self.access);
            if self.walk.is_some() {
                return Progress::Preempted;
            }
        }
        while self.at < self.end
            && let Some((page, slot, order)) = self.next_page(database)
        {
            let page_end = page + (1 << order);
            match slot.mapping() {
                Some(node) if self.whole => {
                    let done = if self.self_too {
                        remove_tree(machine, node, budget, &mut self.access)
                    } else {
                        remove_below(machine, node, &self.span(page, order), budget, &mut self.access)
                    };
                    if !done {
                        return Progress::Preempted;
                    }
                }
                Some(node) => self.restrict(machine, node, page, order, budget),
                None => {}
            }
            self.at = page_end;
            if self.walk.is_some() || !budget.spend() {
                return Progress::Preempted;
            }
        }
        self.at = self.end;
        if self.whole && self.self_too && self.end - self.start >= 1 << SUPERPAGE {
            return self.space.free_tables(machine, self.start, self.end, &mut self.tables, budget);
        }
        Progress::Done
    }

    /// What the hardware noted of the pages dealt with so far.
    pub fn access(&self) -> Access {
        self.access
    }

    /// Ends an operation that is not to be stepped any more. One that is done needs no cancelling.
    pub fn cancel(&mut self, machine: &impl Machine) {
        if let Some(bookmark) = self.walk.take() {
            machine.database().unmark(bookmark);
        }
    }

    /// The next page in the range: most often it is right there.
    #[inline]
    fn next_page(&self, database: &Database) -> Option<(u64, Slot, u8)> {
        match self.space.find(database, self.at) {
            Found::Page(slot, _, order) => Some((self.at >> order << order, slot, order)),
            _ => self.space.next_page(database, self.at, self.end),
        }
    }

    fn restrict(&mut self, machine: &impl Machine, node: &'static Mapping, page: u64, order: u8, budget: &mut Budget) {
        let span = if self.self_too { node.whole_span() } else { self.span(page, order) };
        if self.self_too {
            restrict(machine, node, self.rights, &mut self.access);
        }
        if let Some(first) = node.first_child(&span) {
            let place = (node, span, first);
            self.walk = restrict_below(machine, place, self.rights, budget, &mut self.access);
        }
    }

    /// The part of the page that the range covers.
    fn span(&self, page: u64, order: u8) -> Span {
        let from = self.start.max(page) - page;
        let to = self.end.min(page + (1 << order)) - page;
        (from >> PAGE) as usize..(to >> PAGE) as usize
    }
}
