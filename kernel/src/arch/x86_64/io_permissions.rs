//! Which I/O ports the current task may use: the bitmap behind the task state segment.
//!
//! Invariant: where the processor looks at a bitmap at all, it is a copy of the one that was loaded last, as it
//! was at that moment: whoever changes the current task's ports loads it again.
#![allow(unsafe_code)] // copies the bitmap in one go

use core::cell::Cell;

use kernel::space::IoBitmap;

use super::percpu::PerCpu;
use super::segments::IO_WORDS;

/// The revision of the bitmap that the CPU has a copy of; 0: none.
pub(super) struct Loaded(Cell<u64>);

impl Loaded {
    /// No bitmap.
    pub const fn none() -> Self {
        Self(Cell::new(0))
    }
}

/// The ports of the current address space have changed: loads them anew.
pub fn load_ports(bitmap: Option<(&IoBitmap, u64)>) {
    PerCpu::get().load_ports(bitmap);
}

impl PerCpu {
    /// Makes the processor check ports against a bitmap of this revision; `None` denies all ports. Copies it only if
    /// another one is loaded.
    #[inline(always)]
    pub(super) fn load_ports(&self, bitmap: Option<(&IoBitmap, u64)>) {
        match bitmap {
            None => self.tss.deny_io(),
            Some((bitmap, revision)) => self.load_bitmap(bitmap, revision),
        }
    }

    fn load_bitmap(&self, bitmap: &IoBitmap, revision: u64) {
        if self.io.0.replace(revision) != revision {
            copy(self.tss.io_words(), bitmap.words());
        }
        self.tss.enable_io();
    }
}

/// Whether the processor checks ports against `bitmap`.
#[cfg(feature = "invariants")]
pub fn has_io_bitmap(bitmap: Option<(&IoBitmap, u64)>) -> bool {
    let cpu = PerCpu::get();
    let Some((bitmap, _)) = bitmap else { return !cpu.tss.allows_io() };
    let (pairs, _) = cpu.tss.io_words().as_chunks::<2>();
    let word = |pair: &[Cell<u32>; 2]| u64::from(pair[0].get()) | u64::from(pair[1].get()) << 32;
    cpu.tss.allows_io() && pairs.iter().zip(bitmap.words()).all(|(pair, ours)| word(pair) == ours.get())
}

/// Every switch between tasks that have ports comes here, so it is done as fast as the processor can.
#[cold]
fn copy(target: &[Cell<u32>; IO_WORDS], source: &[Cell<u64>]) {
    let (from, to) = (source.as_ptr().cast::<u8>(), target.as_ptr().cast::<u8>().cast_mut());
    let bytes = size_of_val(target).min(size_of_val(source));
    // SAFETY: cells of plain numbers, which may be written through shared references; as many bytes as both have; the
    // task state segment and a task's bitmap do not overlap.
    unsafe { core::ptr::copy_nonoverlapping(from, to, bytes) };
}
