//! Thread objects: `l4sys/thread.h`.
//!
//! A thread holds its user registers, its scheduling data and the state of its IPC. Blocking is a
//! [`State`], never a kernel stack. The operations of the object are in [`crate::thread_ops`], IPC in
//! [`crate::ipc`], faults in [`crate::fault`], the choice of who runs in [`crate::sched`].

use crate::arch::{FpuState, Frame};
use crate::fault;
use crate::ipc::{self, Pending};
use crate::lines::ObjectLine;
use crate::locked::Locked;
use crate::message::UtcbPointer;
use crate::object::{Header, KernelObject, Object, RefSlot};
use crate::reply;
use crate::sched;
use crate::sender::{self, Sender, SenderOwner, SenderQueue};
use crate::task::Task;
use crate::trampoline::Trampoline;
use crate::vcpu::{self, Vcpu};
use crate::work::{self, Work};
use abi::CapIndex;
use core::cell::Cell;
use core::ptr::NonNull;
use kernel::mem::Slab;
use kernel::queue::{Linked, Links, Ready, Schedulable, Timed, TimeoutLinks};
use kernel::space::{Budget, Progress, Walker};

/// What a thread does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// Never started, or killed.
    Stopped,
    /// Runs or is ready to run.
    Ready,
    /// Waits in a receiver's queue for its message to be taken.
    Sending,
    /// Waits for a message to its system call, and for nothing else: no timeout runs. What the fast path ends.
    Listening,
    /// Waits for a message otherwise. If [`Thread::receive_due`], it is on the ready queue to look for senders itself.
    Receiving,
    /// Waits for the end of a transfer of items that its partner, [`Thread::mover`], goes on with.
    Transferring,
    /// Waits for a gate to be bound to a thread.
    AtGate,
    /// Waits at a semaphore.
    AtSemaphore,
}

/// The leave of an alien's handler to do one system call.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Leave {
    /// It has none.
    None,
    /// It has been given leave, which counts from when it runs on, as in Fiasco: until then nothing takes it away.
    Given,
    /// It has leave.
    Taken,
}

/// Time slice of a thread whose creator asked for none, in microseconds.
pub const DEFAULT_QUANTUM_US: u64 = 10_000;

/// A thread.
#[repr(C)] // so that the address of the registers is the thread's
pub struct Thread {
    /// The saved user registers.
    pub frame: Frame,
    /// The saved FPU state while the thread does not run.
    pub fpu: FpuState,
    pub header: Header,
    /// The task the thread is bound to, and its UTCB there.
    pub task: RefSlot<Task, UtcbPointer>,
    /// The task in whose memory it runs: the same, or a virtual CPU's user task. Whoever sets it keeps the task.
    pub space: Cell<Option<&'static Task>>,

    pub state: Cell<State>,
    /// It was killed, and turns those away who wait to send to it.
    pub dies: Cell<bool>,
    /// Set by `ex_regs`: the thread has an instruction pointer to run at.
    pub has_start: Cell<bool>,
    /// Set by the scheduler object: the thread has a priority and a CPU.
    pub is_scheduled: Cell<bool>,
    pub priority: Cell<u8>,
    /// Length of a time slice, in ticks of the time stamp counter.
    pub quantum: Cell<u64>,
    /// CPU time so far, in ticks.
    pub consumed: Cell<u64>,
    /// What `consumed` is at the end of the time slice.
    pub slice_end: Cell<u64>,
    ready_links: Links<Thread>,
    timeout_links: TimeoutLinks<Thread>,

    /// Those who wait to send to this thread.
    pub senders: SenderQueue,
    /// Somebody walks along that line to modify the senders' labels.
    pub is_line_walked: Cell<bool>,
    /// This thread's place among those who wait for another one.
    pub sender: Sender,
    /// The IPC in progress.
    pub pending: Pending,
    /// The receive phase is to look for senders before it waits.
    pub receive_due: Cell<bool>,
    /// Where the preempted operation of the thread's system call goes on.
    work: Cell<Option<Work>>,
    has_work: Cell<bool>,
    /// The work began, or was gone on with, in the thread's last system call.
    work_is_new: Cell<bool>,
    /// What the thread's unmap operation walks over the mapping tree with.
    pub walker: Walker,
    /// Who goes on with the transfer that this thread waits for.
    pub mover: Cell<Option<&'static Thread>>,
    /// Who waits for this thread's reply. The task has more such slots.
    pub reply: reply::Slot,
    /// The slot that owes this thread a reply.
    pub reply_slot: Cell<Option<&'static reply::Slot>>,

    pub pager: Cell<CapIndex>,
    pub exception_handler: Cell<CapIndex>,
    /// An exception that is raised when the thread runs next and has no work left.
    pub exception_due: Cell<Option<fault::Due>>,
    pub is_alien: Cell<bool>,
    /// Whether the next system call of this alien is done, not reported.
    pub alien_leave: Cell<Leave>,
    /// A system call of this alien is done: that is reported when the thread runs next and has no work left.
    pub alien_has_called: Cell<bool>,
    /// System calls are reported as exceptions: of an alien, or of a virtual CPU in its user task.
    pub reports_calls: Cell<bool>,
    /// What makes the thread a virtual CPU, if it is one.
    pub vcpu: Vcpu,
    /// How the thread handles its own page faults, if it does.
    pub trampoline: Trampoline,
    /// The console was told that nobody handles this thread's faults.
    pub is_told_of: Cell<bool>,
    /// Triggered when a gate bound to this thread is deleted.
    pub delete_line: ObjectLine,
}

const _: () = assert!(core::mem::offset_of!(Thread, frame) == 0);

static SLAB: Locked<Slab<Thread>> = Locked::new(Slab::new());

impl KernelObject for Thread {
    fn header(&self) -> &Header {
        &self.header
    }

    fn slab() -> &'static Slab<Self> {
        &SLAB
    }

    fn wrap(&'static self) -> Object {
        Object::Thread(self)
    }
}

impl Linked<Ready> for Thread {
    fn links(&self) -> &Links<Self> {
        &self.ready_links
    }
}

impl Schedulable for Thread {
    fn priority(&self) -> u8 {
        self.priority.get()
    }
}

impl Timed for Thread {
    fn timeout_links(&self) -> &TimeoutLinks<Self> {
        &self.timeout_links
    }
}

impl Thread {
    /// A thread that is bound to no task and has not started.
    pub const fn new() -> Self {
        Self {
            frame: Frame::new_user(),
            fpu: FpuState::new(),
            header: Header::new(),
            task: RefSlot::empty(),
            space: Cell::new(None),
            state: Cell::new(State::Stopped),
            dies: Cell::new(false),
            has_start: Cell::new(false),
            is_scheduled: Cell::new(false),
            priority: Cell::new(0),
            quantum: Cell::new(0),
            consumed: Cell::new(0),
            slice_end: Cell::new(0),
            ready_links: Links::new(),
            timeout_links: TimeoutLinks::new(),
            senders: SenderQueue::new(),
            is_line_walked: Cell::new(false),
            sender: Sender::new(),
            pending: Pending::new(),
            receive_due: Cell::new(false),
            work: Cell::new(None),
            has_work: Cell::new(false),
            work_is_new: Cell::new(false),
            walker: Walker::new(),
            mover: Cell::new(None),
            reply: reply::Slot::new(),
            reply_slot: Cell::new(None),
            pager: Cell::new(CapIndex::INVALID),
            exception_handler: Cell::new(CapIndex::INVALID),
            exception_due: Cell::new(None),
            is_alien: Cell::new(false),
            alien_leave: Cell::new(Leave::None),
            alien_has_called: Cell::new(false),
            reports_calls: Cell::new(false),
            vcpu: Vcpu::new(),
            trampoline: Trampoline::new(),
            is_told_of: Cell::new(false),
            delete_line: ObjectLine::new(),
        }
    }

    /// The thread whose registers the entry code saved in `frame`.
    #[inline(always)]
    #[allow(unsafe_code)] // the frames that are resumed are threads' first fields
    pub fn of(frame: NonNull<Frame>) -> &'static Self {
        // SAFETY: user programs run with the frames that `sched` names, which are made of references to threads; and
        // the running thread is kept while it runs.
        unsafe { frame.cast().as_ref() }
    }

    /// The registers, as the entry code is told of them.
    #[inline(always)]
    pub fn as_frame(&'static self) -> NonNull<Frame> {
        NonNull::from(self).cast()
    }

    /// Completes a thread that was just created.
    pub fn created(&'static self) {
        self.sender.set_owner(SenderOwner::Thread(self));
    }

    /// The thread's UTCB, if it is bound to a task.
    #[inline]
    pub fn utcb(&self) -> Option<UtcbPointer> {
        self.task.get_with().map(|(_, utcb)| utcb)
    }

    /// Whether the thread has started and was not killed.
    pub fn is_alive(&self) -> bool {
        self.state.get() != State::Stopped && !self.dies.get()
    }

    /// Binds the thread to a task; its UTCB is at `address` there. Returns false if it is bound already.
    pub fn bind(&'static self, task: &'static Task, utcb: UtcbPointer, address: u64) -> bool {
        if self.task.get().is_some() {
            return false;
        }
        self.task.set_with(Some((task, utcb)));
        task.threads.set(task.threads.get() + 1);
        self.space.set(Some(task));
        self.frame.set_ldt(task.ldt());
        utcb.set_address(address);
        // `gs:0` reads the address that stands in the UTCB itself.
        self.frame.set_gs_base(address + core::mem::offset_of!(abi::Utcb, address) as u64)
    }

    /// Lets the thread run if it has a task, a start, and a place with the scheduler.
    pub fn start_if_complete(&'static self) {
        if self.state.get() == State::Stopped
            && self.has_start.get()
            && self.is_scheduled.get()
            && self.task.get().is_some()
            && !self.header.is_deleted()
        {
            self.state.set(State::Ready);
            sched::wake(self);
        }
    }

    /// Whether an operation of the thread was preempted.
    #[inline]
    pub fn has_work(&self) -> bool {
        self.has_work.get()
    }

    /// Where the thread's preempted operation goes on.
    pub fn take_work(&self) -> Option<Work> {
        if self.has_work.replace(false) { self.work.take() } else { None }
    }

    /// The thread's operation goes on there when it runs next, after a preemption point.
    pub fn continue_later(&self, work: Work) {
        self.continue_now(work);
        self.work_is_new.set(true);
        self.frame.set_work(true);
    }

    /// The thread's operation, which is done again now, goes on there.
    pub fn continue_now(&self, work: Work) {
        self.work.set(Some(work));
        self.has_work.set(true);
        self.work_is_new.set(false);
    }

    /// What `look` says of the preempted operation, if there is one.
    pub fn with_work<R>(&self, look: impl FnOnce(&Work) -> R) -> Option<R> {
        if !self.has_work() {
            return None;
        }
        let work = self.work.take();
        let said = work.as_ref().map(look);
        self.work.set(work);
        said
    }

    /// Forgets work that was not taken up: the capability that it began with names another object by now.
    pub fn drop_stale_work(&self) {
        if !self.work_is_new.get() {
            self.drop_work();
        }
    }

    /// Gives a preempted operation up.
    #[inline]
    pub fn drop_work(&self) {
        if self.has_work() {
            drop(self.take_work());
        }
    }

    /// Ends the thread for good, step by step.
    pub fn destroy(&'static self, budget: &Budget) -> Progress {
        self.stop();
        if self.turn_senders_away(budget) == Progress::Preempted {
            return Progress::Preempted;
        }
        self.delete_line.unbind();
        if let Some((task, utcb)) = self.task.get_with() {
            if task.threads.get() == 1 && reply::clear(task, budget) == Progress::Preempted {
                return Progress::Preempted;
            }
            task.threads.set(task.threads.get() - 1);
            vcpu::forget(self);
            self.trampoline.forget();
            self.space.set(None);
            self.frame.set_ldt(None);
            utcb.set_free();
            self.task.set_with(None);
        }
        Progress::Done
    }

    /// Stops the thread, which runs, and those who wait to send to it learn that it is gone.
    pub fn kill(&'static self) {
        self.stop();
        self.go_on_dying();
    }

    /// Goes on with what [`kill`](Self::kill) began. Until all senders are turned away the thread stays ready, for that only.
    pub fn go_on_dying(&'static self) {
        let progress = self.turn_senders_away(work::budget());
        self.dies.set(progress == Progress::Preempted);
        self.frame.set_work(self.dies.get());
        if self.dies.get() {
            self.state.set(State::Ready);
        } else {
            self.state.set(State::Stopped);
            // It may have got a new start meanwhile.
            self.start_if_complete();
        }
    }

    fn turn_senders_away(&'static self, budget: &Budget) -> Progress {
        sender::dismiss(&self.senders, budget, Sender::receiver_is_gone)
    }

    /// Stops the thread: it leaves every queue.
    fn stop(&'static self) {
        ipc::withdraw(self);
        self.drop_work();
        vcpu::stop(self);
        reply::take(&self.reply);
        reply::settle(self);
        self.state.set(State::Stopped);
        self.dies.set(false);
        self.has_start.set(false);
        sched::remove(self);
    }
}
