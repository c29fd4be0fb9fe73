//! Who waits for one partner alone gets nothing from another one, not even from one that is in the partner's place.

use crate::ipc::{HIGH, send_for};
use crate::make::{self, UNSET, note, noted, rest};
use harness::call::{no_buffers, outcome};
use harness::worker::{Worker, spawn};
use harness::{Check, IPC, same};
use syscall::abi::{CapIndex, Tag, Timeouts, ipc::Operation, irq, protocol};
use syscall::arch::{invoke, utcb};
use syscall::{Cap, Irq, Task, Thread};

crate::group!("closed_waits":
    another_thread_in_the_partners_place, another_server_in_the_servers_place, another_irq_in_the_irqs_place);

/// So many objects are made in place of one that was deleted: one of them lies where that did.
const OTHERS: usize = 6;

/// Waits for a message of this partner alone; notes the label of what comes.
fn wait_for(partner: u64) {
    no_buffers();
    let (tag, label) =
        invoke(CapIndex::from_raw(partner), Operation::RECEIVE, 0, Tag::new(0, 0, 0, 0), Timeouts::NEVER);
    note(0, outcome(tag));
    note(1, label as i64);
}

fn nothing(_: u64) {}

/// Sends a number to whoever waits now; notes the outcome.
fn send_at_once(cap: u64) {
    no_buffers();
    let tag = Tag::new(9, 0, 0, 0);
    note(2, outcome(invoke(CapIndex::from_raw(cap), Operation::SEND, 0, tag, send_for(0)).0));
}

/// Others than its partner send to the thread, and it takes none of that.
fn takes_nothing(waiter: Cap<Thread>) -> Check {
    for _ in 0..OTHERS {
        spawn(HIGH, send_at_once, waiter.index().raw())?;
        same((noted(2), noted(0)), (IPC + 2, UNSET))?;
    }
    Ok(())
}

fn another_thread_in_the_partners_place() -> Check {
    let partner = spawn(HIGH, nothing, 0)?.thread;
    let waiter = spawn(HIGH, wait_for, partner.index().raw())?;
    partner.delete()?;
    rest(1);
    takes_nothing(waiter.thread)
}

/// Waits for one call and does not answer.
fn take_a_call(_: u64) {
    no_buffers();
    invoke(CapIndex::INVALID, Operation::WAIT, 0, Tag::new(0, 0, 0, 0), Timeouts::NEVER);
}

fn call(gate: u64) {
    no_buffers();
    let tag = Tag::new(0, 0, 0, 0);
    note(0, outcome(invoke(CapIndex::from_raw(gate), Operation::CALL, 0, tag, Timeouts::NEVER).0));
}

fn another_server_in_the_servers_place() -> Check {
    let server = spawn(HIGH, take_a_call, 0)?.thread;
    let gate = make::factory().create_gate(Some(server), 0)?.leak();
    let client = spawn(HIGH, call, gate.index().raw())?;
    server.delete()?;
    rest(1);
    takes_nothing(client.thread)
}

/// Waits for this IRQ alone.
fn wait_for_irq(irq: u64) {
    no_buffers();
    utcb().set_mr(0, irq::OP_EOI);
    let tag = Tag::new(protocol::IRQ, 1, 0, 0);
    note(0, outcome(invoke(CapIndex::from_raw(irq), Operation::CALL, 0, tag, Timeouts::NEVER).0));
}

fn another_irq_in_the_irqs_place() -> Check {
    let waiter = Worker::create_in(Task::this())?;
    let irq = make::irq()?;
    irq.bind_thread(waiter.thread, 0x30)?;
    waiter.start(HIGH, wait_for_irq, irq.index().raw())?;
    irq.delete()?;
    rest(1);
    for _ in 0..OTHERS {
        let other: Cap<Irq> = make::irq()?;
        other.bind_thread(waiter.thread, 0x40)?;
        other.trigger()?;
        rest(1);
        same(noted(0), UNSET)?;
    }
    Ok(())
}
