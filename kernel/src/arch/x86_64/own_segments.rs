//! Data segments of a thread's own: four descriptors in the GDT, its task's LDT, and the selectors in DS, ES, FS, GS.
//!
//! Few threads have any, and those that have none pay nothing. A switch compares what FS and GS hold with what the next
//! thread expects there: the guard (`segments.rs`), or, if it has segments of its own, what nothing can be. That the one
//! before had some is seen by the FS base that is noted as loaded, which is none then (`percpu.rs`). Invariant: the
//! kernel loads no selector that the processor would refuse.
#![allow(unsafe_code)] // loads selectors and the LDT, refers to the page of an LDT

use core::arch::asm;
use core::cell::Cell;
use core::ptr::NonNull;

use super::segments::{BASE_GUARD, USER_DATA};

/// Descriptors in the GDT that a thread can have (`fiasco_gdt_set`).
pub const USER_DESCRIPTORS: usize = 4;
/// Index in the GDT of the first of them.
pub const FIRST_USER_DESCRIPTOR: usize = 0x58 / 8;
/// Descriptors in a page.
const LDT_ENTRIES: usize = 4096 / 8;

/// The sum of what FS and GS hold while nobody has loaded them. Of the selectors that a thread without segments of its
/// own can load, the guard is the greatest, so no others have that sum.
const GUARDS: u32 = 2 * BASE_GUARD as u32;
/// No sum of two selectors.
const OWN: u32 = u32::MAX;

/// A segment descriptor that a program wants.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Descriptor(pub u64);

impl Descriptor {
    const PRESENT: u64 = 1 << 47;
    const DPL3: u64 = 3 << 45;
    const NO_SYSTEM: u64 = 1 << 44;
    const CODE: u64 = 1 << 43;

    /// Whether a program may have it: it is absent, or a data segment of user mode. Code segments of programs' own
    /// would be those of 16 and 32 bits, which the kernel does not run.
    pub const fn is_allowed(self) -> bool {
        self.0 & Self::PRESENT == 0 || self.is_loadable()
    }

    const fn is_loadable(self) -> bool {
        let wanted = Self::PRESENT | Self::DPL3 | Self::NO_SYSTEM;
        self.0 & (wanted | Self::CODE) == wanted
    }
}

/// A local descriptor table: a page, of which a part is used.
pub struct Ldt {
    page: Cell<Option<NonNull<[Cell<u64>; LDT_ENTRIES]>>>,
    used: Cell<usize>,
}

impl Ldt {
    /// None yet.
    pub const fn new() -> Self {
        Self { page: Cell::new(None), used: Cell::new(0) }
    }

    /// The page, if there is one.
    pub fn page(&self) -> Option<NonNull<u8>> {
        self.page.get().map(NonNull::cast)
    }

    /// Uses this page.
    ///
    /// # Safety
    /// It is a page of zeroes in the direct map that nobody else uses, until the table is dropped.
    pub unsafe fn set_page(&self, page: NonNull<u8>) {
        self.page.set(Some(page.cast()));
    }

    /// Gives the page up; nobody has the table loaded any more.
    pub fn take_page(&self) -> Option<NonNull<u8>> {
        self.used.set(0);
        self.page.take().map(NonNull::cast)
    }

    fn entries(&self) -> &[Cell<u64>] {
        match self.page.get() {
            // SAFETY: `set_page` vouches for the page.
            Some(page) => unsafe { &page.as_ref()[..self.used.get()] },
            None => &[],
        }
    }

    /// Whether so many descriptors from `first` on have a place.
    pub fn has_room(first: usize, count: usize) -> bool {
        first.checked_add(count).is_some_and(|end| end <= LDT_ENTRIES)
    }

    /// Makes the table end before descriptor `end`.
    pub fn set_end(&self, end: usize) {
        if self.page.get().is_some() {
            self.used.set(end.min(LDT_ENTRIES));
        }
    }

    /// Sets a descriptor that is allowed, and within the table.
    pub fn set(&self, index: usize, descriptor: Descriptor) {
        if let Some(entry) = self.entries().get(index) {
            entry.set(descriptor.0);
        }
    }

    /// The two words of its descriptor in the GDT; absent if it is empty.
    pub fn system_descriptor(&self) -> [u64; 2] {
        const PRESENT_LDT: u64 = 0x82 << 40;
        let entries = self.entries();
        if entries.is_empty() {
            return [0; 2];
        }
        let (base, limit) = (entries.as_ptr() as u64, (size_of_val(entries) - 1) as u64);
        [limit | (base & 0xff_ffff) << 16 | PRESENT_LDT | (base >> 24 & 0xff) << 56, base >> 32]
    }
}

/// What a thread has of its own.
pub struct OwnSegments {
    /// The sum of FS and GS that a switch to the thread is content with.
    expected: Cell<u32>,
    descriptors: [Cell<u64>; USER_DESCRIPTORS],
    ldt: Cell<Option<&'static Ldt>>,
}

impl OwnSegments {
    /// Nothing.
    pub const fn none() -> Self {
        let descriptors = [const { Cell::new(0) }; USER_DESCRIPTORS];
        Self { expected: Cell::new(GUARDS), descriptors, ldt: Cell::new(None) }
    }

    /// Whether there is something.
    #[inline(always)]
    pub fn are_some(&self) -> bool {
        self.expected.get() == OWN
    }

    /// Whether there is nothing, and the thread that ran, if it has nothing either, has loaded neither FS nor GS.
    #[inline(always)]
    pub fn guards_intact(&self) -> bool {
        let (fs, gs) = fs_gs();
        fs + gs == self.expected.get()
    }

    /// Sets a descriptor that is allowed.
    pub fn set_descriptor(&self, index: usize, descriptor: Descriptor) {
        self.descriptors[index].set(descriptor.0);
        self.expected.set(OWN);
    }

    /// The descriptors for the GDT.
    pub fn descriptors(&self) -> &[Cell<u64>; USER_DESCRIPTORS] {
        &self.descriptors
    }

    /// Sets the LDT.
    pub fn set_ldt(&self, ldt: Option<&'static Ldt>) {
        self.ldt.set(ldt);
        if ldt.is_some() {
            self.expected.set(OWN);
        }
    }

    /// The LDT.
    pub fn ldt(&self) -> Option<&'static Ldt> {
        self.ldt.get()
    }

    /// The selector, or null if the processor would refuse it.
    pub fn loadable(&self, selector: u16) -> u16 {
        const LOCAL: u16 = 4;
        const PRIVILEGE: u16 = 3;
        let index = usize::from(selector / 8);
        let descriptor = match self.ldt.get() {
            Some(ldt) if selector & LOCAL != 0 => ldt.entries().get(index).map(Cell::get),
            None if selector & LOCAL != 0 => None,
            _ if selector | PRIVILEGE == USER_DATA => return selector,
            _ => index.checked_sub(FIRST_USER_DESCRIPTOR).and_then(|own| self.descriptors.get(own)).map(Cell::get),
        };
        if descriptor.is_some_and(|descriptor| Descriptor(descriptor).is_loadable()) { selector } else { 0 }
    }
}

/// The selectors in FS and GS.
#[inline(always)]
fn fs_gs() -> (u32, u32) {
    let (fs, gs): (u32, u32);
    // SAFETY: reads two selectors.
    unsafe {
        asm!("mov {:e}, fs", "mov {:e}, gs", out(reg) fs, out(reg) gs,
             options(nomem, nostack, preserves_flags));
    }
    (fs, gs)
}

/// The selectors in DS, ES, FS and GS, from the lowest bits up.
pub fn selectors() -> u64 {
    let (ds, es): (u32, u32);
    // SAFETY: reads two selectors.
    unsafe {
        asm!("mov {:e}, ds", "mov {:e}, es", out(reg) ds, out(reg) es,
             options(nomem, nostack, preserves_flags));
    }
    let (fs, gs) = fs_gs();
    u64::from(ds) | u64::from(es) << 16 | u64::from(fs) << 32 | u64::from(gs) << 48
}

/// Loads DS and ES.
pub fn load_data(ds: u16, es: u16) {
    // SAFETY: selectors that are `loadable`; the kernel uses neither.
    unsafe { asm!("mov ds, {0:x}", "mov es, {1:x}", in(reg) u32::from(ds), in(reg) u32::from(es), options(nostack)) };
}

/// Loads FS and GS. Both bases are what the descriptors say afterwards, the kernel's own GS base included.
pub fn load_fs_gs(fs: u16, gs: u16) {
    // SAFETY: selectors that are `loadable`; the callers set the bases that the kernel needs.
    unsafe { asm!("mov fs, {0:x}", "mov gs, {1:x}", in(reg) u32::from(fs), in(reg) u32::from(gs), options(nostack)) };
}

/// Loads the LDT whose descriptor has this selector, or none for null.
///
/// # Safety
/// The descriptor is one of [`Ldt::system_descriptor`], of a table that stays until another one is loaded.
pub unsafe fn load_ldt(selector: u16) {
    // SAFETY: see above.
    unsafe { asm!("lldt {0:x}", in(reg) u32::from(selector), options(nostack)) };
}
