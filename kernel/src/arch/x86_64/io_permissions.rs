//! Which I/O ports the current task may use: the bitmap behind the task state segment.
//!
//! Invariant: the CPU looks at a copy of the bitmap whose revision is `PerCpu::io_revision`, or at none.

use super::percpu::PerCpu;
use super::segments::IO_WORDS;
use core::cell::Cell;

/// Bits of one half of a bitmap, as many as one frame holds.
pub type IoBitmapHalf = [Cell<u64>; 512];

/// A task's port permissions; a set bit denies a port.
#[derive(Clone, Copy)]
pub struct IoBitmap<'a> {
    /// Ports 0 to 0x7fff and 0x8000 to 0xffff; `None` denies all of them.
    pub halves: [Option<&'a IoBitmapHalf>; 2],
    /// Not zero, and different for any two contents that were ever loaded: a kernel-wide counter.
    pub revision: u64,
}

/// Makes the processor check ports against `bitmap`; `None` denies all ports. Copies only what changed.
#[inline(always)]
pub fn load_io_bitmap(bitmap: Option<IoBitmap<'_>>) {
    let cpu = PerCpu::get();
    match bitmap {
        None => cpu.tss.deny_io(),
        Some(bitmap) => {
            if cpu.io_revision.get() != bitmap.revision {
                copy(cpu, bitmap);
            }
            cpu.tss.enable_io();
        }
    }
}

#[cold]
fn copy(cpu: &PerCpu, bitmap: IoBitmap<'_>) {
    let (low, high) = cpu.tss.io_words().split_at(IO_WORDS / 2);
    for (target, source) in [low, high].into_iter().zip(bitmap.halves) {
        match source {
            None => target.iter().for_each(|word| word.set(!0)),
            Some(half) => {
                for (pair, bits) in target.chunks_exact(2).zip(half) {
                    pair[0].set(bits.get() as u32);
                    pair[1].set((bits.get() >> 32) as u32);
                }
            }
        }
    }
    cpu.io_revision.set(bitmap.revision);
}
