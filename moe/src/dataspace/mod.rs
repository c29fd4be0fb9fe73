//! A dataspace: memory that is mapped piece by piece to whoever holds its capability.
//!
//! Four kinds. Anonymous: pages appear, zeroed, when they are first touched, and may be shared with
//! other dataspaces until one of both writes. Contiguous: one block, allocated at once. Fixed: memory
//! that exists anyway, such as a boot module. Device: memory that is no RAM, which moe maps but never touches. Invariant: a page that is mapped writable is used by one
//! dataspace only.

mod copy;
#[cfg(test)]
mod tests;

use alloc::rc::Rc;
use core::cell::RefCell;

use abi::{Error, Flexpage, Rights};

use crate::page_table::{LEAF_COST, Page, PageTable};
use crate::quota::{Charge, Quota};
use crate::store::{Machine, PAGE, Store};

/// Largest flexpage that is mapped at once: 1 GiB.
const MAX_MAP_ORDER: u8 = 30;
/// Flexpages that are unmapped by one call.
const UNMAP_BATCH: usize = 60;

/// A dataspace on the memory of a `Store`.
pub struct Dataspace<M: Machine> {
    store: Rc<Store<M>>,
    size: u64,
    rights: Rights,
    content: Content,
}

enum Content {
    /// Pages that come and go; each that is there is charged to the quota.
    Anonymous { pages: RefCell<PageTable>, quota: Rc<Quota>, _charge: Charge },
    /// Pages from `start` on, owned and charged.
    Contiguous { start: u64, _charge: Charge },
    /// Pages from `start` on that are nobody's to free.
    Fixed { start: u64 },
    /// The same, but no RAM.
    Device { start: u64 },
}

/// Where a mapping goes in the receiver's address space, as far as is known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Window {
    /// The address that the page is wanted at.
    pub spot: u64,
    /// First address that may be mapped.
    pub first: u64,
    /// Last address that may be mapped.
    pub last: u64,
}

/// What an access needs and what a mapping may allow.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Access {
    /// The most that the mapping may allow.
    pub allowed: Rights,
    /// Whether it must be writable.
    pub write: bool,
}

impl<M: Machine> Dataspace<M> {
    /// Zeroed memory of `size` bytes that is allocated as it is touched, paid for by `quota`.
    pub fn anonymous(store: &Rc<Store<M>>, quota: &Rc<Quota>, size: u64) -> Result<Self, Error> {
        let count = pages_in(size)?;
        let _charge = Charge::new(quota, PageTable::cost(count))?;
        let pages = RefCell::new(PageTable::new(count)?);
        let content = Content::Anonymous { pages, quota: quota.clone(), _charge };
        Ok(Dataspace { store: store.clone(), size, rights: Rights::RWX, content })
    }

    /// Zeroed memory of `size` bytes in one piece, aligned to `2^align`.
    pub fn contiguous(store: &Rc<Store<M>>, quota: &Rc<Quota>, size: u64, align: u8) -> Result<Self, Error> {
        let bytes = pages_in(size)? * PAGE;
        let charge = Charge::new(quota, bytes)?;
        let start = store.allocate(bytes, align, quota.whom()).ok_or(Error::NoMem)?;
        store.machine.clear(start, bytes);
        let content = Content::Contiguous { start, _charge: charge };
        Ok(Dataspace { store: store.clone(), size, rights: Rights::RWX, content })
    }

    /// The `size` bytes at `start`, which begin a page and always stay, with `rights` for everyone.
    pub fn fixed(store: &Rc<Store<M>>, start: u64, size: u64, rights: Rights) -> Self {
        Dataspace { store: store.clone(), size, rights, content: Content::Fixed { start } }
    }

    /// The `size` bytes of device memory at `start`, which begin a page, for reading and writing.
    pub fn device(store: &Rc<Store<M>>, start: u64, size: u64) -> Self {
        Dataspace { store: store.clone(), size, rights: Rights::RW, content: Content::Device { start } }
    }

    /// Whether it is memory of a device, which wants to be mapped write-combining.
    pub fn is_device(&self) -> bool {
        matches!(self.content, Content::Device { .. })
    }

    /// The same dataspace, for reading only.
    pub fn read_only(self) -> Self {
        let mut this = self;
        this.rights = this.rights & Rights::R;
        this
    }

    /// Size in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The rights that mappings of it can have.
    pub fn rights(&self) -> Rights {
        self.rights
    }

    /// Size in whole pages.
    fn rounded_size(&self) -> u64 {
        self.size.next_multiple_of(PAGE)
    }

    /// The flexpage to map for the page at `offset`. For a block of memory it is as large as the window
    /// and the alignments permit.
    ///
    /// # Errors
    /// `Range` outside of the dataspace, `Perm` for a write where there is no such right, `NoMem`.
    pub fn map(&self, offset: u64, access: Access, window: Window) -> Result<Flexpage, Error> {
        if offset >= self.rounded_size() {
            return Err(Error::Range);
        }
        let allowed = access.allowed & self.rights;
        if access.write && !allowed.contains(Rights::W) {
            return Err(Error::Perm);
        }
        let offset = offset & !(PAGE - 1);
        match &self.content {
            Content::Anonymous { .. } => {
                let address = self.page(offset / PAGE, access.write)?;
                let shared = self.store.uses(address) != 1;
                let readable = Rights(allowed.0 & !Rights::W.0);
                let rights = if shared { readable } else { allowed };
                Ok(Flexpage::memory(address, abi::PAGE_SHIFT, rights))
            }
            Content::Contiguous { start, .. } | Content::Fixed { start } | Content::Device { start } => {
                let block = (*start, start + self.rounded_size() - 1);
                let order = largest_order(start + offset, block, window);
                Ok(Flexpage::memory((start + offset) >> order << order, order, allowed))
            }
        }
    }

    /// Backs the pages of a range with memory, writable ones where the dataspace is.
    pub fn allocate(&self, offset: u64, size: u64, write: bool) -> Result<(), Error> {
        let end = self.range_end(offset, size)?;
        if let Content::Anonymous { .. } = self.content {
            for index in offset / PAGE..end.div_ceil(PAGE) {
                self.page(index, write)?;
            }
        }
        Ok(())
    }

    /// Makes `size` bytes from `offset` on, as far as there are so many, read as zeros.
    ///
    /// # Errors
    /// `Range` outside of the dataspace, `Access` for a device's, `NoMem`.
    pub fn clear(&self, offset: u64, size: u64) -> Result<(), Error> {
        if offset >= self.rounded_size() {
            return Err(Error::Range);
        }
        let end = offset + size.min(self.rounded_size() - offset);
        match &self.content {
            Content::Contiguous { start, .. } | Content::Fixed { start } => {
                self.store.machine.clear(start + offset, end - offset);
            }
            Content::Device { .. } => return Err(Error::Access),
            Content::Anonymous { pages, .. } => {
                let mut at = offset;
                while at < end {
                    // Pages that are not there are zeros already.
                    let next = pages.borrow().next_present(at / PAGE, end.div_ceil(PAGE));
                    at = at.max(next.map_or(end, |next| next * PAGE));
                    if at >= end {
                        break;
                    }
                    let piece = (PAGE - at % PAGE).min(end - at);
                    if piece == PAGE {
                        self.replace(at / PAGE, None);
                    } else {
                        let page = self.page(at / PAGE, true)?;
                        self.store.machine.clear(page + at % PAGE, piece);
                    }
                    at += piece;
                }
            }
        }
        Ok(())
    }

    /// Address behind `size` bytes from `offset` on, all of which have to be there.
    fn range_end(&self, offset: u64, size: u64) -> Result<u64, Error> {
        let end = offset.checked_add(size).ok_or(Error::Range)?;
        if offset < self.size && end <= self.size { Ok(end) } else { Err(Error::Range) }
    }

    /// Address of page `index`, brought into being if it is not there; for writing, not shared.
    fn page(&self, index: u64, write: bool) -> Result<u64, Error> {
        let (pages, quota) = match &self.content {
            Content::Anonymous { pages, quota, .. } => (pages, quota),
            Content::Contiguous { start, .. } | Content::Fixed { start } => {
                return Ok(start + index * PAGE);
            }
            Content::Device { .. } => return Err(Error::Access),
        };
        let present = pages.borrow().get(index);
        match present {
            Some(Page::Counted(address)) if !write || self.store.uses(address) == 1 => Ok(address),
            Some(Page::Fixed(address)) if !write => Ok(address),
            Some(shared) => {
                let own = self.store.allocate_page(quota.whom()).ok_or(Error::NoMem)?;
                self.store.machine.copy(own, shared.address(), PAGE);
                self.replace(index, Some(Page::Counted(own)));
                Ok(own)
            }
            None => {
                self.prepare(pages, quota, index)?;
                quota.charge(PAGE)?;
                let Some(own) = self.store.allocate_page(quota.whom()) else {
                    quota.release(PAGE);
                    return Err(Error::NoMem);
                };
                self.store.machine.clear(own, PAGE);
                pages.borrow_mut().set(index, Some(Page::Counted(own)));
                Ok(own)
            }
        }
    }

    /// Makes room for page `index` in the table, and pays for it.
    fn prepare(&self, pages: &RefCell<PageTable>, quota: &Quota, index: u64) -> Result<(), Error> {
        let mut pages = pages.borrow_mut();
        if !pages.needs_leaf(index) {
            return Ok(());
        }
        quota.charge(LEAF_COST)?;
        pages.prepare(index).inspect_err(|_| quota.release(LEAF_COST))
    }

    /// Puts `page`, whose use is counted already, in place of page `index` of an anonymous dataspace.
    /// What was there is unmapped everywhere, used once less, and its charge passes on or returns.
    fn replace(&self, index: u64, page: Option<Page>) {
        let Content::Anonymous { pages, quota, .. } = &self.content else { return };
        let before = pages.borrow_mut().set(index, page);
        if let Some(before) = before {
            let all = Flexpage::memory(before.address(), abi::PAGE_SHIFT, Rights::RWX);
            self.store.machine.unmap(&[all]);
            self.forget(before);
            if page.is_none() {
                quota.release(PAGE);
            }
        }
    }

    fn forget(&self, page: Page) {
        if let Page::Counted(address) = page {
            self.store.release(address, PAGE);
        }
    }

    /// Takes all mappings of a block away.
    fn unmap_block(&self, start: u64) {
        let block = (start, start + self.rounded_size() - 1);
        let window = Window { spot: 0, first: 0, last: u64::MAX };
        let mut at = start;
        while at < block.1 {
            let order = largest_order(at, block, Window { spot: at, ..window });
            self.store.machine.unmap(&[Flexpage::memory(at, order, Rights::RWX)]);
            at += 1 << order;
        }
    }
}

impl<M: Machine> Drop for Dataspace<M> {
    fn drop(&mut self) {
        match &mut self.content {
            Content::Fixed { .. } | Content::Device { .. } => {}
            &mut Content::Contiguous { start, .. } => {
                self.unmap_block(start);
                self.store.release(start, self.rounded_size());
            }
            Content::Anonymous { pages, quota, .. } => {
                let table = pages.get_mut();
                quota.release(table.present() * PAGE + table.leaves() * LEAF_COST);
                let mut batch = [Flexpage::INVALID; UNMAP_BATCH];
                let mut all = table.drain();
                loop {
                    let mut count = 0;
                    let mut fixed = [false; UNMAP_BATCH];
                    for page in all.by_ref().take(UNMAP_BATCH) {
                        batch[count] = Flexpage::memory(page.address(), abi::PAGE_SHIFT, Rights::RWX);
                        fixed[count] = matches!(page, Page::Fixed(_));
                        count += 1;
                    }
                    if count == 0 {
                        break;
                    }
                    self.store.machine.unmap(&batch[..count]);
                    for (page, fixed) in batch.iter().zip(fixed).take(count) {
                        if !fixed {
                            self.store.release(page.address(), PAGE);
                        }
                    }
                }
            }
        }
    }
}

/// Number of pages that `size` bytes take.
fn pages_in(size: u64) -> Result<u64, Error> {
    if size == 0 { Err(Error::Inval) } else { Ok(size.div_ceil(PAGE)) }
}

/// Order of the largest aligned flexpage around `address` that lies in `block` and, placed so that
/// `address` comes to `spot`, in the window.
fn largest_order(address: u64, block: (u64, u64), window: Window) -> u8 {
    let fits = |order: u8| {
        let mask = (1u64 << order) - 1;
        let (there, here) = (window.spot & !mask, address & !mask);
        (address ^ window.spot) & mask & !(PAGE - 1) == 0
            && here >= block.0
            && here + mask <= block.1
            && there >= window.first & !(PAGE - 1)
            && there + mask <= window.last
    };
    (abi::PAGE_SHIFT..MAX_MAP_ORDER)
        .take_while(|order| fits(order + 1))
        .last()
        .map_or(abi::PAGE_SHIFT, |order| order + 1)
}
