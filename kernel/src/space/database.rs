//! The memory of all spaces: nodes of the mapping tree, tables, and the walk that waits.
//!
//! Nodes and tables come and go here only, each charged to the quota of the space it belongs to.
#![allow(unsafe_code)] // frees nodes and tables, vouching that they are unlinked

use super::entry::Entry;
use super::mapping::{Mapping, Pieces};
use super::mem_space::MemSpace;
use super::table::{Leaf, Middle, Pool, Root, Slot, Table};
use super::waiting::Waiting;
use super::{Budget, MapError};
#[cfg(any(test, feature = "invariants"))]
use crate::invariant::Broken;
use crate::mem::{FRAME_SIZE, KernelMemory, Quota, Slab};
use core::ptr::NonNull;

/// The kernel has one.
pub struct Database {
    memory: &'static KernelMemory<'static>,
    mappings: Slab<Mapping>,
    pub(super) waiting: Waiting,
    roots: Pool<Root>,
    middles: Pool<Middle>,
    leaves: Pool<Leaf>,
}

/// A shape of table that the database keeps a pool of.
pub(super) trait Pooled: Table + Sized {
    fn pool(database: &Database) -> &Pool<Self>;
}

impl Pooled for Root {
    fn pool(database: &Database) -> &Pool<Self> {
        &database.roots
    }
}

impl Pooled for Middle {
    fn pool(database: &Database) -> &Pool<Self> {
        &database.middles
    }
}

impl Pooled for Leaf {
    fn pool(database: &Database) -> &Pool<Self> {
        &database.leaves
    }
}

impl Database {
    /// An empty database that lives on `memory`.
    pub const fn new(memory: &'static KernelMemory<'static>) -> Self {
        Self {
            memory,
            mappings: Slab::new(),
            waiting: Waiting::new(),
            roots: Pool::new(),
            middles: Pool::new(),
            leaves: Pool::new(),
        }
    }

    /// The memory below.
    #[inline]
    pub fn memory(&self) -> &'static KernelMemory<'static> {
        self.memory
    }

    /// Returns what is kept for reuse to the memory.
    pub fn trim(&self) {
        self.mappings.trim(self.memory);
        self.roots.trim(self.memory);
        self.middles.trim(self.memory);
        self.leaves.trim(self.memory);
    }

    /// An empty table, charged to `quota`.
    pub(super) fn new_table<T: Pooled>(&self, quota: &Quota, budget: &Budget) -> Result<&'static T, MapError> {
        quota.charge(T::BYTES)?;
        budget.take_bytes(T::BYTES);
        T::pool(self).alloc(self.memory).ok_or_else(|| {
            quota.release(T::BYTES);
            MapError::OutOfMemory
        })
    }

    /// Frees a table that is empty and that no entry names.
    ///
    /// # Safety
    /// Nobody uses the table any more.
    pub(super) unsafe fn free_table<T: Pooled>(&self, quota: &Quota, table: &'static T) {
        debug_assert!(table.next_used(0, T::OURS).is_none());
        // SAFETY: the caller's.
        unsafe { T::pool(self).free(self.memory, table) };
        quota.release(T::BYTES);
    }

    /// A node for the page at `address` of `space`, made from `parent`'s page (`piece` of it, when
    /// it is larger) or a root of its own, and put beside the entry at `slot`.
    #[inline(always)]
    pub(super) fn insert(
        &self,
        space: &'static MemSpace,
        slot: Slot,
        (address, order): (u64, u8),
        parent: Option<(&'static Mapping, usize)>,
        budget: &Budget,
    ) -> Result<(), MapError> {
        let above = parent.map(|(parent, _)| parent);
        let node = Mapping::new(space, slot, address, order, above).ok_or(MapError::TooDeep)?;
        if let Some(above) = above
            && above.order() > order
            && above.pieces().is_none()
        {
            budget.take_bytes(FRAME_SIZE);
            self.add_pieces(above)?;
        }
        space.quota().charge(Slab::<Mapping>::OBJECT_BYTES)?;
        let Some(place) = self.mappings.alloc(self.memory) else {
            space.quota().release(Slab::<Mapping>::OBJECT_BYTES);
            return Err(MapError::OutOfMemory);
        };
        // SAFETY: a slot for one node, ours until `remove` frees it.
        let node: &'static Mapping = unsafe {
            place.write(node);
            place.as_ref()
        };
        if let Some((above, piece)) = parent {
            above.adopt(node, piece);
        }
        slot.set_mapping(Some(node));
        Ok(())
    }

    /// Removes a page that has no children, at its `slot`, from its space and from the tree; what its entry was. The
    /// caller flushes it.
    #[inline]
    pub(super) fn remove(&self, node: &'static Mapping, slot: Slot) -> Entry {
        self.unlink(node);
        let entry = slot.take_page();
        self.free(node);
        entry
    }

    /// Removes a superpage that has no children, was split, and has lost its pieces, from the tree.
    pub(super) fn remove_split(&self, node: &'static Mapping) {
        self.unlink(node);
        self.free(node);
    }

    #[inline]
    fn unlink(&self, node: &'static Mapping) {
        debug_assert!(node.first_child(&Budget::new(0)).is_none());
        self.waiting.avoid(node);
        if let Some(parent) = node.parent() {
            parent.disown(node);
        }
    }

    /// Frees a node that is unlinked, and beside no entry.
    #[inline]
    fn free(&self, node: &'static Mapping) {
        if node.pieces().is_some() {
            self.drop_pieces(node);
        }
        node.space().quota().release(Slab::<Mapping>::OBJECT_BYTES);
        // SAFETY: the node's references were in its parent, its slot, its children (it has none)
        // and the walk that waits, and are gone from all of them (`remove`, `remove_split`).
        unsafe { self.mappings.destroy(self.memory, node) };
    }

    /// What the quota of a node's space is charged for the node.
    pub(super) fn charged_for(&self, node: &Mapping) -> u64 {
        let pieces = if node.pieces().is_some() { FRAME_SIZE } else { 0 };
        Slab::<Mapping>::OBJECT_BYTES + pieces
    }

    #[cold]
    fn add_pieces(&self, node: &'static Mapping) -> Result<(), MapError> {
        let quota = node.space().quota();
        quota.charge(FRAME_SIZE)?;
        let Some(frame) = self.memory.alloc_zeroed(0) else {
            quota.release(FRAME_SIZE);
            return Err(MapError::OutOfMemory);
        };
        // SAFETY: a zeroed frame is 512 empty lists (null is `None`), and ours until `drop_pieces`.
        node.set_pieces(Some(unsafe { frame.cast::<Pieces>().as_ref() }));
        Ok(())
    }

    /// Frees the lists for `node`'s pieces, which are empty, if it has them.
    #[cold]
    pub(super) fn drop_pieces(&self, node: &'static Mapping) {
        let Some(pieces) = node.pieces() else { return };
        node.set_pieces(None);
        node.space().quota().release(FRAME_SIZE);
        // SAFETY: from `add_pieces`; the node held the only reference.
        unsafe { self.memory.free(NonNull::from(pieces).cast(), 0) };
    }

    /// Nodes, walks and pools are sound; says how many frames are in use for nodes, and in pools. That tables in pools are
    /// empty, as they were when they got there, is seen only if all is looked at `anew`.
    #[cfg(any(test, feature = "invariants"))]
    pub fn check(&self, anew: bool) -> Result<u64, Broken> {
        self.mappings.check()?;
        self.waiting.check()?;
        let pools = self.roots.check(anew)? + self.middles.check(anew)? + self.leaves.check(anew)?;
        Ok(self.mappings.frames() + pools)
    }
}

const _: () = assert!(size_of::<Pieces>() == FRAME_SIZE as usize);
const _: () = assert!(size_of::<Mapping>() == 64);
const _: () = assert!(size_of::<Leaf>() == 2 * FRAME_SIZE as usize);
