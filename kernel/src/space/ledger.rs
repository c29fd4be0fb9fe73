//! What was found in the tables of all spaces when they were last looked at.
//!
//! To look at everything takes a million instructions, and between two entries into the kernel little changes. So the
//! ledger has a [`Record`] of each leaf table, and looks again only at those that [`changes`] names. It looks at them
//! from both ends: at each page with those that were made from it, and with the one that it was made from. What a table
//! that did not change says of others that did not change holds still.

use super::check::Inventory;
use super::database::Database;
use super::mem_space::{MIDDLE_ORDER, MemSpace, ROOT_ORDER};
use super::table::{Leaf, Parent, Table};
use super::{PAGE, SUPERPAGE};
use crate::changes::{self, Changes};
use crate::invariant::{Check, address, ensure};
use crate::mem::KernelMemory;
use core::cell::{Cell, RefCell};

/// So many leaf tables have a record; others are looked at each time.
const RECORDS: usize = 512;

/// What a space has for the checks.
#[derive(Default)]
pub(super) struct Audit {
    found: Cell<Inventory>,
    /// Ports may have changed.
    is_due: Cell<bool>,
}

impl Audit {
    /// Nothing found yet.
    pub const fn new() -> Self {
        Self { found: Cell::new(Inventory::NOTHING), is_due: Cell::new(false) }
    }

    fn add(&self, found: Inventory) {
        let mut all = self.found.get();
        all += found;
        self.found.set(all);
    }

    fn subtract(&self, found: Inventory) {
        let mut all = self.found.get();
        all -= found;
        self.found.set(all);
    }
}

/// A leaf table, and what was found in it.
struct Record {
    space: &'static MemSpace,
    table: &'static Leaf,
    /// The leaf table above it, or itself.
    directory: &'static Leaf,
    base: u64,
    found: Inventory,
    /// It has pieces of a superpage, whose node belongs to the directory.
    is_split: bool,
    /// It was met on the walk.
    is_there: bool,
    is_due: bool,
}

impl Record {
    fn new(space: &'static MemSpace, table: &'static Leaf, directory: &'static Leaf, base: u64) -> Self {
        let found = Inventory::NOTHING;
        Self { space, table, directory, base, found, is_split: false, is_there: true, is_due: true }
    }

    fn is_same(&self, other: &Self) -> bool {
        core::ptr::eq(self.table, other.table)
            && core::ptr::eq(self.directory, other.directory)
            && core::ptr::eq(self.space, other.space)
            && self.base == other.base
    }

    fn has_changed(&self, changes: &Changes) -> bool {
        changes.has(self.table) || self.is_split && changes.has(self.directory)
    }

    /// Looks at the table, and corrects what is known of its space.
    fn look(&mut self, database: &Database) -> Check {
        let order = if core::ptr::eq(self.table, self.directory) { SUPERPAGE } else { PAGE };
        let found = self.space.check_leaf(database, self.table, self.base, order)?;
        self.space.audit.subtract(self.found);
        self.space.audit.add(found);
        self.space.audit.is_due.set(true);
        self.is_split = order == PAGE && self.table.split_superpage().is_some();
        self.found = found;
        Ok(())
    }
}

/// The tables that `parent` names, and by which entries.
fn children<Child: Table, P: Parent<Child> + Table>(
    memory: &KernelMemory,
    parent: &'static P,
) -> impl Iterator<Item = (usize, &'static Child)> {
    let mut next = 0;
    let used = core::iter::from_fn(move || {
        let used = parent.next_used(next, P::OURS)?;
        next = used + 1;
        Some(used)
    });
    used.filter_map(move |index| Some((index, parent.child(memory, index)?)))
}

struct Records {
    all: [Option<Record>; RECORDS],
    len: usize,
    /// There was no room for some.
    is_full: bool,
}

impl Records {
    fn iter(&self) -> impl Iterator<Item = &Record> {
        self.all[..self.len].iter().flatten()
    }

    fn iter_mut(&mut self) -> impl Iterator<Item = &mut Record> {
        self.all[..self.len].iter_mut().flatten()
    }

    /// Makes a record for each table of the space, and keeps those that there are.
    fn enter(&mut self, database: &Database, space: &'static MemSpace) -> Check {
        let memory = database.memory();
        space.audit.found.set(space.frames());
        let Some(root) = space.tables() else { return Ok(()) };
        for (upmost, middle) in children(memory, root) {
            space.audit.add(Inventory { frames: 1, ..Inventory::NOTHING });
            for (above, directory) in children(memory, middle) {
                let base = (upmost as u64) << ROOT_ORDER | (above as u64) << MIDDLE_ORDER;
                self.meet(database, Record::new(space, directory, directory, base))?;
                for (upper, table) in children(memory, directory) {
                    self.meet(database, Record::new(space, table, directory, base | (upper as u64) << SUPERPAGE))?;
                }
            }
        }
        Ok(())
    }

    fn meet(&mut self, database: &Database, mut record: Record) -> Check {
        if let Some(known) = self.iter_mut().find(|known| known.is_same(&record)) {
            known.is_there = true;
            known.space.audit.add(known.found);
            return Ok(());
        }
        let Some(place) = self.all.get_mut(self.len) else {
            self.is_full = true;
            return record.look(database);
        };
        *place = Some(record);
        self.len += 1;
        Ok(())
    }

    /// Forgets the tables that were not met.
    fn forget(&mut self) {
        let mut index = 0;
        while index < self.len {
            if self.all[index].as_ref().is_some_and(|record| record.is_there) {
                index += 1;
            } else {
                self.len -= 1;
                self.all.swap(index, self.len);
                self.all[self.len] = None;
            }
        }
    }
}

/// The kernel has one.
pub struct Ledger(RefCell<Records>);

impl Ledger {
    /// Nothing looked at yet.
    pub const fn new() -> Self {
        Self(RefCell::new(Records { all: [const { None }; RECORDS], len: 0, is_full: false }))
    }

    /// Each page of `spaces`, which are all that there are, is where its node says, and as its parent's page; the bitmaps
    /// of ports say what the tables say. Looks at what has changed since the last time, and at everything if `anew`.
    pub fn check<Spaces: Iterator<Item = &'static MemSpace>>(
        &self,
        database: &Database,
        spaces: impl Fn() -> Spaces,
        anew: bool,
    ) -> Check {
        let changes = changes::take();
        let mut records = self.0.borrow_mut();
        if changes.is_none() && !anew && !records.is_full {
            return Ok(());
        }
        let changes = changes.unwrap_or_default();
        for record in records.iter_mut() {
            record.is_due = anew || record.has_changed(&changes);
            record.is_there = false;
        }
        for space in spaces() {
            space.audit.is_due.set(space.ports().is_some_and(|ports| anew || changes.has(ports)));
        }
        if anew || changes.shape || records.is_full {
            records.is_full = false;
            spaces().try_for_each(|space| records.enter(database, space))?;
            records.forget();
        }
        records.iter_mut().filter(|record| record.is_due).try_for_each(|record| record.look(database))?;
        if !anew {
            for record in records.iter().filter(|record| record.is_due) {
                record.space.check_parents(database, record.table, |table| {
                    records.is_full || records.iter().any(|record| core::ptr::eq(record.table, table))
                })?;
            }
        }
        spaces().filter(|space| space.audit.is_due.get()).try_for_each(MemSpace::check_ports)
    }
}

impl Default for Ledger {
    fn default() -> Self {
        Self::new()
    }
}

impl MemSpace {
    /// What the ledger last found in the space.
    pub fn inventory(&self) -> Inventory {
        self.audit.found.get()
    }

    /// What it has besides its tables below the root.
    fn frames(&self) -> Inventory {
        let frames = u64::from(self.tables().is_some()) + 2 * u64::from(self.ports().is_some());
        Inventory { frames, ..Inventory::NOTHING }
    }

    /// As many ports are open as are mapped. That those are open is seen with each.
    fn check_ports(&self) -> Check {
        let Some(ports) = self.ports() else { return Ok(()) };
        let open: u64 = ports.words().iter().map(|word| u64::from((!word.get()).count_ones())).sum();
        ensure(open == self.inventory().pages, "as many ports are open as are mapped", [address(self), open])
    }
}
