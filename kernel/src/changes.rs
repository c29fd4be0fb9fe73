//! What changed since somebody looked: it lets the checked kernel look at everything after each entry.
//!
//! What writes an entry of a table of pages, the node beside it, or what a node has, says so here: the primitives of
//! `space::table` and `space::mapping`, which are all that can, and those that give a space tables; and so does what
//! fills a slot for a capability. An ordinary kernel keeps no note.

#[cfg(any(test, feature = "invariants"))]
pub use noted::{Changes, take, take_capabilities};
pub use noted::{capabilities, shape, table};

#[cfg(not(any(test, feature = "invariants")))]
mod noted {
    /// This table, or what belongs to a node beside one of its entries, is about to change.
    #[inline(always)]
    pub fn table<T>(_: &T) {}

    /// A table of pages is about to come or go.
    #[inline(always)]
    pub fn shape() {}

    /// A capability, or a table for capabilities, is about to come or go.
    #[inline(always)]
    pub fn capabilities() {}
}

#[cfg(any(test, feature = "invariants"))]
mod noted {
    use core::sync::atomic::Ordering::Relaxed;
    use core::sync::atomic::{AtomicBool, AtomicUsize};

    /// So many tables are told apart; when more have changed, all have.
    const MOST: usize = 24;

    /// The addresses of tables that have changed.
    #[derive(Default)]
    pub struct Changes {
        tables: [usize; MOST],
        count: usize,
        /// Tables came or went.
        pub shape: bool,
    }

    impl Changes {
        /// Whether `table` has changed.
        pub fn has<T>(&self, table: &T) -> bool {
            let address = core::ptr::from_ref(table).addr();
            self.tables.get(..self.count).is_none_or(|tables| tables.contains(&address))
        }
    }

    struct Notes {
        tables: [AtomicUsize; MOST],
        count: AtomicUsize,
        shape: AtomicBool,
        capabilities: AtomicBool,
    }

    impl Notes {
        const fn new() -> Self {
            Self {
                tables: [const { AtomicUsize::new(0) }; MOST],
                count: AtomicUsize::new(0),
                shape: AtomicBool::new(false),
                capabilities: AtomicBool::new(false),
            }
        }
    }

    #[cfg(not(test))]
    fn notes<R>(with: impl FnOnce(&Notes) -> R) -> R {
        static NOTES: Notes = Notes::new();
        with(&NOTES)
    }

    // Host tests have many kernels, each in a thread of its own.
    #[cfg(test)]
    fn notes<R>(with: impl FnOnce(&Notes) -> R) -> R {
        std::thread_local!(static NOTES: Notes = const { Notes::new() });
        NOTES.with(with)
    }

    /// This table, or what belongs to a node beside one of its entries, is about to change.
    pub fn table<T>(table: &T) {
        let address = core::ptr::from_ref(table).addr();
        notes(|notes| {
            let count = notes.count.load(Relaxed);
            let Some(known) = notes.tables.get(..count) else { return };
            if known.iter().any(|known| known.load(Relaxed) == address) {
                return;
            }
            if let Some(place) = notes.tables.get(count) {
                place.store(address, Relaxed);
            }
            notes.count.store(count + 1, Relaxed);
        });
    }

    /// A table of pages is about to come or go.
    pub fn shape() {
        notes(|notes| notes.shape.store(true, Relaxed));
    }

    /// A capability, or a table for capabilities, is about to come or go.
    pub fn capabilities() {
        notes(|notes| notes.capabilities.store(true, Relaxed));
    }

    /// What changed of tables of pages since the last call, if anything did.
    pub fn take() -> Option<Changes> {
        notes(|notes| {
            let (count, shape) = (notes.count.swap(0, Relaxed), notes.shape.swap(false, Relaxed));
            let tables = || core::array::from_fn(|index| notes.tables[index].load(Relaxed));
            (count > 0 || shape).then(|| Changes { tables: tables(), count, shape })
        })
    }

    /// Whether something changed of capabilities since the last call.
    pub fn take_capabilities() -> bool {
        notes(|notes| notes.capabilities.swap(false, Relaxed))
    }
}
