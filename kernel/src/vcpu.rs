//! Virtual CPUs without hardware virtualisation: `l4sys/vcpu.h`.
//!
//! A thread in vCPU mode shares a [`VcpuState`] with its program. What happens to it is told by an *upcall*: the
//! kernel saves its registers in the state and lets it go on at the program's entry. It may run in a *user task*, whose
//! capabilities it cannot use: there, system calls are exceptions too. Invariants: a thread in its user task is ready,
//! or waits for its pager or exception handler; it receives no message before it is back in its own task; and only
//! [`enter_space`] changes the task in whose memory it runs. The operations on the thread are at the end.

use crate::arch;
use crate::ipc::{self, From, Purpose, Receive, Start};
use crate::kernel_user;
use crate::map::Mapping;
use crate::message::{Answer, Message, Outcome};
use crate::object::{Object, RefSlot};
use crate::sched;
use crate::task::Task;
use crate::thread::{State, Thread};
use crate::work::{self, Work};
use abi::cap::{CAP_SHIFT, INVALID_BIT};
use abi::thread::VCPU_CONTROL_EXTENDED;
use abi::vcpu::*;
use abi::{Error, Flexpage, IpcError, Rights, Tag, Timeout, Timeouts, exc_regs};
use core::cell::Cell;
use core::mem::offset_of;
use kernel::space::Progress;

/// All that make upcalls.
const TRAPS: u16 = IRQ | PAGE_FAULTS | EXCEPTIONS;
/// The bits of a selector of the user task that are the kernel's.
const OPERATION: u64 = abi::ipc::Operation::MASK;

/// Index of a register in the state.
macro_rules! register {
    ($name:ident) => {
        offset_of!(exc_regs::ExcRegs, $name) / size_of::<u64>()
    };
}

/// What a thread has for vCPU mode.
pub struct Vcpu {
    state: Cell<Option<&'static VcpuState>>,
    /// Where the program has the state.
    address: Cell<u64>,
    user_task: RefSlot<Task>,
    in_user_task: Cell<bool>,
    /// The user task may not use the FPU, which is off while the thread runs there.
    fpu_is_off: Cell<bool>,
    /// A message waits, and the thread is to look for it when it runs next and has no work left.
    pub message_due: Cell<bool>,
}

impl Vcpu {
    /// Of a thread that is no virtual CPU.
    pub const fn new() -> Self {
        Self {
            state: Cell::new(None),
            address: Cell::new(0),
            user_task: RefSlot::empty(),
            in_user_task: Cell::new(false),
            fpu_is_off: Cell::new(false),
            message_due: Cell::new(false),
        }
    }

    /// Whether the thread is a virtual CPU.
    #[inline]
    fn is_on(&self) -> bool {
        self.state.get().is_some()
    }

    /// The user task, which is kept.
    #[cfg(feature = "invariants")]
    pub fn user_task(&self) -> &RefSlot<Task> {
        &self.user_task
    }

    /// Whether the thread runs in its user task.
    pub fn in_user_task(&self) -> bool {
        self.in_user_task.get()
    }

    /// Whether the FPU is off while the thread runs.
    #[inline]
    pub fn fpu_is_off(&self) -> bool {
        self.fpu_is_off.get()
    }

    /// The kernel saves or loads the FPU of the thread, which is the running one.
    #[inline]
    pub fn lend_fpu(&self) {
        if self.fpu_is_off.get() {
            arch::fpu_enable(true);
        }
    }

    /// The kernel has done so.
    #[inline]
    pub fn return_fpu(&self) {
        if self.fpu_is_off.get() {
            arch::fpu_enable(false);
        }
    }

    /// The state, if this kind of event makes upcalls.
    fn state_if(&self, event: u16) -> Option<&'static VcpuState> {
        self.state.get().filter(|state| state.state.contains(event))
    }
}

/// Makes an upcall of the page fault or exception that the thread's frame records, if that is wanted.
#[inline]
pub fn reports(thread: &'static Thread, event: u16) -> bool {
    thread.vcpu.is_on() && report(thread, event)
}

#[cold]
fn report(thread: &'static Thread, event: u16) -> bool {
    let state = thread.vcpu.state_if(event);
    if let Some(state) = state {
        upcall(thread, state, thread.frame.trapno(), thread.frame.error_code());
    }
    state.is_some()
}

/// Makes a thread that runs, or could, receive from anybody, if it is a virtual CPU that takes messages now. One that is
/// in the kernel looks for the message itself when it leaves: see [`line_changed`].
#[inline]
pub fn interrupt(thread: &'static Thread) -> bool {
    thread.vcpu.is_on() && interrupt_vcpu(thread)
}

#[cold]
fn interrupt_vcpu(thread: &'static Thread) -> bool {
    let is_free = thread.state.get() == State::Ready && !sched::is_current(thread) && !thread.frame.is_work_due();
    is_free && receive(thread)
}

/// Somebody has joined or left the line before the virtual CPU. One that takes messages looks when it leaves the kernel.
#[cold]
pub fn line_changed(thread: &'static Thread, is_empty: bool) {
    let Some(state) = thread.vcpu.state.get() else { return };
    if is_empty {
        return state.sticky_flags.remove(IRQ_PENDING);
    }
    state.sticky_flags.insert(IRQ_PENDING);
    if thread.state.get() == State::Ready {
        thread.vcpu.message_due.set(true);
        thread.frame.set_work(true);
    }
}

/// The running thread takes the message that [`line_changed`] told of, if it is still there and still wanted.
pub fn take_message(thread: &'static Thread) {
    if let Some(sender) = thread.senders.first()
        && receive(thread)
    {
        ipc::take_from(thread, sender);
    }
}

/// Makes the upcall for a message, which is then received.
fn receive(thread: &'static Thread) -> bool {
    let Some(state) = thread.vcpu.state_if(IRQ) else { return false };
    upcall(thread, state, MESSAGE_TRAP, 0);
    thread.pending.purpose.set(Purpose::Upcall);
    thread.pending.receive.set(Receive::Open);
    thread.state.set(State::Receiving);
    true
}

/// A message of an upcall was received, or the look for one has ended.
#[cold]
pub fn ended(thread: &'static Thread, purpose: Purpose, tag: Tag, label: u64) {
    if purpose == Purpose::Resume {
        looked(thread, tag, label);
    } else {
        received(thread, tag, label);
    }
}

/// The message of an upcall was received.
fn received(thread: &'static Thread, tag: Tag, label: u64) {
    thread.pending.purpose.set(Purpose::SystemCall);
    if let Some(state) = thread.vcpu.state.get() {
        state.ipc.tag.set(tag.raw());
        state.ipc.label.set(label);
    }
}

/// The look for a message, with which resuming began, has ended: with an upcall, unless it was in vain.
fn looked(thread: &'static Thread, tag: Tag, label: u64) {
    received(thread, tag, label);
    let (Some(state), Some(utcb)) = (thread.vcpu.state.get(), thread.utcb()) else { return };
    if tag.has_error() && utcb.error() & abi::ipc::ERROR_MASK != IpcError::ReceiveTimeout.code() {
        if let Err(error) = resume(thread, state) {
            thread.frame.set_tag(Tag::new(-error.code(), 0, 0, 0).raw());
        }
        return;
    }
    state.registers[register!(trapno)].set(MESSAGE_TRAP);
    state.registers[register!(err)].set(0);
    // The program's registers are in the state already: it wanted to resume them.
    let was_user = state.saved_state.contains(USER_MODE);
    let sp = if was_user { state.entry_sp.get() } else { state.registers[register!(sp)].get() };
    thread.frame.enter(state.entry_ip.get(), sp, thread.vcpu.address.get());
}

/// Saves the thread's registers, and lets it go on in its own task, at the program's entry.
fn upcall(thread: &'static Thread, state: &VcpuState, trapno: u64, error_code: u64) {
    let before = enter_kernel_mode(state);
    let sp = if before & USER_MODE != 0 { state.entry_sp.get() } else { thread.frame.sp() };
    state.reserved_sp.set(sp);
    // The bases stay what they were set to: a program cannot change them without the kernel.
    thread.frame.read_exc_regs(|index, value| {
        if index < register!(fs_base) {
            state.registers[index].set(value);
        }
    });
    state.registers[register!(trapno)].set(trapno);
    state.registers[register!(err)].set(error_code);
    leave_user_task(thread, state);
    thread.frame.enter(state.entry_ip.get(), sp, thread.vcpu.address.get());
}

/// Makes the state that of kernel mode. Returns what it was.
fn enter_kernel_mode(state: &VcpuState) -> u16 {
    let before = state.state.get();
    state.saved_state.set(before);
    state.state.remove(TRAPS | USER_MODE);
    before
}

/// The thread goes back to its own task.
fn leave_user_task(thread: &'static Thread, state: &VcpuState) {
    if thread.vcpu.in_user_task.replace(false) {
        if let Some(selectors) = thread.frame.exchange_selectors(0) {
            state.registers[register!(ds)].set(selectors);
        }
        set_fpu(thread, true);
        thread.reports_calls.set(thread.is_alien.get());
        enter_space(thread, thread.task.get());
        let host = state.host_segments.iter().rev().fold(0, |all, selector| all << 16 | u64::from(selector.get()));
        thread.frame.exchange_selectors(host);
        thread.frame.set_bases(state.host_fs_base.get(), state.host_gs_base.get());
    }
}

fn set_fpu(thread: &'static Thread, enable: bool) {
    let changes = thread.vcpu.fpu_is_off.replace(!enable) == enable;
    if changes && sched::is_current(thread) {
        arch::fpu_enable(enable);
    }
}

/// The thread runs in the memory of this task from now on, which it keeps.
fn enter_space(thread: &'static Thread, task: Option<&'static Task>) {
    thread.space.set(task);
    thread.frame.set_ldt(task.and_then(Task::ldt));
    if let Some(task) = task
        && sched::is_current(thread)
    {
        task.activate(thread.as_frame());
    }
}

/// Sets the thread's registers and mode to what the state says.
fn resume(thread: &'static Thread, state: &VcpuState) -> Result<(), Error> {
    let wanted = state.saved_state.get();
    state.state.set(wanted);
    // Nothing is left of the system call that could be reported.
    thread.alien_has_called.set(false);
    if wanted & USER_MODE == 0 {
        thread.frame.write_registers(|index| state.registers[index].get());
        return Ok(());
    }
    let user_task = thread.vcpu.user_task.get().ok_or(Error::NoEnt)?;
    state.state.insert(TRAPS);
    thread.vcpu.in_user_task.set(true);
    thread.reports_calls.set(true);
    set_fpu(thread, wanted & FPU_ENABLED != 0);
    enter_space(thread, Some(user_task));
    thread.frame.write_exc_regs(|index| state.registers[index].get());
    Ok(())
}

/// A thread that is about to stop goes back to its own task.
pub fn stop(thread: &'static Thread) {
    if let Some(state) = thread.vcpu.state.get() {
        enter_kernel_mode(state);
        leave_user_task(thread, state);
    }
}

/// A stopped thread is about to lose its task, and with it the state.
pub fn forget(thread: &'static Thread) {
    thread.vcpu.state.set(None);
    thread.senders.set_vcpu(None);
    thread.vcpu.user_task.set(None);
}

/// The thread runs where its mode says, and makes no system calls in its user task.
#[cfg(feature = "invariants")]
pub fn check(thread: &'static Thread) -> kernel::invariant::Check {
    use kernel::invariant::{address, ensure};
    let (vcpu, of) = (&thread.vcpu, [address(thread), thread.state.get() as u64]);
    let in_user = vcpu.in_user_task.get();
    let task = if in_user { vcpu.user_task.get() } else { thread.task.get() };
    let fits = task.map(address) == thread.space.get().map(address);
    ensure(fits, "a thread runs in its own task or in its user task, as its mode says", of)?;
    let calls = thread.reports_calls.get() == (in_user || thread.is_alien.get());
    ensure(calls, "system calls of aliens and in user tasks are reported, and no others", of)?;
    ensure(in_user || !vcpu.fpu_is_off.get(), "the FPU is off in user tasks only", of)?;
    let waits = matches!(thread.state.get(), State::Sending | State::Receiving | State::Transferring);
    let is_fault = waits && matches!(thread.pending.purpose.get(), Purpose::PageFault | Purpose::Exception);
    let at_rest = !in_user || thread.state.get() == State::Ready || is_fault;
    ensure(at_rest, "a thread in its user task is ready, or waits for what it reported", of)
}

impl Thread {
    /// Turns the thread into a virtual CPU; nothing turns it back.
    #[inline(never)] // keeps it out of the way of operations that matter more
    pub fn vcpu_control(&'static self, message: &Message) -> Answer {
        let address = message.word(1).unwrap_or(0);
        if address == 0 {
            return Err(Error::Inval);
        }
        if message.opcode()? & VCPU_CONTROL_EXTENDED != 0 {
            // As Fiasco on a processor without hardware virtualisation.
            return Err(Error::NoSys);
        }
        let task = self.task.get().ok_or(Error::Inval)?;
        let state = kernel_user::at::<VcpuState>(task, address).ok_or(Error::Inval)?;
        let [data, code, code32] = arch::user_selectors();
        state.version.set(VERSION);
        state.host_fs_base.set(self.frame.fs_base());
        state.host_gs_base.set(self.frame.gs_base());
        state.host_segments.iter().for_each(|selector| selector.set(0));
        state.user_ds32.set(data as u16);
        state.user_cs64.set(code as u16);
        state.user_cs32.set(code32 as u16);
        self.vcpu.address.set(address);
        self.vcpu.state.set(Some(state));
        self.senders.set_vcpu(Some(self));
        crate::message::ok(0)
    }

    /// Resumes the running thread where the state says, after the message's items were mapped to its user task.
    #[inline(never)] // as above
    pub fn vcpu_resume(&'static self, message: &Message) -> Answer {
        let Some(state) = self.vcpu.state.get().filter(|_| sched::is_current(self)) else { return Err(Error::Inval) };
        self.take_user_task(state, message)?;
        if let Some(user_task) = self.vcpu.user_task.get()
            && let Some(ended) = map_items(message, user_task)?
        {
            return Ok(ended);
        }
        if state.saved_state.contains(IRQ) && state.sticky_flags.contains(IRQ_PENDING) {
            ipc::start(
                self,
                Start {
                    to: None,
                    from: From::Anybody,
                    tag: Tag::new(0, 0, 0, 0),
                    label: 0,
                    rights: Rights::ALL,
                    timeouts: Timeouts { send: Timeout::ZERO, receive: Timeout::ZERO },
                    purpose: Purpose::Resume,
                },
            );
        } else {
            resume(self, state)?;
        }
        Ok(Outcome::Done)
    }

    /// Takes over the task that the state names, if the kernel has not done so before.
    fn take_user_task(&self, state: &VcpuState, message: &Message) -> Result<(), Error> {
        let selector = state.user_task.get();
        if selector & OPERATION == USER_TASK_RELEASE {
            self.vcpu.user_task.set(None);
        } else if selector & (INVALID_BIT | OPERATION) == 0 {
            let named = message.task.caps.lookup(selector >> CAP_SHIFT);
            let task = match named.map(|(header, attributes)| (header.object(), Rights(attributes & 0xf))) {
                Some((Object::Task(task), rights)) if rights.contains(Rights::CAP_S) => Some(task),
                Some((Object::Task(_), _)) => return Err(Error::Perm),
                _ => None,
            };
            self.vcpu.user_task.set(task);
            state.user_task.set(selector | USER_TASK_TAKEN);
        }
        Ok(())
    }
}

/// Maps the message's items to the user task; says how that ended, if not well.
fn map_items(message: &Message, user_task: &'static Task) -> Result<Option<Outcome>, Error> {
    let (first, mut begun) = match message.sender.take_work() {
        Some(Work::Resume { _tasks: tasks, item, mapping }) => (item, Some((tasks, mapping))),
        _ => (0, None),
    };
    for index in first..message.tag.items() {
        let Some(item) = message.utcb.item(message.tag, index) else { break };
        if user_task.is_deleted() {
            return Err(Error::NoEnt);
        }
        let (tasks, mut mapping) = begun.take().unwrap_or_else(|| {
            let tasks = [RefSlot::to(message.task), RefSlot::to(user_task)];
            (tasks, Mapping::new(message.task, item, user_task, Flexpage::ALL))
        });
        match mapping.step(work::budget()) {
            // One more step, which does nothing then, before the next item.
            Ok(Progress::Done) if work::budget().spend() => {}
            Ok(_) => {
                message.sender.continue_later(Work::Resume { _tasks: tasks, item: index, mapping });
                return Ok(Some(Outcome::Preempted));
            }
            Err(error) => return Ok(Some(Outcome::Failed(error))),
        }
    }
    Ok(None)
}
