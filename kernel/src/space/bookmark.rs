//! Where a preempted walk over a mapping tree goes on.
//!
//! Nodes may go while the walk waits, so bookmarks are registered with the [`Database`], which
//! moves a bookmark on before it removes the node that it stands at.
//!
//! [`Database`]: super::Database

use super::mapping::{Mapping, Span};
use crate::queue::{Linked, Links};
use core::cell::Cell;

/// A position in the walk below `root`.
pub(super) struct Bookmark {
    pub root: &'static Mapping,
    pub span: Span,
    /// The next node to visit; `None` when there is none left, or when the root is gone.
    pub next: Cell<Option<&'static Mapping>>,
    links: Links<Bookmark>,
}

impl Linked for Bookmark {
    fn links(&self) -> &Links<Self> {
        &self.links
    }
}

impl Bookmark {
    pub fn new(root: &'static Mapping, span: Span, next: &'static Mapping) -> Self {
        Self { root, span, next: Cell::new(Some(next)), links: Links::new() }
    }

    /// Gets out of the way of `leaving`, a node without children.
    pub fn avoid(&self, leaving: &'static Mapping) {
        if core::ptr::eq(self.root, leaving) {
            self.next.set(None);
        } else if let Some(next) = self.next.get()
            && core::ptr::eq(next, leaving)
        {
            self.next.set(leaving.next_below(self.root, &self.span, false));
        }
    }
}
