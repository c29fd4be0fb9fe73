//! Who owes whom a reply: the caller in a reply slot, and the slot that a caller waits for.
//!
//! Whoever takes a call puts the caller into the slot that it received into: its own one, or one of its task's
//! reply space. The slot is emptied by the reply, by the next call that is received into it, and when the caller
//! no longer waits. Invariant: a slot's caller has this slot as its [`Thread::reply_slot`], and the other way round;
//! the caller in a thread's own slot waits for a message from that thread alone.

use crate::memory::memory;
use crate::task::Task;
use crate::thread::Thread;
use kernel::reply_space::{ReplySlot, ReplySpace};
use kernel::space::{Budget, Progress};

/// A place for the capability to reply to a thread.
pub type Slot = ReplySlot<Thread>;
/// A task's explicit reply capabilities.
pub type Space = ReplySpace<Thread>;

/// The slot owes `caller` a reply from now on, in place of whom it owed one before; that one waits on.
pub fn owe(slot: &'static Slot, caller: &'static Thread) {
    take(slot);
    slot.replace(Some(caller));
    caller.reply_slot.set(Some(slot));
}

/// Empties the slot; returns whom it owed a reply.
pub fn take(slot: &Slot) -> Option<&'static Thread> {
    let caller = slot.replace(None)?;
    caller.reply_slot.set(None);
    Some(caller)
}

/// Nobody owes the thread a reply any more.
#[inline]
pub fn settle(caller: &'static Thread) {
    if let Some(slot) = caller.reply_slot.take() {
        slot.replace(None);
    }
}

/// The task's last thread is about to end: its reply slots go, as far as the budget reaches.
#[allow(unsafe_code)] // vouches that no slot is used
pub fn clear(task: &'static Task, budget: &Budget) -> Progress {
    // SAFETY: slots are used by kernel entries of the task's threads, and by threads of it that wait for messages
    // into them. The last one of these has stopped; when another is bound to the task, this is not called again.
    unsafe {
        task.replies.clear(memory(), task.quota(), budget, |slot| {
            take(slot);
        })
    }
}
