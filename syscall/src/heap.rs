//! The heap: `alloc`'s collections work in every program and server.
//!
//! The allocator is talc; it grows by whole pieces from a source: dataspaces of the program's memory
//! allocator, sigma0 for moe, or nothing but what is [donated](donate) for sigma0 and l4re themselves.
//! Growing leaves the message registers as they were, so that a message may be taken apart while
//! collections grow.
//!
//! ```no_run
//! # extern crate alloc;
//! use alloc::vec::Vec;
//!
//! let squares: Vec<u64> = (0..1000).map(|n| n * n).collect();
//! syscall::println!("{} of them; {} bytes of the heap are free", squares.len(), syscall::heap::available_bytes());
//! ```
#![allow(unsafe_code)] // hands memory to the allocator

use core::{
    alloc::Layout,
    sync::atomic::{AtomicU8, Ordering},
};

use talc::{
    TalcLock,
    base::{Talc, binning::Binning},
    source::Source,
};

use crate::{
    arch::utcb,
    env,
    l4re::{
        rm::{Attach, flags},
        sigma0::Sigma0,
    },
    sync::raw::RawMutex,
};

/// Where the heap takes memory from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Supply {
    /// Only what is donated.
    Donations = 0,
    /// The program's memory allocator and region map.
    Dataspaces = 1,
    /// sigma0.
    Sigma0 = 2,
}

/// Least piece by which the heap grows, in bytes; pieces double as the heap grows, up to 64 times that.
const PIECE: usize = 16 * 1024;

/// Pieces beyond this size in bytes are backed with memory at once.
const LARGE: usize = 64 * 1024;

static SUPPLY: AtomicU8 = AtomicU8::new(Supply::Donations as u8);

/// Sets where the heap takes memory from when it is used up. The entry points do this.
pub fn set_supply(supply: Supply) {
    SUPPLY.store(supply as u8, Ordering::Relaxed);
}

/// Adds memory to the heap for good.
pub fn donate(memory: &'static mut [u8]) {
    // SAFETY: the caller had exclusive use of it for ever, and gives that up.
    unsafe { HEAP.lock().claim(memory.as_mut_ptr(), memory.len()) };
}

/// The bytes in free pieces of the heap.
pub fn available_bytes() -> usize {
    HEAP.lock().counters().available_bytes
}

#[derive(Debug)]
struct Growing {
    pieces: u32,
}

// SAFETY: `acquire` uses neither the heap nor anything that might; it only makes system calls.
unsafe impl Source for Growing {
    fn acquire<B: Binning>(talc: &mut Talc<Self, B>, layout: Layout) -> Result<(), ()> {
        // Room for talc's own tags, and for its bins in the first piece.
        let wanted = layout.size().checked_add(layout.align()).and_then(|size| size.checked_add(8 * 1024)).ok_or(())?;
        let least = PIECE << (talc.source.pieces - 1).min(6);
        let size = wanted.max(least).next_multiple_of(abi::PAGE_SIZE);
        let (start, size) = utcb()
            .preserved(|| take(size))
            .or_else(|| {
                let size = wanted.next_multiple_of(abi::PAGE_SIZE);
                utcb().preserved(|| take(size))
            })
            .ok_or(())?;
        talc.source.pieces += 1;
        // SAFETY: `take` returns memory that nothing else uses.
        unsafe { talc.claim(start as *mut u8, size) }.map(drop).ok_or(())
    }
}

/// Gets `size` bytes of memory for the heap, for good: address and size.
fn take(size: usize) -> Option<(u64, usize)> {
    if SUPPLY.load(Ordering::Relaxed) == Supply::Dataspaces as u8 {
        let dataspace = env::mem_alloc().allocate(size).ok()?;
        // Dataspaces are backed page by page, so that too large a one would be found out by a page fault
        // that ends the program; large pieces are backed at once, and can thus fail here.
        if size > LARGE {
            dataspace.allocate(0, size as u64).ok()?;
        }
        let attach = Attach { name: "[heap]", ..Attach::new(dataspace.cap(), size as u64, flags::RW) };
        let start = env::rm().attach(attach).ok()?;
        dataspace.leak();
        Some((start, size))
    } else if SUPPLY.load(Ordering::Relaxed) == Supply::Sigma0 as u8 {
        let order = size.next_power_of_two().ilog2() as u8;
        Some((Sigma0::boot().any_memory(order).ok()?, 1 << order))
    } else {
        None
    }
}

#[cfg_attr(target_os = "none", global_allocator)]
static HEAP: TalcLock<RawMutex, Growing> = TalcLock::new(Growing { pieces: 1 });
