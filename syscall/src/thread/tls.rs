//! Thread-local storage: one copy of the image's PT_TLS segment per thread, in ELF's variant II layout:
//! the copy ends at the thread pointer (the FS base), where a word with the thread pointer's own value
//! stands.
#![allow(unsafe_code)] // reads the image's own headers, writes the copy

use alloc::alloc::{Layout, alloc, dealloc};
use core::ptr::NonNull;

use crate::{Code, Result};

/// A TLS segment's extent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Segment {
    start: usize,
    file_size: usize,
    memory_size: usize,
    align: usize,
}

/// The image's TLS segment; `None` when nothing in it is thread-local.
#[cfg(target_os = "none")]
fn segment() -> Option<Segment> {
    unsafe extern "C" {
        static __image_start: u8;
        static __link_base: u8;
    }
    const PT_TLS: u32 = 7;
    let image = &raw const __image_start;
    // SAFETY: the image starts with its ELF header and program headers, since the linker script puts
    // them there. Offsets are those of Elf64_Ehdr and Elf64_Phdr.
    unsafe {
        let headers = image.add(image.add(32).cast::<u64>().read() as usize);
        let entry_size = image.add(54).cast::<u16>().read() as usize;
        let count = image.add(56).cast::<u16>().read() as usize;
        let header =
            (0..count).map(|index| headers.add(index * entry_size)).find(|h| h.cast::<u32>().read() == PT_TLS)?;
        let word = |offset: usize| header.add(offset).cast::<u64>().read() as usize;
        // Program headers hold link-time addresses.
        let displacement = (image as usize).wrapping_sub(link_base());
        let found = Segment {
            start: word(16).wrapping_add(displacement),
            file_size: word(32),
            memory_size: word(40),
            align: word(48).max(1),
        };
        return (found.memory_size > 0).then_some(found);
    }

    fn link_base() -> usize {
        let base: usize;
        // SAFETY: loads an absolute symbol of the linker script, which is never relocated.
        unsafe {
            core::arch::asm!("movabs {}, offset __link_base", out(reg) base, options(pure, nomem, nostack, preserves_flags));
        }
        base
    }
}

#[cfg(not(target_os = "none"))]
fn segment() -> Option<Segment> {
    None
}

/// Where the copy starts in its block and where the thread pointer is, and the block's layout.
fn place(segment: Segment) -> Result<(usize, usize, Layout)> {
    let align = segment.align.max(align_of::<usize>());
    // The thread pointer is aligned; the copy is congruent to the segment modulo the alignment.
    let gap = (segment.start + segment.memory_size).wrapping_neg() % segment.align;
    let pointer = (segment.memory_size + gap).next_multiple_of(align);
    let layout = Layout::from_size_align(pointer + size_of::<usize>(), align).map_err(|_| Code::NoMem)?;
    Ok((pointer - gap - segment.memory_size, pointer, layout))
}

/// A thread's copy.
pub(crate) struct Block {
    start: NonNull<u8>,
    layout: Layout,
    pointer: u64,
}

// SAFETY: plain memory, used by the thread that it was made for.
unsafe impl Send for Block {}

impl Block {
    /// A fresh copy; `None` when the image has no thread-local storage.
    ///
    /// # Errors
    /// `NoMem`.
    pub(crate) fn new() -> Result<Option<Self>> {
        let Some(segment) = segment() else { return Ok(None) };
        let (copy, pointer, layout) = place(segment)?;
        // SAFETY: the layout is not empty; everything written lies in the block, by `place`.
        unsafe {
            let start = NonNull::new(alloc(layout)).ok_or(Code::NoMem)?;
            start.write_bytes(0, layout.size());
            let image = segment.start as *const u8;
            start.add(copy).as_ptr().copy_from_nonoverlapping(image, segment.file_size);
            let thread_pointer = start.as_ptr().add(pointer);
            thread_pointer.cast::<usize>().write(thread_pointer as usize);
            Ok(Some(Self { start, layout, pointer: thread_pointer as u64 }))
        }
    }

    /// The thread pointer, for the FS base.
    pub(crate) fn thread_pointer(&self) -> u64 {
        self.pointer
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        // SAFETY: allocated with this layout; its thread is gone.
        unsafe { dealloc(self.start.as_ptr(), self.layout) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_end_at_the_thread_pointer_and_keep_their_alignment() {
        for (start, memory_size, align) in [(0x1000, 24, 8), (0x1008, 20, 4), (0x2040, 100, 64), (0x30, 7, 1)] {
            let segment = Segment { start, file_size: 0, memory_size, align };
            let (copy, pointer, layout) = place(segment).unwrap();
            // The linker's formula for the first thread-local symbol's offset from the thread pointer.
            let offset = memory_size + (start + memory_size).wrapping_neg() % align;
            assert_eq!(pointer - copy, offset);
            assert_eq!(copy % align, start % align, "{segment:?}");
            assert!(layout.size() == pointer + 8 && pointer % 8 == 0);
        }
    }
}
