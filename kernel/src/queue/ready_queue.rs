//! The ready queue: 256 priorities, a round-robin list for each, O(1) choice of the highest.
//!
//! Priority 0 is that of idling: who is queued there is not chosen.
//! Invariant: bit p of the bitmap is set exactly when the list of priority p is not empty, `highest` is the number of the
//! highest bit, and a queued object is on the list of the priority it had when it was enqueued.

use super::{Linked, List};
#[cfg(any(test, feature = "invariants"))]
use crate::invariant::{Broken, Check, address, ensure};
use core::cell::Cell;

/// Tag of the links for the ready queue.
#[derive(Debug)]
pub struct Ready;

/// What can be on a ready queue.
pub trait Schedulable: Linked<Ready> {
    /// 255 is the highest, 1 the lowest with which an object is chosen. Must not change while the object is queued.
    fn priority(&self) -> u8;
}

/// All objects that are ready to run.
#[derive(Debug)]
pub struct ReadyQueue<T: Schedulable> {
    occupied: [Cell<u64>; 4],
    /// The highest priority that has an object, or 0: asked for at every switch, so it is kept.
    highest: Cell<u8>,
    lists: [List<T, Ready>; 256],
}

impl<T: Schedulable> ReadyQueue<T> {
    /// An empty queue.
    pub const fn new() -> Self {
        Self { occupied: [const { Cell::new(0) }; 4], highest: Cell::new(0), lists: [const { List::new() }; 256] }
    }

    /// Whether `object` is queued.
    #[inline]
    pub fn contains(&self, object: &T) -> bool {
        Linked::<Ready>::links(object).is_linked()
    }

    /// Enqueues `object` behind all others of its priority.
    #[inline]
    pub fn enqueue_back(&self, object: &'static T) {
        self.list(object).push_back(object);
        self.mark(object.priority());
    }

    /// Enqueues `object` before all others of its priority.
    #[inline]
    pub fn enqueue_front(&self, object: &'static T) {
        self.list(object).push_front(object);
        self.mark(object.priority());
    }

    /// Takes `object`, which is queued, off the queue.
    #[inline]
    pub fn remove(&self, object: &T) {
        let list = self.list(object);
        list.remove(object);
        let priority = object.priority();
        if list.is_empty() {
            let word = &self.occupied[usize::from(priority / 64)];
            word.set(word.get() & !(1 << (priority % 64)));
            if priority == self.highest.get() {
                self.highest.set(self.highest_bit());
            }
        }
    }

    /// The first object of the highest priority, if that is above 0; it stays queued.
    #[inline]
    pub fn first(&self) -> Option<&'static T> {
        match self.highest() {
            0 => None,
            priority => self.lists[usize::from(priority)].first(),
        }
    }

    /// The highest priority that has an object, or 0.
    #[inline(always)]
    pub fn highest(&self) -> u8 {
        self.highest.get()
    }

    fn highest_bit(&self) -> u8 {
        let words = (0..4_u8).zip(&self.occupied).rev();
        let mut bits = words.filter_map(|(number, word)| Some(number * 64 + word.get().checked_ilog2()? as u8));
        bits.next().unwrap_or(0)
    }

    /// The first object, if none has a higher priority than `priority` and it has that one; it stays queued.
    #[inline]
    pub fn next_of(&self, priority: u8) -> Option<&'static T> {
        if self.highest() == priority { self.first() } else { None }
    }

    /// Enqueues `object` behind all others of its priority, one of which, `next`, is taken off the queue.
    #[inline]
    pub fn exchange(&self, object: &'static T, next: &T) {
        let list = self.list(object);
        list.push_back(object);
        list.remove(next);
    }

    #[inline]
    fn list(&self, object: &T) -> &List<T, Ready> {
        &self.lists[usize::from(object.priority())]
    }

    #[inline]
    fn mark(&self, priority: u8) {
        let word = &self.occupied[usize::from(priority / 64)];
        word.set(word.get() | 1 << (priority % 64));
        self.highest.set(self.highest.get().max(priority));
    }
}

#[cfg(any(test, feature = "invariants"))]
impl<T: Schedulable> ReadyQueue<T> {
    /// The bits say which lists have somebody, and those are sound.
    pub fn check(&self) -> Check {
        for (priority, list) in self.lists.iter().enumerate() {
            let bit = self.occupied[priority / 64].get() >> (priority % 64) & 1 != 0;
            ensure(bit != list.is_empty(), "a bit of the ready queue is right", [address(self), priority as u64])?;
        }
        self.check_occupied().map(|_| ())
    }

    /// The lists that have somebody are sound, and everybody is on the list of the own priority; says how many are ready.
    pub fn check_occupied(&self) -> Result<usize, Broken> {
        let highest = [self.highest(), self.highest_bit()].map(u64::from);
        ensure(highest[0] == highest[1], "the highest priority of the ready queue is right", highest)?;
        let mut count = 0;
        for (number, word) in self.occupied.iter().enumerate() {
            let mut bits = word.get();
            while bits != 0 {
                let priority = number * 64 + bits.trailing_zeros() as usize;
                bits &= bits - 1;
                let list = &self.lists[priority];
                list.check()?;
                for object in list.iter() {
                    let own = usize::from(object.priority()) == priority;
                    ensure(own, "who is ready is on the list of the own priority", [address(object), priority as u64])?;
                    count += 1;
                }
            }
        }
        Ok(count)
    }
}

impl<T: Schedulable> Default for ReadyQueue<T> {
    fn default() -> Self {
        Self::new()
    }
}
