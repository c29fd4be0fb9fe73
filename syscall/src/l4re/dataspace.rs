//! Dataspaces: memory in a container, to be attached to address spaces with a region map ([`super::rm`]).

use abi::{
    CapIndex, Flexpage, MapItem, Rights,
    l4re::{PROTO_DATASPACE, dataspace::op},
};

pub use abi::l4re::dataspace::{Stats, flags};

use crate::{Cap, Kobject, Result, Task, ipc::Message};

/// A dataspace.
pub struct Dataspace;

impl Kobject for Dataspace {
    const PROTOCOL: i64 = PROTO_DATASPACE;
    const NAME: &'static str = "dataspace";
}

/// What a map operation brought.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Mapped {
    /// Order (logarithm of the size in bytes) of the page that now is there.
    pub order: u8,
}

impl Cap<Dataspace> {
    /// Size in bytes and flags.
    ///
    /// # Errors
    /// Those of the IPC.
    pub fn info(self) -> Result<Stats> {
        let mut reply = Message::new(PROTO_DATASPACE).with(op::INFO).call(self.index())?;
        Ok(Stats { size: reply.get()?, flags: reply.get()? })
    }

    /// Size in bytes.
    ///
    /// # Errors
    /// Those of the IPC.
    pub fn size(self) -> Result<u64> {
        Ok(self.info()?.size)
    }

    /// Maps the page at `offset` so that it covers `address`, within the 2^`order` bytes around it, with
    /// the rights of `map_flags`: into the task `destination`, or the caller's when `None`. What region
    /// maps do on a page fault; other programs attach dataspaces instead.
    ///
    /// # Errors
    /// Those of the IPC; `Range` beyond the end; `Perm` for rights that the dataspace does not give.
    pub fn map(
        self,
        offset: u64,
        map_flags: u64,
        address: u64,
        order: u8,
        destination: Option<Cap<Task>>,
    ) -> Result<Mapped> {
        let mask = (1_u64 << order) - 1;
        let window = Flexpage::memory(address & !mask, order, Rights::NONE);
        let message = Message::new(PROTO_DATASPACE).with(op::MAP).with(offset).with(address & mask).with(map_flags);
        let message = match destination {
            Some(task) => message.receive_window_in(window, task.index()),
            None => message.receive_window(window),
        };
        let reply = message.call(self.index())?;
        let item = reply.item(0)?;
        Ok(Mapped { order: (item.control >> 6 & 0x3f) as u8 })
    }

    /// Makes a range read as zeros.
    ///
    /// # Errors
    /// Those of the IPC; `Range` beyond the end; `Access` for read-only dataspaces.
    pub fn clear(self, offset: u64, size: u64) -> Result {
        Message::new(PROTO_DATASPACE).with(op::CLEAR).with(offset).with(size).call(self.index()).map(drop)
    }

    /// Backs a range with memory now, so that later accesses cannot fail for want of it.
    ///
    /// # Errors
    /// As for [`clear`](Self::clear); `NoMem`.
    pub fn allocate(self, offset: u64, size: u64) -> Result {
        Message::new(PROTO_DATASPACE).with(op::ALLOCATE).with(offset).with(size).call(self.index()).map(drop)
    }

    /// Copies `size` bytes from `source_offset` of the dataspace `source` to `offset` of this one;
    /// servers do it copy-on-write where they can.
    ///
    /// # Errors
    /// As for [`clear`](Self::clear); `Inval` for a source that the server cannot read.
    pub fn copy_in(self, offset: u64, source: Cap<Dataspace>, source_offset: u64, size: u64) -> Result {
        Message::new(PROTO_DATASPACE)
            .with(op::COPY_IN)
            .with(offset)
            .with(source_offset)
            .with(size)
            .item(MapItem::map(source.flexpage(Rights::CAP_RW)))
            .call(self.index())
            .map(drop)
    }
}

impl From<Cap<Dataspace>> for CapIndex {
    fn from(cap: Cap<Dataspace>) -> Self {
        cap.index()
    }
}
