//! Capability spaces: the table of a task's capabilities, and the flat list of an object's capabilities.
//!
//! A space is a two-level table of frames that grow as slots are filled. A full slot is on the list of
//! its object's capabilities, wherever they are (object capabilities know no hierarchy, `l4sys/consts.h`).
//! Invariant: a slot is on its object's list exactly while it names the object.
#![allow(unsafe_code)] // makes table frames into slots

use crate::changes;
#[cfg(any(test, feature = "invariants"))]
use crate::invariant::{Broken, address, ensure};
use crate::mem::{FRAME_SIZE, KernelMemory, Quota};
use crate::queue::{Linked, Links, List};
use crate::space::{Budget, Progress};
use core::cell::Cell;
use core::ptr::NonNull;

/// Rights in the low four bits as `abi::Rights`, and the bits 4 to 7 of the item that brought the capability.
pub type Attributes = u8;

/// The attributes that an item brings and no operation takes away again.
pub const FROM_ITEM: Attributes = 0xf0;
/// Attribute: the capability counts as a reference to its object. (The bit's meaning in an item is inverse.)
pub const COUNTED: Attributes = abi::item::NO_REFERENCE_COUNT as Attributes;

/// What a capability can name: it knows its capabilities.
pub trait Named: Sized + 'static {
    /// All capabilities that name the object.
    fn capabilities(&self) -> &List<CapSlot<Self>>;
}

/// A place for a capability.
#[derive(Debug)]
pub struct CapSlot<O: 'static> {
    object: Cell<Option<&'static O>>,
    links: Links<CapSlot<O>>,
    attributes: Cell<Attributes>,
}

impl<O: Named> CapSlot<O> {
    /// What the capability names, if the slot is full.
    #[inline]
    pub fn object(&self) -> Option<&'static O> {
        self.object.get()
    }

    /// The capability's attributes.
    #[inline]
    pub fn attributes(&self) -> Attributes {
        self.attributes.get()
    }

    /// Changes the attributes of a full slot.
    pub fn set_attributes(&self, attributes: Attributes) {
        self.attributes.set(attributes);
    }

    /// Fills the empty slot.
    pub fn fill(&'static self, object: &'static O, attributes: Attributes) {
        debug_assert!(self.object.get().is_none(), "filled a full capability slot");
        changes::capabilities();
        self.object.set(Some(object));
        self.attributes.set(attributes);
        object.capabilities().push_back(self);
    }

    /// Empties the slot; says what was in it.
    pub fn clear(&self) -> Option<&'static O> {
        changes::capabilities();
        let object = self.object.take()?;
        object.capabilities().remove(self);
        self.attributes.set(0);
        Some(object)
    }
}

impl<O: Named> Linked for CapSlot<O> {
    fn links(&self) -> &Links<Self> {
        &self.links
    }
}

/// What a search for a full slot finds.
pub enum Scan<O: 'static> {
    /// A full slot, and its index.
    Full(u64, &'static CapSlot<O>),
    /// The budget is used up; the search goes on at this index.
    Stopped(u64),
    /// There is none.
    End,
}

const ROOT_ENTRIES: usize = 16;
/// What it costs to look through a table.
const UNITS_OF_TABLE: u32 = 6;
const MIDDLE_ENTRIES: usize = FRAME_SIZE as usize / 8;

type Middle<O> = [Cell<Option<NonNull<CapSlot<O>>>>; MIDDLE_ENTRIES];

/// The capabilities of a task, by index.
#[derive(Debug)]
pub struct CapSpace<O: 'static> {
    root: [Cell<Option<NonNull<Middle<O>>>>; ROOT_ENTRIES],
    /// What [`check`](Self::check) found last.
    #[cfg(any(test, feature = "invariants"))]
    found: Cell<(u64, u64)>,
}

impl<O: Named> CapSpace<O> {
    const LEAF_ENTRIES: usize = {
        assert!(size_of::<CapSlot<O>>() == 32, "a capability slot is a power of two of bytes");
        FRAME_SIZE as usize / 32
    };

    /// Indices at or above this one name no slot.
    pub const LIMIT: u64 = (ROOT_ENTRIES * MIDDLE_ENTRIES * Self::LEAF_ENTRIES) as u64;

    /// A space without capabilities and without memory.
    pub const fn new() -> Self {
        Self {
            root: [const { Cell::new(None) }; ROOT_ENTRIES],
            #[cfg(any(test, feature = "invariants"))]
            found: Cell::new((0, 0)),
        }
    }

    #[inline(always)]
    fn leaf(&self, index: u64) -> Option<&Cell<Option<NonNull<CapSlot<O>>>>> {
        let leaf = index as usize / Self::LEAF_ENTRIES;
        let middle = self.root.get(leaf / MIDDLE_ENTRIES)?.get()?;
        // SAFETY: a table in the root is a whole frame of cells that this space owns until `clear_tables`.
        Some(unsafe { &middle.as_ref()[leaf % MIDDLE_ENTRIES] })
    }

    /// The slot with this index, if its part of the table exists. It may be empty.
    #[inline(always)]
    pub fn slot(&self, index: u64) -> Option<&'static CapSlot<O>> {
        let slots = self.leaf(index)?.get()?;
        // SAFETY: a leaf is a whole frame of LEAF_ENTRIES slots; it lives until `clear_tables`, which runs when the task is gone.
        Some(unsafe { slots.add(index as usize % Self::LEAF_ENTRIES).as_ref() })
    }

    /// What the capability with this index names, and its attributes.
    #[inline(always)]
    pub fn lookup(&self, index: u64) -> Option<(&'static O, Attributes)> {
        let slot = self.slot(index)?;
        Some((slot.object()?, slot.attributes()))
    }

    /// The slot with this index; the table is extended and charged to `quota` as needed.
    /// None if the index is out of range, or memory or quota are out.
    #[inline]
    pub fn make_slot(
        &self,
        index: u64,
        memory: &KernelMemory,
        quota: &Quota,
        budget: &Budget,
    ) -> Option<&'static CapSlot<O>> {
        self.slot(index).or_else(|| self.extend(index, memory, quota, budget))
    }

    /// Makes the part of the table in which the slot with this index is.
    #[cold]
    fn extend(&self, index: u64, memory: &KernelMemory, quota: &Quota, budget: &Budget) -> Option<&'static CapSlot<O>> {
        budget.take_bytes(FRAME_SIZE);
        changes::capabilities();
        let leaf = index as usize / Self::LEAF_ENTRIES;
        let root = self.root.get(leaf / MIDDLE_ENTRIES)?;
        let middle = match root.get() {
            Some(middle) => middle,
            None => {
                let frame = memory.alloc_charged(quota)?.cast();
                root.set(Some(frame));
                frame
            }
        };
        // SAFETY: as in `leaf`; a frame of zeroes is a table of empty entries, `None` being the null pointer.
        let entry = unsafe { &middle.as_ref()[leaf % MIDDLE_ENTRIES] };
        entry.set(Some(memory.alloc_charged(quota)?.cast()));
        self.slot(index)
    }

    /// The first full slot at or behind `index`, passing over parts of the table that do not exist.
    pub fn next_full(&self, index: u64, end: u64, budget: &Budget) -> Scan<O> {
        let (mut index, end) = (index, end.min(Self::LIMIT));
        let leaf_size = Self::LEAF_ENTRIES as u64;
        while index < end {
            if !budget.spend() {
                return Scan::Stopped(index);
            }
            match self.slot(index) {
                Some(slot) if slot.object().is_some() => return Scan::Full(index, slot),
                Some(_) => index += 1,
                None => {
                    let leaf = index / leaf_size;
                    let has_middle = self.root[leaf as usize / MIDDLE_ENTRIES].get().is_some();
                    let stride = leaf_size * if has_middle { 1 } else { MIDDLE_ENTRIES as u64 };
                    index = (index / stride + 1) * stride;
                }
            }
        }
        Scan::End
    }

    /// Every slot is linked exactly while it is full; says how many are full, and how many frames the table has. Looks at
    /// them only if capabilities have changed since the last time.
    #[cfg(any(test, feature = "invariants"))]
    pub fn check(&self, have_changed: bool) -> Result<(u64, u64), Broken> {
        if !have_changed {
            return Ok(self.found.get());
        }
        let (mut full, mut frames) = (0, 0);
        for middle in self.root.iter().filter_map(Cell::get) {
            frames += 1;
            // SAFETY: as in `leaf`.
            for leaf in unsafe { middle.as_ref() }.iter().filter_map(Cell::get) {
                frames += 1;
                for index in 0..Self::LEAF_ENTRIES {
                    // SAFETY: as in `slot`.
                    let slot = unsafe { leaf.add(index).as_ref() };
                    let is_full = slot.object.get().is_some();
                    let of = [address(slot), address(self)];
                    ensure(is_full == slot.links.is_linked(), "a slot is listed while it is full", of)?;
                    full += u64::from(is_full);
                }
            }
        }
        self.found.set((full, frames));
        Ok((full, frames))
    }

    /// Gives the table's memory back, as far as the budget goes. All slots are empty.
    ///
    /// # Safety
    /// No reference to a slot of this space is used from the first call on.
    pub unsafe fn clear_tables(&self, memory: &KernelMemory, quota: &Quota, budget: &Budget) -> Progress {
        changes::capabilities();
        for root in &self.root {
            let Some(middle) = root.get() else { continue };
            // SAFETY: as in `leaf`; freed below.
            for entry in unsafe { middle.as_ref() } {
                let Some(leaf) = entry.take() else { continue };
                // SAFETY: the leaf came from `alloc_charged`, and the caller gives up its slots.
                unsafe { memory.free_charged(leaf.cast(), quota) };
                if !budget.spend() {
                    return Progress::Preempted;
                }
            }
            root.set(None);
            // SAFETY: the table came from `alloc_charged` and is empty.
            unsafe { memory.free_charged(middle.cast(), quota) };
            budget.take(UNITS_OF_TABLE);
        }
        Progress::Done
    }
}

impl<O: Named> Default for CapSpace<O> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mem::testing::arena;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    struct Object(List<CapSlot<Object>>);

    impl Named for Object {
        fn capabilities(&self) -> &List<CapSlot<Self>> {
            &self.0
        }
    }

    fn object() -> &'static Object {
        Box::leak(Box::new(Object(List::new())))
    }

    fn full_slots(space: &CapSpace<Object>) -> Vec<u64> {
        let mut found = Vec::new();
        let mut next = 0;
        loop {
            match space.next_full(next, u64::MAX, &Budget::new(100)) {
                Scan::Full(index, _) => {
                    found.push(index);
                    next = index + 1;
                }
                Scan::Stopped(index) => next = index,
                Scan::End => return found,
            }
        }
    }

    #[test]
    fn indices_beyond_the_limit_name_no_slot() {
        let memory = arena(0, 64);
        let (space, quota) = (CapSpace::<Object>::new(), Quota::new(u64::MAX));
        for index in [CapSpace::<Object>::LIMIT, u64::MAX >> 12, u64::MAX] {
            assert!(space.slot(index).is_none());
            assert!(space.make_slot(index, &memory, &quota, &Budget::new(0)).is_none());
        }
        assert!(space.make_slot(CapSpace::<Object>::LIMIT - 1, &memory, &quota, &Budget::new(0)).is_some());
    }

    #[test]
    fn a_table_that_the_quota_does_not_pay_for_is_not_made() {
        let memory = arena(0, 64);
        let (space, quota) = (CapSpace::<Object>::new(), Quota::new(FRAME_SIZE));
        assert!(space.make_slot(0, &memory, &quota, &Budget::new(0)).is_none());
        assert_eq!(quota.used(), FRAME_SIZE, "the upper table, which stays for the next try");
    }

    proptest! {
        #[test]
        fn slots_and_lists_agree_with_a_model(steps in prop::collection::vec((0u64..3, 0u64..600, 0usize..3), 1..200)) {
            let memory = arena(0, 256);
            let before = memory.frames().free_frames();
            let (space, quota) = (CapSpace::<Object>::new(), Quota::new(u64::MAX));
            let objects = [object(), object(), object()];
            let mut model = BTreeMap::new();
            for (part, low, which) in steps {
                // Three parts of the table, far from each other.
                let index = part * 0x1_2345 + low;
                let slot = space.make_slot(index, &memory, &quota, &Budget::new(0)).unwrap();
                if model.remove(&index).is_some() {
                    prop_assert!(slot.clear().is_some());
                } else {
                    slot.fill(objects[which], which as Attributes);
                    model.insert(index, which);
                }
                let found = space.check(changes::take_capabilities());
                prop_assert_eq!(found.map(|(full, _)| full), Ok(model.len() as u64));
                prop_assert_eq!(space.check(true), found);
                for object in objects {
                    prop_assert_eq!(object.0.check(), Ok(()));
                }
            }
            prop_assert_eq!(full_slots(&space), model.keys().copied().collect::<Vec<_>>());
            for (which, object) in objects.into_iter().enumerate() {
                let expected = model.values().filter(|&&held| held == which).count();
                prop_assert_eq!(object.0.iter().count(), expected);
                while let Some(slot) = object.0.first() {
                    prop_assert_eq!(slot.attributes(), which as Attributes);
                    slot.clear();
                }
            }
            prop_assert_eq!(space.check(true).map(|(full, _)| full), Ok(0));
            // SAFETY: no slot is used any more.
            while unsafe { space.clear_tables(&memory, &quota, &Budget::new(1)) } == Progress::Preempted {}
            prop_assert_eq!(quota.used(), 0);
            prop_assert_eq!(memory.frames().free_frames(), before);
        }
    }
}
