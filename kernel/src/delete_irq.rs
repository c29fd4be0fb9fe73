//! What tells a server that a gate to it was deleted (`register_del_irq` of `l4sys/thread.h`): an IRQ object or a
//! semaphore, which the thread keeps.

use crate::irq::Irq;
use crate::lines::Bound;
use crate::object::RefSlot;
use crate::semaphore::Semaphore;

/// A thread's deletion IRQ. Invariant: it refers to one object at most.
pub struct DeleteIrq {
    pub irq: RefSlot<Irq>,
    pub semaphore: RefSlot<Semaphore>,
}

impl DeleteIrq {
    /// None yet.
    pub const fn new() -> Self {
        Self { irq: RefSlot::empty(), semaphore: RefSlot::empty() }
    }

    /// What it is.
    pub fn get(&self) -> Option<Bound> {
        self.irq.get().map(Bound::Irq).or(self.semaphore.get().map(Bound::Semaphore))
    }

    /// It is this from now on.
    pub fn set(&self, to: Option<Bound>) {
        self.irq.set(if let Some(Bound::Irq(irq)) = to { Some(irq) } else { None });
        self.semaphore.set(if let Some(Bound::Semaphore(semaphore)) = to { Some(semaphore) } else { None });
    }
}
