//! What holds of a task: its spaces, its capabilities, its kernel-user memory, and what they cost.

use super::{AREAS, KernelUserMemory, Task};
use crate::memory::{machine, memory};
use crate::sched;
use kernel::invariant::{Broken, address, ensure};
use kernel::mem::{FRAME_SIZE, Slab};
use kernel::space::{Inventory, Machine};

/// What a task has.
pub struct Found {
    /// Its memory and its ports.
    pub spaces: Inventory,
    /// How many of its slots are full.
    pub capabilities: u64,
    /// Frames besides those of the spaces.
    pub frames: u64,
    /// What its payer is charged besides the task and the spaces.
    pub bytes: u64,
}

impl Task {
    /// The task's parts are sound.
    pub fn check(&'static self) -> Result<Found, Broken> {
        let database = machine().database();
        let mut spaces = self.memory.check(database)?;
        spaces += self.io.check(database)?;
        let (capabilities, slots) = self.caps.check()?;
        let tables = slots + self.replies.check(sched::check::owes)?;
        let mut found = Found { spaces, capabilities, frames: tables, bytes: tables * FRAME_SIZE };
        self.kernel_user_memory.check()?;
        for area in self.kernel_user_memory.iter() {
            found.frames += 1 << (area.order - abi::PAGE_SHIFT);
            found.bytes += (1 << area.order) + Slab::<KernelUserMemory>::OBJECT_BYTES;
            // A task that is being destroyed loses the pages before the areas.
            let phys = memory().phys(area.kernel);
            let there = self.memory.lookup(machine(), area.user).is_some_and(|page| page.phys == phys);
            ensure(there || self.is_deleted(), "kernel-user memory is mapped", [address(self), area.user])?;
        }
        Ok(found)
    }

    /// Physical address of the table that the processor must have loaded for the task.
    pub fn loaded_root(&self) -> u64 {
        self.root.get()
    }
}

/// Frames in use for the descriptions of kernel-user memory.
pub fn area_frames() -> Result<u64, Broken> {
    AREAS.check()?;
    Ok(AREAS.frames())
}
