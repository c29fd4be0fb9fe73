//! Reply capabilities: what holds one, and a task's explicit ones, by index (`l4sys/consts.h`, `L4_REPLY_CAP_BIT`).
//!
//! A [`ReplySlot`] names the thread that waits for a reply, if there is one. Each thread has one of its own,
//! its task a [`ReplySpace`] of more: a two-level table whose frames come as slots are received into, and stay
//! until the last thread of the task is gone, since threads refer to slots.
#![allow(unsafe_code)] // makes table frames into slots

#[cfg(any(test, feature = "invariants"))]
use crate::invariant::{Broken, Check};
use crate::mem::{FRAME_SIZE, KernelMemory, Quota};
use crate::space::{Budget, Progress};
use core::cell::Cell;
use core::ptr::NonNull;

/// A place for a reply capability.
#[derive(Debug)]
pub struct ReplySlot<C: 'static>(Cell<Option<&'static C>>);

impl<C> ReplySlot<C> {
    /// An empty slot.
    pub const fn new() -> Self {
        Self(Cell::new(None))
    }

    /// Who is owed a reply.
    #[inline(always)]
    pub fn caller(&self) -> Option<&'static C> {
        self.0.get()
    }

    /// This one is owed a reply from now on; returns who was until now.
    #[inline(always)]
    pub fn replace(&self, caller: Option<&'static C>) -> Option<&'static C> {
        self.0.replace(caller)
    }
}

/// The same slot: what is in it does not matter.
impl<C> PartialEq for ReplySlot<C> {
    fn eq(&self, other: &Self) -> bool {
        core::ptr::eq(self, other)
    }
}

impl<C> Eq for ReplySlot<C> {}

impl<C> Default for ReplySlot<C> {
    fn default() -> Self {
        Self::new()
    }
}

const ENTRIES: usize = FRAME_SIZE as usize / 8;
/// Slots that are looked at for one unit of a budget.
const STRIDE: usize = 8;

type Leaf<C> = [ReplySlot<C>; ENTRIES];
type Root<C> = [Cell<Option<NonNull<Leaf<C>>>>; ENTRIES];

/// The explicit reply capabilities of a task, by index.
#[derive(Debug)]
pub struct ReplySpace<C: 'static> {
    root: Cell<Option<NonNull<Root<C>>>>,
    /// Slots below this index are empty, and their frames freed: how far [`clear`](Self::clear) has come.
    cleared: Cell<usize>,
}

impl<C> ReplySpace<C> {
    /// Indices at or above this one name no slot (Fiasco's limit).
    pub const LIMIT: u64 = (ENTRIES * ENTRIES) as u64;

    /// A space without slots and without memory.
    pub const fn new() -> Self {
        assert!(size_of::<Leaf<C>>() == FRAME_SIZE as usize, "a table fills its frame");
        Self { root: Cell::new(None), cleared: Cell::new(0) }
    }

    fn entry(&self, index: u64) -> Option<&Cell<Option<NonNull<Leaf<C>>>>> {
        let root = self.root.get()?;
        // SAFETY: the root is a whole frame of cells that this space owns until `clear`; zeroes are empty entries.
        unsafe { root.as_ref() }.get(index as usize / ENTRIES)
    }

    /// The slot with this index, if its part of the table exists.
    pub fn slot(&self, index: u64) -> Option<&'static ReplySlot<C>> {
        let leaf = self.entry(index)?.get()?;
        // SAFETY: a leaf is a whole frame of slots, zeroes being empty ones; it lives until `clear`, whose caller
        // gives up all slots.
        Some(unsafe { &leaf.as_ref()[index as usize % ENTRIES] })
    }

    /// The slot with this index; the table is extended and charged to `quota` as needed.
    /// None if the index is out of range, or memory or quota are out.
    pub fn make_slot(&self, index: u64, memory: &KernelMemory, quota: &Quota) -> Option<&'static ReplySlot<C>> {
        if index >= Self::LIMIT {
            return None;
        }
        self.cleared.set(0);
        if self.root.get().is_none() {
            self.root.set(Some(memory.alloc_charged(quota)?.cast()));
        }
        let entry = self.entry(index)?;
        if entry.get().is_none() {
            entry.set(Some(memory.alloc_charged(quota)?.cast()));
        }
        self.slot(index)
    }

    /// Asks `each` about every slot that owes somebody a reply; says how many frames the table has.
    #[cfg(any(test, feature = "invariants"))]
    pub fn check(&self, mut each: impl FnMut(&'static ReplySlot<C>) -> Check) -> Result<u64, Broken> {
        let Some(root) = self.root.get() else { return Ok(0) };
        let mut frames = 1;
        // SAFETY: as in `entry`.
        for leaf in unsafe { root.as_ref() }.iter().filter_map(Cell::get) {
            frames += 1;
            // SAFETY: as in `slot`.
            unsafe { leaf.as_ref() }.iter().filter(|slot| slot.caller().is_some()).try_for_each(&mut each)?;
        }
        Ok(frames)
    }

    /// Hands the slots to `empty`, which empties them, and gives the table's memory back, as far as the budget goes.
    ///
    /// # Safety
    /// Nobody uses a slot of this space, and until this is done only those that are made anew.
    pub unsafe fn clear(
        &self,
        memory: &KernelMemory,
        quota: &Quota,
        budget: &Budget,
        empty: impl Fn(&'static ReplySlot<C>),
    ) -> Progress {
        while let Some(entry) = self.entry(self.cleared.get() as u64) {
            if !budget.spend() {
                return Progress::Preempted;
            }
            let index = self.cleared.get();
            let Some(leaf) = entry.get() else {
                self.cleared.set(index + ENTRIES);
                continue;
            };
            for index in index..index + STRIDE {
                if let Some(slot) = self.slot(index as u64) {
                    empty(slot);
                }
            }
            self.cleared.set(index + STRIDE);
            if self.cleared.get().is_multiple_of(ENTRIES) {
                entry.set(None);
                // SAFETY: the frame came from `alloc_charged`, and the caller gives up its slots.
                unsafe { memory.free_charged(leaf.cast(), quota) };
            }
        }
        self.cleared.set(0);
        if let Some(root) = self.root.take() {
            // SAFETY: the frame came from `alloc_charged`; no entry is left.
            unsafe { memory.free_charged(root.cast(), quota) };
        }
        Progress::Done
    }
}

impl<C> Default for ReplySpace<C> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mem::testing::arena;

    type Space = ReplySpace<u32>;

    fn clear(space: &Space, memory: &KernelMemory, quota: &Quota) -> usize {
        let emptied = Cell::new(0);
        let empty = |slot: &'static ReplySlot<u32>| {
            emptied.set(emptied.get() + usize::from(slot.replace(None).is_some()));
        };
        // SAFETY: the tests use no slot afterwards.
        while unsafe { space.clear(memory, quota, &Budget::new(3), empty) } == Progress::Preempted {}
        emptied.get()
    }

    #[test]
    fn slots_come_with_their_frames_and_go_with_all() {
        let memory = arena(0, 64);
        let before = memory.frames().free_frames();
        let (space, quota) = (Space::new(), Quota::new(u64::MAX));
        assert!(space.slot(0).is_none());
        for index in [0, 1, 511, 512, Space::LIMIT - 1] {
            space.make_slot(index, &memory, &quota).unwrap().replace(Some(&7));
        }
        assert_eq!(quota.used(), 4 * FRAME_SIZE);
        let callers = Cell::new(0);
        let count = |_: &'static ReplySlot<u32>| {
            callers.set(callers.get() + 1);
            Ok(())
        };
        assert_eq!((space.check(count), callers.get()), (Ok(4), 5));
        assert_eq!(space.slot(511).unwrap().caller(), Some(&7));
        assert!(space.slot(2).unwrap().caller().is_none() && space.slot(1024).is_none());
        assert_eq!(clear(&space, &memory, &quota), 5);
        assert_eq!((quota.used(), memory.frames().free_frames()), (0, before));
        assert!(space.slot(0).is_none() && space.make_slot(0, &memory, &quota).is_some(), "it can be used again");
        clear(&space, &memory, &quota);
    }

    #[test]
    fn indices_beyond_the_limit_name_no_slot() {
        let memory = arena(0, 64);
        let (space, quota) = (Space::new(), Quota::new(u64::MAX));
        for index in [Space::LIMIT, u64::MAX >> 12] {
            assert!(space.make_slot(index, &memory, &quota).is_none());
        }
        assert_eq!(quota.used(), 0);
        space.make_slot(5, &memory, &quota).unwrap();
        assert!(space.slot(Space::LIMIT + 5).is_none());
        clear(&space, &memory, &quota);
    }

    #[test]
    fn a_table_that_the_quota_does_not_pay_for_is_not_made() {
        let memory = arena(0, 64);
        let (space, quota) = (Space::new(), Quota::new(FRAME_SIZE));
        assert!(space.make_slot(0, &memory, &quota).is_none());
        assert_eq!(quota.used(), FRAME_SIZE, "the upper table, which stays for the next try");
        clear(&space, &memory, &quota);
        assert_eq!(quota.used(), 0);
    }
}
