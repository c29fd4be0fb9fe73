//! The pages of an anonymous dataspace, in two levels of which the second comes into being as pages do.
//! A page belongs to the store and is counted there, or is fixed: part of a boot module, which always
//! stays and is never written.

use alloc::vec::Vec;

use abi::Error;

/// Pages of one leaf.
const LEAF: usize = 512;
/// Bytes of heap that a leaf takes.
pub const LEAF_COST: u64 = 8 * LEAF as u64;
/// Bytes of heap that the list of leaves takes for each.
const LIST_COST: u64 = size_of::<Vec<Slot>>() as u64;

/// A page that is there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Page {
    /// Of the store, at this address; may be shared.
    Counted(u64),
    /// Of a boot module, at this address.
    Fixed(u64),
}

impl Page {
    /// Where the page lies.
    pub fn address(self) -> u64 {
        match self {
            Page::Counted(address) | Page::Fixed(address) => address,
        }
    }
}

/// An address with the kind of page in bit 0; 0 for none.
#[derive(Clone, Copy)]
struct Slot(u64);

impl Slot {
    #[inline]
    fn new(page: Option<Page>) -> Slot {
        match page {
            None => Slot(0),
            Some(Page::Counted(address)) => Slot(address),
            Some(Page::Fixed(address)) => Slot(address | 1),
        }
    }

    #[inline]
    fn page(self) -> Option<Page> {
        match (self.0, self.0 & 1) {
            (0, _) => None,
            (address, 0) => Some(Page::Counted(address)),
            (address, _) => Some(Page::Fixed(address & !1)),
        }
    }
}

/// The table.
pub struct PageTable {
    leaves: Vec<Vec<Slot>>,
    pages: u64,
    present: u64,
    leaves_present: u64,
}

impl PageTable {
    /// Bytes of heap that a table of `pages` pages takes before any page is there.
    pub fn cost(pages: u64) -> u64 {
        pages.div_ceil(LEAF as u64).saturating_mul(LIST_COST)
    }

    /// A table of `pages` pages, none of which is there.
    pub fn new(pages: u64) -> Result<PageTable, Error> {
        let count = usize::try_from(pages).map_err(|_| Error::NoMem)?.div_ceil(LEAF);
        let mut leaves = Vec::new();
        leaves.try_reserve_exact(count).map_err(|_| Error::NoMem)?;
        leaves.resize_with(count, Vec::new);
        Ok(PageTable { leaves, pages, present: 0, leaves_present: 0 })
    }

    /// Number of pages that are there.
    pub fn present(&self) -> u64 {
        self.present
    }

    /// Number of leaves that are there, of `LEAF_COST` each.
    pub fn leaves(&self) -> u64 {
        self.leaves_present
    }

    /// The first page from `index` to before `end` that is there, or one not far behind.
    pub fn next_present(&self, index: u64, end: u64) -> Option<u64> {
        let (first, last) = ((index / LEAF as u64) as usize, end.div_ceil(LEAF as u64) as usize);
        let leaves = self.leaves.iter().enumerate().take(last).skip(first).filter(|(_, leaf)| !leaf.is_empty());
        leaves.into_iter().find_map(|(number, leaf)| {
            let start = if number == first { index as usize % LEAF } else { 0 };
            let at = leaf.iter().skip(start).position(|slot| slot.page().is_some())? + start;
            Some((number * LEAF + at) as u64)
        })
    }

    /// Whether `prepare` has to make a leaf for page `index`.
    #[inline]
    pub fn needs_leaf(&self, index: u64) -> bool {
        self.leaves.get((index / LEAF as u64) as usize).is_some_and(Vec::is_empty)
    }

    /// Page `index`, if it is there.
    #[inline]
    pub fn get(&self, index: u64) -> Option<Page> {
        let leaf = self.leaves.get((index / LEAF as u64) as usize)?;
        leaf.get(index as usize % LEAF)?.page()
    }

    /// Makes room for page `index`, so that `set` cannot fail.
    pub fn prepare(&mut self, index: u64) -> Result<(), Error> {
        let first = index / LEAF as u64 * LEAF as u64;
        let length = (self.pages - first).min(LEAF as u64) as usize;
        let leaf = self.leaves.get_mut((index / LEAF as u64) as usize).ok_or(Error::Range)?;
        if leaf.is_empty() {
            leaf.try_reserve_exact(length).map_err(|_| Error::NoMem)?;
            leaf.resize(length, Slot(0));
            self.leaves_present += 1;
        }
        Ok(())
    }

    /// Replaces page `index` and returns what was there. Does nothing where `prepare` was not called.
    #[inline]
    pub fn set(&mut self, index: u64, page: Option<Page>) -> Option<Page> {
        let leaf = self.leaves.get_mut((index / LEAF as u64) as usize)?;
        let slot = leaf.get_mut(index as usize % LEAF)?;
        let before = slot.page();
        *slot = Slot::new(page);
        self.present += u64::from(page.is_some());
        self.present -= u64::from(before.is_some());
        before
    }

    /// Takes all pages out.
    pub fn drain(&mut self) -> impl Iterator<Item = Page> {
        (self.present, self.leaves_present) = (0, 0);
        self.leaves.iter_mut().flat_map(core::mem::take).filter_map(Slot::page)
    }
}
