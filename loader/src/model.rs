//! What differs between those who start programs: where files and memory come from and who keeps the new
//! task's region map. moe implements it on its own objects; [`crate::Remote`] is the implementation for
//! everyone else, by IPC.
//!
//! Named after L4Re's app model. After an error the caller throws the half-made task away.

use core::ops::Deref;

use crate::Result;

/// How a region is mapped: `abi::l4re::rm::flags`.
pub type RegionFlags = u32;

/// The starter of a program.
pub trait AppModel {
    /// A handle on a dataspace.
    type Dataspace;
    /// The content of a file while it is looked at.
    type Bytes: Deref<Target = [u8]>;

    /// The file `name`, such as `rom/l4re`.
    ///
    /// # Errors
    /// [`abi::Error::NoEnt`] where there is none.
    fn open_file(&mut self, name: &str) -> Result<Self::Dataspace>;

    /// The bytes of a file.
    fn bytes(&mut self, file: &Self::Dataspace) -> Result<Self::Bytes>;

    /// New zeroed memory of `size` bytes, a whole number of pages.
    fn allocate(&mut self, size: u64) -> Result<Self::Dataspace>;

    /// Copies `size` bytes between dataspaces (`L4Re::Dataspace::copy_in`).
    fn copy(
        &mut self,
        to: &Self::Dataspace,
        to_offset: u64,
        from: &Self::Dataspace,
        from_offset: u64,
        size: u64,
    ) -> Result<()>;

    /// Writes `bytes` at `offset`.
    fn write(&mut self, to: &Self::Dataspace, offset: u64, bytes: &[u8]) -> Result<()>;

    /// Attaches `size` bytes from `offset` of `dataspace` at exactly `start` of the new task's region map,
    /// which keeps the dataspace alive; without a dataspace the range is taken with `flags` alone
    /// (`KERNEL` for UTCBs).
    fn attach(
        &mut self,
        start: u64,
        size: u64,
        dataspace: Option<&Self::Dataspace>,
        offset: u64,
        flags: RegionFlags,
        name: &str,
    ) -> Result<()>;

    /// The dataspace of the kernel info page.
    fn kip(&mut self) -> Result<Self::Dataspace>;
}
