//! A waiting line ordered by priority, first come first served within one: the senders of a
//! thread, the waiters of a semaphore.
//!
//! Two levels bound an insertion by the number of priorities (256), whatever waits. Objects of one
//! priority form a circle; the one that came first is its leader, and the leaders form the list
//! from high to low. Invariant: the circles of two leaders have different priorities, and only
//! leaders have links to other circles.

#[cfg(any(test, feature = "invariants"))]
use crate::invariant::{Broken, Check, address, ensure};
use core::cell::Cell;

/// The field of an object that can wait in a [`PrioQueue`].
#[derive(Debug)]
pub struct PrioLinks<T: 'static> {
    next: Cell<Option<&'static T>>,
    prev: Cell<Option<&'static T>>,
    lower: Cell<Option<&'static T>>,
    higher: Cell<Option<&'static T>>,
    priority: Cell<u8>,
}

impl<T> PrioLinks<T> {
    /// The links of an object that does not wait.
    pub const fn new() -> Self {
        Self {
            next: Cell::new(None),
            prev: Cell::new(None),
            lower: Cell::new(None),
            higher: Cell::new(None),
            priority: Cell::new(0),
        }
    }

    /// Whether the object waits in a queue.
    #[inline]
    pub fn is_linked(&self) -> bool {
        self.next.get().is_some()
    }
}

impl<T> Default for PrioLinks<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// A type whose objects can wait in a [`PrioQueue`]; `Tag` tells its several fields apart.
pub trait PrioQueued<Tag = ()>: Sized + 'static {
    /// The links for queues with this tag.
    fn prio_links(&self) -> &PrioLinks<Self>;
}

/// The waiting line.
#[derive(Debug)]
pub struct PrioQueue<T: PrioQueued<Tag>, Tag = ()> {
    /// The leader of the highest priority.
    first: Cell<Option<&'static T>>,
    /// Who is next in a walk along the line that waits.
    walk: Cell<Option<&'static T>>,
    _tag: core::marker::PhantomData<fn() -> Tag>,
}

impl<T: PrioQueued<Tag>, Tag> PrioQueue<T, Tag> {
    /// An empty line.
    pub const fn new() -> Self {
        Self { first: Cell::new(None), walk: Cell::new(None), _tag: core::marker::PhantomData }
    }

    /// Whether nobody waits.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.first.get().is_none()
    }

    /// Who is served next: of the highest priority, the one that came first.
    #[inline]
    pub fn first(&self) -> Option<&'static T> {
        self.first.get()
    }

    /// Puts `object`, which waits in no queue with this tag, behind those of the same or a higher
    /// priority.
    pub fn insert(&self, object: &'static T, priority: u8) {
        let links = object.prio_links();
        debug_assert!(!links.is_linked(), "inserted an object that waits already");
        links.priority.set(priority);
        let mut higher = None;
        let mut place = self.first.get();
        while let Some(leader) = place
            && leader.prio_links().priority.get() > priority
        {
            higher = place;
            place = leader.prio_links().lower.get();
        }
        if let Some(leader) = place
            && leader.prio_links().priority.get() == priority
        {
            let last = leader.prio_links().prev.get().unwrap_or(leader);
            links.next.set(Some(leader));
            links.prev.set(Some(last));
            last.prio_links().next.set(Some(object));
            leader.prio_links().prev.set(Some(object));
            return;
        }
        links.next.set(Some(object));
        links.prev.set(Some(object));
        self.set_neighbours(higher, object, place);
    }

    /// Takes `object`, which waits in this queue, out of it.
    pub fn remove(&self, object: &T) {
        if self.walk.get().is_some_and(|next| core::ptr::eq(next, object)) {
            self.walk.set(self.behind(object));
        }
        let links = object.prio_links();
        let (Some(next), Some(prev)) = (links.next.take(), links.prev.take()) else {
            debug_assert!(false, "removed an object that does not wait");
            return;
        };
        let (higher, lower) = (links.higher.take(), links.lower.take());
        let leads = higher.is_some() || self.first.get().is_some_and(|first| core::ptr::eq(first, object));
        if core::ptr::eq(next, object) {
            match higher {
                Some(leader) => leader.prio_links().lower.set(lower),
                None => self.first.set(lower),
            }
            if let Some(leader) = lower {
                leader.prio_links().higher.set(higher);
            }
            return;
        }
        next.prio_links().prev.set(Some(prev));
        prev.prio_links().next.set(Some(next));
        if leads {
            self.set_neighbours(higher, next, lower);
        }
    }

    /// Begins a walk along the line.
    pub fn begin_walk(&self) {
        self.walk.set(self.first.get());
    }

    /// The next in the walk; it may leave, and so may others. Whoever joins meanwhile is met if that is behind.
    pub fn next_in_walk(&self) -> Option<&'static T> {
        let next = self.walk.get()?;
        self.walk.set(self.behind(next));
        Some(next)
    }

    /// Who is served after `object`, which waits.
    fn behind(&self, object: &T) -> Option<&'static T> {
        let next = object.prio_links().next.get()?;
        let leads = next.prio_links().higher.get().is_some()
            || self.first.get().is_some_and(|first| core::ptr::eq(first, next));
        if leads { next.prio_links().lower.get() } else { Some(next) }
    }

    /// All who wait, in the order in which they are served.
    pub fn iter(&self) -> impl Iterator<Item = &'static T> + '_ {
        let leaders = core::iter::successors(self.first(), |leader| leader.prio_links().lower.get());
        leaders.flat_map(|leader| {
            core::iter::successors(Some(leader), move |object| {
                object.prio_links().next.get().filter(|next| !core::ptr::eq(*next, leader))
            })
        })
    }

    fn set_neighbours(&self, higher: Option<&'static T>, leader: &'static T, lower: Option<&'static T>) {
        leader.prio_links().higher.set(higher);
        leader.prio_links().lower.set(lower);
        match higher {
            Some(higher) => higher.prio_links().lower.set(Some(leader)),
            None => self.first.set(Some(leader)),
        }
        if let Some(lower) = lower {
            lower.prio_links().higher.set(Some(leader));
        }
    }
}

#[cfg(any(test, feature = "invariants"))]
impl<T: PrioQueued<Tag>, Tag> PrioQueue<T, Tag> {
    /// The leaders stand from high to low, and each circle is closed and of its leader's priority.
    pub fn check(&self) -> Check {
        let mut higher: Option<&'static T> = None;
        let mut place = self.first.get();
        while let Some(leader) = place {
            let links = leader.prio_links();
            let knows = links.higher.get().map(core::ptr::from_ref) == higher.map(core::ptr::from_ref);
            ensure(knows, "a leader knows the one of higher priority", [address(self), address(leader)])?;
            let below = higher.is_none_or(|higher| higher.prio_links().priority.get() > links.priority.get());
            ensure(below, "leaders stand from high to low", [address(self), address(leader)])?;
            self.check_circle(leader)?;
            higher = place;
            place = links.lower.get();
        }
        Ok(())
    }

    fn check_circle(&self, leader: &'static T) -> Check {
        let mut object = leader;
        loop {
            let links = object.prio_links();
            let same = links.priority.get() == leader.prio_links().priority.get();
            ensure(same, "who waits in a circle has its priority", [address(leader), address(object)])?;
            let leads = core::ptr::eq(object, leader) || links.lower.get().is_none() && links.higher.get().is_none();
            ensure(leads, "only leaders know other circles", [address(leader), address(object)])?;
            let Some(next) = links.next.get() else {
                return Err(Broken { what: "who waits has a next one", of: [address(leader), address(object)] });
            };
            let back = next.prio_links().prev.get().is_some_and(|prev| core::ptr::eq(prev, object));
            ensure(back, "who waits is the one before its next one", [address(object), address(next)])?;
            if core::ptr::eq(next, leader) {
                return Ok(());
            }
            object = next;
        }
    }
}

impl<T: PrioQueued<Tag>, Tag> Default for PrioQueue<T, Tag> {
    fn default() -> Self {
        Self::new()
    }
}
