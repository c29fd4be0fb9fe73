//! Rewriting the labels of those who wait to send to a thread (`l4_thread_modify_sender_start`), step by step.
//!
//! A thread has at most one such walk along its line on its way, of [`Thread::modifier`]. Whoever wants another one goes on
//! with that one first, in the name of the thread that began it: so nobody waits for a thread that does not run.

use crate::message::{self, Answer, Message, Outcome};
use crate::object::RefSlot;
use crate::sched;
use crate::thread::Thread;
use crate::work::{self, Work};
use abi::{Error, Tag};
use kernel::space::Progress;

/// What it costs to look at one sender, for so many rules.
const RULES_OF_UNIT: u32 = 8;

/// An operation that was preempted. Its walk ends with this value.
pub struct Modification {
    target: RefSlot<Thread>,
    by: &'static Thread,
    /// Its own walk has begun, and may have been ended by somebody else. Before, it goes on with that of another thread.
    has_begun: bool,
}

impl Modification {
    /// Whether it is of this thread's senders: the capability that it began with may name another one by now.
    fn is_of(&self, target: &'static Thread) -> bool {
        self.target.get().is_some_and(|other| core::ptr::eq(other, target))
    }

    /// Whose senders are modified.
    #[cfg(feature = "invariants")]
    pub fn target(&self) -> Option<&'static Thread> {
        self.target.get()
    }
}

impl Drop for Modification {
    fn drop(&mut self) {
        if let Some(target) = self.target.get()
            && target.modifier.get().is_some_and(|by| core::ptr::eq(by, self.by))
        {
            target.modifier.set(None);
        }
    }
}

/// The operation: groups of four words, mask, match, bits to clear, bits to set. The first that matches a label counts.
/// As in Fiasco the thread must have a CPU.
pub fn invoke(target: &'static Thread, message: &Message) -> Answer {
    if target.priority.get() == sched::OFF {
        return Err(Error::Inval);
    }
    let me = message.sender;
    let mut modification = match me.take_work() {
        Some(Work::ModifySenders(begun)) if begun.is_of(target) => begun,
        _ => Modification { target: RefSlot::to(target), by: me, has_begun: false },
    };
    loop {
        match target.modifier.get() {
            Some(by) => {
                if step(target, by) == Progress::Preempted {
                    me.continue_later(Work::ModifySenders(modification));
                    return Ok(Outcome::Preempted);
                }
                target.modifier.set(None);
            }
            None if modification.has_begun => return message::ok(0),
            None => {
                modification.has_begun = true;
                target.modifier.set(Some(me));
                target.senders.begin_walk();
            }
        }
    }
}

/// Goes on with the walk that `by` began.
fn step(target: &'static Thread, by: &'static Thread) -> Progress {
    let Some(utcb) = by.utcb.get() else { return Progress::Done };
    let rules = Tag::from_raw(by.frame.syscall_tag()).words().saturating_sub(1) / 4;
    let rules = rules.min(abi::utcb::MESSAGE_REGISTERS / 4);
    let rule = |index: usize, word: usize| utcb.mr(1 + 4 * index + word);
    let budget = work::budget();
    while let Some(sender) = target.senders.next_in_walk() {
        sender.modify_label(|label| {
            let index = (0..rules).find(|&index| label & rule(index, 0) == rule(index, 1))?;
            Some(label & !rule(index, 2) | rule(index, 3))
        });
        budget.take(rules as u32 / RULES_OF_UNIT);
        if !budget.spend() {
            return Progress::Preempted;
        }
    }
    Progress::Done
}
