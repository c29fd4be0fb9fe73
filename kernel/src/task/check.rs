//! What holds of a task: its spaces, its capabilities, its kernel-user memory, and what they cost.

use super::Task;
use crate::kernel_user_memory;
use crate::sched;
use kernel::invariant::Broken;
use kernel::mem::FRAME_SIZE;
use kernel::space::{Inventory, MemSpace};

/// What a task has.
pub struct Found {
    /// Its memory and its ports, as the ledger has them.
    pub spaces: Inventory,
    /// How many of its slots are full.
    pub capabilities: u64,
    /// Frames besides those of the spaces.
    pub frames: u64,
    /// What its payer is charged besides the task and the spaces.
    pub bytes: u64,
}

impl Task {
    /// Its spaces, for the ledger.
    pub fn spaces(&'static self) -> [&'static MemSpace; 2] {
        [&self.memory, &self.io]
    }

    /// The task's parts are sound, its spaces apart. `have_changed` tells of capabilities.
    pub fn check(&'static self, have_changed: bool) -> Result<Found, Broken> {
        let mut spaces = self.memory.inventory();
        spaces += self.io.inventory();
        let (capabilities, slots) = self.caps.check(have_changed)?;
        let tables = slots + self.replies.check(sched::check::owes)? + u64::from(self.ldt.page().is_some());
        let mut found = Found { spaces, capabilities, frames: tables, bytes: tables * FRAME_SIZE };
        let (frames, bytes) = kernel_user_memory::check(self)?;
        found.frames += frames;
        found.bytes += bytes;
        Ok(found)
    }

    /// Physical address of the table that the processor must have loaded for the task.
    pub fn loaded_root(&self) -> u64 {
        self.root.get()
    }
}
