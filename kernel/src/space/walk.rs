//! A walk over the mapping tree below a page, from the top down, that takes something from each page and can stop anywhere.
//!
//! One walk at most waits to go on, in the [`Database`]. Nodes may go meanwhile, so the database moves it on before it
//! removes the node that it stands at. Whoever wants to begin another walk goes on with that one first, in the name of
//! the [`Walker`] that began it: so nobody waits for a thread that does not run, and the removal of a node looks at one
//! walk, however many threads are preempted in theirs. A walk that its walker has left is to be [ended](end_left), too:
//! the root has lost already what others below it have still, and could not take it from them.
//!
//! [`Database`]: super::Database

use super::mapping::{Mapping, Span};
use super::revoke::{Part, Revocation};
use super::{Access, Budget, Machine, Progress};
use abi::Rights;
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
pub(super) struct Walk {
    root: &'static Mapping,
    span: Span,
    /// What pages lose: these rights; or superpages their part, and what is smaller is left out.
    rights: Option<Rights>,
    /// Whether the root loses that too.
    root_too: bool,
    place: Place,
    /// Counts all walks.
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

    /// Goes on; whether it came to its end.
    fn go_on(&mut self, revocation: &mut Revocation<impl Machine>) -> bool {
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

/// Goes on with the walk that waits, whoever's it is; whether none waits then.
pub(super) fn go_on(machine: &impl Machine, budget: &Budget) -> bool {
    let database = machine.database();
    let Some((mut walk, walker)) = database.take_walk() else { return true };
    let mut revocation = Revocation::new(machine, budget);
    let has_ended = walk.go_on(&mut revocation);
    if let Some(walker) = walker {
        walker.add_access(revocation.access);
    }
    if !has_ended {
        database.keep_walk(walk, walker);
    }
    has_ended
}

/// Goes on with the walk that waits if whoever began it has left it.
pub fn end_left(machine: &impl Machine, budget: &Budget) -> Progress {
    if machine.database().has_left_walk() && (budget.is_used_up() || !go_on(machine, budget)) {
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
        let number = machine.database().next_walk();
        machine.database().keep_walk(Walk { number, ..walk }, Some(self));
        go_on(machine, budget);
    }

    /// Leaves its walk to others, if it has one that waits; whether it had.
    pub(super) fn leave(&'static self, machine: &impl Machine) -> bool {
        self.take_access();
        let walk = self.waits().then(|| machine.database().take_walk()).flatten();
        let is_left = walk.is_some();
        if let Some((walk, _)) = walk {
            machine.database().keep_walk(walk, None);
        }
        is_left
    }

    /// Whether its walk is the one that waits.
    pub(super) fn waits(&self) -> bool {
        self.waits.get()
    }

    pub(super) fn set_waits(&self, waits: bool) {
        self.waits.set(waits);
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
