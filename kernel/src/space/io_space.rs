//! I/O ports: a space whose pages are single ports, at the port's number times 4096.
//!
//! That is how flexpages write them, so [`Map`](super::Map) and [`Unmap`](super::Unmap) serve ports
//! unchanged, with the same mapping tree (512 ports are a superpage), on tables that no processor
//! reads. The processor's view is the bitmap, which follows every change.
#![allow(unsafe_code)] // turns frames into a bitmap

use super::database::Database;
use super::mem_space::MemSpace;
use super::{MapError, PAGE};
use crate::changes;
use crate::mem::{FRAME_SIZE, Quota};
use core::cell::Cell;
use core::ops::Deref;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// Binary logarithm of the distance of two ports in the space.
pub const PORT_SHIFT: u8 = PAGE;

const PORTS: usize = 1 << 16;
const WORDS: usize = PORTS / 64;
const ORDER: usize = 1;

/// The I/O ports of a task.
pub struct IoSpace(MemSpace);

impl IoSpace {
    /// A space without ports.
    pub const fn new(quota: &'static Quota) -> Self {
        Self(MemSpace::with(quota, (PORTS as u64) << PORT_SHIFT, false))
    }

    /// The space of sigma0, which has all ports.
    pub const fn new_root(quota: &'static Quota) -> Self {
        Self(MemSpace::with(quota, (PORTS as u64) << PORT_SHIFT, true))
    }

    /// The processor's view, and its revision; `None` while the space never had a port. Revisions differ between any two
    /// moments between which the bitmap was changed, and between spaces: a copy is good as long as the revision is the same.
    #[inline]
    pub fn bitmap(&self) -> Option<(&'static IoBitmap, u64)> {
        self.0.ports().map(|bitmap| (bitmap, self.0.ports_revision.get()))
    }
}

impl Deref for IoSpace {
    type Target = MemSpace;
    fn deref(&self) -> &MemSpace {
        &self.0
    }
}

/// The last revision of any bitmap.
static REVISION: AtomicU64 = AtomicU64::new(0);

/// A new revision; none is 0.
pub(super) fn next_revision() -> u64 {
    REVISION.fetch_add(1, Relaxed) + 1
}

/// One bit for each port, set where the port is closed, as the task state segment has it.
#[repr(C, align(8192))]
pub struct IoBitmap {
    words: [Cell<u64>; WORDS],
}

impl IoBitmap {
    /// The bits of ports 64 n to 64 n + 63 in word n, the lowest first.
    pub fn words(&self) -> &[Cell<u64>] {
        &self.words
    }

    /// Whether `port` is open.
    pub fn is_open(&self, port: u16) -> bool {
        self.words[usize::from(port) / 64].get() & (1 << (port % 64)) == 0
    }

    pub(super) fn new(database: &Database, quota: &Quota) -> Result<&'static Self, MapError> {
        quota.charge(FRAME_SIZE << ORDER)?;
        let Some(frames) = database.memory().alloc(ORDER) else {
            quota.release(FRAME_SIZE << ORDER);
            return Err(MapError::OutOfMemory);
        };
        // SAFETY: two frames, aligned to their size, filled before the reference is made, and
        // ours until `free`.
        unsafe {
            frames.write_bytes(0xff, size_of::<Self>());
            Ok(frames.cast::<Self>().as_ref())
        }
    }

    /// Called by the space that had the only reference.
    pub(super) fn free(&'static self, database: &Database, quota: &Quota) {
        // SAFETY: from `new`; the space that it belongs to is gone.
        unsafe { database.memory().free(NonNull::from(self).cast(), ORDER) };
        quota.release(FRAME_SIZE << ORDER);
    }

    pub(super) fn open(&self, address: u64, order: u8) {
        self.change(address, order, |word, bits| word & !bits);
    }

    pub(super) fn close(&self, address: u64, order: u8) {
        self.change(address, order, |word, bits| word | bits);
    }

    fn change(&self, address: u64, order: u8, change: impl Fn(u64, u64) -> u64) {
        changes::table(self);
        let first = (address >> PORT_SHIFT) as usize % PORTS;
        if order == PORT_SHIFT {
            let word = &self.words[first / 64];
            word.set(change(word.get(), 1 << (first % 64)));
        } else {
            for word in self.words.iter().skip(first / 64).take(512 / 64) {
                word.set(change(word.get(), u64::MAX));
            }
        }
    }
}

const _: () = assert!(size_of::<IoBitmap>() == (FRAME_SIZE as usize) << ORDER);
