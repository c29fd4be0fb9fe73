//! The line of those who wait: senders at a receiver or a gate, threads at a semaphore.
//!
//! Whoever can wait has one [`Sender`], its place in such a line. Invariant: a place is in the line that it
//! says it is in, or in none; whose it is was said when its owner was created.

use crate::gate::Gate;
use crate::ipc::{complete, fail};
use crate::irq::Irq;
use crate::object::{KernelObject, RefSlot};
use crate::sched;
use crate::thread::{State, Thread};
use crate::vcpu;
use crate::work::Work;
use abi::{IpcError, Tag};
use core::cell::Cell;
use core::ops::Deref;
use kernel::queue::{PrioLinks, PrioQueue, PrioQueued};
use kernel::space::{Budget, Progress};

/// A line of senders, by priority.
pub struct SenderQueue {
    queue: PrioQueue<Sender>,
    /// The virtual CPU whose line this is.
    vcpu: Cell<Option<&'static Thread>>,
}

impl SenderQueue {
    /// Nobody.
    pub const fn new() -> Self {
        Self { queue: PrioQueue::new(), vcpu: Cell::new(None) }
    }

    /// From now on, this virtual CPU is told of who comes and goes.
    pub fn set_vcpu(&self, vcpu: Option<&'static Thread>) {
        self.vcpu.set(vcpu);
        self.changed();
    }

    #[inline]
    fn changed(&self) {
        if let Some(vcpu) = self.vcpu.get() {
            vcpu::line_changed(vcpu, self.is_empty());
        }
    }
}

impl Deref for SenderQueue {
    type Target = PrioQueue<Sender>;

    fn deref(&self) -> &Self::Target {
        &self.queue
    }
}

/// Who stands in a line of senders.
#[derive(Clone, Copy)]
pub enum SenderOwner {
    /// A thread with a message.
    Thread(&'static Thread),
    /// An interrupt.
    Irq(&'static Irq),
}

/// A place in a line of senders.
pub struct Sender {
    links: PrioLinks<Sender>,
    owner: Cell<Option<SenderOwner>>,
    number: Cell<u64>,
    queue: Cell<Option<&'static SenderQueue>>,
}

impl PrioQueued for Sender {
    fn prio_links(&self) -> &PrioLinks<Self> {
        &self.links
    }
}

impl Sender {
    /// A place that is nobody's yet.
    pub const fn new() -> Self {
        Self { links: PrioLinks::new(), owner: Cell::new(None), number: Cell::new(0), queue: Cell::new(None) }
    }

    /// Whose place this is.
    pub fn owner(&self) -> Option<SenderOwner> {
        self.owner.get()
    }

    /// Says whose place this is.
    pub fn set_owner(&self, owner: SenderOwner) {
        self.number.set(match owner {
            SenderOwner::Thread(thread) => thread.header.id(),
            SenderOwner::Irq(irq) => irq.header().id(),
        });
        self.owner.set(Some(owner));
    }

    /// The number of the thread or interrupt, unique since boot.
    #[inline]
    pub fn number(&self) -> u64 {
        self.number.get()
    }

    /// Whether it stands in this line.
    pub fn waits_in(&self, queue: &SenderQueue) -> bool {
        self.queue.get().is_some_and(|waits| core::ptr::eq(waits, queue))
    }

    /// The line that it stands in.
    #[cfg(feature = "invariants")]
    pub fn line(&self) -> Option<&'static SenderQueue> {
        self.queue.get()
    }

    /// Joins a line.
    #[inline]
    pub fn join(&'static self, queue: &'static SenderQueue, priority: u8) {
        queue.insert(self, priority);
        queue.changed();
        self.queue.set(Some(queue));
    }

    /// Leaves the line, if it stands in one.
    pub fn leave(&'static self) {
        if let Some(queue) = self.queue.take() {
            queue.remove(self);
            queue.changed();
        }
    }

    /// The receiver that it waited for was killed.
    pub fn receiver_is_gone(&'static self) {
        self.leave();
        match self.owner.get() {
            Some(SenderOwner::Thread(thread)) => fail(thread, IpcError::SendCancelled),
            Some(SenderOwner::Irq(irq)) => irq.receiver_is_gone(),
            None => {}
        }
    }

    /// What it waited for has come: its system call ends well.
    pub fn finish_wait(&'static self) {
        self.leave();
        if let Some(SenderOwner::Thread(thread)) = self.owner.get() {
            complete(thread, Tag::new(0, 0, 0, 0), thread.frame.label());
        }
    }

    /// What it waited for will never come.
    pub fn abort_wait(&'static self, error: IpcError) {
        self.leave();
        if let Some(SenderOwner::Thread(thread)) = self.owner.get() {
            fail(thread, error);
        }
    }

    /// The gate that it waits at was bound: it sends its message when it runs.
    pub fn send_through(&'static self, gate: &'static Gate) {
        self.leave();
        if let Some(SenderOwner::Thread(thread)) = self.owner.get() {
            sched::cancel_timeout(thread);
            thread.state.set(State::Ready);
            thread.continue_later(Work::Send(RefSlot::to(gate)));
            sched::wake(thread);
        }
    }

    /// The label that the receiver will get is replaced by `change(label)`.
    pub fn modify_label(&self, change: impl Fn(u64) -> Option<u64>) {
        let label = match self.owner.get() {
            Some(SenderOwner::Thread(thread)) => &thread.pending.label,
            Some(SenderOwner::Irq(irq)) => &irq.label,
            None => return,
        };
        if let Some(new) = change(label.get()) {
            label.set(new);
        }
    }
}

/// Has everybody in the line leave it, by what `leave` does, as far as the budget goes.
pub fn dismiss(queue: &'static SenderQueue, budget: &Budget, leave: impl Fn(&'static Sender)) -> Progress {
    while let Some(sender) = queue.first() {
        if !budget.spend() {
            return Progress::Preempted;
        }
        leave(sender);
    }
    Progress::Done
}
