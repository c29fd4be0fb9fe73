//! Operations that take long: they stop at preemption points and are resumed from what is kept here.
//!
//! A step does about [`STEP_PAGES`] pages or slots. An operation that is not done then is kept in its
//! thread (`Outcome::Preempted`); before the thread runs on, interrupts are let in, others may run, and the
//! system call is entered again with its [`Work`]. Invariant: work keeps the tasks that it is about.

use crate::gate::Gate;
use crate::items::Items;
use crate::map::{Mapping, Unmapping};
use crate::object::RefSlot;
#[cfg(feature = "invariants")]
use crate::object::{Header, KernelObject};
use crate::task::Task;
use crate::thread::Thread;
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
    /// The items of a virtual CPU that is to be resumed, at this one.
    Resume {
        /// Keep source and target.
        _tasks: [RefSlot<Task>; 2],
        item: usize,
        mapping: Mapping,
    },
    /// A message that waited for this gate to be bound to a thread.
    Send(RefSlot<Gate>),
    /// A gate's bind operation, which is done anew for those who still wait there.
    Bind,
    /// The transfer of a message's items. The thread is its sender or its receiver.
    Transfer(Transfer),
}

#[cfg(feature = "invariants")]
impl Work {
    /// Calls these for each task and thread that the work keeps.
    pub fn each_reference(&self, refer: fn(&'static Header)) {
        let tasks = match self {
            Self::Map { _tasks, .. } | Self::Resume { _tasks, .. } => &_tasks[..],
            Self::Unmap { _task, .. } => core::slice::from_ref(_task),
            Self::Bind => &[],
            Self::Send(gate) => {
                gate.get().into_iter().map(KernelObject::header).for_each(refer);
                &[]
            }
            Self::Transfer(transfer) => {
                let threads = [&transfer.sender, &transfer.receiver].into_iter().filter_map(RefSlot::get);
                threads.map(KernelObject::header).for_each(refer);
                &transfer._tasks
            }
        };
        tasks.iter().filter_map(RefSlot::get).map(KernelObject::header).for_each(refer);
    }
}

/// A transfer of items that was preempted.
pub struct Transfer {
    pub sender: RefSlot<Thread>,
    pub receiver: RefSlot<Thread>,
    /// Keep the items' tasks.
    _tasks: [RefSlot<Task>; 3],
    pub items: Items,
}

impl Transfer {
    /// Keeps what the transfer needs.
    pub fn new(sender: &'static Thread, receiver: &'static Thread, items: Items) -> Self {
        let _tasks = items.tasks().map(RefSlot::to);
        Self { sender: RefSlot::to(sender), receiver: RefSlot::to(receiver), _tasks, items }
    }
}
