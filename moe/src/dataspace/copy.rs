//! Copies between dataspaces. Whole pages that lie alike are shared instead: both dataspaces then use
//! the same page until one of them writes to it.

use abi::{Error, Flexpage, Rights};

use super::{Content, Dataspace};
use crate::page_table::Page;
use crate::store::{Machine, PAGE};

/// Pages that are looked at for the next one that is there.
const LOOK_AHEAD: u64 = 1 << 18;

impl<M: Machine> Dataspace<M> {
    /// Copies `size` bytes of `source`, from `source_offset` on, to `offset`; less where either of the
    /// two ends before, as in L4Re.
    ///
    /// # Errors
    /// `NoMem` for memory, quota or heap; what was copied before stays. `Inval` if one of them is a device's.
    pub fn copy_from(&self, offset: u64, source: &Self, source_offset: u64, size: u64) -> Result<(), Error> {
        if self.is_device() || source.is_device() {
            return Err(Error::Inval);
        }
        let room = self.size.saturating_sub(offset);
        let mut left = size.min(room).min(source.rounded_size().saturating_sub(source_offset));
        let (mut to, mut from) = (offset, source_offset);
        while left > 0 {
            let skipped = self.both_absent(to, source, from).min(left);
            (to, from, left) = (to + skipped, from + skipped, left - skipped);
            if left == 0 {
                break;
            }
            let whole = to % PAGE == 0 && from % PAGE == 0 && left >= PAGE;
            let piece = (PAGE - to % PAGE).min(PAGE - from % PAGE).min(left);
            if !(whole && self.share_page(to / PAGE, source, from / PAGE)?) {
                self.copy_bytes(to, source, from, piece)?;
            }
            (to, from, left) = (to + piece, from + piece, left - piece);
        }
        Ok(())
    }

    /// Bytes from `to` here and `from` in `source` on that are zeros in both for want of pages.
    fn both_absent(&self, to: u64, source: &Self, from: u64) -> u64 {
        let absent = |space: &Self, at: u64| match &space.content {
            Content::Anonymous { pages, .. } => {
                // No further, so that a copy costs no more than its size, however the pages lie.
                let end = at / PAGE + LOOK_AHEAD;
                let next = pages.borrow().next_present(at / PAGE, end).unwrap_or(end);
                (next * PAGE).saturating_sub(at)
            }
            _ => 0,
        };
        absent(self, to).min(absent(source, from))
    }

    /// Reads `buffer.len()` bytes from `offset` on.
    ///
    /// # Errors
    /// `Range` where there are not as many, `Access` for a device's.
    pub fn read(&self, offset: u64, buffer: &mut [u8]) -> Result<(), Error> {
        if self.is_device() {
            return Err(Error::Access);
        }
        self.in_pages(offset, buffer.len(), |at, range| {
            match self.present(at / PAGE) {
                Some(page) => self.store.machine.read(page + at % PAGE, &mut buffer[range]),
                None => buffer[range].fill(0),
            }
            Ok(())
        })
    }

    /// Writes `bytes` to `offset`.
    ///
    /// # Errors
    /// `Range` where there is not enough room, `NoMem`.
    pub fn write(&self, offset: u64, bytes: &[u8]) -> Result<(), Error> {
        self.in_pages(offset, bytes.len(), |at, range| {
            let page = self.page(at / PAGE, true)?;
            self.store.machine.write(page + at % PAGE, &bytes[range]);
            Ok(())
        })
    }

    /// Calls `piece` with offset and part of the buffer for each page of a range.
    fn in_pages(
        &self,
        offset: u64,
        length: usize,
        mut piece: impl FnMut(u64, core::ops::Range<usize>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        if length == 0 {
            return Ok(());
        }
        self.range_end(offset, length as u64)?;
        let mut done = 0;
        while done < length {
            let at = offset + done as u64;
            let end = length.min(done + (PAGE - at % PAGE) as usize);
            piece(at, done..end)?;
            done = end;
        }
        Ok(())
    }

    /// Address of page `index`, if it is there.
    pub(super) fn present(&self, index: u64) -> Option<u64> {
        match &self.content {
            Content::Anonymous { pages, .. } => pages.borrow().get(index).map(Page::address),
            Content::Contiguous { start, .. } | Content::Fixed { start } => Some(start + index * PAGE),
            Content::Device { .. } => None,
        }
    }

    fn copy_bytes(&self, to: u64, source: &Self, from: u64, size: u64) -> Result<(), Error> {
        let machine = &self.store.machine;
        match source.present(from / PAGE) {
            None => self.clear(to, size),
            Some(_) => {
                let target = self.page(to / PAGE, true)? + to % PAGE;
                // Read the source's place again: making the target writable may have moved it.
                let original = source.page(from / PAGE, false)? + from % PAGE;
                if original.abs_diff(target) >= size {
                    machine.copy(target, original, size);
                }
                Ok(())
            }
        }
    }

    /// Makes page `index` the same as page `source_index` of `source`. False where pages of the two
    /// cannot be shared.
    fn share_page(&self, index: u64, source: &Self, source_index: u64) -> Result<bool, Error> {
        let Content::Anonymous { pages, quota, .. } = &self.content else { return Ok(false) };
        let shared = match &source.content {
            Content::Anonymous { pages, .. } => pages.borrow().get(source_index),
            Content::Fixed { start } if !source.rights.contains(Rights::W) => {
                Some(Page::Fixed(start + source_index * PAGE))
            }
            _ => return Ok(false),
        };
        let Some(page) = shared else {
            self.replace(index, None);
            return Ok(true);
        };
        self.prepare(pages, quota, index)?;
        let newly_charged = pages.borrow().get(index).is_none();
        if newly_charged {
            quota.charge(PAGE)?;
        }
        if let Page::Counted(address) = page {
            if self.store.uses(address) == 1 {
                let write = Flexpage::memory(address, abi::PAGE_SHIFT, Rights::W);
                self.store.machine.unmap(&[write]);
            }
            self.store.share(address);
        }
        self.replace(index, Some(page));
        Ok(true)
    }
}
