//! Superpages of which a space has lost a part, or rights to a part.
//!
//! Such a superpage stays one node of the mapping tree, with all that was made from it. Its directory entry names a table
//! now, and an entry of that table is the superpage's if the node beside it is the superpage's; other pages may take the
//! place of those it lost. Invariants: it has an entry left, and pages were made only from pieces that it has. The quota
//! of the space pays for the table, which goes with the superpage.

use super::mapping::{Mapping, Span};
use super::table::{ENTRIES, Leaf, Parent, Slot};
use super::{Access, Budget, Machine, PAGE};
use abi::Rights;

/// What it costs to fill the table.
const UNITS_OF_SPLIT: u32 = 10;

/// Splits `node`'s superpage unless it is; its table, or `None` when there is no memory for one.
pub(super) fn split(machine: &impl Machine, node: &'static Mapping, budget: &Budget) -> Option<&'static Leaf> {
    let database = machine.database();
    let slot = node.slot();
    if let Some(table) = slot.table(database.memory()) {
        return Some(table);
    }
    let table: &Leaf = database.new_table(node.space().quota(), budget).ok()?;
    budget.take(UNITS_OF_SPLIT);
    let entry = slot.entry();
    for index in 0..ENTRIES {
        let piece = Slot { leaf: table, index };
        piece.set_entry(entry.piece(index));
        piece.set_mapping(Some(node));
    }
    slot.set_mapping(None);
    slot.leaf.attach(database.memory(), slot.index, table);
    Some(table)
}

/// Whether the superpage of `node`, split or not, has anything outside `span`, which is not all of it.
pub(super) fn has_more_than(machine: &impl Machine, node: &Mapping, span: &Span) -> bool {
    let Some(table) = node.slot().table(machine.database().memory()) else { return true };
    pieces(node, table, 0..span.start).next().is_some() || pieces(node, table, span.end..ENTRIES).next().is_some()
}

/// Takes the part `span` of a split superpage from its space. Nothing may be left that was made from it.
pub(super) fn clear(machine: &impl Machine, node: &Mapping, table: &'static Leaf, span: Span, access: &mut Access) {
    if let Some(ports) = node.space().ports() {
        let addresses = pieces(node, table, span.clone()).map(|piece| node.address() | (piece.index as u64) << PAGE);
        addresses.for_each(|address| ports.close(address, PAGE));
    }
    *access |= table.take_entries(node, span).access();
    node.space().forget_pieces(machine);
}

/// Takes `rights` from the part `span` of a split superpage.
pub(super) fn restrict(
    machine: &impl Machine,
    node: &Mapping,
    table: &'static Leaf,
    span: Span,
    rights: Rights,
    access: &mut Access,
) {
    for piece in pieces(node, table, span) {
        *access |= piece.restrict(rights).access();
    }
    node.space().forget_pieces(machine);
}

/// The entries of a split superpage in `span`.
pub(super) fn pieces(node: &Mapping, table: &'static Leaf, span: Span) -> impl Iterator<Item = Slot> {
    span.map(move |index| Slot { leaf: table, index })
        .filter(move |piece| piece.mapping().is_some_and(|mapping| core::ptr::eq(mapping, node)))
}
