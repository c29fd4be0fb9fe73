//! Which page frames moe holds and how often each is used: a buddy allocator with a reference count per
//! frame. Pure bookkeeping; what is in the frames is `store`'s business.
//!
//! Frames come in by `add`, in any order and with holes. Invariant: a free block of order n is naturally
//! aligned, lies in the list of its order by its first frame, and its buddy is not a free block of the
//! same order. Single frames that were freed wait on a short stack for the next one who wants a single
//! frame; they join their buddies when the stack is full, or when a block is wanted that there is not.

use alloc::vec::Vec;

/// Logarithm of the number of frames in the largest block: 1 GiB.
pub const MAX_ORDER: u32 = 18;

/// Frames whose state is kept in one piece: those of a superpage.
const CHUNK: usize = 512;

/// Single frames that wait to be used again.
const STACK: usize = 64;
/// Order of the blocks that fill the stack.
const REFILL_ORDER: u32 = 5;

/// No frame, as a link of a list.
const NONE: u32 = u32::MAX;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// Not moe's.
    Foreign,
    /// First frame of a free block.
    FreeBlock { order: u32, previous: u32, next: u32 },
    /// In a free block, but not its first frame; or on the stack.
    FreeInside,
    /// In use, this often.
    Used(u32),
}

/// The allocator. Frames go by their number, address / 4096.
pub struct Frames {
    chunks: Vec<Vec<State>>,
    lists: [u32; MAX_ORDER as usize + 1],
    stack: [u32; STACK],
    stacked: usize,
    free: u64,
    total: u64,
}

impl Default for Frames {
    fn default() -> Self {
        Self::new()
    }
}

impl Frames {
    /// No frames yet.
    pub const fn new() -> Self {
        Frames {
            chunks: Vec::new(),
            lists: [NONE; MAX_ORDER as usize + 1],
            stack: [NONE; STACK],
            stacked: 0,
            free: 0,
            total: 0,
        }
    }

    /// Number of frames that are free.
    pub fn free(&self) -> u64 {
        self.free
    }

    /// Number of frames that were added.
    pub fn total(&self) -> u64 {
        self.total
    }

    /// Takes over `2^order` frames from `first` on. False when there is no heap for their state, or they
    /// are out of reach (16 TiB).
    pub fn add(&mut self, first: u64, order: u32) -> bool {
        let count = 1u64 << order;
        let Ok(behind) = u32::try_from(first + count) else { return false };
        for frame in (first as u32..behind).step_by(CHUNK.min(count as usize)) {
            if !self.make_chunk(frame) {
                return false;
            }
        }
        for frame in first as u32..behind {
            self.set(frame, State::FreeInside);
        }
        self.total += count;
        self.free += count;
        self.release(first as u32, order);
        true
    }

    /// A frame, used once.
    #[inline]
    pub fn allocate_one(&mut self) -> Option<u64> {
        if self.stacked == 0 && !self.refill() {
            return None;
        }
        self.stacked -= 1;
        let frame = self.stack[self.stacked];
        self.set(frame, State::Used(1));
        self.free -= 1;
        Some(frame.into())
    }

    /// `2^order` consecutive frames, aligned to their size, each used once.
    pub fn allocate(&mut self, order: u32) -> Option<u64> {
        let first = self.take(order).or_else(|| {
            self.flush();
            self.take(order)
        })?;
        for frame in first..first + (1 << order) {
            self.set(frame, State::Used(1));
        }
        self.free -= 1 << order;
        Some(first.into())
    }

    /// Puts a block's frames on the empty stack, the first on top.
    #[cold]
    fn refill(&mut self) -> bool {
        let Some((first, order)) = (0..=REFILL_ORDER).rev().find_map(|order| Some((self.take(order)?, order))) else {
            return false;
        };
        for (slot, frame) in self.stack.iter_mut().zip((first..first + (1 << order)).rev()) {
            *slot = frame;
        }
        self.stacked = 1 << order;
        true
    }

    /// Joins the frames on the stack with their buddies.
    #[cold]
    fn flush(&mut self) {
        while self.stacked > 0 {
            self.stacked -= 1;
            self.release(self.stack[self.stacked], 0);
        }
    }

    /// Takes a block out of the lists.
    fn take(&mut self, order: u32) -> Option<u32> {
        let found = (order..=MAX_ORDER).find(|&larger| self.lists[larger as usize] != NONE)?;
        let first = self.lists[found as usize];
        self.unlink(first);
        for smaller in (order..found).rev() {
            self.link(first + (1 << smaller), smaller);
        }
        Some(first)
    }

    /// How often `frame` is used; 0 when it is free or not moe's.
    #[inline]
    pub fn uses(&self, frame: u64) -> u32 {
        match self.state(frame) {
            State::Used(uses) => uses,
            _ => 0,
        }
    }

    /// Uses a frame once more. False when it was not in use.
    pub fn share(&mut self, frame: u64) -> bool {
        match self.state(frame) {
            State::Used(uses) => {
                self.set(frame as u32, State::Used(uses + 1));
                true
            }
            _ => false,
        }
    }

    /// Uses a frame once less; the last one frees it. Frames that are not in use are left alone.
    pub fn unshare(&mut self, frame: u64) {
        match self.state(frame) {
            State::Used(1) => {
                self.set(frame as u32, State::FreeInside);
                self.free += 1;
                if self.stacked == STACK {
                    self.flush();
                }
                self.stack[self.stacked] = frame as u32;
                self.stacked += 1;
            }
            State::Used(uses) => self.set(frame as u32, State::Used(uses - 1)),
            _ => {}
        }
    }

    /// Puts a block, marked `FreeInside`, into the lists, joined with its free buddies.
    fn release(&mut self, mut first: u32, mut order: u32) {
        while order < MAX_ORDER {
            let buddy = first ^ (1 << order);
            match self.state(buddy.into()) {
                State::FreeBlock { order: its, .. } if its == order => self.unlink(buddy),
                _ => break,
            }
            first &= buddy;
            order += 1;
        }
        self.link(first, order);
    }

    fn link(&mut self, first: u32, order: u32) {
        let next = self.lists[order as usize];
        self.set(first, State::FreeBlock { order, previous: NONE, next });
        if let State::FreeBlock { order, next: behind, .. } = self.state(next.into()) {
            self.set(next, State::FreeBlock { order, previous: first, next: behind });
        }
        self.lists[order as usize] = first;
    }

    fn unlink(&mut self, first: u32) {
        let State::FreeBlock { order, previous, next } = self.state(first.into()) else { return };
        self.set(first, State::FreeInside);
        match self.state(previous.into()) {
            State::FreeBlock { order, previous: before, .. } => {
                self.set(previous, State::FreeBlock { order, previous: before, next });
            }
            _ => self.lists[order as usize] = next,
        }
        if let State::FreeBlock { order, next: behind, .. } = self.state(next.into()) {
            self.set(next, State::FreeBlock { order, previous, next: behind });
        }
    }

    #[inline]
    fn state(&self, frame: u64) -> State {
        let chunk = self.chunks.get((frame / CHUNK as u64) as usize);
        let state = chunk.and_then(|chunk| chunk.get(frame as usize % CHUNK));
        state.copied().unwrap_or(State::Foreign)
    }

    #[inline]
    fn set(&mut self, frame: u32, state: State) {
        let chunk = self.chunks.get_mut(frame as usize / CHUNK);
        if let Some(slot) = chunk.and_then(|chunk| chunk.get_mut(frame as usize % CHUNK)) {
            *slot = state;
        }
    }

    fn make_chunk(&mut self, frame: u32) -> bool {
        let index = frame as usize / CHUNK;
        if self.chunks.len() <= index {
            if self.chunks.try_reserve(index + 1 - self.chunks.len()).is_err() {
                return false;
            }
            self.chunks.resize_with(index + 1, Vec::new);
        }
        let chunk = &mut self.chunks[index];
        if chunk.is_empty() {
            if chunk.try_reserve_exact(CHUNK).is_err() {
                return false;
            }
            chunk.resize(CHUNK, State::Foreign);
        }
        true
    }
}

#[cfg(test)]
mod tests;
