//! What holds of all threads after an entry: each is where its state says, and nowhere else.

use super::CPU;
use crate::arch;
use crate::gate::Gate;
use crate::invariants;
use crate::ipc::Receive;
use crate::irq::Irq;
use crate::object::{self, Object};
use crate::reply;
use crate::semaphore::Semaphore;
use crate::sender::{SenderOwner, SenderQueue};
use crate::thread::{State, Thread};
use crate::vcpu;
use kernel::invariant::{Check, address, ensure};
use kernel::queue::{Linked, Ready, Timed};

/// Threads, queues and lines agree.
pub fn threads() -> Check {
    let ready = CPU.ready.check_occupied()?;
    let waits = |thread: &'static Thread| {
        let waiting =
            !matches!(thread.state.get(), State::Stopped | State::Ready | State::Listening | State::Transferring);
        ensure(waiting, "who waits for the clock waits for something", [address(thread), 0])
    };
    let timed = CPU.timeouts.check(waits)?;
    ensure(CPU.preferred.get().is_none(), "nobody is left to be preferred", [0, 0])?;
    let mut found = Found::default();
    for header in object::check::all() {
        match header.object() {
            Object::Thread(thread) => {
                thread_alone(thread, &mut found)?;
                line(&thread.senders, State::Sending, &mut found)?;
            }
            Object::Gate(gate) => line(Gate::waiting(gate), State::AtGate, &mut found)?,
            Object::Semaphore(semaphore) => {
                let nobody = semaphore.is_down() || Semaphore::waiting(semaphore).is_empty();
                ensure(nobody, "nobody waits at a semaphore that is up", [address(semaphore), 0])?;
                line(Semaphore::waiting(semaphore), State::AtSemaphore, &mut found)?;
            }
            Object::Irq(irq) => irq_alone(irq, &mut found)?,
            _ => {}
        }
    }
    ensure(found.timed == timed, "timeouts are those of threads", [found.timed as u64, timed as u64])?;
    ensure(found.ready == ready, "who is ready is a thread", [found.ready as u64, ready as u64])?;
    ensure(found.waiting == found.in_line, "who waits is in a line", [found.waiting, found.in_line])?;
    choice()?;
    invariants::processor()
}

/// The whole ready queue.
pub fn ready_queue() -> Check {
    CPU.ready.check()
}

/// What was counted.
#[derive(Default)]
struct Found {
    ready: usize,
    timed: usize,
    /// Who says to be in a line, and who is.
    waiting: u64,
    in_line: u64,
}

/// The one who runs is ready, and nobody more important is; its space is loaded.
fn choice() -> Check {
    let root = arch::paging::current_root();
    match CPU.current.get() {
        Some(current) => {
            let of = [address(current), u64::from(CPU.ready.highest())];
            ensure(super::can_run(current), "the running thread is ready, or has a receive phase to go on with", of)?;
            ensure(current.priority.get() > super::OFF, "a thread without a processor does not run", of)?;
            ensure(CPU.ready.highest() <= current.priority.get(), "the highest priority that is ready runs", of)?;
            let expected = current.space.get().map_or(arch::kernel_root(), |task| task.loaded_root());
            ensure(root == expected, "the running thread's space is loaded", [address(current), root])
        }
        None => ensure(CPU.ready.highest() == super::OFF, "the processor idles while nobody is ready", [0, 0]),
    }
}

fn thread_alone(thread: &'static Thread, found: &mut Found) -> Check {
    let (state, of) = (thread.state.get(), [address(thread), thread.state.get() as u64]);
    let queued = Linked::<Ready>::links(thread).is_linked();
    let timed = thread.timeout_links().is_linked();
    found.ready += usize::from(queued);
    found.timed += usize::from(timed);
    let current = super::is_current(thread);
    ensure(!(current && queued), "the running thread is not in the ready queue", of)?;
    let runnable = state == State::Ready || thread.receive_due.get();
    ensure(runnable == (current || queued), "who can run is in the ready queue", of)?;
    let receives = state == State::Receiving || !thread.receive_due.get();
    ensure(receives, "who is to look for senders receives", of)?;
    let waits = matches!(state, State::Sending | State::AtGate | State::AtSemaphore);
    ensure(waits == thread.sender.line().is_some(), "who sends is in a line, and nobody else", of)?;
    found.waiting += u64::from(waits);
    let receives = matches!(state, State::Listening | State::Receiving);
    let closed = !receives || thread.pending.receive.get() != Receive::None;
    ensure(closed, "who receives receives from somebody", of)?;
    let bound = state == State::Stopped || thread.task.get().is_some();
    ensure(bound, "who was started has a task and a UTCB", of)?;
    ensure((state == State::Transferring) <= thread.mover.get().is_some(), "a transfer has somebody who goes on", of)?;
    if let Some(mover) = thread.mover.get() {
        ensure(mover.has_work(), "who goes on with a transfer has work", [address(thread), address(mover)])?;
    }
    vcpu::check(thread)?;
    partners(thread)
}

/// Who is owed a reply, and the slot that owes it, know each other.
fn partners(thread: &'static Thread) -> Check {
    owes(&thread.reply)?;
    let Some(slot) = thread.reply_slot.get() else { return Ok(()) };
    let of = [address(thread), address(slot)];
    let mutual = slot.caller().is_some_and(|caller| core::ptr::eq(caller, thread));
    ensure(mutual, "a slot that owes a reply knows to whom", of)?;
    let waits = matches!(thread.state.get(), State::Listening | State::Receiving | State::Transferring);
    ensure(waits, "who is owed a reply waits for it", of)
}

/// Whom the slot owes a reply, if anybody, knows it.
pub fn owes(slot: &'static reply::Slot) -> Check {
    let Some(caller) = slot.caller() else { return Ok(()) };
    let mutual = caller.reply_slot.get().is_some_and(|owing| core::ptr::eq(owing, slot));
    ensure(mutual, "who is owed a reply knows by which slot", [address(slot), address(caller)])
}

/// Everybody in the line says so, and waits for what the line is for.
fn line(queue: &'static SenderQueue, state: State, found: &mut Found) -> Check {
    queue.check()?;
    for sender in queue.iter() {
        let of = [address(queue), address(sender)];
        found.in_line += 1;
        ensure(sender.waits_in(queue), "who is in a line says so", of)?;
        let waits = match sender.owner() {
            Some(SenderOwner::Thread(thread)) => thread.state.get() == state,
            Some(SenderOwner::Irq(irq)) => state == State::Sending && irq.is_queued(),
            None => false,
        };
        ensure(waits, "who is in a line waits for what it is for", of)?;
    }
    Ok(())
}

fn irq_alone(irq: &'static Irq, found: &mut Found) -> Check {
    let of = [address(irq), 0];
    let line = irq.sender.line();
    found.waiting += u64::from(line.is_some());
    ensure(irq.is_queued() == line.is_some(), "an interrupt is in line while it is queued", of)?;
    let own = line.is_none_or(|line| irq.thread.get().is_some_and(|thread| core::ptr::eq(line, &thread.senders)));
    ensure(own, "an interrupt is in the line of its thread", of)
}
