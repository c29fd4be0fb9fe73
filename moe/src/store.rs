//! The memory behind dataspaces: frames with their contents. What frames there are and how often each
//! is used is `frames`' business; touching memory and other tasks' mappings is the `Machine`'s, so that
//! everything above runs on the host too.

use core::cell::{Cell, RefCell};

use abi::Flexpage;

use crate::frames::{Frames, MAX_ORDER};

/// Bytes of a page.
pub const PAGE: u64 = abi::PAGE_SIZE as u64;

/// Order in bytes of the pieces in which memory is fetched as long as there are such.
const FETCH_ORDER: u8 = abi::SUPERPAGE_SHIFT;

/// What lies below. Addresses are those of memory that came from `more`, or that the caller got by
/// other means and says so.
pub trait Machine {
    /// `2^order` bytes of memory that nobody has used yet, aligned to their size.
    fn more(&self, order: u8) -> Option<u64>;
    /// Fills with zeros.
    fn clear(&self, address: u64, size: u64);
    /// Copies; the two ranges do not overlap.
    fn copy(&self, to: u64, from: u64, size: u64);
    /// Reads into `buffer`.
    fn read(&self, from: u64, buffer: &mut [u8]);
    /// Writes `bytes`.
    fn write(&self, to: u64, bytes: &[u8]);
    /// Takes the rights of these flexpages away from all tasks that they were mapped to.
    fn unmap(&self, pages: &[Flexpage]);
}

/// The frames and the machine.
pub struct Store<M> {
    /// The machine below.
    pub machine: M,
    frames: RefCell<Frames>,
    /// Largest piece that is still to be had, as far as is known.
    fetch_order: Cell<u8>,
    /// Number of frames that only the system itself may take.
    reserve: Cell<u64>,
}

/// For whom memory is taken.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum For {
    /// A program, whose hunger shall not be the end of the system.
    Program,
    /// The system: what starts and serves programs.
    System,
}

impl<M: Machine> Store<M> {
    /// Without any memory yet: it is fetched when needed.
    pub fn new(machine: M) -> Self {
        let frames = RefCell::new(Frames::new());
        Store { machine, frames, fetch_order: Cell::new(FETCH_ORDER), reserve: Cell::new(0) }
    }

    /// Sets `size` bytes aside for the system, as far as there are so many. What the system has taken of them comes
    /// back first when memory is freed.
    pub fn set_reserve(&self, size: u64) {
        let frames = size / PAGE;
        while self.frames.borrow().free() < frames && self.fetch(abi::PAGE_SHIFT).is_some() {}
        self.reserve.set(frames.min(self.frames.borrow().free()));
    }

    /// Bytes that are kept for the system, of those that are free.
    pub fn reserve(&self) -> u64 {
        self.reserve.get().min(self.frames.borrow().free()) * PAGE
    }

    /// Whether `count` free frames can be taken.
    #[inline]
    fn allows(&self, whom: For, count: u64) -> bool {
        whom == For::System || self.frames.borrow().free() >= self.reserve.get() + count
    }

    /// Bytes that were fetched so far, and how many of them are free.
    pub fn totals(&self) -> (u64, u64) {
        let frames = self.frames.borrow();
        (frames.total() * PAGE, frames.free() * PAGE)
    }

    /// A page, used once; what is in it is undefined.
    #[inline]
    pub fn allocate_page(&self, whom: For) -> Option<u64> {
        loop {
            let frame = self.allows(whom, 1).then(|| self.frames.borrow_mut().allocate_one());
            match frame.flatten() {
                Some(frame) => return Some(frame * PAGE),
                None => self.fetch(abi::PAGE_SHIFT)?,
            }
        }
    }

    /// `size` bytes (whole pages) in one piece, aligned to `2^align`, each page used once.
    pub fn allocate(&self, size: u64, align: u8, whom: For) -> Option<u64> {
        let order = size.checked_next_power_of_two()?.trailing_zeros() as u8;
        let start = self.allocate_block(order.max(align), whom)?;
        let behind = start + (1u64 << order.max(align));
        self.release(start + size, behind - start - size);
        Some(start)
    }

    fn allocate_block(&self, order: u8, whom: For) -> Option<u64> {
        let order_in_frames = u32::from(order - abi::PAGE_SHIFT);
        if order_in_frames > MAX_ORDER {
            return None;
        }
        loop {
            let allowed = self.allows(whom, 1 << order_in_frames);
            let frame = allowed.then(|| self.frames.borrow_mut().allocate(order_in_frames));
            match frame.flatten() {
                Some(frame) => return Some(frame * PAGE),
                None => self.fetch(order)?,
            }
        }
    }

    /// Fetches a piece of at least `2^least` bytes.
    #[cold]
    fn fetch(&self, least: u8) -> Option<()> {
        let first = self.fetch_order.get().max(least);
        for order in (least..=first).rev() {
            if let Some(address) = self.machine.more(order) {
                let frames_order = u32::from(order - abi::PAGE_SHIFT);
                return self.frames.borrow_mut().add(address / PAGE, frames_order).then_some(());
            }
            self.fetch_order.set(self.fetch_order.get().min(order.max(abi::PAGE_SHIFT + 1) - 1));
        }
        None
    }

    /// Uses the page at `address` once more.
    #[inline]
    pub fn share(&self, address: u64) -> bool {
        self.frames.borrow_mut().share(address / PAGE)
    }

    /// How often the page at `address` is used.
    #[inline]
    pub fn uses(&self, address: u64) -> u32 {
        self.frames.borrow().uses(address / PAGE)
    }

    /// Uses `size` bytes of pages from `start` on once less each.
    pub fn release(&self, start: u64, size: u64) {
        let mut frames = self.frames.borrow_mut();
        (start / PAGE..(start + size) / PAGE).for_each(|frame| frames.unshare(frame));
    }
}
