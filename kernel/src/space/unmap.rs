//! Unmap: takes the pages in a range back from everybody they were handed to, and from the space
//! itself if asked, as a whole or only some rights.
//!
//! As in Fiasco a page is never split: a page made from a larger one goes as a whole when the range
//! touches it, and so does the space's own page when the space itself is to lose it.

use super::bookmark::{Bookmark, Walk};
use super::mapping::{Mapping, Span};
use super::mem_space::MemSpace;
use super::revoke::{remove_below, remove_tree, restrict, restrict_below};
use super::tables::Search;
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
    /// Where a walk over the pages below one waits, and whether one does.
    bookmark: &'static Bookmark,
    walks: bool,
}

impl Unmap {
    /// Takes `rights` to the pages in the `2^order` bytes around `address` from those whom `space`
    /// gave them to, and with `self_too` from `space`. Read stands for the whole page. No other operation uses the
    /// bookmark until this one is done, cancelled or dropped.
    pub fn new(
        space: &'static MemSpace,
        address: u64,
        order: u8,
        rights: Rights,
        self_too: bool,
        bookmark: &'static Bookmark,
    ) -> Self {
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
            bookmark,
            walks: false,
        }
    }

    /// Goes on until done or until the budget is used up.
    pub fn step(&mut self, machine: &impl Machine, budget: &Budget) -> Progress {
        let database = machine.database();
        if core::mem::take(&mut self.walks)
            && let Some(walk) = database.take(self.bookmark)
        {
            self.walk(machine, walk, budget);
            if self.walks {
                return Progress::Preempted;
            }
        }
        while self.at < self.end {
            let (page, slot, order) = match self.space.next_page(database, self.at, self.end, budget) {
                Search::Page(page, slot, order) => (page, slot, order),
                Search::Stopped(at) => {
                    self.at = at;
                    return Progress::Preempted;
                }
                Search::End => break,
            };
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
            if self.walks || !budget.spend() {
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
        if core::mem::take(&mut self.walks) {
            machine.database().take(self.bookmark);
        }
    }

    fn restrict(&mut self, machine: &impl Machine, node: &'static Mapping, page: u64, order: u8, budget: &Budget) {
        let span = if self.self_too { node.whole_span() } else { self.span(page, order) };
        if self.self_too {
            restrict(machine, node, self.rights, &mut self.access);
        }
        self.walk(machine, Walk::below(node, span), budget);
    }

    fn walk(&mut self, machine: &impl Machine, mut walk: Walk, budget: &Budget) {
        if !restrict_below(machine, &mut walk, self.rights, budget, &mut self.access) {
            machine.database().keep(self.bookmark, walk);
            self.walks = true;
        }
    }

    /// The part of the page that the range covers.
    fn span(&self, page: u64, order: u8) -> Span {
        let from = self.start.max(page) - page;
        let to = self.end.min(page + (1 << order)) - page;
        (from >> PAGE) as usize..(to >> PAGE) as usize
    }
}
