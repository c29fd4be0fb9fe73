//! Taking pages back: the walks over the mapping tree below a page.
//!
//! Removal takes the tree apart from its leaves, so what is left at a preemption is a tree again
//! and the walk starts anew. Restriction goes from the top down, so that a page made meanwhile from
//! a page already visited is no exception; its place is kept in a bookmark.

use super::bookmark::Bookmark;
use super::mapping::{Mapping, Span};
use super::{Access, Budget, Machine};
use crate::planted::{Bug, is_planted};
use abi::Rights;

/// Removes all pages made from the part `span` of `node`'s page; whether all are gone.
#[inline]
pub(super) fn remove_below(
    machine: &impl Machine,
    node: &'static Mapping,
    span: &Span,
    budget: &mut Budget,
    access: &mut Access,
) -> bool {
    match node.first_child(span) {
        Some(first) => remove_from(machine, first, node, span, budget, access),
        None => true,
    }
}

/// The same from the child `at` of `node` on.
fn remove_from(
    machine: &impl Machine,
    mut at: &'static Mapping,
    node: &'static Mapping,
    span: &Span,
    budget: &mut Budget,
    access: &mut Access,
) -> bool {
    loop {
        while let Some(child) = at.first_child(&at.whole_span())
            && !is_planted(Bug::UnmapFlat)
        {
            at = child;
        }
        let parent = at.parent();
        remove(machine, at, access);
        let left = budget.spend();
        at = match parent {
            Some(parent) if !core::ptr::eq(parent, node) => parent,
            _ => match node.first_child(span) {
                Some(child) => child,
                None => return true,
            },
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
    budget: &mut Budget,
    access: &mut Access,
) -> bool {
    let bare = remove_below(machine, node, &node.whole_span(), budget, access);
    if bare {
        remove(machine, node, access);
    }
    bare
}

fn remove(machine: &impl Machine, node: &'static Mapping, access: &mut Access) {
    let (space, address, order) = (node.space(), node.address(), node.order());
    *access |= machine.database().remove(node);
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

/// Takes `rights` from the pages below `root` in `span`, from `next` on. When the budget is used
/// up it stops and gives a bookmark; without memory for one it goes on.
pub(super) fn restrict_below(
    machine: &impl Machine,
    (root, span, next): (&'static Mapping, Span, &'static Mapping),
    rights: Rights,
    budget: &mut Budget,
    access: &mut Access,
) -> Option<&'static Bookmark> {
    let mut next = Some(next);
    while let Some(node) = next {
        restrict(machine, node, rights, access);
        next = node.next_below(root, &span, true);
        if !budget.spend()
            && let Some(next) = next
            && let Some(bookmark) = machine.database().mark(root, span.clone(), next)
        {
            return Some(bookmark);
        }
    }
    None
}
