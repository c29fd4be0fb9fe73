//! Region maps: what lies where in an address space. A program's own is served by l4re and found by
//! [`crate::env::rm`]; most programs use [`crate::memory`] in place of these operations.

use abi::{
    CapIndex, Flexpage, PAGE_SHIFT, Rights,
    l4re::{PROTO_RM, rm::op},
};

pub use abi::l4re::rm::{Region, detach, detached, flags};

use super::dataspace::Dataspace;
use crate::{Cap, Kobject, Result, Task, ipc::Message};

/// A region map.
pub struct Rm;

impl Kobject for Rm {
    const PROTOCOL: i64 = PROTO_RM;
    const NAME: &'static str = "region map";
}

/// What to attach; [`Attach::new`] has the usual defaults.
#[derive(Clone, Copy, Debug)]
pub struct Attach<'a> {
    /// Where: the exact address, or with [`flags::SEARCH_ADDR`] the least one.
    pub start: u64,
    /// Size in bytes; rounded up to pages.
    pub size: u64,
    /// [`flags`].
    pub flags: u32,
    /// Backing; `None` with [`flags::RESERVED`] or [`flags::KERNEL`].
    pub dataspace: Option<Cap<Dataspace>>,
    /// Offset in the dataspace, a multiple of the page size.
    pub offset: u64,
    /// Logarithm of the alignment of the address, for searches.
    pub align: u8,
    /// Name, for debugging.
    pub name: &'a str,
}

impl Attach<'_> {
    /// `size` bytes of `dataspace` from its start, at an address that the region map chooses.
    pub const fn new(dataspace: Cap<Dataspace>, size: u64, flags: u32) -> Self {
        Self {
            start: 0,
            size,
            flags: flags | flags::SEARCH_ADDR,
            dataspace: Some(dataspace),
            offset: 0,
            align: PAGE_SHIFT,
            name: "",
        }
    }

    /// A reserved range of `size` bytes without memory, at an address that the region map chooses.
    pub const fn reserved(size: u64) -> Self {
        Self {
            start: 0,
            size,
            flags: flags::RESERVED | flags::SEARCH_ADDR,
            dataspace: None,
            offset: 0,
            align: PAGE_SHIFT,
            name: "",
        }
    }
}

/// What a detach operation took away.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Detached {
    /// First address.
    pub start: u64,
    /// Size in bytes.
    pub size: u64,
    /// Slot of the dataspace, as given to attach.
    pub dataspace: CapIndex,
    /// [`detached`].
    pub result: i64,
}

/// What lies at an address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Found {
    /// First address of the region.
    pub start: u64,
    /// Size in bytes.
    pub size: u64,
    /// [`flags`].
    pub flags: u32,
    /// Offset in the dataspace at the region's start.
    pub offset: u64,
    /// Slot of the dataspace, as given to attach.
    pub dataspace: CapIndex,
    /// Whether it is a reserved area without a region.
    pub is_area: bool,
}

impl Cap<Rm> {
    /// Attaches a dataspace, or reserves a range; returns its address.
    ///
    /// # Errors
    /// Those of the IPC; `AddrNotAvail` when the range is taken, `NoMem` when there is no room.
    pub fn attach(self, what: Attach<'_>) -> Result<u64> {
        let client_cap = what.dataspace.map_or(CapIndex::INVALID, Cap::index);
        let mut message = Message::new(PROTO_RM)
            .with(op::ATTACH)
            .with(what.start)
            .with(what.size)
            .with(what.flags)
            .with(what.offset)
            .with(what.align)
            .with(client_cap.raw())
            .with_str(what.name)
            .with(0_u64);
        if let Some(dataspace) = what.dataspace {
            let rights = if what.flags & flags::W != 0 { Rights::CAP_RW } else { Rights::CAP_R };
            message = message.map(dataspace.flexpage(rights));
        }
        message.call(self.index())?.get()
    }

    /// Takes away the region at `address` as a whole. The caller unmaps the pages, unless the result
    /// says that this was done: [`detach_and_unmap`](Self::detach_and_unmap) does both.
    ///
    /// # Errors
    /// Those of the IPC; `NoEnt` when there is no region.
    pub fn detach(self, address: u64) -> Result<Detached> {
        self.detach_range(address, 1, detach::OVERLAP)
    }

    /// Takes away regions in a range; `how` is of [`detach`].
    ///
    /// # Errors
    /// Those of the IPC; `NoEnt` when there is no region.
    pub fn detach_range(self, address: u64, size: u64, how: u32) -> Result<Detached> {
        let mut reply =
            Message::new(PROTO_RM).with(op::DETACH).with(address).with(size).with(how).call(self.index())?;
        Ok(Detached {
            start: reply.get()?,
            size: reply.get()?,
            dataspace: CapIndex::from_raw(reply.get()?),
            result: reply.value(),
        })
    }

    /// Takes away the region at `address` from this task, with its pages.
    ///
    /// # Errors
    /// As for [`detach`](Self::detach).
    pub fn detach_and_unmap(self, address: u64) -> Result<Detached> {
        let gone = self.detach(address)?;
        if gone.result & detached::UNMAPPED == 0 {
            unmap_range(Task::this(), gone.start, gone.size)?;
        }
        Ok(gone)
    }

    /// What lies at `address`, or overlaps the `size` bytes from there.
    ///
    /// # Errors
    /// Those of the IPC; `NoEnt` when nothing does.
    pub fn find(self, address: u64, size: u64) -> Result<Found> {
        let mut reply = Message::new(PROTO_RM).with(op::FIND).with(address).with(size).call(self.index())?;
        let mut found = Found {
            start: reply.get()?,
            size: reply.get()?,
            flags: reply.get()?,
            offset: reply.get()?,
            dataspace: CapIndex::from_raw(reply.get()?),
            is_area: false,
        };
        found.is_area = found.flags & flags::IN_AREA != 0;
        Ok(found)
    }

    /// Reserves an area, in which regions are attached only with [`flags::IN_AREA`]; returns its address.
    ///
    /// # Errors
    /// As for [`attach`](Self::attach).
    pub fn reserve_area(self, start: u64, size: u64, area_flags: u32, align: u8) -> Result<u64> {
        Message::new(PROTO_RM)
            .with(op::RESERVE_AREA)
            .with(start)
            .with(size)
            .with(area_flags)
            .with(align)
            .call(self.index())?
            .get()
    }

    /// Gives up a reserved area.
    ///
    /// # Errors
    /// Those of the IPC; `NoEnt` when there is none.
    pub fn free_area(self, address: u64) -> Result {
        Message::new(PROTO_RM).with(op::FREE_AREA).with(address).call(self.index()).map(drop)
    }
}

/// Unmaps all pages of a range from `task`, in pieces as large as possible.
///
/// # Errors
/// Those of the IPC with the task.
pub fn unmap_range(task: Cap<Task>, start: u64, size: u64) -> Result {
    let (mut at, end) = (start, start + size.next_multiple_of(1 << PAGE_SHIFT));
    while at < end {
        let order = at.trailing_zeros().min((end - at).ilog2()) as u8;
        task.unmap(Flexpage::memory(at, order, Rights::RWX), true)?;
        at += 1 << order;
    }
    Ok(())
}
