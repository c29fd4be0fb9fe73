//! What the runtime keeps for each thread of the program, found through a word of its UTCB.
//!
//! The main thread's block is static, so that threads that the runtime did not start (a boot server's
//! only thread, for instance) have one too.
#![allow(unsafe_code)] // the pointer in the UTCB, the line buffer that only its thread uses

use core::cell::UnsafeCell;

use alloc::{boxed::Box, string::String, sync::Arc};

use abi::utcb::{USER_NAME, USER_NUMBERS};

use super::life::Life;
use crate::{Cap, Thread, arch::utcb, io::RawOutput, sync::raw::LazySemaphore};

/// Which of the UTCB's words for the program holds the address of the thread's block.
const UTCB_WORD: usize = 0;

/// A thread's block.
pub(crate) struct ControlBlock {
    /// Name; the main thread's is `None`.
    pub(crate) name: Option<String>,
    /// Number, counted from 1 for the main thread.
    pub(crate) id: u64,
    /// The kernel's thread; invalid for the main thread, whose capability is in the environment.
    pub(crate) cap: Cap<Thread>,
    /// What the thread waits on in condition variables and when parked.
    pub(crate) semaphore: LazySemaphore,
    /// How far the thread has come, and what is to be taken back at its end.
    pub(crate) life: Life,
    /// Output of the line that the thread is in, made when it first prints.
    line: UnsafeCell<Option<Box<RawOutput>>>,
    /// Makes the line; `None` for the main thread, whose line is static. The function is known only to who starts threads:
    /// a program without them prints without a heap.
    new_line: Option<fn() -> Box<RawOutput>>,
}

// SAFETY: `line` is used by the block's own thread only (`with_line`); all else is shareable.
unsafe impl Sync for ControlBlock {}

static MAIN: ControlBlock = ControlBlock {
    name: None,
    id: 1,
    cap: Cap::INVALID,
    semaphore: LazySemaphore::new(),
    life: Life::new(),
    line: UnsafeCell::new(None),
    new_line: None,
};

/// The main thread's line, which so can print without a heap.
struct MainLine(UnsafeCell<RawOutput>);

// SAFETY: used by the main thread only (`with_line`).
unsafe impl Sync for MainLine {}

static MAIN_LINE: MainLine = MainLine(UnsafeCell::new(RawOutput::new()));

impl ControlBlock {
    pub(crate) fn new(name: Option<String>, id: u64, cap: Cap<Thread>) -> Self {
        let (semaphore, line) = (LazySemaphore::new(), UnsafeCell::new(None));
        Self { name, id, cap, semaphore, life: Life::new(), line, new_line: Some(Box::default) }
    }

    /// The thread's name; `main` for the first one, `?` for one without.
    pub(crate) fn name(&self) -> &str {
        match &self.name {
            Some(name) => name,
            None if core::ptr::eq(self, &raw const MAIN) => "main",
            None => "?",
        }
    }
}

/// Makes `block` the calling thread's; null for the main thread. The block outlives the thread. Name and number
/// go into the UTCB too, for the crash reports of l4re.
pub(crate) fn set_current(block: *const ControlBlock) {
    // SAFETY: null, or a block that outlives the thread.
    let (known, otherwise) = unsafe { block.as_ref() }.map_or((&MAIN, "main"), |block| (block, ""));
    let name = known.name.as_deref().unwrap_or(otherwise);
    let utcb = utcb();
    utcb.set_user(UTCB_WORD, block as u64);
    utcb.set_user(USER_NAME, name.as_ptr() as u64);
    utcb.set_user(USER_NUMBERS, known.id << 16 | name.len() as u64 & 0xffff);
}

/// The calling thread's block.
pub(crate) fn current() -> &'static ControlBlock {
    #[cfg(not(target_os = "none"))]
    return &MAIN;
    #[cfg(target_os = "none")]
    {
        let block = utcb().user(UTCB_WORD) as *const ControlBlock;
        // SAFETY: null, or set by `set_current` from a block that lives as long as this thread runs. The
        // lifetime is that of the thread, which callers within the crate do not exceed.
        unsafe { block.as_ref() }.unwrap_or(&MAIN)
    }
}

/// The calling thread's block as a counted reference; `None` for the main thread.
pub(crate) fn current_counted() -> Option<Arc<ControlBlock>> {
    let block = core::ptr::from_ref(current());
    if core::ptr::eq(block, &raw const MAIN) {
        return None;
    }
    // SAFETY: every block but the main thread's is in an `Arc`, of which the thread itself holds one.
    unsafe {
        Arc::increment_strong_count(block);
        Some(Arc::from_raw(block))
    }
}

/// The block behind a reference of [`current_counted`].
pub(crate) fn resolve(block: &Option<Arc<ControlBlock>>) -> &ControlBlock {
    block.as_deref().unwrap_or(&MAIN)
}

/// Runs `work` on the calling thread's line buffer; `work` must not print.
pub(crate) fn with_line<T>(work: impl FnOnce(&mut RawOutput) -> T) -> T {
    let block = current();
    // SAFETY: only the block's own thread comes here, and `work` is either of two functions of `io` that
    // copy bytes and send them, and do not come back here.
    let line = match block.new_line {
        None => unsafe { &mut *MAIN_LINE.0.get() },
        // SAFETY: as above.
        Some(new_line) => unsafe { (*block.line.get()).get_or_insert_with(new_line) },
    };
    work(line)
}
