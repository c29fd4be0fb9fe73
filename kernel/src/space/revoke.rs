//! Taking pages back: what happens to the mapping tree below a page.
//!
//! Removal takes the tree apart from its leaves, so what is left at a preemption is a tree again
//! and the work starts anew. Restriction goes from the top down, so that a page made meanwhile from
//! a page already visited is no exception.

use super::mapping::{Mapping, Span};
use super::split::{self, Split, clear, has_more_than, split};
use super::{Access, Budget, Machine};
use crate::planted::{Bug, is_planted};
use abi::Rights;

/// How many steps down the tree cost a unit.
const DEPTH_OF_UNIT: u32 = 16;

/// Removes all pages made from the part `span` of `node`'s page; whether all are gone.
#[inline]
pub(super) fn remove_below(
    machine: &impl Machine,
    node: &'static Mapping,
    span: &Span,
    budget: &Budget,
    access: &mut Access,
) -> bool {
    while let Some(child) = node.first_whole() {
        if !remove_from(machine, child, node, budget, access) {
            return false;
        }
    }
    remove_pieces(machine, node, span, budget, access)
}

/// Removes the pages made from the part `span` of `node`'s page that are smaller than it; whether all are gone.
#[inline]
fn remove_pieces(
    machine: &impl Machine,
    node: &'static Mapping,
    span: &Span,
    budget: &Budget,
    access: &mut Access,
) -> bool {
    let mut from = span.start;
    while let Some(child) = node.first_piece(from..span.end, budget) {
        from = child.piece();
        if !remove_from(machine, child, node, budget, access) {
            return false;
        }
    }
    true
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

/// Takes the part `span` of `node`'s superpage and what is smaller and was made from that part. The superpages that were
/// made from it keep it, unless the whole tree goes.
pub(super) fn remove_part(
    machine: &impl Machine,
    node: &'static Mapping,
    span: &Span,
    self_too: bool,
    budget: &Budget,
    access: &mut Access,
) -> Part {
    if !remove_pieces(machine, node, span, budget, access) {
        return Part::Preempted;
    }
    if !self_too {
        return Part::Kept;
    }
    if has_more_than(machine, node, span, budget) {
        match split(machine, node, budget) {
            Split::Table(table) => {
                let is_gone = clear(machine, node, table, span.clone(), budget, access);
                return if is_gone { Part::Kept } else { Part::Preempted };
            }
            Split::Preempted => return Part::Preempted,
            Split::NoMemory => {}
        }
    }
    if remove_tree(machine, node, budget, access) { Part::Gone } else { Part::Preempted }
}

/// Removes `at`, a child of `above`, with all that is below it; whether it is gone.
fn remove_from(
    machine: &impl Machine,
    mut at: &'static Mapping,
    above: &'static Mapping,
    budget: &Budget,
    access: &mut Access,
) -> bool {
    let mut depth = 0;
    loop {
        while let Some(child) = at.first_child(budget)
            && !is_planted(Bug::UnmapFlat)
        {
            at = child;
            depth += 1;
        }
        let parent = at.parent();
        if !remove(machine, at, budget, access) {
            return false;
        }
        let left = budget.spend();
        budget.take(core::mem::take(&mut depth) / DEPTH_OF_UNIT);
        at = match parent {
            Some(parent) if !core::ptr::eq(parent, above) => parent,
            _ => return left,
        };
        if !left {
            return false;
        }
    }
}

/// Removes `node`'s page and all pages made from it; whether all are gone.
pub(super) fn remove_tree(
    machine: &impl Machine,
    node: &'static Mapping,
    budget: &Budget,
    access: &mut Access,
) -> bool {
    remove_below(machine, node, &node.whole_span(), budget, access) && remove(machine, node, budget, access)
}

/// Removes `node`'s page, from which nothing is left that was made; whether it is gone.
fn remove(machine: &impl Machine, node: &'static Mapping, budget: &Budget, access: &mut Access) -> bool {
    let (space, address, order, slot) = (node.space(), node.address(), node.order(), node.slot());
    if let Some(table) = slot.table(machine.database().memory()) {
        if !clear(machine, node, table, node.whole_span(), budget, access) {
            return false;
        }
        machine.database().remove(node, budget);
        // The tables of a closed space go with it.
        if !space.is_closed() {
            space.drop_table(machine, slot.leaf, slot.index, table, budget);
        }
        return true;
    }
    *access |= machine.database().remove(node, budget);
    space.forget(machine, address, order);
    true
}

/// Takes `rights` from the part `span` of `node`'s page; from all of it, when there is no memory to tell the part from the
/// rest. Whether that is done.
pub(super) fn restrict(
    machine: &impl Machine,
    node: &'static Mapping,
    span: &Span,
    rights: Rights,
    budget: &Budget,
    access: &mut Access,
) -> bool {
    let entry = node.slot().entry();
    let is_part = node.is_superpage() && *span != node.whole_span();
    if entry.is_table() || is_part && entry.without(rights) != entry {
        match split(machine, node, budget) {
            Split::Table(table) => {
                return split::restrict(machine, node, table, span.clone(), rights, budget, access);
            }
            Split::Preempted => return false,
            Split::NoMemory => {}
        }
    }
    let old = node.slot().restrict(rights);
    *access |= old.access();
    if old.without(rights) != old {
        node.space().forget(machine, node.address(), node.order());
    }
    true
}
