//! What is in use goes: tasks and threads in the middle of an IPC, pagers, handlers, gates, interrupts.

use crate::cancel::cancel;
use crate::ipc::{EMPTY, HIGH, ask_long, deaf, receive_for, receive_once, rest_deaf, sent};
use crate::make::{self, UNSET, note, noted};
use crate::threads::{FAULTS, answer, mark, trap, wait};
use harness::call::{no_buffers, outcome};
use harness::worker::{Worker, spawn, spawn_in, task};
use harness::{Check, IPC, same};
use syscall::abi::{CapIndex, Rights, Tag, Timeout, Timeouts, ipc::Operation, irq, protocol};
use syscall::arch::{invoke, utcb};
use syscall::object::thread::Control;
use syscall::{Cap, Gate, Owned, Task, ipc};

crate::group!("in_use":
    task_with_a_sender, task_with_a_caller, task_with_a_receiver, task_with_a_server, task_with_one_at_a_gate, task_with_one_at_a_semaphore,
    task_with_one_who_faults, pager_dies_before_the_fault_is_taken, pager_dies_with_the_fault, handler_dies_before_the_exception_is_taken,
    handler_dies_with_the_exception, fault_waits_at_an_unbound_gate, exception_waits_at_an_unbound_gate, exception_past_the_gate, gate_goes_with_a_fault_at_it,
    fault_at_a_gate_is_cancelled, pagers_gate_goes_while_the_fault_is_in_line, gate_of_a_dead_thread, irq_goes_while_somebody_waits_for_it, irq_of_a_dead_thread, cancelled_transfer);

/// Slots of a task that a test makes.
const GATE: CapIndex = CapIndex::new(0x40);
const OTHER: CapIndex = CapIndex::new(0x41);
const ITSELF: CapIndex = CapIndex::new(0x42);

/// A task whose only thread does `work`, and goes with it.
fn doomed(gate: Cap<Gate>, other: CapIndex, work: fn(u64)) -> Check<Owned<Task>> {
    let task = task()?;
    task.map_cap(gate, Rights::CAP_RWS, GATE)?;
    task.map_cap(Cap::<Gate>::new(other), Rights::CAP_RWS, OTHER)?;
    let worker = spawn_in(*task, HIGH, work, 0)?;
    task.map_cap(worker.thread, Rights::CAP_RWS, ITSELF)?;
    worker.thread.release()?;
    rest_deaf(1)?;
    Ok(task)
}

fn gate_to_me() -> Check<Cap<Gate>> {
    make::gate(0x20)
}

/// Nobody has anything to say any more.
fn nobody_comes() -> Check {
    no_buffers();
    same(outcome(invoke(CapIndex::INVALID, Operation::WAIT, 0, EMPTY, receive_for(1000)).0), IPC + 3)
}

fn operate_at_gate(operation: Operation) {
    no_buffers();
    note(0, outcome(invoke(GATE, operation, 0, EMPTY, Timeouts::NEVER).0));
}

/// The message that waits for this thread goes with its sender.
fn task_with_a_sender() -> Check {
    let task = doomed(gate_to_me()?, make::irq()?.index(), |_| operate_at_gate(Operation::SEND))?;
    task.delete()?;
    nobody_comes()?;
    same(noted(0), UNSET)
}

fn task_with_a_caller() -> Check {
    let task = doomed(gate_to_me()?, make::irq()?.index(), |_| operate_at_gate(Operation::CALL))?;
    ipc::wait(receive_for(1000))?;
    task.delete()?;
    let reply = invoke(CapIndex::INVALID, Operation::REPLY_ONLY, 0, EMPTY, Timeouts::NEVER);
    same((outcome(reply.0), noted(0)), (IPC + 4, UNSET))
}

/// Those who wait to send to it learn that it is gone.
fn task_with_a_receiver() -> Check {
    let gate = make::unbound_gate()?;
    let task = task()?;
    let receiver = spawn_in(*task, HIGH, deaf, 0)?;
    gate.bind_thread(receiver.thread, 0)?;
    task.map_cap(receiver.thread, Rights::CAP_RWS, ITSELF)?;
    receiver.thread.release()?;
    spawn(HIGH, |cap| note(0, sent(CapIndex::from_raw(cap), Timeouts::NEVER)), gate.index().raw())?;
    same(noted(0), UNSET)?;
    task.delete()?;
    rest_deaf(1)?;
    same((noted(0), sent(gate.index(), Timeouts::NEVER)), (IPC + 6, IPC + 4))
}

/// Whoever waits for its answer waits on.
fn task_with_a_server() -> Check {
    let gate = make::unbound_gate()?;
    let task = task()?;
    let server = spawn_in(*task, HIGH, receive_once, 0)?;
    gate.bind_thread(server.thread, 0)?;
    task.map_cap(server.thread, Rights::CAP_RWS, ITSELF)?;
    server.thread.release()?;
    let caller = spawn(HIGH, |cap| note(5, call(cap)), gate.index().raw())?;
    task.delete()?;
    rest_deaf(1)?;
    same(noted(5), UNSET)?;
    cancel(caller.thread)?;
    same(noted(5), IPC + 7)
}

fn call(cap: u64) -> i64 {
    no_buffers();
    outcome(invoke(CapIndex::from_raw(cap), Operation::CALL, 0, EMPTY, Timeouts::NEVER).0)
}

/// When the gate is bound nobody is there.
fn task_with_one_at_a_gate() -> Check {
    let gate = make::unbound_gate()?;
    let task = doomed(gate, make::irq()?.index(), |_| operate_at_gate(Operation::SEND))?;
    task.delete()?;
    gate.bind_thread(make::me(), 0)?;
    nobody_comes()?;
    same(noted(0), UNSET)
}

/// What it waited for is there for others.
fn task_with_one_at_a_semaphore() -> Check {
    let semaphore = make::semaphore()?;
    let task = doomed(gate_to_me()?, semaphore.index(), |_| note(0, ask_long(OTHER)))?;
    task.delete()?;
    semaphore.up()?;
    same((semaphore.down(Timeout::ZERO), noted(0)), (Ok(()), UNSET))
}

pub const HOLE: u64 = 0x3_0000_0000;

#[allow(unsafe_code)] // a page fault
pub fn touch(address: u64) {
    // SAFETY: there is nothing, so this faults.
    note(9, unsafe { (address as *const u64).read_volatile() } as i64);
}

/// Its fault goes with it.
fn task_with_one_who_faults() -> Check {
    let task = task()?;
    task.map_cap(gate_to_me()?, Rights::CAP_RWS, GATE)?;
    let worker = Worker::create_in(*task)?;
    worker.thread.control(Control { pager: Some(GATE), ..Control::default() })?;
    worker.start(HIGH, touch, HOLE)?;
    task.map_cap(worker.thread, Rights::CAP_RWS, ITSELF)?;
    worker.thread.release()?;
    task.delete()?;
    nobody_comes()
}

/// A thread with this pager and this exception handler, which come to what `work` does.
pub fn handled_by(pager: CapIndex, handler: CapIndex, priority: u64, work: fn(u64), argument: u64) -> Check<Worker> {
    let worker = Worker::create_in(Task::this())?;
    worker.thread.control(Control { pager: Some(pager), exception_handler: Some(handler), ..Control::default() })?;
    worker.start(priority, work, argument)?;
    Ok(worker)
}

/// It can be started anew.
fn starts_anew(worker: Worker) -> Check {
    worker.start(HIGH, mark, 6)?;
    rest_deaf(1)?;
    same(noted(6), 1)
}

/// The thread faults again, and finds no pager: it is stopped.
fn pager_dies_before_the_fault_is_taken() -> Check {
    let pager = spawn(HIGH, deaf, 0)?;
    let worker = handled_by(pager.thread.index(), make::gate(FAULTS)?.index(), HIGH, touch, HOLE)?;
    pager.thread.delete()?;
    rest_deaf(1)?;
    same(sent(worker.thread.index(), Timeouts::NEVER), IPC + 4)?;
    nobody_comes()
}

/// The thread waits for the answer, until it is cancelled.
fn pager_dies_with_the_fault() -> Check {
    let pager = spawn(HIGH, receive_once, 0)?;
    let worker = handled_by(pager.thread.index(), make::gate(FAULTS)?.index(), HIGH, touch, HOLE)?;
    rest_deaf(1)?;
    same(noted(2), protocol::PAGE_FAULT)?;
    pager.thread.delete()?;
    rest_deaf(1)?;
    same(sent(worker.thread.index(), Timeouts::ZERO), IPC + 2)?;
    nobody_comes()?;
    starts_anew(worker)
}

/// The thread raises the exception again, and waits for ever, until it is cancelled.
fn handler_dies_before_the_exception_is_taken() -> Check {
    let handler = spawn(HIGH, deaf, 0)?;
    let worker = handled_by(CapIndex::INVALID, handler.thread.index(), HIGH, fault_with_ud2, 0)?;
    handler.thread.delete()?;
    rest_deaf(1)?;
    same(sent(worker.thread.index(), Timeouts::ZERO), IPC + 2)?;
    starts_anew(worker)
}

#[allow(unsafe_code)] // an exception
fn fault_with_ud2(_: u64) {
    // SAFETY: nobody answers it.
    unsafe { core::arch::asm!("ud2") };
}

fn handler_dies_with_the_exception() -> Check {
    let handler = spawn(HIGH, receive_once, 0)?;
    let worker = handled_by(CapIndex::INVALID, handler.thread.index(), HIGH, trap, 0)?;
    rest_deaf(1)?;
    same(noted(2), protocol::EXCEPTION)?;
    handler.thread.delete()?;
    rest_deaf(1)?;
    same(sent(worker.thread.index(), Timeouts::ZERO), IPC + 2)?;
    starts_anew(worker)
}

/// The pager can come later.
fn fault_waits_at_an_unbound_gate() -> Check {
    let pager = make::unbound_gate()?;
    let worker = handled_by(pager.index(), CapIndex::INVALID, HIGH, touch, HOLE + 0x120)?;
    rest_deaf(1)?;
    same(sent(worker.thread.index(), Timeouts::ZERO), IPC + 2)?;
    pager.bind_thread(make::me(), FAULTS)?;
    let (tag, label) = wait()?;
    same((tag.label(), label & !3, utcb().mr(0)), (protocol::PAGE_FAULT, FAULTS, HOLE + 0x120))
}

/// A trap is not raised twice: what waits at the gate is its message.
fn exception_waits_at_an_unbound_gate() -> Check {
    let handler = make::unbound_gate()?;
    let worker = handled_by(CapIndex::INVALID, handler.index(), HIGH, trap, 0)?;
    rest_deaf(1)?;
    same(sent(worker.thread.index(), Timeouts::ZERO), IPC + 2)?;
    handler.bind_thread(make::me(), FAULTS)?;
    let (tag, label) = wait()?;
    same((tag.label(), label & !3, utcb().mr(16)), (protocol::EXCEPTION, FAULTS, 3))?;
    same(answer(Tag::new(0, tag.words(), 0, 0)), 0)?;
    rest_deaf(1)?;
    same(noted(5), 1)
}

/// Between gate and handler it is still one: only with a cancellation the thread gets other registers.
fn exception_past_the_gate() -> Check {
    const LOW: u64 = 50;
    let handler = make::unbound_gate()?;
    let worker = handled_by(CapIndex::INVALID, handler.index(), LOW, trap, 0)?;
    rest_deaf(1)?;
    handler.bind_thread(make::me(), FAULTS)?;
    worker.thread.ex_regs(0x666, 0x777, 0)?;
    let (tag, _) = wait()?;
    same((tag.label(), utcb().mr(16)), (protocol::EXCEPTION, 3))?;
    same((utcb().mr(18) == 0x666, utcb().mr(21) == 0x777), (false, false))
}

/// The fault becomes an exception.
fn gate_goes_with_a_fault_at_it() -> Check {
    let pager = make::unbound_gate()?;
    handled_by(pager.index(), make::gate(FAULTS)?.index(), HIGH, touch, HOLE)?;
    rest_deaf(1)?;
    pager.delete()?;
    let (tag, _) = wait()?;
    same((tag.label(), utcb().mr(16), utcb().mr(11)), (protocol::EXCEPTION, 14, HOLE))
}

fn fault_at_a_gate_is_cancelled() -> Check {
    let pager = make::unbound_gate()?;
    let worker = handled_by(pager.index(), CapIndex::INVALID, HIGH, touch, HOLE)?;
    rest_deaf(1)?;
    starts_anew(worker)?;
    pager.bind_thread(make::me(), FAULTS)?;
    nobody_comes()
}

/// The message is past the gate.
fn pagers_gate_goes_while_the_fault_is_in_line() -> Check {
    let gate = make::gate(FAULTS)?;
    handled_by(gate.index(), CapIndex::INVALID, HIGH, touch, HOLE)?;
    gate.delete()?;
    let (tag, label) = wait()?;
    same((tag.label(), label & !3), (protocol::PAGE_FAULT, FAULTS))
}

/// It leads to nobody, until another thread is bound.
fn gate_of_a_dead_thread() -> Check {
    let (gate, worker) = (make::unbound_gate()?, spawn(HIGH, deaf, 0)?);
    gate.bind_thread(worker.thread, 0x40)?;
    worker.thread.delete()?;
    rest_deaf(1)?;
    same(sent(gate.index(), Timeouts::NEVER), IPC + 4)?;
    gate.bind_thread(make::me(), 0x50)?;
    spawn(HIGH, |cap| note(0, sent(CapIndex::from_raw(cap), Timeouts::NEVER)), gate.index().raw())?;
    let (_, label) = ipc::wait(receive_for(1000))?;
    rest_deaf(1)?;
    same((label, noted(0)), (0x53, 0))
}

/// Waits for the IRQ in this slot.
fn listen(cap: u64) {
    no_buffers();
    utcb().set_mr(0, irq::OP_EOI);
    let tag = Tag::new(protocol::IRQ, 1, 0, 0);
    note(0, outcome(invoke(CapIndex::from_raw(cap), Operation::CALL, 0, tag, Timeouts::NEVER).0));
}

/// Whoever waits for it waits on.
fn irq_goes_while_somebody_waits_for_it() -> Check {
    let irq = make::irq()?;
    let worker = spawn(HIGH, listen, irq.index().raw())?;
    irq.bind_thread(worker.thread, 0)?;
    irq.delete()?;
    rest_deaf(1)?;
    same(noted(0), UNSET)?;
    cancel(worker.thread)?;
    same(noted(0), IPC + 7)
}

/// What it has to say is kept for another thread.
fn irq_of_a_dead_thread() -> Check {
    let (irq, worker) = (make::irq()?, spawn(HIGH, deaf, 0)?);
    irq.bind_thread(worker.thread, 0x40)?;
    irq.trigger()?;
    worker.thread.delete()?;
    rest_deaf(1)?;
    same(irq.detach(), Err(syscall::Code::NoEnt.into()))?;
    irq.bind_thread(make::me(), 0x50)?;
    same(ipc::wait(receive_for(1000))?.1, 0x50)
}

/// Either side of a long message is cancelled at any time: it arrives whole, or one of the phases around it is cancelled.
fn cancelled_transfer() -> Check {
    use crate::robust::{give, many, take};
    const LOW: u64 = 50;
    many()?;
    let gate = make::unbound_gate()?;
    let receiver = spawn(LOW, take, 0)?;
    gate.bind_thread(receiver.thread, 0)?;
    let giver = spawn(LOW, give, gate.index().raw())?;
    for round in 0..60 {
        make::rest(1);
        cancel(if round % 2 == 0 { giver.thread } else { receiver.thread })?;
        // What went wrong: for the receiver, and for who calls it. A reply that came too late is one of the outcomes.
        let (received, called) = (noted(1), noted(2));
        same([UNSET, IPC + 7, IPC + 4].contains(&received), true)?;
        same([UNSET, IPC + 7, IPC + 6].contains(&called), true)?;
    }
    same(noted(0) > 60, true)
}
