//! Operations that take long: they stop at preemption points and are resumed from what is kept here.
//!
//! A step does about [`STEP_PAGES`] pages or slots. An operation that is not done then is kept in its
//! thread (`Outcome::Preempted`); before the thread runs on, interrupts are let in, others may run, and the
//! system call is entered again with its [`Work`]. Invariant: work keeps the tasks that it is about.

use crate::map::{Mapping, Unmapping};
use crate::object::RefSlot;
use crate::task::Task;
use kernel::space::Budget;

/// Pages or slots per step: a few thousand instructions.
pub const STEP_PAGES: u32 = 32;

/// A step's budget.
pub fn step() -> Budget {
    Budget::new(STEP_PAGES)
}

/// A preempted operation.
pub enum Work {
    /// A task's map operation.
    Map {
        /// Keep source and target.
        _tasks: [RefSlot<Task>; 2],
        mapping: Mapping,
    },
    /// A task's unmap operation, at the flexpage in this message word.
    Unmap {
        /// Keeps the task.
        _task: RefSlot<Task>,
        word: usize,
        unmapping: Unmapping,
    },
}
