//! Tasks: address space, I/O ports and capability slots of a program.

use abi::{CapIndex, Flexpage, Rights, protocol, task::*};

use crate::{
    Cap, Result,
    cap::Kobject,
    ipc::{Message, Reply},
};

/// A task.
pub struct Task;

impl Kobject for Task {
    const PROTOCOL: i64 = protocol::TASK;
    const NAME: &'static str = "task";
}

impl Task {
    /// The calling program's own task.
    pub const fn this() -> Cap<Task> {
        Cap::new(CapIndex::TASK)
    }
}

impl Cap<Task> {
    fn operation(self, opcode: u64) -> Message {
        debug_assert!(self.is_valid());
        Message::new(protocol::TASK).with(opcode)
    }

    /// Maps `flexpage` of the task `source` (to which this task needs a capability) into this one, at
    /// `destination`: an address, or a slot's selector, in the bits from 12 up.
    ///
    /// # Errors
    /// Those of the IPC; `Inval` when `source` is no task; `NoMem` when the quota does not suffice.
    pub fn map(self, source: Cap<Task>, flexpage: Flexpage, destination: u64) -> Result {
        self.map_item(source, abi::MapItem::map_at(flexpage, destination))
    }

    /// As [`map`](Self::map) with all flags of a map item.
    ///
    /// # Errors
    /// As for [`map`](Self::map).
    pub fn map_item(self, source: Cap<Task>, item: abi::MapItem) -> Result {
        self.operation(OP_MAP)
            .with(item.control)
            .with(item.flexpage.raw())
            .map(source.flexpage(Rights::CAP_RWS))
            .call(self.index())
            .map(drop)
    }

    /// Copies the capability `cap` of the calling task into slot `slot` of this one.
    ///
    /// # Errors
    /// As for [`map`](Self::map).
    pub fn map_cap<T>(self, cap: Cap<T>, rights: Rights, slot: CapIndex) -> Result {
        self.map_item(
            Task::this(),
            abi::MapItem { control: cap.item_full().control | slot.raw(), flexpage: cap.flexpage(rights) },
        )
    }

    fn unmap_masked(self, flexpage: Flexpage, mask: u64) -> Result<Reply> {
        self.operation(OP_UNMAP).with(mask).with(flexpage.raw()).call(self.index())
    }

    /// Takes the rights of `flexpage` from all mappings that were made from this task's, and from this
    /// task's own when `own_too`.
    ///
    /// # Errors
    /// Those of the IPC.
    pub fn unmap(self, flexpage: Flexpage, own_too: bool) -> Result {
        self.unmap_masked(flexpage, if own_too { UNMAP_ALL_SPACES } else { 0 }).map(drop)
    }

    /// Empties the slot of `cap`.
    ///
    /// # Errors
    /// Those of the IPC.
    pub fn release_cap<T>(self, cap: Cap<T>) -> Result {
        self.unmap_masked(cap.flexpage(Rights::CAP_RWSD), UNMAP_ALL_SPACES).map(drop)
    }

    /// Deletes the object that `cap` names and empties the slot.
    ///
    /// # Errors
    /// Those of the IPC.
    pub fn delete_object<T>(self, cap: Cap<T>) -> Result {
        self.unmap_masked(cap.flexpage(Rights::CAP_RWSD), UNMAP_DELETE_OBJECT).map(drop)
    }

    /// Whether the slot of `cap` in this task is full.
    ///
    /// # Errors
    /// Those of the IPC.
    pub fn cap_valid<T>(self, cap: Cap<T>) -> Result<bool> {
        let reply = self.operation(OP_CAP_INFO).with(cap.index().raw()).call(self.index())?;
        Ok(reply.value() > 0)
    }

    /// Whether two slots of this task name the same object.
    ///
    /// # Errors
    /// Those of the IPC.
    pub fn cap_equal<T, U>(self, left: Cap<T>, right: Cap<U>) -> Result<bool> {
        let reply =
            self.operation(OP_CAP_INFO).with(left.index().raw()).with(right.index().raw()).call(self.index())?;
        Ok(reply.value() > 0)
    }

    /// Sets descriptors of the task's local descriptor table, in the processor's format, from number `first` on; the table
    /// ends behind the last of them.
    ///
    /// # Errors
    /// Those of the IPC; `Inval` for none, for those beyond a page, and for anything but data segments of user mode;
    /// `NoMem` when the quota does not suffice.
    pub fn set_ldt(self, first: u64, descriptors: &[u64]) -> Result {
        let message = self.operation(OP_LDT_SET).with(first);
        let message = descriptors.iter().fold(message, |message, &descriptor| message.with(descriptor));
        message.call(self.index()).map(drop)
    }

    /// Adds memory that the kernel shares with the task, for UTCBs; the answer tells where it is.
    ///
    /// # Errors
    /// Those of the IPC; `NoMem`; `Inval` when the range overlaps another.
    pub fn add_ku_mem(self, area: Flexpage) -> Result<Flexpage> {
        let reply = self.operation(OP_ADD_KU_MEM).with(area.raw()).call(self.index())?;
        // Furore's kernel and Fiasco both answer with the area; older ones with an empty message.
        Ok(reply.word(0).map_or(area, Flexpage::from_raw))
    }
}
