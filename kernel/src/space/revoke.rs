//! Taking pages back: what happens to the mapping tree below a page.
//!
//! Removal takes the tree apart from its leaves, so what is left at a preemption is a tree again
//! and the work starts anew. Restriction goes from the top down, so that a page made meanwhile from
//! a page already visited is no exception.

use super::bookmark::{Next, Walk};
use super::mapping::{Mapping, Span};
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
    let mut from = span.start;
    while let Some(child) = node.first_whole().or_else(|| node.first_piece(from..span.end, budget)) {
        if child.order() != node.order() {
            from = child.piece();
        }
        if !remove_from(machine, child, node, budget, access) {
            return false;
        }
    }
    true
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
        remove(machine, at, budget, access);
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
    let bare = remove_below(machine, node, &node.whole_span(), budget, access);
    if bare {
        remove(machine, node, budget, access);
    }
    bare
}

fn remove(machine: &impl Machine, node: &'static Mapping, budget: &Budget, access: &mut Access) {
    let (space, address, order) = (node.space(), node.address(), node.order());
    *access |= machine.database().remove(node, budget);
    space.forget(machine, address, order);
}

/// Takes `rights` from `node`'s page.
pub(super) fn restrict(machine: &impl Machine, node: &Mapping, rights: Rights, access: &mut Access) {
    let old = node.slot().restrict(rights);
    *access |= old.access();
    if old.without(rights) != old {
        node.space().forget(machine, node.address(), node.order());
    }
}

/// Takes `rights` from the pages of the walk; whether it came to its end.
pub(super) fn restrict_below(
    machine: &impl Machine,
    walk: &mut Walk,
    rights: Rights,
    budget: &Budget,
    access: &mut Access,
) -> bool {
    loop {
        match walk.next(budget) {
            Next::Visit(node) => restrict(machine, node, rights, access),
            Next::Pause => return false,
            Next::End => return true,
        }
        if !budget.spend() {
            return false;
        }
    }
}
