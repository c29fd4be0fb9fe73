//! A walk over the mapping tree below a page, from the top down, that can stop anywhere.
//!
//! Nodes may go while a walk waits. Where it goes on is therefore kept in a [`Bookmark`] that the [`Database`] knows, which
//! moves it on before it removes the node that it stands at. Such nodes are marked, so that others are removed without a look
//! at the bookmarks.
//!
//! [`Database`]: super::Database

use super::Budget;
use super::mapping::{Mapping, Span};
use crate::queue::{Linked, Links};
use core::cell::Cell;

/// Where a walk goes on.
#[derive(Clone, Copy)]
enum Place {
    /// At this node, which has not been visited.
    At(&'static Mapping),
    /// At the children of this node, which has been visited, from this piece on; then behind it.
    Behind(&'static Mapping, usize),
}

/// The nodes below a root that are still to be visited. Of the children of superpages, those that are pieces count only in `span`.
#[derive(Clone)]
pub(super) struct Walk {
    root: &'static Mapping,
    span: Span,
    /// Whether it leaves out what is smaller than a superpage.
    only_superpages: bool,
    place: Place,
}

/// What comes next in a walk.
pub(super) enum Next {
    /// This node.
    Visit(&'static Mapping),
    /// The budget is used up.
    Pause,
    /// Nothing.
    End,
}

impl Walk {
    /// All nodes below `root`.
    pub fn below(root: &'static Mapping, span: Span) -> Self {
        let place = into(root, &span);
        Self { root, span, only_superpages: false, place }
    }

    /// All superpages below `root`, which is one.
    pub fn superpages_below(root: &'static Mapping, span: Span) -> Self {
        Self { only_superpages: true, ..Self::below(root, span) }
    }

    /// The part of superpages that the walk is about.
    pub fn span(&self) -> Span {
        self.span.clone()
    }

    /// The same walk, to come to `node` next.
    pub fn at(&self, node: &'static Mapping) -> Self {
        Self { place: Place::At(node), ..self.clone() }
    }

    /// The same walk, behind `node` and all that is below it.
    pub fn past(&self, node: &'static Mapping) -> Self {
        Self { place: self.behind(node), ..self.clone() }
    }

    /// The next node; its children come behind it.
    pub fn next(&mut self, budget: &Budget) -> Next {
        loop {
            match self.place {
                Place::At(node) => {
                    self.place = into(node, &self.span);
                    return Next::Visit(node);
                }
                Place::Behind(node, piece) => match self.first_piece(node, piece, budget) {
                    Some(child) => self.place = Place::At(child),
                    None if core::ptr::eq(node, self.root) => return Next::End,
                    None => self.place = self.behind(node),
                },
            }
            if !budget.spend() {
                return Next::Pause;
            }
        }
    }

    fn first_piece(&self, node: &'static Mapping, from: usize, budget: &Budget) -> Option<&'static Mapping> {
        if self.only_superpages { None } else { node.first_piece(from..self.span.end, budget) }
    }

    /// Behind a node other than the root, and all that is below it.
    fn behind(&self, node: &'static Mapping) -> Place {
        let parent = node.parent().expect("only the root of a walk need not have a parent");
        match parent.next_sibling(node) {
            Some(sibling) => Place::At(sibling),
            None if parent.order() == node.order() => Place::Behind(parent, self.span.start),
            None => Place::Behind(parent, node.piece() + 1),
        }
    }

    fn node(&self) -> &'static Mapping {
        match self.place {
            Place::At(node) | Place::Behind(node, _) => node,
        }
    }
}

/// At the first child of a node that has been visited.
fn into(node: &'static Mapping, span: &Span) -> Place {
    match node.first_whole() {
        Some(child) => Place::At(child),
        None => Place::Behind(node, span.start),
    }
}

/// A place for a walk that waits. Whoever can have a walk under way has one.
pub struct Bookmark {
    walk: Cell<Option<Walk>>,
    links: Links<Bookmark>,
}

impl Linked for Bookmark {
    fn links(&self) -> &Links<Self> {
        &self.links
    }
}

impl Bookmark {
    /// A bookmark that no walk uses.
    pub const fn new() -> Self {
        Self { walk: Cell::new(None), links: Links::new() }
    }

    pub(super) fn keep(&self, walk: Walk) {
        walk.node().mark();
        self.walk.set(Some(walk));
    }

    /// The walk that waits, unless its root is gone.
    pub(super) fn take(&self) -> Option<Walk> {
        self.walk.take()
    }

    /// Gets out of the way of `leaving`, a node without children.
    pub(super) fn avoid(&self, leaving: &'static Mapping) {
        let Some(mut walk) = self.walk.take() else { return };
        if core::ptr::eq(walk.node(), leaving) {
            if core::ptr::eq(leaving, walk.root) {
                return;
            }
            walk.place = walk.behind(leaving);
            walk.node().mark();
        }
        self.walk.set(Some(walk));
    }
}

impl Default for Bookmark {
    fn default() -> Self {
        Self::new()
    }
}
