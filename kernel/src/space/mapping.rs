//! A node of the mapping tree: one page of one space.
//!
//! Children are the pages that were made from it. Those of the same size hang on the node; pages
//! made from a superpage hang on one of 512 lists ([`Pieces`]), one for each 4 KiB of it, so that
//! taking back a piece need not look at the others. Invariant: a child maps the memory of its
//! parent, or the piece of it that its list stands for; a node's slot points back at the node, or
//! names the table of a superpage that is split ([`super::split`]).

use super::mem_space::MemSpace;
use super::table::{ENTRIES, Leaf, Slot};
use super::{Budget, PAGE, SUPERPAGE};
use crate::changes;
use crate::queue::{Linked, Links, List};
use core::cell::Cell;
use core::ops::Range;

/// How often in a row a page can be handed on, as in Fiasco.
const MAX_DEPTH: u64 = 255;

/// `place`: a superpage. The low eight bits are the depth, those from 12 on the address; those
/// below a superpage's address hold the hint of [`Mapping::first_child`].
const SUPER: u64 = 1 << 8;
const DEPTH: u64 = 0xff;
const ADDRESS: u64 = !0xfff;
const HINT: u64 = 0x1f_f000;

/// How many lists of pieces are looked at for a unit of a budget.
const PIECES_OF_UNIT: u32 = 64;

/// The children of a superpage that are 4 KiB: a list for each piece.
pub(super) struct Pieces(pub [List<Mapping>; ENTRIES]);

/// A node.
pub struct Mapping {
    space: Cell<&'static MemSpace>,
    leaf: Cell<&'static Leaf>,
    place: Cell<u64>,
    parent: Cell<Option<&'static Mapping>>,
    whole: List<Mapping>,
    pieces: Cell<Option<&'static Pieces>>,
    siblings: Links<Mapping>,
}

impl Linked for Mapping {
    fn links(&self) -> &Links<Self> {
        &self.siblings
    }
}

/// The children of a superpage that lie in these pieces; the range of a page is always 0..1.
pub(super) type Span = Range<usize>;

impl Mapping {
    /// The node for the page at `address` of `space`, not linked to anything yet; `None` when its
    /// parent has the greatest depth already.
    #[inline]
    pub(super) fn new(
        space: &'static MemSpace,
        slot: Slot,
        address: u64,
        order: u8,
        parent: Option<&'static Mapping>,
    ) -> Option<Self> {
        let depth = match parent {
            Some(parent) => (parent.place.get() & DEPTH) + 1,
            None => 0,
        };
        if depth > MAX_DEPTH {
            return None;
        }
        let size = if order == SUPERPAGE { SUPER } else { 0 };
        Some(Self {
            space: Cell::new(space),
            leaf: Cell::new(slot.leaf),
            place: Cell::new(address | size | depth),
            parent: Cell::new(parent),
            whole: List::new(),
            pieces: Cell::new(None),
            siblings: Links::new(),
        })
    }

    pub(super) fn space(&self) -> &'static MemSpace {
        self.space.get()
    }

    pub(super) fn parent(&self) -> Option<&'static Mapping> {
        self.parent.get()
    }

    pub(super) fn is_superpage(&self) -> bool {
        self.place.get() & SUPER != 0
    }

    pub(super) fn order(&self) -> u8 {
        if self.is_superpage() { SUPERPAGE } else { PAGE }
    }

    pub(super) fn address(&self) -> u64 {
        let address = self.place.get() & ADDRESS;
        if self.is_superpage() { address & !HINT } else { address }
    }

    #[inline]
    pub(super) fn slot(&self) -> Slot {
        Slot { leaf: self.leaf.get(), index: (self.address() >> self.order()) as usize % ENTRIES }
    }

    /// All children: the span that covers every piece.
    pub(super) fn whole_span(&self) -> Span {
        if self.is_superpage() { 0..ENTRIES } else { 0..1 }
    }

    /// Moves the node to another place, keeping its relations: a grant.
    pub(super) fn move_to(&self, space: &'static MemSpace, slot: Slot, address: u64) {
        changes::table(self.leaf.get());
        changes::table(slot.leaf);
        let kept = self.place.get() & (SUPER | DEPTH);
        self.space.set(space);
        self.leaf.set(slot.leaf);
        self.place.set(address | kept);
    }

    pub(super) fn pieces(&self) -> Option<&'static Pieces> {
        self.pieces.get()
    }

    pub(super) fn set_pieces(&self, pieces: Option<&'static Pieces>) {
        changes::table(self.leaf.get());
        self.pieces.set(pieces);
    }

    /// Hangs `child` below this node; a piece of a superpage needs [`Pieces`] to be there.
    #[inline]
    pub(super) fn adopt(&self, child: &'static Mapping, piece: usize) {
        changes::table(self.leaf.get());
        if !self.is_superpage() || child.is_superpage() {
            self.whole.push_front(child);
        } else if let Some(pieces) = self.pieces.get() {
            pieces.0[piece].push_front(child);
            if (piece as u64) < self.hint() {
                self.set_hint(piece as u64);
            }
        }
    }

    /// Unlinks `child`, which hangs below this node and is in its tables still.
    #[inline]
    pub(super) fn disown(&self, child: &'static Mapping) {
        changes::table(self.leaf.get());
        if !self.is_superpage() || child.is_superpage() {
            self.whole.remove(child);
        } else if let Some(pieces) = self.pieces.get() {
            pieces.0[child.piece()].remove(child);
        }
    }

    /// How often in a row the page was handed on.
    #[cfg(any(test, feature = "invariants"))]
    pub(super) fn depth(&self) -> u64 {
        self.place.get() & DEPTH
    }

    /// The children of the node's own size.
    #[cfg(any(test, feature = "invariants"))]
    pub(super) fn whole(&self) -> &List<Mapping> {
        &self.whole
    }

    /// The list that `child` belongs on, if there is one.
    #[cfg(any(test, feature = "invariants"))]
    pub(super) fn children_like(&self, child: &Self) -> Option<&List<Mapping>> {
        if !self.is_superpage() || child.is_superpage() {
            return Some(&self.whole);
        }
        self.pieces.get()?.0.get(child.piece())
    }

    /// Which piece of its parent this node maps, if its parent is larger than it.
    pub(super) fn piece(&self) -> usize {
        (self.slot().entry().phys() >> PAGE) as usize % ENTRIES
    }

    /// The first child that is as large as the node.
    #[inline]
    pub(super) fn first_whole(&self) -> Option<&'static Mapping> {
        self.whole.first()
    }

    /// The first child.
    #[inline]
    pub(super) fn first_child(&self, budget: &Budget) -> Option<&'static Mapping> {
        match (self.whole.first(), self.pieces.get()) {
            (Some(child), _) => Some(child),
            (None, None) => None,
            (None, Some(_)) => {
                let hint = self.hint() as usize;
                let child = self.first_piece(hint..ENTRIES, budget);
                let empty_below = child.map_or(ENTRIES, |child| child.piece());
                self.set_hint(empty_below.min(ENTRIES - 1) as u64);
                child
            }
        }
    }

    /// The first child that is one of these pieces of the node.
    pub(super) fn first_piece(&self, span: Span, budget: &Budget) -> Option<&'static Mapping> {
        let lists = self.pieces.get()?.0.get(span)?;
        let found = lists.iter().position(|list| !list.is_empty());
        budget.take(found.unwrap_or(lists.len()) as u32 / PIECES_OF_UNIT);
        lists[found?].first()
    }

    /// The child behind `child` that maps the same.
    pub(super) fn next_sibling(&self, child: &Mapping) -> Option<&'static Mapping> {
        if !self.is_superpage() || child.is_superpage() {
            return self.whole.next(child);
        }
        self.pieces.get()?.0[child.piece()].next(child)
    }

    /// No piece below this number has children.
    pub(super) fn hint(&self) -> u64 {
        if self.is_superpage() { (self.place.get() & HINT) >> PAGE } else { 0 }
    }

    fn set_hint(&self, piece: u64) {
        if self.is_superpage() {
            changes::table(self.leaf.get());
            self.place.set(self.place.get() & !HINT | piece << PAGE);
        }
    }
}
