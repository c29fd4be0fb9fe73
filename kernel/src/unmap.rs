//! Taking flexpages back from those whom a task gave them to, and from the task itself: memory, I/O ports and capabilities.
//!
//! Semantics are those of Fiasco's `map_util.cpp`; [`crate::map`] is the other direction.

use crate::memory::machine;
use crate::message::{self, Answer, Message, Outcome, UtcbPointer};
use crate::object::{self, RefSlot};
use crate::sched;
use crate::task::Task;
use crate::thread::Thread;
use crate::upkeep;
use crate::work::{self, Work};
use abi::ipc::Operation;
use abi::task::{OP_UNMAP, UNMAP_ALL_SPACES, UNMAP_DELETE_OBJECT};
use abi::{Error, Flexpage, FlexpageKind, PAGE_SHIFT, Rights, Tag, protocol};
use kernel::cap_space::Scan;
use kernel::space::{Budget, MemSpace, Progress, Unmap, Walker};

/// What it costs to look at a flexpage that is to be unmapped, beside a unit.
const FLEXPAGE_UNITS: u32 = 2;

/// An unmap operation on its way: takes rights to a flexpage from those the task gave them to, and from the
/// task itself if the mask says so.
pub struct Unmapping {
    task: &'static Task,
    flexpage: Flexpage,
    mask: u64,
    walker: &'static Walker,
    stage: Stage,
    access: u8,
}

/// What is being taken of what the flexpage describes; if that is everything, they come one after the other.
enum Stage {
    Memory(Unmap),
    Ports(Unmap),
    Capabilities(CapabilityUnmapping),
    /// Nothing any more.
    Done,
}

impl Unmapping {
    /// Unmaps `flexpage` from and below `task`, which is kept until it is done. `mask` is that of the task's operation.
    /// The walker is that of the thread whose operation it is.
    pub fn new(task: &'static Task, flexpage: Flexpage, mask: u64, walker: &'static Walker) -> Self {
        let mut unmapping = Self { task, flexpage, mask, walker, stage: Stage::Done, access: 0 };
        match flexpage.kind() {
            FlexpageKind::Memory if flexpage.order() >= PAGE_SHIFT => unmapping.begin_memory(),
            FlexpageKind::Io => unmapping.begin_ports(),
            FlexpageKind::Object => unmapping.begin_capabilities(),
            FlexpageKind::Special if flexpage.is_all() => unmapping.begin_memory(),
            FlexpageKind::Memory | FlexpageKind::Special => {}
        }
        unmapping
    }

    /// Goes on until done or until the budget is used up.
    pub fn step(&mut self, budget: &Budget) -> Progress {
        loop {
            let progress = match &mut self.stage {
                Stage::Memory(unmap) | Stage::Ports(unmap) => {
                    let progress = unmap.step(machine(), budget);
                    // It may have gone on with what another thread began.
                    sched::ports_changed();
                    if progress == Progress::Done {
                        self.access |= unmap.access().0;
                    }
                    progress
                }
                Stage::Capabilities(unmapping) => unmapping.step(budget),
                Stage::Done => return Progress::Done,
            };
            if progress == Progress::Preempted {
                return Progress::Preempted;
            }
            match self.stage {
                Stage::Memory(_) if self.flexpage.is_all() => self.begin_ports(),
                Stage::Ports(_) if self.flexpage.is_all() => self.begin_capabilities(),
                _ => self.stage = Stage::Done,
            }
        }
    }

    fn begin_memory(&mut self) {
        self.stage = Stage::Memory(self.pages(&self.task.memory, self.flexpage.order()));
    }

    fn begin_ports(&mut self) {
        let order = (self.flexpage.order() + PAGE_SHIFT).min(Flexpage::WHOLE_SPACE);
        self.stage = Stage::Ports(self.pages(&self.task.io, order));
    }

    fn pages(&self, space: &'static MemSpace, order: u8) -> Unmap {
        let (address, rights) = (self.flexpage.address(), self.flexpage.rights());
        Unmap::new(space, address, order, rights, takes_from_self(self.mask), self.walker)
    }

    /// Capabilities are not hierarchical: there is nothing to take from others.
    fn begin_capabilities(&mut self) {
        self.stage = match takes_from_self(self.mask) {
            true => Stage::Capabilities(CapabilityUnmapping::new(self.task, self.flexpage, self.mask)),
            false => Stage::Done,
        };
    }

    /// The access bits of the pages concerned.
    pub fn access(&self) -> u8 {
        self.access
    }
}

impl Drop for Unmapping {
    fn drop(&mut self) {
        if let Stage::Memory(unmap) | Stage::Ports(unmap) = &mut self.stage
            && unmap.cancel(machine())
            // What is due may be the end of the thread that unmaps: whoever runs has not caused that.
            && !upkeep::is_due()
        {
            upkeep::ask();
        }
    }
}

/// Capabilities are being taken from a task, or rights to them.
pub struct CapabilityUnmapping {
    task: &'static Task,
    next: u64,
    end: u64,
    rights: Rights,
    delete: bool,
}

impl CapabilityUnmapping {
    fn new(task: &'static Task, flexpage: Flexpage, mask: u64) -> Self {
        let count = 1u64.checked_shl(u32::from(flexpage.order())).unwrap_or(u64::MAX);
        let next = flexpage.page() & !(count - 1);
        let (end, delete) = (next.saturating_add(count), may_delete(mask));
        Self { task, next, end, rights: flexpage.rights(), delete }
    }

    /// Takes all capabilities of a task that ends, and deletes what they may delete.
    pub fn of_all(task: &'static Task) -> Self {
        Self { task, next: 0, end: u64::MAX, rights: Rights::CAP_RWSD, delete: true }
    }

    /// Goes on until done or until the budget is used up.
    pub fn step(&mut self, budget: &Budget) -> Progress {
        loop {
            let slot = match self.task.caps.next_full(self.next, self.end, budget) {
                Scan::Full(index, slot) => {
                    self.next = index + 1;
                    slot
                }
                Scan::Stopped(index) => {
                    self.next = index;
                    return Progress::Preempted;
                }
                Scan::End => return Progress::Done,
            };
            object::unmap_capability(slot, self.rights, self.delete);
        }
    }
}

impl Task {
    /// Unmaps one page or capability, if that is all that a system call of the thread asks for, and takes a moment only. If
    /// it does not, the same is to be asked of [`unmap`](Self::unmap).
    #[inline(never)]
    pub fn quick(&'static self, thread: &'static Thread, utcb: UtcbPointer) -> bool {
        const ASKED: Tag = Tag::new(protocol::TASK, 3, 0, 0);
        let frame = &thread.frame;
        let is_call = Operation::from_raw(frame.dest()) == Operation::CALL;
        if Tag::from_raw(frame.syscall_tag()) != ASKED || !is_call || utcb.mr(0) != OP_UNMAP {
            return false;
        }
        let flexpage = Flexpage::from_raw(utcb.mr(2));
        let Some(access) = self.unmap_at_once(flexpage, utcb.mr(1), &thread.walker) else { return false };
        utcb.set_mr(2, flexpage.with_rights(Rights::NONE).raw() | u64::from(access));
        frame.set_tag(Tag::new(0, 3, 0, 0).raw());
        true
    }

    /// The operation that takes the flexpages in the message's words from this task and those whom it gave them to, one
    /// after the other.
    pub fn unmap(&'static self, message: &Message) -> Answer {
        let mask = message.word(1)?;
        let mut first = 2;
        if let Some(Work::Unmap { _task, word, mut unmapping }) = message.sender.take_work() {
            // What was begun goes on in its task, whatever the capability names by now.
            if unmapping.step(work::budget()) == Progress::Preempted {
                message.sender.continue_later(Work::Unmap { _task, word, unmapping });
                return Ok(Outcome::Preempted);
            }
            unmapped(message, word, &unmapping)?;
            first = word + 1;
        }
        for word in first..message.tag.words() {
            let flexpage = Flexpage::from_raw(message.word(word)?);
            let is_late = word > 2 && !work::budget().spend();
            let walker = &message.sender.walker;
            if !is_late && let Some(access) = self.unmap_at_once(flexpage, mask, walker) {
                message.answer(word, flexpage.with_rights(Rights::NONE).raw() | u64::from(access));
                continue;
            }
            let mut unmapping = Unmapping::new(self, flexpage, mask, walker);
            if is_late || unmapping.step(work::budget()) == Progress::Preempted {
                message.sender.continue_later(Work::Unmap { _task: RefSlot::to(self), word, unmapping });
                return Ok(Outcome::Preempted);
            }
            unmapped(message, word, &unmapping)?;
        }
        message::ok_words(0, message.tag.words())
    }

    /// Unmaps one capability or one page, which is most of what programs unmap, if it takes a moment only; the page's access
    /// bits then.
    #[inline]
    fn unmap_at_once(&'static self, flexpage: Flexpage, mask: u64, walker: &'static Walker) -> Option<u8> {
        let self_too = takes_from_self(mask);
        match (flexpage.kind(), flexpage.order()) {
            (FlexpageKind::Object, 0) => {
                if self_too && let Some(slot) = self.caps.slot(flexpage.page()).filter(|slot| slot.object().is_some()) {
                    object::unmap_capability(slot, flexpage.rights(), may_delete(mask));
                }
                Some(0)
            }
            (FlexpageKind::Memory, PAGE_SHIFT) if flexpage.rights().contains(Rights::R) => {
                let address = flexpage.address();
                Unmap::at_once(machine(), &self.memory, address, self_too, walker, work::budget())
                    .map(|access| access.0)
            }
            _ => None,
        }
    }
}

/// Whether the task of an unmap operation is to lose what it gave to others, too.
fn takes_from_self(mask: u64) -> bool {
    mask & UNMAP_ALL_SPACES != 0
}

/// Whether objects whose capabilities go, and may delete them, are deleted.
fn may_delete(mask: u64) -> bool {
    mask & UNMAP_DELETE_OBJECT == UNMAP_DELETE_OBJECT
}

/// What the flexpage of this word names was unmapped: the answer has it with its access bits.
fn unmapped(message: &Message, word: usize, unmapping: &Unmapping) -> Result<(), Error> {
    let flexpage = Flexpage::from_raw(message.word(word)?);
    message.answer(word, flexpage.with_rights(Rights::NONE).raw() | u64::from(unmapping.access()));
    work::budget().take(FLEXPAGE_UNITS);
    Ok(())
}
