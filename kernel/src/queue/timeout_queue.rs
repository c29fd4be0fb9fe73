//! Everything that waits for the clock, the earliest deadline first.
//!
//! A leftist heap: every operation takes O(log n) steps, however the deadlines lie. Invariant: no
//! node is due before its parent; a node's rank is one more than its right child's (none has rank
//! 0), and the left child's rank is at least the right one's, so a right spine of length r has
//! 2^r - 1 nodes below it.

#[cfg(any(test, feature = "invariants"))]
use crate::invariant::{Broken, Check, address, ensure};
use core::cell::Cell;

/// The field of an object that can wait for the clock.
#[derive(Debug)]
pub struct TimeoutLinks<T: 'static> {
    deadline: Cell<u64>,
    left: Cell<Option<&'static T>>,
    right: Cell<Option<&'static T>>,
    parent: Cell<Option<&'static T>>,
    /// 0 while the object is in no queue.
    rank: Cell<u8>,
}

impl<T> TimeoutLinks<T> {
    /// The links of an object that does not wait.
    pub const fn new() -> Self {
        Self {
            deadline: Cell::new(0),
            left: Cell::new(None),
            right: Cell::new(None),
            parent: Cell::new(None),
            rank: Cell::new(0),
        }
    }

    /// Whether the object waits.
    #[inline]
    pub fn is_linked(&self) -> bool {
        self.rank.get() != 0
    }

    /// When it is due, in the unit of whoever inserted it; meaningful while it waits.
    #[inline]
    pub fn deadline(&self) -> u64 {
        self.deadline.get()
    }
}

impl<T> Default for TimeoutLinks<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// A type whose objects can wait in a [`TimeoutQueue`].
pub trait Timed: Sized + 'static {
    /// The links for the timeout queue.
    fn timeout_links(&self) -> &TimeoutLinks<Self>;
}

/// The objects that wait for the clock.
#[derive(Debug)]
pub struct TimeoutQueue<T: Timed> {
    root: Cell<Option<&'static T>>,
}

impl<T: Timed> TimeoutQueue<T> {
    /// An empty queue.
    pub const fn new() -> Self {
        Self { root: Cell::new(None) }
    }

    /// The object that is due first; it stays in the queue.
    #[inline]
    pub fn first(&self) -> Option<&'static T> {
        self.root.get()
    }

    /// The earliest deadline.
    #[inline]
    pub fn next_deadline(&self) -> Option<u64> {
        self.root.get().map(|node| node.timeout_links().deadline.get())
    }

    /// Lets `object`, which waits in no queue, wait until `deadline`.
    pub fn insert(&self, object: &'static T, deadline: u64) {
        let links = object.timeout_links();
        debug_assert!(!links.is_linked(), "inserted an object that waits already");
        links.deadline.set(deadline);
        links.rank.set(1);
        self.set_root(merge(self.root.get(), Some(object)));
    }

    /// Takes `object`, which waits in this queue, out of it.
    pub fn remove(&self, object: &T) {
        let links = object.timeout_links();
        debug_assert!(links.is_linked(), "removed an object that does not wait");
        links.rank.set(0);
        let rest = merge(links.left.take(), links.right.take());
        let Some(parent) = links.parent.take() else {
            self.set_root(rest);
            return;
        };
        if let Some(node) = rest {
            node.timeout_links().parent.set(Some(parent));
        }
        let above = parent.timeout_links();
        if above.left.get().is_some_and(|left| core::ptr::eq(left, object)) {
            above.left.set(rest);
        } else {
            above.right.set(rest);
        }
        let mut node = Some(parent);
        while let Some(changed) = node
            && restore_rank(changed)
        {
            node = changed.timeout_links().parent.get();
        }
    }

    /// Takes out the object that is due first, if that is at or before `now`.
    pub fn pop_due(&self, now: u64) -> Option<&'static T> {
        let first = self.root.get()?;
        (first.timeout_links().deadline.get() <= now).then(|| {
            self.remove(first);
            first
        })
    }

    fn set_root(&self, root: Option<&'static T>) {
        if let Some(node) = root {
            node.timeout_links().parent.set(None);
        }
        self.root.set(root);
    }
}

#[cfg(any(test, feature = "invariants"))]
impl<T: Timed> TimeoutQueue<T> {
    /// Nobody is due before the parent, ranks are right, and so is everybody whom `each` is asked about; says
    /// how many wait.
    pub fn check(&self, mut each: impl FnMut(&'static T) -> Check) -> Result<usize, Broken> {
        let (mut count, mut node) = (0, self.root.get());
        if let Some(root) = node {
            let is_root = root.timeout_links().parent.get().is_none();
            ensure(is_root, "who is due first has no parent", [address(self), address(root)])?;
        }
        while let Some(here) = node {
            check_node(here)?;
            each(here)?;
            count += 1;
            // To the left child, else to the right one, else to that of the nearest one above that has one yet to be seen.
            let links = here.timeout_links();
            node = links.left.get().or_else(|| {
                let mut here = here;
                loop {
                    let above = here.timeout_links().parent.get()?;
                    let right = above.timeout_links().right.get();
                    if let Some(right) = right
                        && !core::ptr::eq(right, here)
                    {
                        return Some(right);
                    }
                    here = above;
                }
            });
        }
        Ok(count)
    }
}

/// A node's rank, and that its children have it as parent and are not due before it.
#[cfg(any(test, feature = "invariants"))]
fn check_node<T: Timed>(node: &'static T) -> Check {
    let links = node.timeout_links();
    let (left, right) = (links.left.get(), links.right.get());
    let ranked = rank(left) >= rank(right) && links.rank.get() == rank(right) + 1;
    ensure(ranked, "who waits for the clock has the right rank", [address(node), u64::from(links.rank.get())])?;
    for child in [left, right].into_iter().flatten() {
        let below = child.timeout_links();
        let belongs = below.parent.get().is_some_and(|parent| core::ptr::eq(parent, node));
        ensure(belongs, "a child of the timeout queue knows its parent", [address(node), address(child)])?;
        let later = below.deadline.get() >= links.deadline.get();
        ensure(later, "nobody is due before the parent", [address(node), address(child)])?;
    }
    Ok(())
}

impl<T: Timed> Default for TimeoutQueue<T> {
    fn default() -> Self {
        Self::new()
    }
}

fn rank<T: Timed>(node: Option<&'static T>) -> u8 {
    node.map_or(0, |node| node.timeout_links().rank.get())
}

/// Puts the child of higher rank to the left and corrects the rank; whether that changed.
fn restore_rank<T: Timed>(node: &'static T) -> bool {
    let links = node.timeout_links();
    if rank(links.left.get()) < rank(links.right.get()) {
        links.left.swap(&links.right);
    }
    let rank = rank(links.right.get()) + 1;
    links.rank.replace(rank) != rank
}

/// One heap of two. The recursion goes down two right spines: at most 2 log2 n deep.
fn merge<T: Timed>(a: Option<&'static T>, b: Option<&'static T>) -> Option<&'static T> {
    let (Some(a), Some(b)) = (a, b) else { return a.or(b) };
    let a_first = a.timeout_links().deadline.get() <= b.timeout_links().deadline.get();
    let (top, other) = if a_first { (a, b) } else { (b, a) };
    let links = top.timeout_links();
    let right = merge(links.right.get(), Some(other));
    if let Some(node) = right {
        node.timeout_links().parent.set(Some(top));
    }
    links.right.set(right);
    restore_rank(top);
    Some(top)
}
