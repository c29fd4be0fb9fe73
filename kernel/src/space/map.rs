//! Map and grant: makes the pages of one range appear in another, page by page.
//!
//! A superpage stays one where the receiver has room for it, aligned as it is; otherwise its
//! pieces are mapped. What the receiver has at the place gives way, unless it was made from the
//! same page before, whose rights it then gains. Pages that the sender lacks are skipped. An error
//! leaves what was done.

use super::entry::{Cache, Entry};
use super::mapping::Mapping;
use super::mem_space::{Found, MemSpace, index};
use super::revoke::Revocation;
use super::table::Slot;
use super::window::Window;
use super::{Budget, Machine, MapError, PAGE, Progress, SUPERPAGE};
use crate::planted::{Bug, is_planted};
use abi::Rights;

/// A map operation on its way.
#[derive(Clone, Copy)]
pub struct Map {
    source: &'static MemSpace,
    target: &'static MemSpace,
    from: u64,
    to: u64,
    left: u64,
    rights: Rights,
    cache: Option<Cache>,
    grant: bool,
    found: bool,
    /// A page of this order, which had something at `to`, is being removed, and the step that began it had no budget to
    /// end it.
    clearing: Option<u8>,
}

/// What became of one page.
enum Step {
    /// This many bytes are dealt with.
    Advance(u64),
    /// The place in the receiver is free now.
    Again,
    /// It is not yet free.
    Preempted,
}

/// A page of the sender, or a piece of a superpage that is split.
struct Source {
    slot: Slot,
    entry: Entry,
    order: u8,
    node: &'static Mapping,
}

impl Map {
    /// Maps the pages of `source` in `window` into `target`, with those of their rights that are
    /// in `rights` too, and cached as `cache` says, or as they are. With `grant` they leave
    /// `source`, except for pieces of superpages and pages of a root space.
    pub fn new(
        source: &'static MemSpace,
        target: &'static MemSpace,
        window: Window,
        rights: Rights,
        cache: Option<Cache>,
        grant: bool,
    ) -> Self {
        Self {
            source,
            target,
            from: window.source,
            to: window.target,
            left: 1 << window.order,
            rights: rights & Rights::RWX,
            cache,
            grant,
            found: false,
            clearing: None,
        }
    }

    /// Goes on until done or until the budget is used up.
    pub fn step(&mut self, machine: &impl Machine, budget: &Budget) -> Result<Progress, MapError> {
        if self.target.is_root() || self.target.is_closed() {
            return Err(MapError::Closed);
        }
        while self.left > 0 && self.from < self.source.end() && self.to < self.target.end() {
            match self.page(machine, budget)? {
                Step::Advance(size) => {
                    let size = size.min(self.left);
                    self.from += size;
                    self.to += size;
                    self.left -= size;
                    if self.left == 0 {
                        break;
                    }
                }
                Step::Again => {}
                Step::Preempted => return Ok(Progress::Preempted),
            }
            if !budget.spend() {
                return Ok(Progress::Preempted);
            }
        }
        Ok(Progress::Done)
    }

    /// Whether it is taking away what the receiver had.
    pub fn makes_room(&self) -> bool {
        self.clearing.is_some()
    }

    /// Whether the sender had anything to map so far.
    pub fn found_any(&self) -> bool {
        self.found
    }

    /// Maps the page or piece at an address of one space to an address of another, if that takes a moment only; whether it
    /// did. If not, it is for [`new`](Self::new).
    #[inline]
    pub fn at_once(
        machine: &impl Machine,
        (source, from): (&'static MemSpace, u64),
        (target, to): (&'static MemSpace, u64),
        rights: Rights,
        cache: Option<Cache>,
        budget: &Budget,
    ) -> Result<bool, MapError> {
        let may = !target.is_root() && !target.is_closed() && from < source.end() && to < target.end();
        Ok(may && free_place(machine, (source, from), (target, to), size(PAGE), rights, cache, budget)?)
    }

    /// Deals with the page at `from`.
    #[inline]
    fn page(&mut self, machine: &impl Machine, budget: &Budget) -> Result<Step, MapError> {
        let (from, to) = ((self.source, self.from), (self.target, self.to));
        if !self.grant
            && self.clearing.is_none()
            && free_place(machine, from, to, self.left, self.rights, self.cache, budget)?
        {
            self.found = true;
            return Ok(Step::Advance(size(PAGE)));
        }
        self.any_page(machine, budget)
    }

    #[inline(never)]
    fn any_page(&mut self, machine: &impl Machine, budget: &Budget) -> Result<Step, MapError> {
        if let Some(order) = self.clearing
            && let Some(node) = self.in_the_way(machine, order)
            && !Revocation::new(machine, budget).tree(node)
        {
            return Ok(Step::Preempted);
        }
        self.clearing = None;
        let source = match self.source_page(machine, budget)? {
            Ok(source) => source,
            Err(hole) => return Ok(Step::Advance(rest(self.from, hole))),
        };
        let target = self.target.find(machine.database(), self.to);
        let order = self.order(machine, &source, &target, budget);
        let offset = self.from & (size(source.order) - 1);
        let Some(entry) = source.entry.handed_on(offset, order, self.rights, self.cache) else {
            return Ok(Step::Advance(rest(self.from, source.order)));
        };
        self.found = true;
        let grant = self.grant && order == source.node.order() && !self.source.is_root();
        if let Found::Page(slot, old, old_order) = target {
            let Some(node) = slot.mapping() else {
                return Ok(Step::Advance(size(order))); // the kernel's own page stays
            };
            let made_from_source = node.parent().is_some_and(|parent| core::ptr::eq(parent, source.node));
            if !made_from_source || grant || old_order != order || old.phys() != entry.phys() {
                let order = node.order();
                if Revocation::new(machine, budget).tree(node) {
                    return Ok(Step::Again);
                }
                self.clearing = Some(order);
                return Ok(Step::Preempted);
            }
            self.upgrade(machine, slot, old, entry);
        } else if grant {
            self.hand_over(machine, &source, entry, budget)?;
        } else {
            let parent = (source.node, index(self.from, PAGE));
            self.target.enter(machine, target, (self.to, order), entry, Some(parent), budget)?;
        }
        Ok(Step::Advance(size(order)))
    }

    /// What is left of a page of this order that is being removed: of a superpage that is split, other pieces maybe.
    fn in_the_way(&self, machine: &impl Machine, order: u8) -> Option<&'static Mapping> {
        match self.target.find(machine.database(), self.to) {
            Found::Page(slot, ..) => slot.mapping(),
            Found::Free(place, PAGE) if order == SUPERPAGE => place.leaf.split_superpage(),
            _ => None,
        }
    }

    /// The page at `from`, or the order of the hole there. A page of the kernel counts as hole.
    #[inline]
    fn source_page(&self, machine: &impl Machine, budget: &Budget) -> Result<Result<Source, u8>, MapError> {
        let mut found = self.source.find(machine.database(), self.from);
        if self.source.is_root() && !matches!(found, Found::Page(..)) {
            self.source.fabricate(machine, self.from, budget)?;
            found = self.source.find(machine.database(), self.from);
        }
        Ok(match found {
            Found::Page(slot, entry, order) => match slot.mapping() {
                Some(node) => Ok(Source { slot, entry, order, node }),
                None => Err(order),
            },
            Found::Free(_, order) | Found::Hole(order) => Err(order),
        })
    }

    /// How large the page can be in the receiver.
    #[inline]
    fn order(&self, machine: &impl Machine, source: &Source, target: &Found, budget: &Budget) -> u8 {
        if source.order != SUPERPAGE
            || self.left < size(SUPERPAGE)
            || (self.from | self.to) & (size(SUPERPAGE) - 1) != 0
        {
            return PAGE;
        }
        let fits = match *target {
            Found::Page(_, _, order) => order == SUPERPAGE,
            Found::Free(_, order) | Found::Hole(order) => {
                order >= SUPERPAGE || self.target.drop_empty_table(machine, self.to, budget)
            }
        };
        if fits { SUPERPAGE } else { PAGE }
    }

    fn upgrade(&self, machine: &impl Machine, slot: Slot, old: Entry, new: Entry) {
        slot.set_entry(new.extending(old));
        if old.cache() != new.cache() {
            self.target.flush(machine, self.to);
        }
    }

    /// Moves the sender's page, with all that was made from it, to the receiver.
    fn hand_over(
        &self,
        machine: &impl Machine,
        source: &Source,
        entry: Entry,
        budget: &Budget,
    ) -> Result<(), MapError> {
        let slot = self.target.slot_for(machine, self.to, source.order, budget)?;
        let bytes = machine.database().charged_for(source.node);
        self.target.quota().charge(bytes)?;
        self.source.quota().release(bytes);
        if !is_planted(Bug::NodeKept) {
            source.slot.set_mapping(None);
        }
        source.slot.take_entry();
        self.source.forget(machine, source.node.address(), source.order);
        source.node.move_to(self.target, slot, self.to);
        slot.set_mapping(Some(source.node));
        self.target.fill(slot, entry, source.order);
        Ok(())
    }
}

/// The common case: maps a page, or a piece of a superpage, to where the receiver has a table but no page. Whether it is
/// the case.
#[inline(always)]
fn free_place(
    machine: &impl Machine,
    (source, from): (&'static MemSpace, u64),
    (target, to): (&'static MemSpace, u64),
    left: u64,
    rights: Rights,
    cache: Option<Cache>,
    budget: &Budget,
) -> Result<bool, MapError> {
    let database = machine.database();
    if let Found::Page(sent, entry, order) = source.find(database, from)
        && let Found::Free(place, PAGE) = target.find(database, to)
        && let Some(node) = sent.mapping()
        && (order == PAGE || left < size(SUPERPAGE))
        && let Some(entry) = entry.handed_on(from & (size(order) - 1), PAGE, rights, cache)
    {
        target.place(machine, place, (to, PAGE), entry, Some((node, index(from, PAGE))), budget)?;
        return Ok(true);
    }
    Ok(false)
}

const fn size(order: u8) -> u64 {
    1 << order
}

/// How much of the range of `order` that `address` lies in is left from there.
const fn rest(address: u64, order: u8) -> u64 {
    size(order) - (address & (size(order) - 1))
}
