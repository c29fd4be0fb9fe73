//! Page tables in memory, and the only code that follows a physical address to one.
//!
//! Three shapes: the [`Root`] of a space, the [`Middle`] tables below it, and [`Leaf`] tables,
//! whose entries map pages (superpages in the upper of the two leaf levels) and which carry a node
//! of the mapping tree beside each entry. Invariant: an entry marked as table was written by an
//! `attach` here and names a live table of the shape below it; `detach` unmarks it first.
#![allow(unsafe_code)] // turns the physical addresses in table entries into references

use super::entry::Entry;
use super::mapping::Mapping;
use crate::changes;
#[cfg(any(test, feature = "invariants"))]
use crate::invariant::{Broken, address, ensure};
use crate::mem::{FRAME_SIZE, KernelMemory};
use abi::Rights;
use core::cell::Cell;
use core::ops::Range;
use core::ptr::NonNull;
use core::sync::atomic::AtomicU64;
use core::sync::atomic::Ordering::Relaxed;

/// Entries of a table.
pub(super) const ENTRIES: usize = 512;

/// The entries of a table. The processor reads them and notes accesses in them on its own, hence
/// the atomics; writers hold the kernel lock.
#[repr(C, align(4096))]
struct Entries([AtomicU64; ENTRIES]);

impl Entries {
    #[inline]
    fn get(&self, index: usize) -> Entry {
        Entry(self.0[index % ENTRIES].load(Relaxed))
    }

    #[inline]
    fn set(&self, index: usize, entry: Entry) {
        self.0[index % ENTRIES].store(entry.0, Relaxed);
    }

    /// The first entry of `from..end` that is not empty. Most tables are mostly empty, so whole
    /// groups of entries are looked at together.
    fn next_used(&self, from: usize, end: usize) -> Option<usize> {
        const GROUP: usize = 8;
        let (groups, _) = self.0.as_chunks::<GROUP>();
        let first = from / GROUP;
        let groups = groups.get(first..end.div_ceil(GROUP))?;
        groups.iter().enumerate().filter(|(_, group)| any_used(group)).find_map(|(number, group)| {
            let start = (first + number) * GROUP;
            (0..GROUP)
                .find(|&index| start + index >= from && group[index].load(Relaxed) != 0)
                .map(|index| start + index)
                .filter(|&index| index < end)
        })
    }
}

#[inline]
fn any_used([a, b, c, d, e, f, g, h]: &[AtomicU64; 8]) -> bool {
    let bits = |x: &AtomicU64, y: &AtomicU64| x.load(Relaxed) | y.load(Relaxed);
    bits(a, b) | bits(c, d) | bits(e, f) | bits(g, h) != 0
}

/// The table of the highest level: 512 GiB for each entry, the lower half for user programs.
#[repr(transparent)]
pub struct Root(Entries);

/// A table of the second level: 1 GiB for each entry, always a table.
#[repr(transparent)]
pub(super) struct Middle(Entries);

/// A table of the lower two levels, and the mapping tree's nodes of the pages in it.
#[repr(C, align(8192))]
pub(super) struct Leaf {
    entries: Entries,
    mappings: [NodeCell; ENTRIES],
}

/// What stands beside an entry of a leaf table.
type NodeCell = Cell<Option<&'static Mapping>>;

/// Whether an entry is `node`'s, by what stands beside it.
#[inline]
fn is_of(node: &Mapping) -> impl Fn(&NodeCell) -> bool {
    move |place| place.get().is_some_and(|mapping| core::ptr::eq(mapping, node))
}

impl Leaf {
    /// Fills the empty table with the pieces of the superpage that `entry` maps, which are `node`'s.
    pub fn fill(&self, entry: Entry, node: &'static Mapping) {
        changes::table(self);
        for (index, (place, mapping)) in self.entries.0.iter().zip(&self.mappings).enumerate() {
            place.store(entry.piece(index).0, Relaxed);
            mapping.set(Some(node));
        }
    }

    /// The first entry in `span` that is `node`'s.
    pub fn first_of(&self, node: &Mapping, span: Range<usize>) -> Option<usize> {
        let start = span.start;
        self.mappings.get(span)?.iter().position(is_of(node)).map(|offset| start + offset)
    }

    /// The superpage that is split here, if one is.
    pub fn split_superpage(&self) -> Option<&'static Mapping> {
        self.mappings.iter().filter_map(Cell::get).find(|mapping| mapping.is_superpage())
    }

    /// Empties the entries in `span` that are `node`'s; what was in them, all together.
    pub fn take_entries(&self, node: &Mapping, span: Range<usize>) -> Entry {
        changes::table(self);
        let of_node = self.places(span).filter(|(_, mapping)| is_of(node)(mapping));
        Entry(of_node.fold(0, |bits, (entry, mapping)| {
            mapping.set(None);
            bits | entry.swap(0, Relaxed)
        }))
    }

    /// The places that an entry or a node is in.
    #[cfg(any(test, feature = "invariants"))]
    pub fn used_slots(&'static self) -> impl Iterator<Item = Slot> {
        const GROUP: usize = 16;
        let is_used = move |index: &usize| self.entries.get(*index).0 != 0 || self.mappings[*index].get().is_some();
        let any_used = move |first: &usize| {
            let places = self.places(*first..*first + GROUP);
            places.fold(0, |bits, (entry, node)| bits | entry.load(Relaxed) | node.get().map_or(0, address)) != 0
        };
        let groups = (0..ENTRIES).step_by(GROUP).filter(any_used);
        groups
            .flat_map(move |first| (first..first + GROUP).filter(is_used))
            .map(move |index| Slot { leaf: self, index })
    }

    /// Takes `rights` from the entries in `span` that are `node`'s, but from so many of those that have them at most; what
    /// was in them, all together, and up to where it came.
    pub fn restrict_entries(&self, node: &Mapping, span: Range<usize>, rights: Rights, most: usize) -> (Entry, usize) {
        changes::table(self);
        let (cleared, set) = Entry::restriction(rights);
        let (mut bits, mut changed) = (0, 0);
        for (index, (entry, mapping)) in span.clone().zip(self.places(span.clone())) {
            if !is_of(node)(mapping) {
                continue;
            }
            let old = entry.load(Relaxed);
            bits |= old;
            if old & (cleared | set) == set {
                continue;
            }
            if changed == most {
                return (Entry(bits), index);
            }
            changed += 1;
            entry.fetch_and(!cleared, Relaxed);
            entry.fetch_or(set, Relaxed);
            // What the hardware noted meanwhile is there still.
            bits |= entry.load(Relaxed);
        }
        (Entry(bits), span.end)
    }

    fn places(&self, span: Range<usize>) -> impl Iterator<Item = (&AtomicU64, &NodeCell)> {
        self.entries.0[span.clone()].iter().zip(&self.mappings[span])
    }
}

/// A shape of table.
///
/// # Safety
/// All zeros is a valid value, without entries; size and alignment are `4 KiB << ORDER`.
pub(super) unsafe trait Table: 'static {
    /// Its size in frames, as a power of two.
    const ORDER: usize;
    /// How many of its entries, from the first on, are the space's own.
    const OURS: usize = ENTRIES;
    /// Its size in bytes.
    const BYTES: u64 = FRAME_SIZE << Self::ORDER;

    fn next_used(&self, from: usize, end: usize) -> Option<usize>;
}

// SAFETY: `Entries` is a frame of integers.
unsafe impl Table for Root {
    const ORDER: usize = 0;
    const OURS: usize = ENTRIES / 2;
    fn next_used(&self, from: usize, end: usize) -> Option<usize> {
        self.0.next_used(from, end)
    }
}

// SAFETY: as for `Root`.
unsafe impl Table for Middle {
    const ORDER: usize = 0;
    fn next_used(&self, from: usize, end: usize) -> Option<usize> {
        self.0.next_used(from, end)
    }
}

// SAFETY: a frame of integers and a frame of options of references, for which null is `None`.
unsafe impl Table for Leaf {
    const ORDER: usize = 1;
    fn next_used(&self, from: usize, end: usize) -> Option<usize> {
        self.entries.next_used(from, end)
    }
}

impl Root {
    /// The upper half, which all spaces share; for the machine to fill.
    pub fn kernel_half(&self) -> &[AtomicU64] {
        &self.0.0[ENTRIES / 2..]
    }

    /// Whether a machine filled it before, when the table was another space's: its last entry is
    /// that of the kernel's image.
    pub(super) fn has_kernel_half(&self) -> bool {
        self.0.get(ENTRIES - 1).is_present()
    }
}

/// A table whose entries can name tables of the shape `Child`.
pub(super) trait Parent<Child: Table> {
    #[doc(hidden)]
    fn entry_at(&self, index: usize) -> Entry;
    #[doc(hidden)]
    fn write(&self, index: usize, entry: Entry);

    /// The table that entry `index` names, if it names one.
    #[inline]
    fn child(&self, memory: &KernelMemory, index: usize) -> Option<&'static Child> {
        let entry = self.entry_at(index);
        // SAFETY: a marked entry names a live table of this shape (invariant of the module).
        entry.is_table().then(|| unsafe { memory.pointer(entry.phys()).cast().as_ref() })
    }

    /// Lets entry `index`, which names no table, name `child`.
    fn attach(&self, memory: &KernelMemory, index: usize, child: &'static Child) {
        changes::shape();
        self.write(index, Entry::table(memory.phys(NonNull::from(child))));
    }

    /// Empties entry `index`, which names a table.
    fn detach(&self, index: usize) {
        changes::shape();
        self.write(index, Entry::EMPTY);
    }
}

impl Parent<Middle> for Root {
    #[inline]
    fn entry_at(&self, index: usize) -> Entry {
        self.0.get(index)
    }
    fn write(&self, index: usize, entry: Entry) {
        self.0.set(index, entry);
    }
}

impl Parent<Leaf> for Middle {
    #[inline]
    fn entry_at(&self, index: usize) -> Entry {
        self.0.get(index)
    }
    fn write(&self, index: usize, entry: Entry) {
        self.0.set(index, entry);
    }
}

impl Parent<Leaf> for Leaf {
    #[inline]
    fn entry_at(&self, index: usize) -> Entry {
        self.entries.get(index)
    }
    fn write(&self, index: usize, entry: Entry) {
        changes::table(self);
        self.entries.set(index, entry);
    }
}

/// The place of one page in a leaf table: its entry and its node.
#[derive(Clone, Copy)]
pub(super) struct Slot {
    pub leaf: &'static Leaf,
    pub index: usize,
}

impl Slot {
    #[inline]
    pub fn entry(self) -> Entry {
        self.leaf.entries.get(self.index)
    }

    /// Writes an entry that maps a page.
    #[inline]
    pub fn set_entry(self, entry: Entry) {
        debug_assert!(!entry.is_table());
        changes::table(self.leaf);
        self.leaf.entries.set(self.index, entry);
    }

    /// Empties the entry; what was in it, with the last that the hardware noted.
    #[inline]
    pub fn take_entry(self) -> Entry {
        changes::table(self.leaf);
        Entry(self.leaf.entries.0[self.index % ENTRIES].swap(0, Relaxed))
    }

    /// Empties the entry, and the place of the node beside it; what was in the entry.
    #[inline]
    pub fn take_page(self) -> Entry {
        self.set_mapping(None);
        self.take_entry()
    }

    /// Takes `rights` from the page; the entry as it was.
    pub fn restrict(self, rights: Rights) -> Entry {
        changes::table(self.leaf);
        let entry = &self.leaf.entries.0[self.index % ENTRIES];
        let (cleared, set) = Entry::restriction(rights);
        let old = entry.fetch_and(!cleared, Relaxed);
        if set != 0 {
            entry.fetch_or(set, Relaxed);
        }
        Entry(old)
    }

    /// The table that the entry names, in place of a superpage.
    #[inline]
    pub fn table(self, memory: &KernelMemory) -> Option<&'static Leaf> {
        self.leaf.child(memory, self.index)
    }

    #[inline]
    pub fn mapping(self) -> Option<&'static Mapping> {
        self.leaf.mappings[self.index % ENTRIES].get()
    }

    #[inline]
    pub fn set_mapping(self, mapping: Option<&'static Mapping>) {
        changes::table(self.leaf);
        self.leaf.mappings[self.index % ENTRIES].set(mapping);
    }
}

/// Tables of one shape that are empty, ready for use: a freed table is, so that it need not be
/// cleared again. A root table keeps its upper half, which is the same in all spaces.
pub(super) struct Pool<T: Table> {
    tables: [Cell<Option<&'static T>>; 8],
    len: Cell<usize>,
}

impl<T: Table> Pool<T> {
    pub const fn new() -> Self {
        Self { tables: [const { Cell::new(None) }; 8], len: Cell::new(0) }
    }

    /// An empty table, or `None` when memory is out.
    pub fn alloc(&self, memory: &KernelMemory) -> Option<&'static T> {
        if let Some(last) = self.len.get().checked_sub(1) {
            self.len.set(last);
            return self.tables[last].take();
        }
        let table = memory.alloc_zeroed(T::ORDER)?.cast::<T>();
        // SAFETY: zeroed memory of the shape's size and alignment (`Table`), ours until `free`.
        Some(unsafe { table.as_ref() })
    }

    /// Takes back a table that is empty and that no entry names.
    ///
    /// # Safety
    /// No reference to the table is used any more.
    pub unsafe fn free(&self, memory: &KernelMemory, table: &'static T) {
        match self.tables.get(self.len.get()) {
            Some(place) => {
                place.set(Some(table));
                self.len.set(self.len.get() + 1);
            }
            // SAFETY: it came from `alloc`, so from this memory with this order; nobody uses it.
            None => unsafe { memory.free(NonNull::from(table).cast(), T::ORDER) },
        }
    }

    /// What is kept here is counted, and empty if it is looked at `anew`; says how many frames it is.
    #[cfg(any(test, feature = "invariants"))]
    pub fn check(&self, anew: bool) -> Result<u64, Broken> {
        for (number, table) in self.tables.iter().enumerate() {
            let kept = table.get();
            let right = kept.is_some() == (number < self.len.get());
            ensure(right, "a pool's tables are counted", [address(self), number as u64])?;
            let empty = !anew || kept.is_none_or(|table| table.next_used(0, T::OURS).is_none());
            ensure(empty, "a table in a pool is empty", [address(self), number as u64])?;
        }
        Ok((self.len.get() as u64) << T::ORDER)
    }

    /// Returns all tables kept here to the memory.
    pub fn trim(&self, memory: &KernelMemory) {
        for place in &self.tables[..self.len.replace(0)] {
            if let Some(table) = place.take() {
                // SAFETY: as in `free`.
                unsafe { memory.free(NonNull::from(table).cast(), T::ORDER) };
            }
        }
    }
}
