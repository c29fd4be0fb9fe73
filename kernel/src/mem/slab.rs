//! Typed slabs: objects of one type, cut from blocks of frames.
//!
//! A block starts with a header and holds as many objects as fit; an object's block is found by
//! rounding its address down to the block's size (blocks are aligned to it). Invariant: a block
//! with a free slot is on the slab's list of partial blocks; an empty block goes back to the frame
//! allocator, except one that is kept so that a slab at a block's edge does not thrash;
//! [`Slab::trim`] returns that one too.
#![allow(unsafe_code)] // manages raw slots; a freed slot becomes a free-list entry

use super::{FRAME_SIZE, KernelMemory};
#[cfg(any(test, feature = "invariants"))]
use crate::invariant::{Check, address, ensure};
use crate::queue::{Linked, Links, List};
use core::cell::Cell;
use core::marker::PhantomData;
use core::mem::{align_of, size_of};
use core::ptr::NonNull;

/// An entry of a block's free list, in the place of an object.
struct FreeSlot {
    next: Option<NonNull<FreeSlot>>,
}

/// The head of each block.
struct Block {
    links: Links<Block>,
    free: Cell<Option<NonNull<FreeSlot>>>,
    /// Slots that were handed out at least once; those behind them were never touched.
    touched: Cell<u32>,
    used: Cell<u32>,
}

impl Linked for Block {
    fn links(&self) -> &Links<Self> {
        &self.links
    }
}

/// Allocator of objects of type `T`.
pub struct Slab<T> {
    /// Blocks with at least one free slot.
    partial: List<Block>,
    /// How many of them are empty: at most one.
    empty: Cell<u32>,
    blocks: Cell<u32>,
    _objects: PhantomData<T>,
}

const fn max(a: usize, b: usize) -> usize {
    if a > b { a } else { b }
}

impl<T: 'static> Slab<T> {
    const ALIGN: usize = max(align_of::<T>(), align_of::<FreeSlot>());
    const SLOT: usize = max(size_of::<T>(), size_of::<FreeSlot>()).next_multiple_of(Self::ALIGN);
    const FIRST: usize = size_of::<Block>().next_multiple_of(Self::ALIGN);
    /// Blocks have `2^ORDER` frames: at least four objects, or one of those above a frame.
    const ORDER: usize = {
        let least = if Self::SLOT > FRAME_SIZE as usize { 1 } else { 4 };
        let bytes = Self::FIRST + least * Self::SLOT;
        bytes.div_ceil(FRAME_SIZE as usize).next_power_of_two().ilog2() as usize
    };
    const BLOCK_SIZE: usize = (FRAME_SIZE as usize) << Self::ORDER;
    const SLOTS: u32 = ((Self::BLOCK_SIZE - Self::FIRST) / Self::SLOT) as u32;

    /// What one object is charged with, in bytes: its share of a full block, header and rest included.
    pub const OBJECT_BYTES: u64 = (Self::BLOCK_SIZE as u64).div_ceil(Self::SLOTS as u64);

    /// A slab without memory.
    pub const fn new() -> Self {
        Self { partial: List::new(), empty: Cell::new(0), blocks: Cell::new(0), _objects: PhantomData }
    }

    /// A new object as `make` makes it, in its place at once: objects are large. None when memory is out.
    #[inline]
    pub fn create(&self, memory: &KernelMemory, make: impl FnOnce() -> T) -> Option<&'static T> {
        let slot = self.alloc(memory)?;
        // SAFETY: the slot is `T`'s size and alignment, and ours alone until it is freed.
        unsafe {
            slot.write(make());
            Some(slot.as_ref())
        }
    }

    /// Drops an object and frees its slot.
    ///
    /// # Safety
    /// `object` came from this slab's [`create`](Self::create), and neither it nor a copy of it is
    /// used afterwards.
    #[inline]
    pub unsafe fn destroy(&self, memory: &KernelMemory, object: &'static T) {
        let slot = NonNull::from(object);
        // SAFETY: the caller gives up the last reference; the slot came from `alloc`.
        unsafe {
            slot.drop_in_place();
            self.free(memory, slot);
        }
    }

    /// An uninitialised slot for one `T`, or `None` when memory is out.
    #[inline]
    pub fn alloc(&self, memory: &KernelMemory) -> Option<NonNull<T>> {
        let block = match self.partial.first() {
            Some(block) => block,
            None => self.grow(memory)?,
        };
        let slot = match block.free.get() {
            Some(slot) => {
                // SAFETY: a slot on the free list holds a `FreeSlot` and nobody else's data.
                block.free.set(unsafe { slot.as_ref().next });
                slot.cast()
            }
            None => {
                let index = block.touched.get();
                block.touched.set(index + 1);
                // SAFETY: a partial block without free-list entries has untouched slots, so the
                // index is below SLOTS and the slot inside the block.
                unsafe { NonNull::from(block).byte_add(Self::FIRST + index as usize * Self::SLOT) }.cast()
            }
        };
        let used = block.used.get();
        if used == 0 {
            self.empty.set(self.empty.get() - 1);
        }
        block.used.set(used + 1);
        if used + 1 == Self::SLOTS {
            self.partial.remove(block);
        }
        Some(slot)
    }

    /// Frees a slot without dropping what is in it.
    ///
    /// # Safety
    /// `slot` came from this slab's [`alloc`](Self::alloc) and is not used afterwards; `memory` is
    /// the same as then.
    #[inline]
    pub unsafe fn free(&self, memory: &KernelMemory, slot: NonNull<T>) {
        let start = slot.as_ptr().map_addr(|address| address & !(Self::BLOCK_SIZE - 1));
        // SAFETY: `slot` lies in a block of this slab, which starts with its header at that
        // address; a block lives until its last slot is freed.
        let block: &'static Block = unsafe { &*start.cast::<Block>() };
        let entry = slot.cast::<FreeSlot>();
        // SAFETY: the caller gives up the slot, which is large and aligned enough for an entry.
        unsafe { entry.write(FreeSlot { next: block.free.get() }) };
        block.free.set(Some(entry));
        let used = block.used.get();
        block.used.set(used - 1);
        if used == Self::SLOTS {
            self.partial.push_front(block);
        }
        if used == 1 {
            self.empty.set(self.empty.get() + 1);
            if self.empty.get() > 1 {
                self.release(memory, block);
            }
        }
    }

    /// Gives the empty block that is kept, if there is one, back to the frame allocator.
    pub fn trim(&self, memory: &KernelMemory) {
        if self.empty.get() > 0
            && let Some(block) = self.partial.iter().find(|block| block.used.get() == 0)
        {
            self.release(memory, block);
        }
    }

    /// Frames in use by the slab, the kept empty block included.
    pub fn frames(&self) -> u64 {
        u64::from(self.blocks.get()) << Self::ORDER
    }

    /// Blocks with free slots are listed, and count what is used of them.
    #[cfg(any(test, feature = "invariants"))]
    pub fn check(&self) -> Check {
        self.partial.check()?;
        let mut empty = 0;
        for block in self.partial.iter() {
            let of = [address(block), block.used.get().into()];
            ensure(block.used.get() < Self::SLOTS, "a listed block of a slab has a free slot", of)?;
            let mut free = 0;
            let mut slot = block.free.get();
            while let Some(next) = slot {
                let inside = next.as_ptr().addr() & !(Self::BLOCK_SIZE - 1) == core::ptr::from_ref(block).addr();
                ensure(inside && free < Self::SLOTS, "a free slot lies in its block", of)?;
                // SAFETY: a slot of this block, on its free list, so it holds a `FreeSlot`.
                slot = unsafe { next.as_ref().next };
                free += 1;
            }
            ensure(block.touched.get() - block.used.get() == free, "slots used and free are all", of)?;
            empty += u32::from(block.used.get() == 0);
        }
        ensure(empty == self.empty.get() && empty <= 1, "empty blocks are counted", [empty.into(), address(self)])
    }

    #[cold]
    fn grow(&self, memory: &KernelMemory) -> Option<&'static Block> {
        let block = memory.alloc(Self::ORDER)?.cast::<Block>();
        // SAFETY: a fresh block of at least a frame, aligned to its size; it stays until
        // `release`, which only an empty block reaches.
        let block: &'static Block = unsafe {
            block.write(Block {
                links: Links::new(),
                free: Cell::new(None),
                touched: Cell::new(0),
                used: Cell::new(0),
            });
            block.as_ref()
        };
        self.partial.push_front(block);
        self.empty.set(self.empty.get() + 1);
        self.blocks.set(self.blocks.get() + 1);
        Some(block)
    }

    #[cold]
    fn release(&self, memory: &KernelMemory, block: &'static Block) {
        self.partial.remove(block);
        self.empty.set(self.empty.get() - 1);
        self.blocks.set(self.blocks.get() - 1);
        // SAFETY: the block came from `memory` with this order (`grow`), holds no object and is
        // on no list any more.
        unsafe { memory.free(NonNull::from(block).cast(), Self::ORDER) };
    }
}

impl<T: 'static> Default for Slab<T> {
    fn default() -> Self {
        Self::new()
    }
}
