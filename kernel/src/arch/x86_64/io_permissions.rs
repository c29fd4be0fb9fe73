//! Which I/O ports the current task may use: the bitmap behind the task state segment.
//!
//! Invariant: where the processor looks at a bitmap at all, it is a copy of the one that was loaded last, as it
//! was at that moment: whoever changes the current task's ports loads it again.

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

#[cold]
fn copy(target: &[Cell<u32>; IO_WORDS], source: &[Cell<u64>]) {
    for (pair, word) in target.as_chunks::<2>().0.iter().zip(source) {
        pair[0].set(word.get() as u32);
        pair[1].set((word.get() >> 32) as u32);
    }
}
