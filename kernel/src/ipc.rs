//! Synchronous IPC between threads, and from interrupts to threads.
//!
//! [`start`] runs the send phase, then [`receive`] the receive phase; where a phase cannot go on the
//! thread's [`State`] says what it waits for, and [`Pending`] holds all that is needed to go on: its
//! partner (who then takes the message, or delivers one), a timeout or a cancellation ends the wait.
//! Invariant: a thread is in at most one queue of senders, and only while it is `Sending`, `AtGate` or
//! `AtSemaphore`.

use crate::arch::clock;
use crate::fault;
use crate::irq::Irq;
use crate::items::Items;
use crate::message::UtcbPointer;
use crate::reply;
use crate::sched;
use crate::sender::{Sender, SenderOwner};
use crate::thread::{State, Thread};
use crate::transfer;
use crate::vcpu;
use crate::work::{self, Transfer, Work};
use abi::timeout::Deadline;
use abi::{IpcError, Rights, Tag, Timeout, Timeouts};
use core::cell::Cell;
use kernel::planted::{Bug, is_planted};
use kernel::space::Progress;

/// From whom a thread receives.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Receive {
    /// There is no receive phase.
    None,
    /// From anybody; a caller goes into the thread's own reply slot.
    Open,
    /// From anybody; a caller goes into this slot of the task's.
    OpenInto(&'static reply::Slot),
    /// From the one with this number alone: it may be gone, and no other one is taken for it.
    From(u64),
    /// The receive phase was cancelled before it began, and its timeout is zero.
    Cancelled,
}

impl Receive {
    /// Whether messages are taken from anybody.
    #[inline]
    pub fn is_open(self) -> bool {
        matches!(self, Self::Open | Self::OpenInto(_))
    }
}

/// What an IPC is part of: how its end is told to the thread.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A system call: registers and UTCB hold the outcome.
    SystemCall,
    /// A page fault, told to the pager.
    PageFault,
    /// An exception, told to the exception handler.
    Exception,
    /// A virtual CPU's upcall: the outcome stands in its state.
    Upcall,
    /// A virtual CPU's look for a message before it resumes.
    Resume,
}

/// An IPC in progress.
pub struct Pending {
    pub tag: Cell<Tag>,
    /// What the receiver gets as label.
    pub label: Cell<u64>,
    /// Rights of the capability used for sending.
    pub rights: Cell<Rights>,
    pub receive: Cell<Receive>,
    pub receive_timeout: Cell<Timeout>,
    pub purpose: Cell<Purpose>,
    /// UTCB registers that a fault's IPC overwrote: buffer descriptor, two buffers, two message registers.
    pub saved: Cell<[u64; 5]>,
}

impl Pending {
    /// No IPC.
    pub const fn new() -> Self {
        Self {
            tag: Cell::new(Tag::new(0, 0, 0, 0)),
            label: Cell::new(0),
            rights: Cell::new(Rights::NONE),
            receive: Cell::new(Receive::None),
            receive_timeout: Cell::new(Timeout::NEVER),
            purpose: Cell::new(Purpose::SystemCall),
            saved: Cell::new([0; 5]),
        }
    }

    /// Whether the IPC is a system call of the thread, not a message of the kernel's about it.
    #[inline]
    pub fn is_system_call(&self) -> bool {
        self.purpose.get() == Purpose::SystemCall
    }
}

/// An IPC to start.
pub struct Start {
    /// The receiver of the send phase, if there is one.
    pub to: Option<&'static Thread>,
    /// From whom to receive; closed for this one.
    pub from: From,
    pub tag: Tag,
    pub label: u64,
    pub rights: Rights,
    pub timeouts: Timeouts,
    pub purpose: Purpose,
}

/// From whom a receive phase that is about to start receives.
#[derive(Clone, Copy)]
pub enum From {
    /// There is no receive phase.
    Nobody,
    /// From anybody; a caller goes into the thread's own reply slot.
    Anybody,
    /// From anybody; a caller goes into this slot.
    AnybodyInto(&'static reply::Slot),
    /// From this one alone.
    Only(&'static Sender),
}

/// Starts an IPC of the running thread. Its outcome is told to the thread when it ends, maybe at once.
#[inline(always)]
pub fn start(thread: &'static Thread, start: Start) {
    let pending = &thread.pending;
    pending.tag.set(start.tag);
    pending.label.set(start.label);
    pending.rights.set(start.rights);
    pending.receive.set(match start.from {
        From::Nobody => Receive::None,
        From::Anybody => Receive::Open,
        From::AnybodyInto(slot) => Receive::OpenInto(slot),
        From::Only(partner) => Receive::From(partner.number()),
    });
    pending.receive_timeout.set(start.timeouts.receive);
    pending.purpose.set(start.purpose);
    match (start.to, start.from) {
        (Some(partner), _) => send(thread, partner, start.timeouts.send),
        (None, From::Only(partner)) if partner.waits_in(&thread.senders) => {
            thread.state.set(State::Receiving);
            take_from(thread, partner);
        }
        (None, _) => receive(thread),
    }
}

/// The send phase: deliver now, or wait in the partner's line.
fn send(thread: &'static Thread, partner: &'static Thread, timeout: Timeout) {
    if !partner.is_alive() {
        return fail(thread, IpcError::NotExistent);
    }
    if partner.pending.receive.get() == Receive::From(thread.sender.number()) {
        reply::settle(partner);
    }
    if accepts(partner, &thread.sender) || vcpu::interrupt(partner) {
        deliver(thread, partner);
        return;
    }
    match deadline(timeout, thread.utcb()) {
        When::Past => fail(thread, IpcError::SendTimeout),
        when => {
            thread.state.set(State::Sending);
            thread.sender.join(&partner.senders, thread.priority.get());
            set_timeout(thread, when);
        }
    }
}

/// Whether `receiver` takes a message from `sender` at once.
fn accepts(receiver: &'static Thread, sender: &Sender) -> bool {
    matches!(receiver.state.get(), State::Listening | State::Receiving)
        && match receiver.pending.receive.get() {
            Receive::Open | Receive::OpenInto(_) => {
                receiver.senders.first().is_none_or(|first| core::ptr::eq(first, sender))
            }
            Receive::From(partner) => partner == sender.number(),
            Receive::None | Receive::Cancelled => false,
        }
}

/// Hands the message of `sender` to `receiver`, ends the receiver's IPC, and goes on with the sender's.
#[inline(always)]
fn deliver(sender: &'static Thread, receiver: &'static Thread) {
    let tag = sender.pending.tag.get();
    let (Some(from), Some(to)) = (sender.utcb(), receiver.utcb()) else {
        return delivered(sender, receiver, Err(IpcError::SendAborted));
    };
    transfer::message((sender, from), (receiver, to), tag);
    if tag.items() == 0 {
        return delivered(sender, receiver, Ok(()));
    }
    match Items::new(sender, receiver, tag) {
        Ok(items) => deliver_items(sender, receiver, items),
        Err(error) => delivered(sender, receiver, Err(error)),
    }
}

/// Maps the items of a message. If it takes long, it goes on after a preemption point, when the running thread,
/// which is sender or receiver, runs next; the other one waits for that.
fn deliver_items(sender: &'static Thread, receiver: &'static Thread, mut items: Items) {
    loop {
        match items.step(work::budget()) {
            Ok(Progress::Done) => return delivered(sender, receiver, Ok(())),
            Err(error) => return delivered(sender, receiver, Err(error)),
            Ok(Progress::Preempted) => {}
        }
        let (mover, other) = match (sched::is_current(sender), sched::is_current(receiver)) {
            (true, false) => (sender, receiver),
            (false, true) => (receiver, sender),
            // A message to itself, or one that the kernel sends for somebody else: both are short.
            _ => continue,
        };
        // It may have been on its way to look for senders itself.
        sched::remove(other);
        other.state.set(State::Transferring);
        other.mover.set(Some(mover));
        mover.state.set(State::Ready);
        return mover.continue_later(Work::Transfer(Transfer::new(sender, receiver, items)));
    }
}

/// Goes on with a transfer that was preempted.
pub fn resume_transfer(transfer: Transfer) {
    let Transfer { sender, receiver, items, .. } = transfer;
    if let (Some(sender), Some(receiver)) = (sender.get(), receiver.get()) {
        sender.mover.set(None);
        receiver.mover.set(None);
        deliver_items(sender, receiver, items);
    }
}

/// Ends a transfer that was preempted: one of the two is about to die.
fn abort_transfer(transfer: &Transfer) {
    if let (Some(sender), Some(receiver)) = (transfer.sender.get(), transfer.receiver.get()) {
        sender.mover.set(None);
        receiver.mover.set(None);
        fail(receiver, IpcError::ReceiveAborted);
        fail(sender, IpcError::SendAborted);
    }
}

/// Ends the transfer of a message, and the receiver's IPC, and goes on with the sender's.
fn delivered(sender: &'static Thread, receiver: &'static Thread, result: Result<(), IpcError>) {
    let tag = sender.pending.tag.get();
    let slot = match receiver.pending.receive.get() {
        Receive::Open => Some(&receiver.reply),
        Receive::OpenInto(slot) => Some(slot),
        Receive::None | Receive::From(_) | Receive::Cancelled => None,
    };
    let result = transfer::finish(sender, receiver, tag, result);
    let calls = sender.pending.receive.get() == Receive::From(receiver.sender.number());
    if let (Ok(()), Some(slot), true) = (result, slot, calls) {
        reply::owe(slot, sender);
    }
    let waits = sender.pending.receive.get() != Receive::None;
    let hands_over = sched::is_current(sender) && tag.flags() & Tag::SCHEDULE == 0 && waits;
    complete_with(receiver, tag.with_error(result.is_err()), sender.pending.label.get(), |receiver| {
        if hands_over { sched::prefer(receiver) } else { sched::wake(receiver) }
    });
    match result {
        Ok(()) => receive(sender),
        Err(()) => complete(sender, Tag::new(0, 0, 0, Tag::ERROR), 0),
    }
}

/// Ends the send phase of a thread whose message was taken, or goes on to its receive phase.
fn receive(thread: &'static Thread) {
    let pending = &thread.pending;
    let from = pending.receive.get();
    if from == Receive::None {
        // The tag that the program sent stays in its register, without the error flag.
        return complete(thread, pending.tag.get().with_error(false), thread.frame.label());
    }
    // In a closed wait nobody to receive from can be in line: the partner has just taken this thread's
    // message, or `start` has looked.
    if from.is_open()
        && let Some(sender) = thread.senders.first()
    {
        thread.state.set(State::Receiving);
        if sched::is_current(thread) {
            return take_from(thread, sender);
        }
        // Another thread let this one go on; it takes the next message when it runs itself.
        thread.receive_due.set(true);
        return sched::wake(thread);
    }
    match deadline(pending.receive_timeout.get(), thread.utcb()) {
        When::Past => {
            if from == Receive::From(thread.sender.number()) {
                // A message from itself, at once: that is how a program yields.
                sched::yield_current();
            }
            let is_cancelled = from == Receive::Cancelled;
            fail(thread, if is_cancelled { IpcError::ReceiveCancelled } else { IpcError::ReceiveTimeout });
        }
        When::Never if pending.is_system_call() => thread.state.set(State::Listening),
        when => {
            thread.state.set(State::Receiving);
            set_timeout(thread, when);
        }
    }
}

/// The receive phase of the running thread's system call: from `partner` alone, who has nothing to send now, for ever.
#[inline]
pub fn listen_to(thread: &'static Thread, partner: &'static Sender) {
    thread.pending.receive.set(Receive::From(partner.number()));
    thread.state.set(State::Listening);
}

/// The receive phase of a thread that was chosen to run because senders wait for it.
pub fn resume_receive(thread: &'static Thread) {
    thread.receive_due.set(false);
    receive(thread);
}

/// Takes a waiting sender's message.
#[inline]
pub fn take_from(receiver: &'static Thread, sender: &'static Sender) {
    sender.leave();
    match sender.owner() {
        Some(SenderOwner::Thread(thread)) => {
            sched::cancel_timeout(thread);
            deliver(thread, receiver);
        }
        Some(SenderOwner::Irq(irq)) => {
            let label = irq.taken();
            complete(receiver, Tag::new(0, 0, 0, 0), label);
        }
        None => {}
    }
}

/// Delivers an interrupt's message if the thread waits for it, else queues it.
pub fn send_irq(irq: &'static Irq, receiver: &'static Thread) {
    if accepts(receiver, &irq.sender) || vcpu::interrupt(receiver) {
        let label = irq.taken();
        complete(receiver, Tag::new(0, 0, 0, 0), label);
    } else {
        irq.sender.join(&receiver.senders, u8::MAX);
    }
}

/// Ends a thread's IPC with this tag and label and makes it ready.
pub fn complete(thread: &'static Thread, tag: Tag, label: u64) {
    complete_with(thread, tag, label, sched::wake);
}

#[inline]
fn complete_with(thread: &'static Thread, tag: Tag, label: u64, wake: impl FnOnce(&'static Thread)) {
    if !is_planted(Bug::TimeoutKept) {
        sched::cancel_timeout(thread);
    }
    thread.receive_due.set(false);
    thread.state.set(State::Ready);
    reply::settle(thread);
    match thread.pending.purpose.get() {
        Purpose::SystemCall => {
            thread.frame.set_tag(tag.raw());
            thread.frame.set_label(label);
            wake(thread);
        }
        Purpose::PageFault | Purpose::Exception => {
            fault::answered(thread, tag);
            wake(thread);
        }
        purpose @ (Purpose::Upcall | Purpose::Resume) => {
            vcpu::ended(thread, purpose, tag, label);
            wake(thread);
        }
    }
}

/// Ends a thread's IPC with an error.
pub fn fail(thread: &'static Thread, error: IpcError) {
    if let Some(utcb) = thread.utcb() {
        utcb.set_error(error.code());
    }
    let label = thread.frame.label();
    complete(thread, Tag::new(0, 0, 0, Tag::ERROR), label);
}

/// The thread's timeout is due.
pub fn timed_out(thread: &'static Thread) {
    match thread.state.get() {
        State::Sending | State::AtGate => {
            if !is_planted(Bug::SenderKept) {
                thread.sender.leave();
            }
            fail(thread, IpcError::SendTimeout);
        }
        State::Listening | State::Receiving => fail(thread, IpcError::ReceiveTimeout),
        State::AtSemaphore => {
            thread.sender.leave();
            fail(thread, IpcError::ReceiveTimeout);
        }
        State::Ready | State::Transferring | State::Stopped => {}
    }
}

/// Cancels what the thread waits for, as `ex_regs` asks.
pub fn cancel(thread: &'static Thread) {
    match thread.state.get() {
        State::Sending | State::AtGate => {
            thread.sender.leave();
            fail(thread, IpcError::SendCancelled);
        }
        State::Listening | State::Receiving => fail(thread, IpcError::ReceiveCancelled),
        State::AtSemaphore => {
            thread.sender.leave();
            fail(thread, IpcError::ReceiveCancelled);
        }
        State::Ready | State::Transferring => cancel_under_way(thread),
        State::Stopped => {}
    }
}

/// Cancels what comes next of an IPC that waits for nobody now: to send through the gate that was bound, or to receive
/// when the transfer is done.
fn cancel_under_way(thread: &'static Thread) {
    let goes_on = thread.mover.get().unwrap_or(thread);
    let is = |what: fn(&Work, &Thread) -> bool| goes_on.with_work(|work| what(work, thread)) == Some(true);
    if is(|work, _| matches!(work, Work::Send(_))) {
        thread.drop_work();
        fail(thread, IpcError::SendCancelled);
    } else if is(|work, thread| matches!(work, Work::Transfer(transfer) if transfer.is_of(thread)))
        && thread.pending.receive.get() != Receive::None
    {
        thread.pending.receive.set(Receive::Cancelled);
        thread.pending.receive_timeout.set(Timeout::ZERO);
    }
}

/// Takes a thread that is about to die out of whatever it waits in.
pub fn withdraw(thread: &'static Thread) {
    if let Some(mover) = thread.mover.get().or(Some(thread))
        && let Some(Work::Transfer(transfer)) = mover.take_work()
    {
        abort_transfer(&transfer);
    }
    thread.sender.leave();
    sched::cancel_timeout(thread);
}

/// When a timeout ends a wait.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Never.
    Never,
    /// It is over already.
    Past,
    /// At this time in microseconds.
    At(u64),
}

/// The time at which a timeout that starts now ends.
pub fn deadline(timeout: Timeout, utcb: Option<UtcbPointer>) -> When {
    let at = match timeout.deadline() {
        Deadline::Never => return When::Never,
        Deadline::Now => return When::Past,
        Deadline::Relative(us) => return When::At(clock::clock_us() + us),
        Deadline::Absolute(register) => utcb.map_or(0, |utcb| utcb.br(register)),
    };
    if at > clock::clock_us() { When::At(at) } else { When::Past }
}

/// Starts the timeout of a thread that begins to wait.
#[inline]
pub fn set_timeout(thread: &'static Thread, when: When) {
    if let When::At(us) = when {
        sched::set_timeout(thread, us);
    }
}
