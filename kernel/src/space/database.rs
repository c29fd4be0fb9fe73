//! The memory of all spaces: nodes of the mapping tree, tables, and the walks under way.
//!
//! Nodes and tables come and go here only, each charged to the quota of the space it belongs to.
#![allow(unsafe_code)] // frees nodes and tables, vouching that they are unlinked

use super::bookmark::{Bookmark, Walk};
use super::mapping::{Mapping, Pieces};
use super::mem_space::MemSpace;
use super::table::{Leaf, Middle, Pool, Root, Slot, Table};
use super::{Access, Budget, MapError};
#[cfg(any(test, feature = "invariants"))]
use crate::invariant::Broken;
use crate::mem::{FRAME_SIZE, KernelMemory, Quota, Slab};
use crate::queue::List;
use core::cell::Cell;
use core::ptr::NonNull;

/// How many bookmarks are looked at for a unit of a budget.
const BOOKMARKS_OF_UNIT: u32 = 16;

/// The kernel has one.
pub struct Database {
    memory: &'static KernelMemory<'static>,
    mappings: Slab<Mapping>,
    bookmarks: List<Bookmark>,
    /// How many bookmarks there are.
    waiting: Cell<u32>,
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
            bookmarks: List::new(),
            waiting: Cell::new(0),
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
    #[inline]
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

    /// Removes a page that has no children from its space and from the tree; what the hardware
    /// noted of it. The caller flushes it. A superpage that was split has lost its pieces before.
    #[inline]
    pub(super) fn remove(&self, node: &'static Mapping, budget: &Budget) -> Access {
        debug_assert!(node.first_child(budget).is_none());
        if node.is_marked() {
            budget.take(self.waiting.get() / BOOKMARKS_OF_UNIT);
            self.bookmarks.iter().for_each(|bookmark| bookmark.avoid(node));
        }
        if let Some(parent) = node.parent() {
            parent.disown(node);
        }
        let slot = node.slot();
        let access = if slot.entry().is_table() {
            Access::default()
        } else {
            slot.set_mapping(None);
            slot.take_entry().access()
        };
        if node.pieces().is_some() {
            self.drop_pieces(node);
        }
        node.space().quota().release(Slab::<Mapping>::OBJECT_BYTES);
        // SAFETY: the node's references were in its parent, its slot, its children (it has none)
        // and bookmarks, and are gone from all of them.
        unsafe { self.mappings.destroy(self.memory, node) };
        access
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

    /// Nodes, walks and pools are sound; says how many frames are in use for nodes, and in pools.
    #[cfg(any(test, feature = "invariants"))]
    pub fn check(&self) -> Result<u64, Broken> {
        self.mappings.check()?;
        self.bookmarks.check()?;
        let pools = self.roots.check()? + self.middles.check()? + self.leaves.check()?;
        Ok(self.mappings.frames() + pools)
    }

    /// Keeps a walk that waits in a bookmark that has none.
    pub(super) fn keep(&self, bookmark: &'static Bookmark, walk: Walk) {
        bookmark.keep(walk);
        self.bookmarks.push_back(bookmark);
        self.waiting.set(self.waiting.get() + 1);
    }

    /// Takes the walk out of a bookmark that has one; `None` when its root is gone.
    pub(super) fn take(&self, bookmark: &'static Bookmark) -> Option<Walk> {
        self.bookmarks.remove(bookmark);
        self.waiting.set(self.waiting.get() - 1);
        bookmark.take()
    }
}

const _: () = assert!(size_of::<Pieces>() == FRAME_SIZE as usize);
const _: () = assert!(size_of::<Mapping>() == 64);
const _: () = assert!(size_of::<Leaf>() == 2 * FRAME_SIZE as usize);
