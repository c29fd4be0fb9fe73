//! Operations that take long: they stop at preemption points and are resumed from what is kept here.
//!
//! Each kernel entry has a [`budget`]. An operation that is not done when it is used up is kept in its
//! thread (`Outcome::Preempted`); before the thread runs on, interrupts are let in, others may run, and the
//! system call is entered again with its [`Work`]. Invariant: work keeps the tasks that it is about.

use crate::gate::Gate;
use crate::items::Items;
use crate::kernel_user_memory::Adding;
use crate::locked::Locked;
use crate::map::Mapping;
use crate::modify_senders::Modification;
#[cfg(feature = "invariants")]
use crate::object::{Header, KernelObject};
use crate::object::{RefSlot, Unnamed};
use crate::task::Task;
use crate::thread::Thread;
use crate::unmap::Unmapping;
use kernel::space::Budget;

/// What a kernel entry may do: some ten thousand instructions.
const ENTRY_UNITS: u32 = 32;

static BUDGET: Locked<Budget> = Locked::new(Budget::new(0));

/// The budget of this kernel entry, which all operations in it share.
pub fn budget() -> &'static Budget {
    &BUDGET
}

/// The kernel was entered.
#[inline]
pub fn begin_entry() {
    BUDGET.refill(ENTRY_UNITS);
}

/// The kernel has reported something in this entry, which takes as long as a whole budget.
pub fn reported() {
    BUDGET.use_up();
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
    /// Memory for UTCBs is being added to a task: the area of this message word.
    AddMemory { word: usize, adding: Adding },
    /// A task is being made: its area for UTCBs is being added.
    MakeTask { adding: Adding, task: Unnamed<Task> },
    /// A thread's senders are being modified.
    ModifySenders(Modification),
    /// Text is being written: so many bytes are.
    Write { written: usize },
    /// A gate's bind operation, which is done anew for those who still wait there.
    Bind,
    /// The transfer of a message's items. The thread is its sender or its receiver.
    Transfer(Transfer),
}

impl Work {
    /// Whether it takes pages back, as an operation of its own or to make room for others.
    pub fn takes_pages_back(&self) -> bool {
        match self {
            Self::Unmap { .. } => true,
            Self::Map { mapping, .. } | Self::Resume { mapping, .. } => mapping.makes_room(),
            Self::Transfer(transfer) => transfer.items.makes_room(),
            _ => false,
        }
    }
}

#[cfg(feature = "invariants")]
impl Work {
    /// Calls these for each task and thread that the work keeps.
    pub fn each_reference(&self, refer: fn(&'static Header)) {
        let tasks = match self {
            Self::Map { _tasks, .. } | Self::Resume { _tasks, .. } => &_tasks[..],
            Self::Unmap { _task, .. } => core::slice::from_ref(_task),
            Self::AddMemory { adding, .. } | Self::MakeTask { adding, .. } => core::slice::from_ref(adding.task()),
            Self::ModifySenders(modification) => {
                modification.target().into_iter().map(KernelObject::header).for_each(refer);
                &[]
            }
            Self::Write { .. } | Self::Bind => &[],
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

    /// Whether it is of this thread's message.
    pub fn is_of(&self, thread: &Thread) -> bool {
        self.sender.get().is_some_and(|sender| core::ptr::eq(sender, thread))
    }
}
