//! Superpages of which a space has lost a part, or rights to a part.
//!
//! Such a superpage stays one node of the mapping tree, with all that was made from it. Its directory entry names a table
//! now, and an entry of that table is the superpage's if the node beside it is the superpage's; other pages may take the
//! place of those it lost. Invariants: it has an entry left, and pages were made only from pieces that it has. The quota
//! of the space pays for the table, which goes with the superpage.

use super::mapping::{Mapping, Span};
use super::revoke::Revocation;
use super::table::{ENTRIES, Leaf, Parent, Slot};
use super::{Machine, PAGE};
use abi::Rights;

/// What it costs to fill a table, beside making it.
const UNITS_OF_SPLIT: u32 = 12;
/// What it costs to look through one.
const UNITS_OF_LOOK: u32 = 6;
/// How many pieces are taken or restricted for a unit, and at how many is looked in vain.
const PIECES_OF_UNIT: usize = 16;
const LOOKS_OF_UNIT: u32 = 32;

/// The table of a superpage that is to be split.
pub(super) enum Split {
    /// This is it.
    Table(&'static Leaf),
    /// There is no memory for one.
    NoMemory,
    /// It takes more than the budget has left.
    Preempted,
}

impl<M: Machine> Revocation<'_, M> {
    /// Splits `node`'s superpage unless it is.
    pub fn split(&self, node: &'static Mapping) -> Split {
        let database = self.machine.database();
        let slot = node.slot();
        if let Some(table) = slot.table(database.memory()) {
            return Split::Table(table);
        }
        if !self.budget.spend_at_once(UNITS_OF_SPLIT) {
            return Split::Preempted;
        }
        let Ok(table) = database.new_table::<Leaf>(node.space().quota(), self.budget) else { return Split::NoMemory };
        table.fill(slot.entry(), node);
        slot.set_mapping(None);
        slot.leaf.attach(database.memory(), slot.index, table);
        Split::Table(table)
    }

    /// Whether the superpage of `node`, split or not, has anything outside `span`, which is not all of it.
    pub fn has_more_than(&self, node: &Mapping, span: &Span) -> bool {
        let Some(table) = node.slot().table(self.machine.database().memory()) else { return true };
        self.budget.take(UNITS_OF_LOOK);
        table.first_of(node, 0..span.start).is_some() || table.first_of(node, span.end..ENTRIES).is_some()
    }

    /// Takes the part `span` of a split superpage from its space, step by step; whether it is gone. Nothing may be left
    /// that was made from it.
    pub fn clear(&mut self, node: &Mapping, table: &'static Leaf, span: Span) -> bool {
        let mut goes_on = true;
        let mut next = table.first_of(node, span.clone());
        while let Some(first) = next.filter(|_| goes_on) {
            let some = first..span.end.min(first + PIECES_OF_UNIT);
            if let Some(ports) = node.space().ports() {
                pieces(node, table, some.clone())
                    .map(|piece| node.address() | (piece.index as u64) << PAGE)
                    .for_each(|address| ports.close(address, PAGE));
            }
            next = table.first_of(node, some.end..span.end);
            self.access |= table.take_entries(node, some).access();
            goes_on = self.budget.spend();
        }
        node.space().forget_pieces(self.machine);
        next.is_none()
    }

    /// Takes `rights` from the part `span` of a split superpage, step by step; whether it has lost them.
    pub fn restrict_pieces(&mut self, node: &Mapping, table: &'static Leaf, span: Span, rights: Rights) -> bool {
        let mut goes_on = true;
        let mut next = span.start;
        while next < span.end && goes_on {
            let from = next;
            let (old, end) = table.restrict_entries(node, from..span.end, rights, PIECES_OF_UNIT);
            self.access |= old.access();
            // Those that had lost the rights before, in a step that was preempted maybe, are only looked at.
            self.budget.take((end - from) as u32 / LOOKS_OF_UNIT);
            goes_on = self.budget.spend();
            next = end;
        }
        node.space().forget_pieces(self.machine);
        next == span.end
    }
}

/// The entries of a split superpage in `span`.
pub(super) fn pieces(node: &Mapping, table: &'static Leaf, span: Span) -> impl Iterator<Item = Slot> {
    span.map(move |index| Slot { leaf: table, index })
        .filter(move |piece| piece.mapping().is_some_and(|mapping| core::ptr::eq(mapping, node)))
}
