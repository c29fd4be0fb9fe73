//! What holds of spaces and the mapping tree: the tables against the tree, both ways, and the account of both.

use super::database::Database;
use super::entry::Entry;
use super::mapping::Mapping;
use super::mem_space::{Found, MemSpace};
use super::split::pieces;
use super::table::{ENTRIES, Leaf, Slot};
use super::{PAGE, SUPERPAGE};
use crate::invariant::{Broken, Check, address, ensure};
use crate::mem::{FRAME_SIZE, Slab};
use core::ops::{AddAssign, SubAssign};

/// What there is in spaces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Inventory {
    /// Frames of tables, of lists for pieces of superpages, and of bitmaps.
    pub frames: u64,
    /// Nodes of the mapping tree.
    pub nodes: u64,
    /// Those of them that have a parent.
    pub made: u64,
    /// Nodes that are on the lists of their parents.
    pub children: u64,
    /// Pages, or ports, of the smallest size.
    pub pages: u64,
}

impl Inventory {
    pub(super) const NOTHING: Self = Self { frames: 0, nodes: 0, made: 0, children: 0, pages: 0 };

    /// What quotas are charged for it.
    pub fn bytes(&self) -> u64 {
        self.frames * FRAME_SIZE + self.nodes * Slab::<Mapping>::OBJECT_BYTES
    }
}

impl AddAssign for Inventory {
    fn add_assign(&mut self, other: Self) {
        self.frames += other.frames;
        self.nodes += other.nodes;
        self.made += other.made;
        self.children += other.children;
        self.pages += other.pages;
    }
}

impl SubAssign for Inventory {
    fn sub_assign(&mut self, other: Self) {
        self.frames -= other.frames;
        self.nodes -= other.nodes;
        self.made -= other.made;
        self.children -= other.children;
        self.pages -= other.pages;
    }
}

impl MemSpace {
    /// Each page of one of the space's leaf tables, which begins at `base` and has pages of this order, is where its node
    /// says, and those that were made from it map the same memory.
    pub(super) fn check_leaf(
        &self,
        database: &Database,
        leaf: &'static Leaf,
        base: u64,
        order: u8,
    ) -> Result<Inventory, Broken> {
        let mut found = Inventory { frames: 2, ..Inventory::NOTHING };
        for slot in leaf.used_slots() {
            let at = base | (slot.index as u64) << order;
            let entry = slot.entry();
            if entry == Entry::EMPTY || order == SUPERPAGE && entry.is_table() {
                let none = slot.mapping().is_none();
                ensure(none, "an entry that maps nothing has no node", [address(self), at])?;
            } else {
                self.check_slot(database, slot, at, order, &mut found)?;
            }
        }
        Ok(found)
    }

    /// Each page of the leaf table is on a list of the one that it was made from, which maps the same memory.
    /// `is_leaf` tells whether something is a table of any space.
    pub(super) fn check_parents(
        &self,
        database: &Database,
        leaf: &'static Leaf,
        is_leaf: impl Fn(&'static Leaf) -> bool,
    ) -> Check {
        for slot in leaf.used_slots() {
            let Some(node) = slot.mapping() else { continue };
            let Some(parent) = node.parent() else { continue };
            let of = [address(self), node.address()];
            ensure(is_leaf(parent.slot().leaf), "what a page was made from is in the tables of a space", of)?;
            let listed =
                parent.children_like(node).is_some_and(|list| list.iter().any(|child| core::ptr::eq(child, node)));
            ensure(listed, "a page is on a list of the one that it was made from", of)?;
            let phys = match parent.slot().table(database.memory()) {
                Some(table) => split_phys(parent, table),
                None => parent.slot().entry().phys(),
            };
            let piece = if parent.order() > node.order() { (node.piece() as u64) << PAGE } else { 0 };
            check_child(database, parent, node, phys + piece)?;
        }
        Ok(())
    }

    fn check_slot(&self, database: &Database, slot: Slot, at: u64, order: u8, found: &mut Inventory) -> Check {
        let (entry, of) = (slot.entry(), [address(self), at]);
        ensure(entry.is_present() && !entry.is_table(), "an entry of a leaf table maps a page", of)?;
        ensure(entry.is_large() == (order == SUPERPAGE), "an entry is of its table's size", of)?;
        ensure(at < self.end(), "a page lies in its space", of)?;
        ensure(entry.phys().is_multiple_of(1 << order), "a page is aligned to its size", of)?;
        found.pages += 1 << (order - PAGE);
        if let Some(ports) = self.ports() {
            let open = (0..1 << (order - PAGE)).all(|port| ports.is_open((at >> PAGE) as u16 + port));
            ensure(open, "a port that is mapped is open", of)?;
        }
        // Pages of the kernel have no node.
        let Some(node) = slot.mapping() else { return Ok(()) };
        ensure(core::ptr::eq(node.space(), self), "a page's node is of its space", of)?;
        let mut phys = entry.phys();
        if let Some(table) = node.slot().table(database.memory()) {
            ensure(
                order == PAGE && node.address() == at >> SUPERPAGE << SUPERPAGE,
                "a piece lies in its superpage",
                of,
            )?;
            ensure(core::ptr::eq(table, slot.leaf), "a superpage's node knows the table of its pieces", of)?;
            ensure(split_phys(node, table) == phys & !SUPERPAGE_OFFSET, "a superpage's pieces are of one", of)?;
            ensure(phys & SUPERPAGE_OFFSET == at & SUPERPAGE_OFFSET, "a piece is where it was in its superpage", of)?;
            // What belongs to the node is looked at with the first piece.
            if pieces(node, table, 0..slot.index).next().is_some() {
                return Ok(());
            }
            phys &= !SUPERPAGE_OFFSET;
            let lists = node.pieces().map_or(&[][..], |pieces| &pieces.0);
            let lost = |index: &usize| pieces(node, table, *index..index + 1).next().is_none();
            let empty = (0..lists.len()).filter(lost).all(|index| lists[index].is_empty());
            ensure(empty, "no page was made from a piece that its superpage lost", of)?;
        } else {
            ensure(node.address() == at && node.order() == order, "a page's node has its address and size", of)?;
            ensure(core::ptr::eq(node.slot().leaf, slot.leaf), "a page's node knows its table", of)?;
        }
        found.nodes += 1;
        found.made += u64::from(node.parent().is_some());
        found.frames += u64::from(node.pieces().is_some());
        node.whole().check()?;
        for child in node.whole().iter() {
            check_child(database, node, child, phys)?;
            found.children += 1;
        }
        let pieces = node.pieces().map_or(&[][..], |pieces| &pieces.0);
        for (piece, list) in pieces.iter().enumerate().filter(|(_, list)| !list.is_empty()) {
            ensure(piece as u64 >= node.hint(), "what was made from a superpage is where it is looked for", of)?;
            list.check()?;
            for child in list.iter() {
                check_child(database, node, child, phys + ((piece as u64) << PAGE))?;
                found.children += 1;
            }
        }
        Ok(())
    }
}

const SUPERPAGE_OFFSET: u64 = (1 << SUPERPAGE) - 1;

/// The physical address of a superpage that is split, as its first piece has it.
fn split_phys(node: &Mapping, table: &'static Leaf) -> u64 {
    pieces(node, table, 0..ENTRIES).next().map_or(u64::MAX, |piece| piece.entry().phys() & !SUPERPAGE_OFFSET)
}

/// A child is the node of the page that its space has, which is the parent's or a piece of it. Its rights can be
/// more than those: a grant with fewer rights leaves what was made from the page as it is.
fn check_child(database: &Database, node: &Mapping, child: &'static Mapping, phys: u64) -> Check {
    let of = [address(child.space()), child.address()];
    let knows = child.parent().is_some_and(|parent| core::ptr::eq(parent, node));
    ensure(knows, "a page that was made from another knows it", of)?;
    ensure(child.depth() == node.depth() + 1, "a page is one deeper than the one it was made from", of)?;
    if let Some(table) = child.slot().table(database.memory()) {
        return ensure(split_phys(child, table) == phys, "a page maps the memory of the one that it was made from", of);
    }
    let Found::Page(slot, entry, order) = child.space().find(database, child.address()) else {
        return Err(Broken { what: "a page in the tree is in its space's tables", of });
    };
    ensure(order == child.order(), "a page in the tree has its size", of)?;
    let own = slot.mapping().is_some_and(|mapping| core::ptr::eq(mapping, child));
    ensure(own, "a page in the tree has its node beside it", of)?;
    ensure(entry.phys() == phys, "a page maps the memory of the one that it was made from", of)
}
