//! Unmap: takes the pages in a range back from everybody they were handed to, and from the space
//! itself if asked, as a whole or only some rights.
//!
//! A superpage that the range covers in part is [split](super::split), in each space that is to lose that part, if the
//! quota of that space pays for the table; else the whole superpage goes from it, or loses the rights. So unmap cannot
//! fail, and never leaves what it was to take.

use super::mapping::{Mapping, Span};
use super::mem_space::{Found, MemSpace};
use super::revoke::Revocation;
use super::tables::Search;
use super::waiting::{self, Walker};
use super::walk::Walk;
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
    /// Address of the superpage dealt with last: if it is split, its pieces are met one by one, and among them pages that
    /// are in the place of others. A superpage that was mapped there since counts as mapped behind the unmap operation,
    /// as whatever is mapped to where it has been already.
    dealt_with: Option<u64>,
    walker: &'static Walker,
}

impl Unmap {
    /// Takes the page at `address` from those whom `space` gave it to, and with `self_too` from `space`, if that takes a
    /// moment only; what the hardware noted of it then. If not, it is for [`new`](Self::new), with the same walker.
    #[inline]
    pub fn at_once(
        machine: &impl Machine,
        space: &'static MemSpace,
        address: u64,
        self_too: bool,
        walker: &'static Walker,
        budget: &Budget,
    ) -> Option<Access> {
        let database = machine.database();
        if !database.waiting.is_any()
            && address < space.end()
            && let Found::Page(slot, _, PAGE) = space.find(database, address)
            && let Some(node) = slot.mapping().filter(|node| !node.is_superpage())
        {
            let mut revocation = Revocation::new(machine, budget);
            if revocation.whole(node, self_too) {
                return Some(revocation.access);
            }
            walker.add_access(revocation.access);
        }
        None
    }

    /// Takes `rights` to the pages in the `2^order` bytes around `address` from those whom `space`
    /// gave them to, and with `self_too` from `space`. Read stands for the whole page. No other operation uses the
    /// walker until this one is done or cancelled.
    pub fn new(
        space: &'static MemSpace,
        address: u64,
        order: u8,
        rights: Rights,
        self_too: bool,
        walker: &'static Walker,
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
            walker,
        }
    }

    /// Goes on until done or until the budget is used up.
    pub fn step(&mut self, machine: &impl Machine, budget: &Budget) -> Progress {
        let database = machine.database();
        // What a walk that waits has taken from the space is not found here, but may still be below.
        if (self.walker.waits() || database.waiting.is_below(self.space)) && !waiting::go_on(machine, budget) {
            return Progress::Preempted;
        }
        self.access |= self.walker.take_access();
        while self.at < self.end {
            let (page, slot, order) = match self.space.next_page(database, self.at, self.end, budget) {
                Search::Page(page, slot, order) => (page, slot, order),
                Search::Stopped(at) => {
                    self.at = at;
                    return Progress::Preempted;
                }
                Search::End => break,
            };
            self.at = self.at.max(page);
            if let Some(node) = slot.mapping()
                && !(node.is_superpage() && self.dealt_with == Some(node.address()))
            {
                let superpage = node.is_superpage().then(|| node.address());
                if self.whole && self.covers(node) {
                    if !self.remove(machine, node, budget) {
                        return Progress::Preempted;
                    }
                } else if database.waiting.is_any() {
                    if !waiting::go_on(machine, budget) {
                        return Progress::Preempted;
                    }
                    continue; // the page may have gone in it
                } else {
                    self.begin_walk(machine, node, budget);
                }
                self.dealt_with = superpage.or(self.dealt_with);
            }
            self.at = page + (1 << order);
            if self.walker.waits() || !budget.spend() {
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

    /// Ends an operation that is not to be stepped any more. Whether it was in a walk, which is now to be
    /// [ended](super::end_left) by others. One that is done needs no cancelling.
    pub fn cancel(&mut self, machine: &impl Machine) -> bool {
        self.walker.leave(machine)
    }

    /// Whether the range covers all of the page.
    #[inline]
    fn covers(&self, node: &Mapping) -> bool {
        let page = node.address();
        self.start <= page && page + (1 << node.order()) <= self.end
    }

    /// Removes a page of the space, or what was made from it; `false` when it needs another step.
    #[inline]
    fn remove(&mut self, machine: &impl Machine, node: &'static Mapping, budget: &Budget) -> bool {
        let mut revocation = Revocation::new(machine, budget);
        let is_done = revocation.whole(node, self.self_too);
        self.access |= revocation.access;
        is_done
    }

    /// Begins the walk over a page of the space and what is below it.
    #[cold]
    fn begin_walk(&mut self, machine: &impl Machine, node: &'static Mapping, budget: &Budget) {
        let rights = (!self.whole).then_some(self.rights);
        self.walker.begin(machine, Walk::new(node, self.span(node), rights, self.self_too), budget);
        self.access |= self.walker.take_access();
    }

    /// The part of the page that the range covers.
    fn span(&self, node: &Mapping) -> Span {
        let page = node.address();
        let from = self.start.max(page) - page;
        let to = self.end.min(page + (1 << node.order())) - page;
        (from >> PAGE) as usize..(to >> PAGE) as usize
    }
}
