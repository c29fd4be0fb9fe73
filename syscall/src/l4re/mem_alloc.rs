//! The memory allocator: a factory for dataspaces, charged to the program's quota.

use abi::l4re::{PROTO_DATASPACE, PROTO_MEM_ALLOC, mem_alloc::OP_INFO};

pub use abi::l4re::mem_alloc::{Stats, flags};

use super::dataspace::Dataspace;
use crate::{Cap, Factory, Kobject, Owned, Result, ipc::Message, message::Argument};

/// A memory allocator.
pub struct MemAlloc;

impl Kobject for MemAlloc {
    const PROTOCOL: i64 = PROTO_MEM_ALLOC;
    const NAME: &'static str = "memory allocator";
}

impl Cap<MemAlloc> {
    /// A new dataspace of `size` bytes of zeros.
    ///
    /// # Errors
    /// Those of the IPC; `NoMem` when the quota or the memory does not suffice.
    pub fn allocate(self, size: usize) -> Result<Owned<Dataspace>> {
        self.allocate_with(size, 0, 0)
    }

    /// A new dataspace with these [`flags`] and this alignment (logarithm; 0: none beyond a page).
    ///
    /// # Errors
    /// As for [`allocate`](Self::allocate); `Inval` for flags that the server does not know.
    pub fn allocate_with(self, size: usize, memory_flags: u64, align: u8) -> Result<Owned<Dataspace>> {
        let slot = Owned::empty()?;
        let arguments =
            [Argument::Signed(size as i64), Argument::Unsigned(memory_flags), Argument::Unsigned(align.into())];
        self.as_factory().create_in(slot.index(), PROTO_DATASPACE, &arguments, None)?;
        Ok(slot)
    }

    /// The same object as a factory, for name spaces, logs, schedulers and what else the server makes.
    pub const fn as_factory(self) -> Cap<Factory> {
        self.cast()
    }

    /// Quota and use.
    ///
    /// # Errors
    /// Those of the IPC.
    pub fn info(self) -> Result<Stats> {
        let mut reply = Message::new(PROTO_MEM_ALLOC).with(OP_INFO).call(self.index())?;
        Ok(Stats {
            quota: reply.get()?,
            quota_used: reply.get()?,
            mem_limit: reply.get()?,
            mem_used: reply.get()?,
            mem_free: reply.get()?,
        })
    }
}
