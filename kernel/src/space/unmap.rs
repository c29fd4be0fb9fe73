//! Unmap: takes the pages in a range back from everybody they were handed to, and from the space
//! itself if asked, as a whole or only some rights.
//!
//! A superpage that the range covers in part is [split](super::split), in each space that is to lose that part, if the
//! quota of that space pays for the table; else the whole superpage goes from it, or loses the rights. So unmap cannot
//! fail, and never leaves what it was to take.

use super::bookmark::{Bookmark, Walk};
use super::mapping::{Mapping, Span};
use super::mem_space::MemSpace;
use super::revoke::{Part, remove_below, remove_part, remove_part_below, remove_tree, restrict, restrict_below};
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
    /// Address and order of the page dealt with last: the pieces of a superpage that is split are met one by one.
    dealt_with: Option<(u64, u8)>,
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
            dealt_with: None,
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
            if let Some(node) = slot.mapping()
                && self.dealt_with != Some((node.address(), node.order()))
            {
                if !self.page(machine, node, budget) {
                    return Progress::Preempted;
                }
                self.dealt_with = Some((node.address(), node.order()));
            }
            self.at = page + (1 << order);
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

    /// Deals with a page of the space, and begins the walk over what is below it if there must be one; `false` when the
    /// page needs another step.
    fn page(&mut self, machine: &impl Machine, node: &'static Mapping, budget: &Budget) -> bool {
        let span = self.span(node);
        let access = &mut self.access;
        if !self.whole {
            if self.self_too {
                restrict(machine, node, &span, self.rights, budget, access);
            }
            self.walk(machine, Walk::below(node, span), budget);
            return true;
        }
        if span == node.whole_span() {
            return if self.self_too {
                remove_tree(machine, node, budget, access)
            } else {
                remove_below(machine, node, &span, budget, access)
            };
        }
        match remove_part(machine, node, &span, self.self_too, budget, access) {
            Part::Kept => self.walk(machine, Walk::superpages_below(node, span), budget),
            Part::Gone => {}
            Part::Preempted => return false,
        }
        true
    }

    fn walk(&mut self, machine: &impl Machine, mut walk: Walk, budget: &Budget) {
        let ended = if self.whole {
            remove_part_below(machine, &mut walk, budget, &mut self.access)
        } else {
            restrict_below(machine, &mut walk, self.rights, budget, &mut self.access)
        };
        if !ended {
            machine.database().keep(self.bookmark, walk);
            self.walks = true;
        }
    }

    /// The part of the page that the range covers.
    fn span(&self, node: &Mapping) -> Span {
        let page = node.address();
        let from = self.start.max(page) - page;
        let to = self.end.min(page + (1 << node.order())) - page;
        (from >> PAGE) as usize..(to >> PAGE) as usize
    }
}
