//! What a thread needs besides its kernel object: a stack with a guard page below it, and a UTCB. Both
//! are kept for the next thread when one ends.
#![allow(unsafe_code)] // a word of a UTCB that no thread uses

use alloc::vec::Vec;
use core::sync::atomic::{AtomicU64, Ordering};

use abi::{Flexpage, PAGE_SHIFT, PAGE_SIZE, Rights, Utcb};

use crate::{
    Code, Dataspace, Owned, Result, Task, env,
    l4re::rm::{Attach, flags, unmap_range},
    sync::Mutex,
};

/// A stack: memory, and an unmapped page below it.
pub(crate) struct Stack {
    /// Lowest address of the memory.
    start: u64,
    size: usize,
    memory: Owned<Dataspace>,
}

/// Stacks of threads that have ended.
static STACKS: Mutex<Vec<Stack>> = Mutex::new(Vec::new());
/// How many stacks are kept.
const STACKS_KEPT: usize = 8;

const GUARD: u64 = PAGE_SIZE as u64;

impl Stack {
    /// A stack of `size` bytes, rounded up to pages.
    pub(crate) fn new(size: usize) -> Result<Self> {
        let size = size.checked_next_multiple_of(PAGE_SIZE).filter(|&size| size > 0).ok_or(Code::Inval)?;
        let mut kept = STACKS.lock();
        if let Some(at) = kept.iter().position(|stack| stack.size == size) {
            return Ok(kept.swap_remove(at));
        }
        drop(kept);
        let memory = env::mem_alloc().allocate(size)?;
        let rm = env::rm();
        let area = rm.reserve_area(0, size as u64 + GUARD, flags::SEARCH_ADDR, PAGE_SHIFT)?;
        let attach = Attach {
            start: area + GUARD,
            flags: flags::RW | flags::IN_AREA,
            name: "[stack]",
            ..Attach::new(memory.cap(), size as u64, 0)
        };
        match rm.attach(attach) {
            Ok(start) => Ok(Self { start, size, memory }),
            Err(error) => {
                rm.free_area(area)?;
                Err(error)
            }
        }
    }

    /// The address behind the stack, where it begins to grow.
    pub(crate) fn top(&self) -> u64 {
        self.start + self.size as u64
    }

    /// Keeps the stack for another thread, or gives it back.
    pub(crate) fn recycle(self) {
        let mut kept = STACKS.lock();
        if kept.len() < STACKS_KEPT {
            kept.push(self);
            return;
        }
        drop(kept);
        // What the region map does not take back stays reserved; it is not used again.
        let rm = env::rm();
        let _ = rm.detach_and_unmap(self.start);
        let _ = rm.free_area(self.start - GUARD);
        drop(self.memory);
    }
}

/// UTCBs of threads that have ended.
static UTCBS: Mutex<Vec<u64>> = Mutex::new(Vec::new());
/// The next UTCB of the area that no thread has used, and the area's end; 0 before the first use.
static NEXT: AtomicU64 = AtomicU64::new(0);
static END: AtomicU64 = AtomicU64::new(0);

fn free_marker(utcb: u64) -> *mut u64 {
    // SAFETY: only the address is computed.
    unsafe { &raw mut (*(utcb as *mut Utcb)).free_marker }
}

/// A UTCB for a new thread.
///
/// # Errors
/// `NoMem` when the kernel gives no more memory for UTCBs.
pub(crate) fn take_utcb() -> Result<u64> {
    let mut free = UTCBS.lock();
    // SAFETY: the UTCBs in the list are mapped, and used by at most the kernel, which sets the word to 0
    // when it has done with one.
    let ready = free.iter().position(|&utcb| unsafe { free_marker(utcb).read_volatile() } == 0);
    let utcb = match ready {
        Some(at) => free.swap_remove(at),
        None => fresh_utcb()?,
    };
    // SAFETY: as above; nobody uses this one.
    unsafe { free_marker(utcb).write_volatile(1) };
    Ok(utcb)
}

/// Called under the lock of [`UTCBS`].
fn fresh_utcb() -> Result<u64> {
    if NEXT.load(Ordering::Relaxed) == 0 {
        let env = env::raw().ok_or(Code::NoMem)?;
        let area = Flexpage::from_raw(env.utcb_area);
        NEXT.store(env.first_free_utcb, Ordering::Relaxed);
        END.store(area.address() + (1 << area.order()), Ordering::Relaxed);
    }
    if NEXT.load(Ordering::Relaxed) == END.load(Ordering::Relaxed) {
        let start = more_utcbs()?;
        NEXT.store(start, Ordering::Relaxed);
        END.store(start + PAGE_SIZE as u64, Ordering::Relaxed);
    }
    Ok(NEXT.fetch_add(abi::utcb::SIZE as u64, Ordering::Relaxed))
}

/// A page of UTCBs beyond the first area.
fn more_utcbs() -> Result<u64> {
    let page = Attach {
        flags: flags::KERNEL | flags::RW | flags::SEARCH_ADDR,
        name: "[utcb]",
        ..Attach::reserved(PAGE_SIZE as u64)
    };
    let start = env::rm().attach(page)?;
    match Task::this().add_ku_mem(Flexpage::memory(start, PAGE_SHIFT, Rights::RW)) {
        Ok(area) => Ok(area.address()),
        Err(error) => {
            env::rm().detach(start)?;
            unmap_range(Task::this(), start, PAGE_SIZE as u64)?;
            Err(error)
        }
    }
}

/// Takes back the UTCB of a thread that is gone.
pub(crate) fn give_back_utcb(utcb: u64) {
    UTCBS.lock().push(utcb);
}

/// Takes back a UTCB that no thread was bound to.
pub(crate) fn give_back_unused_utcb(utcb: u64) {
    // SAFETY: mapped, and used by nobody.
    unsafe { free_marker(utcb).write_volatile(0) };
    give_back_utcb(utcb);
}
