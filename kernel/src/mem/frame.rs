//! A buddy allocator over one span of physical memory.
//!
//! Its bookkeeping is one [`FrameInfo`] per frame, in a table that the caller supplies; the frames
//! themselves are never touched. Invariant: a free block of order n starts at a multiple of 2^n
//! frames, is on the free list of its order, and its buddy is not a free block of the same order
//! (the two would be one block). Frames that were never released into it count as used.

use super::FRAME_SHIFT;
#[cfg(any(test, feature = "invariants"))]
use crate::invariant::{Check, ensure};
use core::cell::Cell;

/// The largest block is `4 KiB << MAX_ORDER` (4 MiB).
pub const MAX_ORDER: usize = 10;

/// End of a free list.
const NONE: u32 = u32::MAX;
/// `FrameInfo::order` of a frame that is not the first of a free block.
const NOT_FREE: u8 = u8::MAX;

/// What the allocator knows of one frame.
#[derive(Debug)]
pub struct FrameInfo {
    next: Cell<u32>,
    prev: Cell<u32>,
    order: Cell<u8>,
}

impl FrameInfo {
    /// A frame in use.
    pub const fn new() -> Self {
        Self { next: Cell::new(NONE), prev: Cell::new(NONE), order: Cell::new(NOT_FREE) }
    }
}

impl Default for FrameInfo {
    fn default() -> Self {
        Self::new()
    }
}

/// Hands out blocks of 2^order frames by physical address.
#[derive(Debug)]
pub struct FrameAllocator<'a> {
    /// Number of the span's first frame (physical address / 4 KiB).
    first: u64,
    infos: &'a [FrameInfo],
    heads: [Cell<u32>; MAX_ORDER + 1],
    /// Bit n is set when the free list of order n is not empty.
    available: Cell<u32>,
    free_frames: Cell<u64>,
}

impl<'a> FrameAllocator<'a> {
    /// An allocator for the frames from physical address `base` on, one for each element of
    /// `infos`; all of them are in use until [`release`](Self::release) hands some over.
    pub fn new(base: u64, infos: &'a mut [FrameInfo]) -> Self {
        assert!(infos.len() < NONE as usize, "a span holds less than 2^32 - 1 frames");
        infos.fill_with(FrameInfo::new);
        Self {
            first: base >> FRAME_SHIFT,
            infos,
            heads: [const { Cell::new(NONE) }; MAX_ORDER + 1],
            available: Cell::new(0),
            free_frames: Cell::new(0),
        }
    }

    /// Hands the frames in `start..end` (physical addresses, frame aligned, inside the span, in
    /// use so far) to the allocator.
    pub fn release(&self, start: u64, end: u64) {
        let mut frame = start >> FRAME_SHIFT;
        let end = end >> FRAME_SHIFT;
        while frame < end {
            let fits = (end - frame).ilog2();
            let order = frame.trailing_zeros().min(fits).min(MAX_ORDER as u32);
            self.free(frame << FRAME_SHIFT, order as usize);
            frame += 1 << order;
        }
    }

    /// A block of `2^order` frames, aligned to its size: its physical address, or `None` when no
    /// such block is free.
    pub fn alloc(&self, order: usize) -> Option<u64> {
        if order > MAX_ORDER {
            return None;
        }
        let candidates = self.available.get() >> order;
        if candidates == 0 {
            return None;
        }
        let mut have = order + candidates.trailing_zeros() as usize;
        let block = self.heads[have].get();
        self.unlink(block, have);
        while have > order {
            have -= 1;
            self.link(block + (1 << have), have);
        }
        self.free_frames.set(self.free_frames.get() - (1 << order));
        Some((self.first + u64::from(block)) << FRAME_SHIFT)
    }

    /// Takes back a block that [`alloc`](Self::alloc) gave out with the same order.
    pub fn free(&self, phys: u64, order: usize) {
        self.free_frames.set(self.free_frames.get() + (1 << order));
        let mut order = order;
        let mut frame = phys >> FRAME_SHIFT;
        debug_assert!(self.info(frame).is_some_and(|info| info.order.get() == NOT_FREE));
        while order < MAX_ORDER {
            let buddy = frame ^ (1 << order);
            match self.info(buddy) {
                Some(info) if usize::from(info.order.get()) == order => {}
                _ => break,
            }
            self.unlink((buddy - self.first) as u32, order);
            frame = frame.min(buddy);
            order += 1;
        }
        self.link((frame - self.first) as u32, order);
    }

    /// How many frames are free.
    pub fn free_frames(&self) -> u64 {
        self.free_frames.get()
    }

    /// The free lists, their bits and the count of free frames agree, and no two free buddies are apart.
    #[cfg(any(test, feature = "invariants"))]
    pub fn check(&self) -> Check {
        let mut free = 0;
        for (order, head) in self.heads.iter().enumerate() {
            let bit = self.available.get() >> order & 1 != 0;
            ensure(bit == (head.get() != NONE), "a free list's bit is right", [order as u64, head.get().into()])?;
            let (mut prev, mut block) = (NONE, head.get());
            while let Some(info) = self.infos.get(block as usize) {
                let of = [order as u64, block.into()];
                ensure(info.prev.get() == prev, "a free block is the one behind its previous one", of)?;
                ensure(usize::from(info.order.get()) == order, "a free block is on the list of its order", of)?;
                let frame = self.first + u64::from(block);
                ensure(frame.is_multiple_of(1 << order), "a free block is aligned to its size", of)?;
                let buddy = self.info(frame ^ 1 << order);
                let apart = buddy.is_none_or(|buddy| usize::from(buddy.order.get()) != order);
                ensure(apart || order == MAX_ORDER, "free buddies are one block", of)?;
                free += 1 << order;
                (prev, block) = (block, info.next.get());
            }
            ensure(block == NONE, "a free list ends", [order as u64, block.into()])?;
        }
        ensure(free == self.free_frames.get(), "free frames are counted", [free, self.free_frames.get()])
    }

    /// How many frames there are.
    #[cfg(any(test, feature = "invariants"))]
    pub fn total_frames(&self) -> u64 {
        self.infos.len() as u64
    }

    fn info(&self, frame: u64) -> Option<&FrameInfo> {
        self.infos.get(usize::try_from(frame.checked_sub(self.first)?).ok()?)
    }

    fn link(&self, block: u32, order: usize) {
        let head = self.heads[order].get();
        let info = &self.infos[block as usize];
        info.order.set(order as u8);
        info.prev.set(NONE);
        info.next.set(head);
        if head != NONE {
            self.infos[head as usize].prev.set(block);
        }
        self.heads[order].set(block);
        self.available.set(self.available.get() | 1 << order);
    }

    fn unlink(&self, block: u32, order: usize) {
        let info = &self.infos[block as usize];
        info.order.set(NOT_FREE);
        let (prev, next) = (info.prev.get(), info.next.get());
        if next != NONE {
            self.infos[next as usize].prev.set(prev);
        }
        if prev != NONE {
            self.infos[prev as usize].next.set(next);
        } else {
            self.heads[order].set(next);
            if next == NONE {
                self.available.set(self.available.get() & !(1 << order));
            }
        }
    }
}
