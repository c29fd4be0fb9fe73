//! Memory of one's own: [`Mapping`] is a dataspace attached to the program's address space.
//!
//! ```no_run
//! # fn example() -> syscall::Result {
//! use syscall::memory::Mapping;
//!
//! let mut page = Mapping::anonymous(4096)?;
//! page.as_mut_slice()[0] = 1;
//! # Ok(()) }
//! ```
#![allow(unsafe_code)] // slices of attached memory

use crate::{
    Cap, Owned, Result, env,
    l4re::{
        dataspace::Dataspace,
        rm::{Attach, flags},
    },
};

/// A dataspace that is attached to this program's address space while this lives.
///
/// Its slices are ordinary memory for Rust. Where the dataspace is shared with another program that
/// writes to it, use [`read`](Self::read) and [`write`](Self::write) in their place.
pub struct Mapping {
    start: usize,
    length: usize,
    dataspace: Option<Owned<Dataspace>>,
}

impl Mapping {
    /// New memory of `length` bytes, all zero.
    ///
    /// # Errors
    /// `NoMem` when the quota or the address space does not suffice.
    pub fn anonymous(length: usize) -> Result<Self> {
        Self::attach_owned(env::mem_alloc().allocate(length)?, length, flags::RW)
    }

    /// The first `length` bytes of `dataspace`, with rights of [`flags`].
    ///
    /// # Errors
    /// `NoMem` when the address space does not suffice, `Perm` for rights that the capability does not
    /// give.
    pub fn attach(dataspace: Cap<Dataspace>, length: usize, rights: u32) -> Result<Self> {
        let start = env::rm().attach(Attach::new(dataspace, length as u64, rights))?;
        Ok(Self { start: start as usize, length, dataspace: None })
    }

    /// The same of a dataspace that the mapping keeps.
    ///
    /// # Errors
    /// As for [`attach`](Self::attach).
    pub fn attach_owned(dataspace: Owned<Dataspace>, length: usize, rights: u32) -> Result<Self> {
        let mut mapping = Self::attach(dataspace.cap(), length, rights)?;
        mapping.dataspace = Some(dataspace);
        Ok(mapping)
    }

    /// The file at `path`, such as `rom/hello`, read-only.
    ///
    /// # Errors
    /// `NoEnt` when there is none, and as for [`attach`](Self::attach).
    pub fn file(path: &str) -> Result<Self> {
        let dataspace = env::open::<Dataspace>(path)?;
        let length = dataspace.size()? as usize;
        Self::attach_owned(dataspace, length, flags::R)
    }

    /// First address.
    pub fn address(&self) -> usize {
        self.start
    }

    /// Length in bytes.
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether the length is 0.
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// The dataspace, where this mapping keeps it.
    pub fn dataspace(&self) -> Option<Cap<Dataspace>> {
        self.dataspace.as_ref().map(Owned::cap)
    }

    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        // SAFETY: the region map has attached readable memory there, which only this mapping names.
        unsafe { core::slice::from_raw_parts(self.start as *const u8, self.length) }
    }

    /// The bytes, to be written; in a read-only mapping, writing is a fault that ends the program.
    pub fn as_mut_slice(&mut self) -> &mut [u8] {
        // SAFETY: as above, and `self` is borrowed mutably.
        unsafe { core::slice::from_raw_parts_mut(self.start as *mut u8, self.length) }
    }

    /// Copies bytes from `offset` out of memory that others may write meanwhile.
    ///
    /// # Panics
    /// If the range does not lie within.
    pub fn read(&self, offset: usize, buffer: &mut [u8]) {
        assert!(offset <= self.length && buffer.len() <= self.length - offset);
        for (at, byte) in buffer.iter_mut().enumerate() {
            // SAFETY: within the mapping, as checked; volatile, since others may write.
            *byte = unsafe { ((self.start + offset + at) as *const u8).read_volatile() };
        }
    }

    /// Copies bytes to `offset` of memory that others may read or write meanwhile.
    ///
    /// # Panics
    /// If the range does not lie within.
    pub fn write(&mut self, offset: usize, bytes: &[u8]) {
        assert!(offset <= self.length && bytes.len() <= self.length - offset);
        for (at, byte) in bytes.iter().enumerate() {
            // SAFETY: as above.
            unsafe { ((self.start + offset + at) as *mut u8).write_volatile(*byte) };
        }
    }

    /// The memory, which from now on stays attached for good.
    pub fn leak(self) -> &'static mut [u8] {
        let mut this = core::mem::ManuallyDrop::new(self);
        // SAFETY: nobody detaches it any more.
        unsafe { core::slice::from_raw_parts_mut(this.as_mut_slice().as_mut_ptr(), this.length) }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // What the region map does not give back stays attached; nothing refers to it.
        let _ = env::rm().detach_and_unmap(self.start as u64);
    }
}
