//! The one walk over the mapping tree that waits to go on, and those who have one under way (decision 21).
//!
//! Nodes may go while a walk waits, so the database moves it on before it removes the node that it stands at. Whoever wants
//! to begin another walk goes on with that one first, in the name of the [`Walker`] that began it: so nobody waits for a
//! thread that does not run, and the removal of a node looks at one walk, however many threads are preempted in theirs. A
//! walk that its walker has left is to be [ended](end_left), too: the root has lost already what others below it have still,
//! and could not take it from them. Invariant: a walker says that it waits exactly while its walk is the one that does.

use super::mapping::Mapping;
use super::mem_space::MemSpace;
use super::revoke::Revocation;
use super::walk::Walk;
use super::{Access, Budget, Machine, Progress};
#[cfg(any(test, feature = "invariants"))]
use crate::invariant::{Check, address, ensure};
use core::cell::Cell;

/// The place of the walk that waits. The database has one.
pub(super) struct Waiting {
    /// The walk, and whose it is: nobody's, if its walker has left it.
    walk: Cell<Option<(Walk, Option<&'static Walker>)>>,
    /// The node that it stands at: asked for at each removal of a node, so it is kept.
    at: Cell<Option<&'static Mapping>>,
    /// How many walks have begun.
    begun: Cell<u64>,
}

impl Waiting {
    /// No walk.
    pub const fn new() -> Self {
        Self { walk: Cell::new(None), at: Cell::new(None), begun: Cell::new(0) }
    }

    /// Whether a walk waits.
    #[inline]
    pub fn is_any(&self) -> bool {
        self.at.get().is_some()
    }

    /// Whether a walk waits that has taken something from `space`.
    #[inline]
    pub fn is_below(&self, space: &MemSpace) -> bool {
        self.is_any() && space.last_walk.get() == self.begun.get()
    }

    /// Whether a walk waits that its walker has left.
    #[inline]
    fn is_left(&self) -> bool {
        self.is_any() && self.is_nobodys()
    }

    #[cold]
    fn is_nobodys(&self) -> bool {
        let walk = self.walk.take();
        let is_nobodys = walk.as_ref().is_some_and(|(_, walker)| walker.is_none());
        self.walk.set(walk);
        is_nobodys
    }

    /// The node is about to go: a walk that stands there moves on.
    #[inline]
    pub fn avoid(&self, leaving: &'static Mapping) {
        if self.at.get().is_some_and(|at| core::ptr::eq(at, leaving)) {
            self.move_on(leaving);
        }
    }

    #[cold]
    fn move_on(&self, leaving: &'static Mapping) {
        if let Some((mut walk, walker)) = self.take()
            && walk.avoid(leaving)
        {
            self.keep(walk, walker);
        }
    }

    /// Lets a walk wait; no other one does.
    fn keep(&self, walk: Walk, walker: Option<&'static Walker>) {
        debug_assert!(!self.is_any());
        self.at.set(Some(walk.node()));
        self.walk.set(Some((walk, walker)));
        if let Some(walker) = walker {
            walker.waits.set(true);
        }
    }

    /// Takes the walk that waits.
    fn take(&self) -> Option<(Walk, Option<&'static Walker>)> {
        self.at.set(None);
        self.walk.take().inspect(|(_, walker)| walker.iter().for_each(|walker| walker.waits.set(false)))
    }

    /// It is known where the walk stands, and whose it is.
    #[cfg(any(test, feature = "invariants"))]
    pub fn check(&self) -> Check {
        let walk = self.walk.take();
        let of = [address(self), self.at.get().map_or(0, address)];
        let stands = walk.as_ref().map(|(walk, _)| core::ptr::from_ref(walk.node()));
        let knows = walk.as_ref().is_none_or(|(_, walker)| walker.is_none_or(Walker::waits));
        self.walk.set(walk);
        ensure(stands == self.at.get().map(core::ptr::from_ref), "it is known where the walk stands", of)?;
        ensure(knows, "who has a walk that waits knows it", of)
    }
}

/// Goes on with the walk that waits, whoever's it is; whether none waits then.
pub(super) fn go_on(machine: &impl Machine, budget: &Budget) -> bool {
    let waiting = &machine.database().waiting;
    let Some((mut walk, walker)) = waiting.take() else { return true };
    let mut revocation = Revocation::new(machine, budget);
    let has_ended = walk.go_on(&mut revocation);
    if let Some(walker) = walker {
        walker.add_access(revocation.access);
    }
    if !has_ended {
        waiting.keep(walk, walker);
    }
    has_ended
}

/// Goes on with the walk that waits if whoever began it has left it.
pub fn end_left(machine: &impl Machine, budget: &Budget) -> Progress {
    if machine.database().waiting.is_left() && (budget.is_used_up() || !go_on(machine, budget)) {
        return Progress::Preempted;
    }
    Progress::Done
}

/// Who can have a walk under way has one of these, which learns what others did for it.
pub struct Walker {
    waits: Cell<bool>,
    access: Cell<Access>,
}

impl Walker {
    /// One without a walk.
    pub const fn new() -> Self {
        Self { waits: Cell::new(false), access: Cell::new(Access(0)) }
    }

    /// Begins a walk; none waits.
    pub(super) fn begin(&'static self, machine: &impl Machine, walk: Walk, budget: &Budget) {
        let waiting = &machine.database().waiting;
        let number = waiting.begun.get() + 1;
        waiting.begun.set(number);
        waiting.keep(walk.numbered(number), Some(self));
        go_on(machine, budget);
    }

    /// Leaves its walk to others, if it has one that waits; whether it had.
    pub(super) fn leave(&'static self, machine: &impl Machine) -> bool {
        self.take_access();
        let waiting = &machine.database().waiting;
        let walk = self.waits().then(|| waiting.take()).flatten();
        let is_left = walk.is_some();
        if let Some((walk, _)) = walk {
            waiting.keep(walk, None);
        }
        is_left
    }

    /// Whether its walk is the one that waits.
    pub(super) fn waits(&self) -> bool {
        self.waits.get()
    }

    /// The hardware noted this of pages that were dealt with for it.
    pub(super) fn add_access(&self, more: Access) {
        let mut access = self.access.get();
        access |= more;
        self.access.set(access);
    }

    /// What the hardware noted of the pages that were dealt with for it since this was asked for last.
    pub(super) fn take_access(&self) -> Access {
        self.access.take()
    }
}

impl Default for Walker {
    fn default() -> Self {
        Self::new()
    }
}
