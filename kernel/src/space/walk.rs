//! A walk over the mapping tree below a page, from the top down, that takes something from each page and can stop anywhere.
//!
//! One that has stopped waits in [`super::waiting`], whose business it also is that nodes go meanwhile.

use super::mapping::{Mapping, Span};
use super::revoke::{Part, Revocation};
use super::{Budget, Machine};
use abi::Rights;

/// Where a walk goes on.
#[derive(Clone, Copy)]
enum Place {
    /// At this node, which has not been visited.
    At(&'static Mapping),
    /// At the children of this node, which has been visited, from this piece on; then behind it.
    Behind(&'static Mapping, usize),
}

/// The nodes below a root that are still to be visited. Of the children of superpages, those that are pieces count only in `span`.
pub(super) struct Walk {
    root: &'static Mapping,
    span: Span,
    /// What pages lose: these rights; or superpages their part, and what is smaller is left out.
    rights: Option<Rights>,
    /// Whether the root loses that too.
    root_too: bool,
    place: Place,
    /// Counts all walks, from 1 on; 0 before it has begun.
    number: u64,
}

/// What comes next in a walk.
enum Next {
    /// This node.
    Visit(&'static Mapping),
    /// The budget is used up.
    Pause,
    /// Nothing.
    End,
}

impl Walk {
    /// Takes `rights` from all pages below `root`, and from that page `root_too`; or, without `rights`, their part from
    /// superpages, one of which `root` is, with what was made from it.
    pub fn new(root: &'static Mapping, span: Span, rights: Option<Rights>, root_too: bool) -> Self {
        Self { root, span, rights, root_too, place: Place::At(root), number: 0 }
    }

    /// It begins, as the walk with this number.
    pub fn numbered(self, number: u64) -> Self {
        Self { number, ..self }
    }

    /// Goes on; whether it came to its end.
    pub fn go_on(&mut self, revocation: &mut Revocation<impl Machine>) -> bool {
        let budget = revocation.budget;
        loop {
            match self.next(budget) {
                Next::Visit(node) => {
                    let past = (!core::ptr::eq(node, self.root)).then(|| self.behind(node));
                    match (self.visit(node, revocation), past) {
                        (Part::Kept, _) => {}
                        (Part::Gone, None) => return true,
                        (Part::Gone, Some(past)) => self.place = past,
                        (Part::Preempted, _) => {
                            self.place = Place::At(node);
                            return false;
                        }
                    }
                }
                Next::Pause => return false,
                Next::End => return true,
            }
            if !budget.spend() {
                return false;
            }
        }
    }

    fn visit(&self, node: &'static Mapping, revocation: &mut Revocation<impl Machine>) -> Part {
        let loses = self.root_too || !core::ptr::eq(node, self.root);
        match self.rights {
            None => {
                node.space().last_walk.set(self.number);
                revocation.part(node, &self.span, loses)
            }
            Some(_) if !loses => Part::Kept,
            Some(rights) if revocation.restrict(node, &self.span, rights) => Part::Kept,
            Some(_) => Part::Preempted,
        }
    }

    /// The next node; its children come behind it.
    fn next(&mut self, budget: &Budget) -> Next {
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
        self.rights.and_then(|_| node.first_piece(from..self.span.end, budget))
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

    /// Gets out of the way of `leaving`, a node without children that it stands at; false if that is its root.
    pub fn avoid(&mut self, leaving: &'static Mapping) -> bool {
        let goes_on = !core::ptr::eq(leaving, self.root);
        if goes_on {
            self.place = self.behind(leaving);
        }
        goes_on
    }

    /// The node that it stands at.
    pub fn node(&self) -> &'static Mapping {
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
