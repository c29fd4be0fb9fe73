//! Taking pages back: what happens to the mapping tree below a page.
//!
//! Removal takes the tree apart from its leaves, so what is left at a preemption is a tree again
//! and the work starts anew. Restriction goes from the top down, so that a page made meanwhile from
//! a page already visited is no exception.

use super::mapping::{Mapping, Span};
use super::split::Split;
use super::table::{Leaf, Slot};
use super::{Access, Budget, Machine};
use crate::planted::{Bug, is_planted};
use abi::Rights;

/// How many steps down the tree cost a unit.
const DEPTH_OF_UNIT: u32 = 16;

/// Pages are being taken back from a machine, as far as a budget reaches.
pub(super) struct Revocation<'a, M> {
    pub machine: &'a M,
    pub budget: &'a Budget,
    /// What the hardware noted of the pages concerned so far.
    pub access: Access,
}

/// What became of a superpage that was to lose a part.
pub(super) enum Part {
    /// The rest of it is there.
    Kept,
    /// The rest would have been nothing, or there is no memory to tell it from the part: all of it went.
    Gone,
    /// The part is still there.
    Preempted,
}

impl<'a, M: Machine> Revocation<'a, M> {
    /// Nothing is taken yet.
    #[inline]
    pub fn new(machine: &'a M, budget: &'a Budget) -> Self {
        Self { machine, budget, access: Access::default() }
    }

    /// Removes all pages made from `node`'s page, and with `self_too` that one; whether all are gone.
    #[inline]
    pub fn whole(&mut self, node: &'static Mapping, self_too: bool) -> bool {
        self.below(node) && (!self_too || self.page(node))
    }

    /// Removes `node`'s page and all pages made from it; whether all are gone.
    #[inline]
    pub fn tree(&mut self, node: &'static Mapping) -> bool {
        self.whole(node, true)
    }

    /// Removes all pages made from `node`'s page; whether all are gone.
    #[inline]
    fn below(&mut self, node: &'static Mapping) -> bool {
        while let Some(child) = node.first_whole() {
            if !self.child(child, node) {
                return false;
            }
        }
        node.pieces().is_none() || self.pieces(node, &node.whole_span())
    }

    /// Removes the pages made from the part `span` of `node`'s page that are smaller than it; whether all are gone.
    #[inline]
    fn pieces(&mut self, node: &'static Mapping, span: &Span) -> bool {
        let mut from = span.start;
        while let Some(child) = node.first_piece(from..span.end, self.budget) {
            from = child.piece();
            if !self.child(child, node) {
                return false;
            }
        }
        true
    }

    /// Removes `at`, a child of `above`, with all that is below it; whether it is gone.
    fn child(&mut self, mut at: &'static Mapping, above: &'static Mapping) -> bool {
        let mut depth = 0;
        loop {
            while let Some(child) = at.first_child(self.budget)
                && !is_planted(Bug::UnmapFlat)
            {
                at = child;
                depth += 1;
            }
            let parent = at.parent();
            if !self.page(at) {
                return false;
            }
            let left = self.budget.spend();
            self.budget.take(core::mem::take(&mut depth) / DEPTH_OF_UNIT);
            at = match parent {
                Some(parent) if !core::ptr::eq(parent, above) => parent,
                _ => return left,
            };
            if !left {
                return false;
            }
        }
    }

    /// Removes `node`'s page, from which nothing is left that was made; whether it is gone.
    #[inline(always)]
    fn page(&mut self, node: &'static Mapping) -> bool {
        let (database, slot) = (self.machine.database(), node.slot());
        if let Some(table) = slot.table(database.memory()) {
            return self.split_superpage(node, slot, table);
        }
        let (space, address, order) = (node.space(), node.address(), node.order());
        self.access |= database.remove(node, slot).access();
        space.forget(self.machine, address, order);
        true
    }

    fn split_superpage(&mut self, node: &'static Mapping, slot: Slot, table: &'static Leaf) -> bool {
        let (database, space) = (self.machine.database(), node.space());
        if !self.clear(node, table, node.whole_span()) {
            return false;
        }
        database.remove_split(node);
        // The tables of a closed space go with it.
        if !space.is_closed() {
            space.drop_table(self.machine, slot.leaf, slot.index, table, self.budget);
        }
        true
    }

    /// Takes the part `span` of `node`'s superpage and what is smaller and was made from that part. The superpages that
    /// were made from it keep it, unless the whole tree goes.
    pub fn part(&mut self, node: &'static Mapping, span: &Span, self_too: bool) -> Part {
        if !self.pieces(node, span) {
            return Part::Preempted;
        }
        if !self_too {
            return Part::Kept;
        }
        if self.has_more_than(node, span) {
            match self.split(node) {
                Split::Table(table) => {
                    let is_gone = self.clear(node, table, span.clone());
                    return if is_gone { Part::Kept } else { Part::Preempted };
                }
                Split::Preempted => return Part::Preempted,
                Split::NoMemory => {}
            }
        }
        if self.tree(node) { Part::Gone } else { Part::Preempted }
    }

    /// Takes `rights` from the part `span` of `node`'s page; from all of it, when there is no memory to tell the part from
    /// the rest. Whether that is done.
    pub fn restrict(&mut self, node: &'static Mapping, span: &Span, rights: Rights) -> bool {
        let slot = node.slot();
        let entry = slot.entry();
        let is_part = node.is_superpage() && *span != node.whole_span();
        if entry.is_table() || is_part && entry.without(rights) != entry {
            match self.split(node) {
                Split::Table(table) => return self.restrict_pieces(node, table, span.clone(), rights),
                Split::Preempted => return false,
                Split::NoMemory => {}
            }
        }
        let old = slot.restrict(rights);
        self.access |= old.access();
        if old.without(rights) != old {
            node.space().forget(self.machine, node.address(), node.order());
        }
        true
    }
}
