//! Rewriting the labels of those who wait to send to a thread (`l4_thread_modify_sender_start`), step by step.
//!
//! There is at most one such walk along a thread's line, which [`Thread::is_line_walked`] says; as in Fiasco, whoever wants
//! another one meanwhile is told `Busy`.

use crate::message::{self, Answer, Message, Outcome};
use crate::object::RefSlot;
use crate::sched;
use crate::thread::Thread;
use crate::work::{self, Work};
use abi::Error;
use kernel::space::Progress;

/// What it costs to look at one sender, for so many rules.
const RULES_OF_UNIT: u32 = 8;

/// A walk along a thread's line, which ends with this value.
pub struct Modification {
    target: RefSlot<Thread>,
}

impl Modification {
    fn begin(target: &'static Thread) -> Result<Self, Error> {
        if target.is_line_walked.replace(true) {
            return Err(Error::Busy);
        }
        target.senders.begin_walk();
        Ok(Self { target: RefSlot::to(target) })
    }

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
        if let Some(target) = self.target.get() {
            target.is_line_walked.set(false);
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
    let modification = match me.take_work() {
        Some(Work::ModifySenders(begun)) if begun.is_of(target) => begun,
        _ => Modification::begin(target)?,
    };
    match step(target, message) {
        Progress::Done => message::ok(0),
        Progress::Preempted => {
            me.continue_later(Work::ModifySenders(modification));
            Ok(Outcome::Preempted)
        }
    }
}

/// Goes on with the walk.
fn step(target: &'static Thread, message: &Message) -> Progress {
    let rules = message.tag.words().saturating_sub(1) / 4;
    let rule = |index: usize, word: usize| message.utcb.mr(1 + 4 * index + word);
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
