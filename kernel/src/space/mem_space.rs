//! A space: the page tables of one task, with a node of the mapping tree for every page in them.
//!
//! Tables are made as pages need them and stay until the range they cover is unmapped as a whole,
//! or the space is destroyed; [`crate::space::Unmap`] and [`MemSpace::destroy`] do that. All of it
//! is charged to the quota that the space was made with.
#![allow(unsafe_code)] // gives emptied tables back

use super::database::{Database, Pooled};
use super::entry::{Cache, Entry};
use super::io_space::{IoBitmap, next_revision};
#[cfg(any(test, feature = "invariants"))]
use super::ledger::Audit;
use super::table::{Leaf, Middle, Parent, Root, Slot};
use super::{Budget, Machine, MapError, PAGE, Progress, SUPERPAGE, USER_END};
use crate::changes;
use crate::mem::Quota;
use crate::planted::{Bug, is_planted};
use abi::Rights;
use core::cell::Cell;
use core::ptr::NonNull;

/// Orders of what one entry covers, from the root table to the middle one.
pub(super) const ROOT_ORDER: u8 = 39;
pub(super) const MIDDLE_ORDER: u8 = 30;

/// What it costs to ask the machine what there is at an address.
const UNITS_OF_ROOT_PAGE: u32 = 4;

/// A page as a lookup finds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MappedPage {
    /// Physical address of its first byte.
    pub phys: u64,
    /// Logarithm of its size in bytes: [`PAGE`] or [`SUPERPAGE`].
    pub order: u8,
    /// What user programs may do with it.
    pub rights: Rights,
    /// How it is cached.
    pub cache: Cache,
}

/// What there is at an address.
pub(super) enum Found {
    /// A page of this order.
    Page(Slot, Entry, u8),
    /// Nothing, but there is a table with this place for a page of this order.
    Free(Slot, u8),
    /// Nothing, in the naturally aligned range of this order around it, nor a leaf table.
    Hole(u8),
}

impl Found {
    /// The order of the empty range, if it is empty.
    pub(super) fn empty(&self) -> Option<u8> {
        match *self {
            Self::Page(..) => None,
            Self::Free(_, order) | Self::Hole(order) => Some(order),
        }
    }
}

/// The memory of a task, or its I/O ports ([`super::IoSpace`]).
pub struct MemSpace {
    root: Cell<Option<&'static Root>>,
    quota: &'static Quota,
    /// The first address behind what can be mapped.
    end: u64,
    is_root: bool,
    closed: Cell<bool>,
    /// The ports that are open, in a space of ports that ever had a page.
    ports: Cell<Option<&'static IoBitmap>>,
    /// See [`super::IoSpace::bitmap`].
    pub(super) ports_revision: Cell<u64>,
    /// The last walk that has taken parts of superpages from the space.
    pub(super) last_walk: Cell<u64>,
    #[cfg(any(test, feature = "invariants"))]
    pub(super) audit: Audit,
}

/// Which entry of a table whose entries cover `2^order` bytes is for `address`.
#[inline]
pub(super) const fn index(address: u64, order: u8) -> usize {
    (address >> order) as usize & 511
}

impl MemSpace {
    /// A space without pages whose memory is charged to `quota`.
    pub const fn new(quota: &'static Quota) -> Self {
        Self::with(quota, USER_END, false)
    }

    /// The space of sigma0, in which [`Machine::root_page`] says what there is; it takes no pages
    /// from others.
    pub const fn new_root(quota: &'static Quota) -> Self {
        Self::with(quota, USER_END, true)
    }

    pub(super) const fn with(quota: &'static Quota, end: u64, is_root: bool) -> Self {
        Self {
            root: Cell::new(None),
            quota,
            end,
            is_root,
            closed: Cell::new(false),
            ports: Cell::new(None),
            ports_revision: Cell::new(0),
            last_walk: Cell::new(0),
            #[cfg(any(test, feature = "invariants"))]
            audit: Audit::new(),
        }
    }

    /// Physical address of the root table, for the processor; the first call makes it.
    pub fn root(&self, machine: &impl Machine, budget: &Budget) -> Result<u64, MapError> {
        self.root_table(machine, budget).map(|root| machine.database().memory().phys(NonNull::from(root)))
    }

    /// The page that `address` lies in.
    pub fn lookup(&self, machine: &impl Machine, address: u64) -> Option<MappedPage> {
        match self.find(machine.database(), address) {
            Found::Page(_, entry, order) if address < self.end => {
                Some(MappedPage { phys: entry.phys(), order, rights: entry.rights(), cache: entry.cache() })
            }
            _ => None,
        }
    }

    /// Makes a page of its own: one that was made from no other, and that all pages of the same
    /// memory are made from. Leaves what is there alone, if something is.
    pub fn map_root(
        &'static self,
        machine: &impl Machine,
        address: u64,
        page: MappedPage,
        budget: &Budget,
    ) -> Result<(), MapError> {
        let MappedPage { phys, order, rights, cache } = page;
        let found = self.find(machine.database(), address);
        if address < self.end && found.empty().is_some_and(|empty| empty >= order) {
            let entry = Entry::page(phys, order, rights, cache);
            self.enter(machine, found, (address, order), entry, None, budget)?;
        }
        Ok(())
    }

    /// Lets user programs see a page that the kernel owns (KIP, UTCBs): it is in no mapping tree,
    /// so it can be neither sent nor unmapped, and goes with the space. `false` when the address
    /// is taken.
    pub fn map_kernel_page(
        &'static self,
        machine: &impl Machine,
        address: u64,
        phys: u64,
        rights: Rights,
        budget: &Budget,
    ) -> Result<bool, MapError> {
        if address >= self.end || self.find(machine.database(), address).empty().is_none() {
            return Ok(false);
        }
        let slot = self.slot_for(machine, address, PAGE, budget)?;
        slot.set_entry(Entry::page(phys, PAGE, rights, Cache::Cached));
        Ok(true)
    }

    /// Physical address of what is at `address` in a page that [`map_kernel_page`](Self::map_kernel_page) put there.
    pub fn kernel_page(&self, machine: &impl Machine, address: u64) -> Option<u64> {
        match self.find(machine.database(), address) {
            Found::Page(slot, entry, PAGE) if address < self.end && slot.mapping().is_none() => {
                Some(entry.phys() + (address & ((1 << PAGE) - 1)))
            }
            _ => None,
        }
    }

    /// Takes a page that [`map_kernel_page`](Self::map_kernel_page) put at `address` away again.
    pub fn unmap_kernel_page(&self, machine: &impl Machine, address: u64) {
        if let Found::Page(slot, _, PAGE) = self.find(machine.database(), address)
            && slot.mapping().is_none()
        {
            slot.take_entry();
            self.forget(machine, address, PAGE);
        }
    }

    /// In a root space, lets the page that the machine has at `address` appear there; whether
    /// there is one.
    pub fn fabricate(&'static self, machine: &impl Machine, address: u64, budget: &Budget) -> Result<bool, MapError> {
        let Some(hole) = self.find(machine.database(), address).empty() else { return Ok(true) };
        if !self.is_root || address >= self.end {
            return Ok(false);
        }
        budget.take(UNITS_OF_ROOT_PAGE);
        let Some((order, cache)) = self.root_page(machine, address) else { return Ok(false) };
        let fits = order >= SUPERPAGE && (hole >= SUPERPAGE || self.drop_empty_table(machine, address, budget));
        let order = if fits { SUPERPAGE } else { PAGE };
        let page = address >> order << order;
        self.map_root(machine, page, MappedPage { phys: page, order, rights: Rights::RWX, cache }, budget)?;
        Ok(true)
    }

    /// Unmaps everything, from everybody who got it from here, and frees all tables. From the
    /// first step on the space takes no pages any more. Not to be called while a processor uses
    /// the tables.
    pub fn destroy(&'static self, machine: &impl Machine, budget: &Budget) -> Progress {
        self.closed.set(true);
        if let Some(root) = self.root.get() {
            if self.dismantle(machine, root, budget) == Progress::Preempted {
                return Progress::Preempted;
            }
            changes::shape();
            self.root.set(None);
            // SAFETY: the space had the only reference, and no processor uses it (the caller's).
            unsafe { machine.database().free_table(self.quota, root) };
        }
        if let Some(ports) = self.ports.take() {
            changes::shape();
            ports.free(machine.database(), self.quota);
        }
        Progress::Done
    }

    /// The root table, if there is one.
    #[inline]
    pub(super) fn tables(&self) -> Option<&'static Root> {
        self.root.get()
    }

    pub(super) fn quota(&self) -> &'static Quota {
        self.quota
    }

    pub(super) fn end(&self) -> u64 {
        self.end
    }

    pub(super) fn is_root(&self) -> bool {
        self.is_root
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.get()
    }

    pub(super) fn holds_ports(&self) -> bool {
        self.end != USER_END
    }

    pub(super) fn ports(&self) -> Option<&'static IoBitmap> {
        self.ports.get()
    }

    fn root_page(&self, machine: &impl Machine, address: u64) -> Option<(u8, Cache)> {
        if self.holds_ports() { Some((SUPERPAGE, Cache::Cached)) } else { machine.root_page(address) }
    }

    /// One walk down the tables.
    #[inline]
    pub(super) fn find(&self, database: &Database, address: u64) -> Found {
        let memory = database.memory();
        let Some(root) = self.root.get() else { return Found::Hole(ROOT_ORDER) };
        let Some(middle) = root.child(memory, index(address, ROOT_ORDER)) else {
            return Found::Hole(ROOT_ORDER);
        };
        let Some(directory) = middle.child(memory, index(address, MIDDLE_ORDER)) else {
            return Found::Hole(MIDDLE_ORDER);
        };
        let upper = Slot { leaf: directory, index: index(address, SUPERPAGE) };
        let Some(table) = directory.child(memory, upper.index) else {
            let entry = upper.entry();
            return match entry.is_present() {
                true => Found::Page(upper, entry, SUPERPAGE),
                false => Found::Free(upper, SUPERPAGE),
            };
        };
        let slot = Slot { leaf: table, index: index(address, PAGE) };
        let entry = slot.entry();
        if entry.is_present() { Found::Page(slot, entry, PAGE) } else { Found::Free(slot, PAGE) }
    }

    /// Where the entry of a page of `order` at `address` is, with all tables above it; there must
    /// be no page of another order.
    #[inline]
    pub(super) fn slot_for(
        &self,
        machine: &impl Machine,
        address: u64,
        order: u8,
        budget: &Budget,
    ) -> Result<Slot, MapError> {
        let root = self.root_table(machine, budget)?;
        let middle: &Middle = self.child_or_new(machine, root, index(address, ROOT_ORDER), budget)?;
        let directory: &Leaf = self.child_or_new(machine, middle, index(address, MIDDLE_ORDER), budget)?;
        let upper = index(address, SUPERPAGE);
        if order == SUPERPAGE {
            return Ok(Slot { leaf: directory, index: upper });
        }
        let leaf = self.child_or_new(machine, directory, upper, budget)?;
        Ok(Slot { leaf, index: index(address, PAGE) })
    }

    /// Enters a page made from `parent`'s, or one of its own, into tables and tree, where `found`
    /// has nothing.
    #[inline(never)]
    pub(super) fn enter(
        &'static self,
        machine: &impl Machine,
        found: Found,
        (address, order): (u64, u8),
        entry: Entry,
        parent: Option<(&'static super::Mapping, usize)>,
        budget: &Budget,
    ) -> Result<(), MapError> {
        let slot = match found {
            Found::Free(slot, free) if free == order => slot,
            _ => self.slot_for(machine, address, order, budget)?,
        };
        self.place(machine, slot, (address, order), entry, parent, budget)
    }

    /// Enters a page at its empty slot.
    #[inline(always)]
    pub(super) fn place(
        &'static self,
        machine: &impl Machine,
        slot: Slot,
        (address, order): (u64, u8),
        entry: Entry,
        parent: Option<(&'static super::Mapping, usize)>,
        budget: &Budget,
    ) -> Result<(), MapError> {
        machine.database().insert(self, slot, (address, order), parent, budget)?;
        self.fill(slot, entry, order);
        Ok(())
    }

    /// Writes the entry of a page whose node is in place.
    #[inline]
    pub(super) fn fill(&self, slot: Slot, entry: Entry, order: u8) {
        slot.set_entry(entry);
        if let Some(ports) = self.ports.get() {
            ports.open(entry.phys(), order);
            self.ports_revision.set(next_revision());
        }
    }

    /// Forgets what was cached of a page whose entry has been emptied or restricted.
    #[inline]
    pub(super) fn forget(&self, machine: &impl Machine, address: u64, order: u8) {
        match self.ports.get() {
            Some(ports) => {
                ports.close(address, order);
                self.ports_revision.set(next_revision());
            }
            None if is_planted(Bug::FlushForgotten) => {}
            None => self.flush(machine, address),
        }
    }

    /// Forgets what was cached of pages whose entries have been emptied or restricted, when they are too many to name. The
    /// ports among them are closed.
    pub(super) fn forget_pieces(&self, machine: &impl Machine) {
        match (self.ports.get(), self.root.get()) {
            (Some(_), _) => self.ports_revision.set(next_revision()),
            (None, Some(root)) if !is_planted(Bug::FlushForgotten) => {
                machine.flush_space(machine.database().memory().phys(NonNull::from(root)));
            }
            (None, _) => {}
        }
    }

    /// Forgets what processors cached of the page at `address`.
    #[inline]
    pub(super) fn flush(&self, machine: &impl Machine, address: u64) {
        if let Some(root) = self.root.get() {
            machine.flush_page(machine.database().memory().phys(NonNull::from(root)), address);
        }
    }

    #[inline]
    fn root_table(&self, machine: &impl Machine, budget: &Budget) -> Result<&'static Root, MapError> {
        match self.root.get() {
            Some(root) => Ok(root),
            None => self.make_root(machine, budget),
        }
    }

    #[cold]
    fn make_root(&self, machine: &impl Machine, budget: &Budget) -> Result<&'static Root, MapError> {
        changes::shape();
        if self.holds_ports() && self.ports.get().is_none() {
            budget.take_bytes(size_of::<IoBitmap>() as u64);
            self.ports.set(Some(IoBitmap::new(machine.database(), self.quota)?));
            self.ports_revision.set(next_revision());
        }
        let root = machine.database().new_table::<Root>(self.quota, budget)?;
        if !self.holds_ports() && !root.has_kernel_half() {
            machine.enter_kernel_half(root);
        }
        self.root.set(Some(root));
        Ok(root)
    }

    #[inline]
    fn child_or_new<Child: Pooled>(
        &self,
        machine: &impl Machine,
        parent: &impl Parent<Child>,
        index: usize,
        budget: &Budget,
    ) -> Result<&'static Child, MapError> {
        let memory = machine.database().memory();
        match parent.child(memory, index) {
            Some(child) => Ok(child),
            None => {
                let child = machine.database().new_table(self.quota, budget)?;
                parent.attach(memory, index, child);
                Ok(child)
            }
        }
    }
}
