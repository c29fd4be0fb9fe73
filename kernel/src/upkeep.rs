//! Work that no system call waits for, and that is done at the end of kernel entries: deleted objects are destroyed and
//! freed, walks of unmap operations that were given up are ended, what was written is drawn on the screen.
//!
//! Each kernel entry does as much as its budget has left; then interrupts are let in, and a thread that runs at most at
//! the priority of those who caused the work does not go on before it is done. Invariant: while something is to be done,
//! it [`is_due`].

use crate::arch::console;
use crate::locked::Locked;
use crate::memory::machine;
use crate::object;
use crate::sched;
use crate::work;
use core::cell::Cell;
use kernel::space::{Budget, Progress, end_left};

static DUE: Locked<Cell<bool>> = Locked::new(Cell::new(false));
/// The highest priority of those who caused what is to be done.
static PRIORITY: Locked<Cell<u8>> = Locked::new(Cell::new(0));

/// What a step of drawing costs.
const DRAWING_UNITS: u32 = 12;

/// The running thread has caused work of this kind.
pub fn ask() {
    DUE.set(true);
    let priority = sched::current().map_or(0, |thread| thread.priority.get());
    PRIORITY.set(PRIORITY.get().max(priority));
}

/// Whether there is something to do.
#[inline(always)]
pub fn is_due() -> bool {
    DUE.get()
}

/// Whether there is something to do before a thread of this priority runs on: higher ones do not wait for what lower
/// ones caused.
pub fn is_due_at(priority: u8) -> bool {
    is_due() && priority <= PRIORITY.get()
}

/// Goes on, as far as the budget of this kernel entry goes.
#[cold]
pub fn go_on() {
    let budget = work::budget();
    if object::reap(budget) == Progress::Done
        && end_left(machine(), budget) == Progress::Done
        && draw(budget) == Progress::Done
    {
        DUE.set(false);
        PRIORITY.set(0);
    }
}

fn draw(budget: &Budget) -> Progress {
    while console::is_behind() {
        if !budget.spend_all(DRAWING_UNITS) {
            return Progress::Preempted;
        }
        console::draw();
    }
    Progress::Done
}
