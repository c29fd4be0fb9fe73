//! The frames that belong to the kernel, and where the kernel sees them.
//!
//! All physical memory is mapped one to one at a fixed distance (the direct map), so a frame's
//! physical address and its pointer differ by a constant. On the host the same type manages an
//! arena of ordinary memory.
#![allow(unsafe_code)] // turns physical addresses into pointers

use super::{FRAME_SIZE, FrameAllocator, Quota};
use core::ptr::NonNull;

/// A frame allocator together with the direct map of its frames.
#[derive(Debug)]
pub struct KernelMemory<'a> {
    frames: FrameAllocator<'a>,
    /// Virtual minus physical address, wrapping.
    offset: usize,
}

impl<'a> KernelMemory<'a> {
    /// Memory whose frame at physical address p is seen at `p + offset` (wrapping).
    ///
    /// # Safety
    /// Every frame that is or will be released into `frames` is mapped there, readable and
    /// writable, for as long as the kernel runs, and nobody else uses it. No physical address
    /// that is asked for is seen at address 0.
    pub const unsafe fn new(frames: FrameAllocator<'a>, offset: usize) -> Self {
        Self { frames, offset }
    }

    /// The allocator below.
    pub fn frames(&self) -> &FrameAllocator<'a> {
        &self.frames
    }

    /// A block of `2^order` frames, as the kernel sees it, contents undefined.
    pub fn alloc(&self, order: usize) -> Option<NonNull<u8>> {
        self.frames.alloc(order).map(|phys| self.pointer(phys))
    }

    /// Like [`alloc`](Self::alloc), filled with zeros.
    pub fn alloc_zeroed(&self, order: usize) -> Option<NonNull<u8>> {
        let block = self.alloc(order)?;
        // SAFETY: the block is `FRAME_SIZE << order` writable bytes that nobody else uses (`new`).
        unsafe { block.write_bytes(0, (FRAME_SIZE as usize) << order) };
        Some(block)
    }

    /// Fills a frame with zeros.
    ///
    /// # Safety
    /// The frame lies in a block of this memory that the caller got and nobody else uses yet.
    pub unsafe fn clear(&self, frame: NonNull<u8>) {
        // SAFETY: the caller's.
        unsafe { frame.write_bytes(0, FRAME_SIZE as usize) };
    }

    /// A frame of zeros, charged to `quota`. None if memory or quota are out.
    pub fn alloc_charged(&self, quota: &Quota) -> Option<NonNull<u8>> {
        quota.charge(FRAME_SIZE).ok()?;
        let frame = self.alloc_zeroed(0);
        if frame.is_none() {
            quota.release(FRAME_SIZE);
        }
        frame
    }

    /// Gives a frame of [`alloc_charged`](Self::alloc_charged) back.
    ///
    /// # Safety
    /// As for [`free`](Self::free); the frame was charged to this quota.
    pub unsafe fn free_charged(&self, frame: NonNull<u8>, quota: &Quota) {
        // SAFETY: the caller's.
        unsafe { self.free(frame, 0) };
        quota.release(FRAME_SIZE);
    }

    /// Gives a block back.
    ///
    /// # Safety
    /// The block came from an `alloc` of this memory with the same order, and no reference into
    /// it is used any more.
    pub unsafe fn free(&self, block: NonNull<u8>, order: usize) {
        self.frames.free(self.phys(block), order);
    }

    /// Where the kernel sees physical address `phys`.
    #[inline]
    pub fn pointer(&self, phys: u64) -> NonNull<u8> {
        let address = (phys as usize).wrapping_add(self.offset);
        debug_assert_ne!(address, 0);
        // SAFETY: the memory is mapped at its address plus the offset (`new`), never at 0.
        unsafe { NonNull::new_unchecked(core::ptr::with_exposed_provenance_mut(address)) }
    }

    /// The physical address of what the kernel sees at `pointer`.
    #[inline]
    pub fn phys<T>(&self, pointer: NonNull<T>) -> u64 {
        (pointer.as_ptr() as usize).wrapping_sub(self.offset) as u64
    }
}
