//! The intrusive list that the queues, the slabs and whoever else needs one share.
//!
//! A circle of `&'static` nodes with the list pointing at the first. Invariant: a node's links are
//! set exactly while it is on a list, and then its neighbours point back at it.

#[cfg(any(test, feature = "invariants"))]
use crate::invariant::{Broken, Check, address, ensure};
use core::cell::Cell;
use core::marker::PhantomData;

/// A node's two neighbours in a list, or none while it is on no list.
#[derive(Debug)]
pub struct Links<T: 'static> {
    next: Cell<Option<&'static T>>,
    prev: Cell<Option<&'static T>>,
}

impl<T> Links<T> {
    /// The links of a node on no list.
    pub const fn new() -> Self {
        Self { next: Cell::new(None), prev: Cell::new(None) }
    }

    /// Whether the node is on a list.
    #[inline]
    pub fn is_linked(&self) -> bool {
        self.next.get().is_some()
    }
}

impl<T> Default for Links<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// A type whose objects can be on a [`List`]; `Tag` tells its several fields of links apart.
pub trait Linked<Tag = ()>: Sized + 'static {
    /// The links for lists with this tag.
    fn links(&self) -> &Links<Self>;
}

/// A doubly linked list.
#[derive(Debug)]
pub struct List<T: Linked<Tag>, Tag = ()> {
    first: Cell<Option<&'static T>>,
    _tag: PhantomData<fn() -> Tag>,
}

impl<T: Linked<Tag>, Tag> List<T, Tag> {
    /// An empty list.
    pub const fn new() -> Self {
        Self { first: Cell::new(None), _tag: PhantomData }
    }

    /// Whether no node is on the list.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.first.get().is_none()
    }

    /// The first node.
    #[inline]
    pub fn first(&self) -> Option<&'static T> {
        self.first.get()
    }

    /// The node behind `node`, which is on this list; none behind the last.
    pub fn next(&self, node: &T) -> Option<&'static T> {
        let next = node.links().next.get()?;
        (!core::ptr::eq(next, self.first.get()?)).then_some(next)
    }

    /// Puts `node`, which is on no list with this tag, before all others.
    #[inline]
    pub fn push_front(&self, node: &'static T) {
        self.push_back(node);
        self.first.set(Some(node));
    }

    /// Puts `node`, which is on no list with this tag, behind all others.
    #[inline]
    pub fn push_back(&self, node: &'static T) {
        match self.first.get() {
            Some(first) => insert_before::<T, Tag>(first, node),
            None => {
                node.links().next.set(Some(node));
                node.links().prev.set(Some(node));
                self.first.set(Some(node));
            }
        }
    }

    /// Puts `node` right before `place`, which is on this list.
    pub fn insert_before(&self, place: &'static T, node: &'static T) {
        insert_before::<T, Tag>(place, node);
        if self.first.get().is_some_and(|first| core::ptr::eq(first, place)) {
            self.first.set(Some(node));
        }
    }

    /// Takes `node` off this list, on which it is.
    #[inline]
    pub fn remove(&self, node: &T) {
        let links = node.links();
        let (Some(next), Some(prev)) = (links.next.take(), links.prev.take()) else {
            debug_assert!(false, "removed a node that is on no list");
            return;
        };
        if core::ptr::eq(next, node) {
            self.first.set(None);
            return;
        }
        next.links().prev.set(Some(prev));
        prev.links().next.set(Some(next));
        if self.first.get().is_some_and(|first| core::ptr::eq(first, node)) {
            self.first.set(Some(next));
        }
    }

    /// Takes the first node off.
    pub fn pop_front(&self) -> Option<&'static T> {
        let first = self.first.get()?;
        self.remove(first);
        Some(first)
    }

    /// All nodes in order. The list must not change meanwhile, except that the node yielded last
    /// may be followed by new ones.
    pub fn iter(&self) -> impl Iterator<Item = &'static T> + '_ {
        core::iter::successors(self.first(), |node| self.next(node))
    }
}

#[cfg(any(test, feature = "invariants"))]
impl<T: Linked<Tag>, Tag> List<T, Tag> {
    /// The nodes form one circle in both directions.
    pub fn check(&self) -> Check {
        let Some(first) = self.first() else { return Ok(()) };
        let mut node = first;
        loop {
            let Some(next) = node.links().next.get() else {
                return Err(Broken { what: "a node on a list has a next one", of: [address(self), address(node)] });
            };
            // As each node is the one before its next one, the way must lead back to where it began.
            let back = next.links().prev.get().is_some_and(|prev| core::ptr::eq(prev, node));
            ensure(back, "a node on a list is the one before its next one", [address(node), address(next)])?;
            if core::ptr::eq(next, first) {
                return Ok(());
            }
            node = next;
        }
    }
}

impl<T: Linked<Tag>, Tag> Default for List<T, Tag> {
    fn default() -> Self {
        Self::new()
    }
}

#[inline]
fn insert_before<T: Linked<Tag>, Tag>(place: &'static T, node: &'static T) {
    debug_assert!(!node.links().is_linked(), "inserted a node that is on a list");
    let prev = place.links().prev.get().unwrap_or(place);
    node.links().next.set(Some(place));
    node.links().prev.set(Some(prev));
    prev.links().next.set(Some(node));
    place.links().prev.set(Some(node));
}
