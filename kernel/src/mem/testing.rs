//! An arena of host memory that plays the physical memory of a machine in tests.
#![allow(unsafe_code)] // vouches for the arena

use super::{FRAME_SIZE, FrameAllocator, FrameInfo, KernelMemory, MAX_ORDER};
use std::alloc::{Layout, alloc};

/// `frames` frames of memory that appear at physical address `base` (a multiple of 4 MiB). The
/// memory is never returned to the host: tests are short.
pub(crate) fn arena(base: u64, frames: usize) -> KernelMemory<'static> {
    let block = (FRAME_SIZE as usize) << MAX_ORDER;
    let layout = Layout::from_size_align(frames * FRAME_SIZE as usize, block).expect("a layout");
    // SAFETY: the layout is not empty.
    let start = unsafe { alloc(layout) };
    assert!(!start.is_null(), "no host memory for the arena");
    let infos: &'static mut [FrameInfo] = Vec::leak((0..frames).map(|_| FrameInfo::new()).collect());
    let allocator = FrameAllocator::new(base, infos);
    allocator.release(base, base + frames as u64 * FRAME_SIZE);
    // SAFETY: the arena is ours, of the given size, leaked, and seen where `offset` says.
    unsafe { KernelMemory::new(allocator, start.expose_provenance().wrapping_sub(base as usize)) }
}
