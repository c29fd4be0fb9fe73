//! IPC without items: words, labels, the order of senders.

use crate::make::{self, UNSET, note, noted, rest};
use harness::call::{no_buffers, outcome, write};
use harness::worker::spawn;
use harness::{Check, IPC, ask, same};
use syscall::abi::{CapIndex, Rights, Tag, Timeout, Timeouts, ipc::Operation};
use syscall::arch::{invoke, utcb};
use syscall::{Cap, Gate, Thread, ipc};

crate::group!("ipc":
    call_and_reply, all_words, words_of_the_answer, empty_message, label_of_gate, label_has_rights, label_of_thread, label_survives_send,
    tag_label_and_flags, error_flag_is_not_sent, propagation_is_ignored, schedule_flag, send_empty_slot, receive_empty_slot, send_unstarted_thread,
    send_unbound_thread, receive_from_self, send_to_self, no_phase, closed_wait_takes_partner_only, open_wait_by_priority, open_wait_first_come,
    irq_comes_first, send_and_wait, gate_waits_for_thread, semaphore_wakes_by_priority, modify_senders, modify_senders_first_rule,
    modify_senders_too_few_words, delete_irq, delete_semaphore, delete_irq_busy, delete_irq_needs_write, many_senders, ping_pong_many, call_chain);

pub const HIGH: u64 = 120;
const LABEL: u64 = 0x1000;

pub const fn receive_for(us: u64) -> Timeouts {
    Timeouts { send: Timeout::ZERO, receive: Timeout::from_microseconds(us) }
}

pub const fn send_for(us: u64) -> Timeouts {
    Timeouts { send: Timeout::from_microseconds(us), receive: Timeout::ZERO }
}

pub const EMPTY: Tag = Tag::new(0, 0, 0, 0);

/// Answers for ever: each word plus one, the label in word 0 of messages without words.
fn echo(_: u64) {
    let mut operation = Operation::WAIT;
    let mut tag = EMPTY;
    loop {
        no_buffers();
        let (received, label) = invoke(CapIndex::INVALID, operation, 0, tag, Timeouts::NEVER);
        operation = Operation::REPLY_AND_WAIT;
        let words = if received.words() == 0 {
            utcb().set_mr(0, label);
            1
        } else {
            for index in 0..received.words() {
                utcb().set_mr(index, utcb().mr(index) + 1);
            }
            received.words()
        };
        tag = Tag::new(received.label() + 1, words, 0, 0);
    }
}

/// A gate to a new worker that echoes.
pub fn server() -> Check<Cap<Gate>> {
    let worker = spawn(HIGH, echo, 0)?;
    Ok(make::factory().create_gate(Some(worker.thread), LABEL)?.leak())
}

fn call_and_reply() -> Check {
    let server = server()?;
    same(ask(server.index(), 5, &[1, 2, 3], &[]), 6)?;
    same([utcb().mr(0), utcb().mr(1), utcb().mr(2)], [2, 3, 4])
}

fn all_words() -> Check {
    let server = server()?;
    let words: [u64; 63] = core::array::from_fn(|index| index as u64 * 0x1_0001);
    same(ask(server.index(), 0, &words, &[]), 1)?;
    for (index, word) in words.into_iter().enumerate() {
        same(utcb().mr(index), word + 1)?;
    }
    Ok(())
}

/// What is behind the words of an answer is left as it was.
fn words_of_the_answer() -> Check {
    let server = server()?;
    utcb().set_mr(4, 0x4711);
    same(ask(server.index(), 0, &[1, 2], &[]), 1)?;
    same(utcb().mr(4), 0x4711)
}

fn empty_message() -> Check {
    same(ask(server()?.index(), 0, &[], &[]), 1)
}

fn label_of_gate() -> Check {
    let server = server()?;
    ask(server.index(), 0, &[], &[]);
    same(utcb().mr(0), LABEL | 3)
}

fn label_has_rights() -> Check {
    let server = server()?;
    for (rights, bits) in [(Rights::CAP_R, 0), (Rights::CAP_RW, 1), (Rights::CAP_RS, 2), (Rights::CAP_RWS, 3)] {
        ask(make::with_rights(server, rights)?.index(), 0, &[], &[]);
        same(utcb().mr(0), LABEL | bits)?;
    }
    Ok(())
}

/// Through a thread's own capability the receiver gets the label that the sender has in its register.
fn label_of_thread() -> Check {
    let worker = spawn(HIGH, echo, 0)?;
    no_buffers();
    let (tag, _) = invoke(worker.thread.index(), Operation::CALL, 0x5678, EMPTY, Timeouts::NEVER);
    same((outcome(tag), utcb().mr(0)), (1, 0x5678))
}

/// A send alone leaves the sender's tag and label as they were.
fn label_survives_send() -> Check {
    let worker = spawn(HIGH, receive_once, 0)?;
    let (tag, label) = invoke(worker.thread.index(), Operation::SEND, 0x99, Tag::new(7, 1, 0, 0), Timeouts::NEVER);
    same((tag.raw(), label), (Tag::new(7, 1, 0, 0).raw(), 0x99))
}

pub fn receive_once(_: u64) {
    no_buffers();
    let (tag, label) = invoke(CapIndex::INVALID, Operation::WAIT, 0, EMPTY, Timeouts::NEVER);
    note(0, tag.raw() as i64);
    note(1, label as i64);
    note(2, outcome(tag));
}

fn tag_label_and_flags() -> Check {
    let worker = spawn(HIGH, receive_once, 0)?;
    let sent = Tag::new(-77, 2, 0, Tag::SCHEDULE);
    same(outcome(invoke(worker.thread.index(), Operation::SEND, 0, sent, Timeouts::NEVER).0), -77)?;
    rest(1);
    let got = Tag::from_raw(noted(0) as u64);
    same((got.label(), got.words(), got.items(), got.has_error()), (-77, 2, 0, false))
}

fn error_flag_is_not_sent() -> Check {
    let worker = spawn(HIGH, receive_once, 0)?;
    invoke(worker.thread.index(), Operation::SEND, 0, Tag::new(4, 0, 0, Tag::ERROR), Timeouts::NEVER);
    rest(1);
    same(noted(2), 4)
}

fn propagation_is_ignored() -> Check {
    let worker = spawn(HIGH, receive_once, 0)?;
    invoke(worker.thread.index(), Operation::SEND, 0x31, Tag::new(4, 0, 0, Tag::PROPAGATE), Timeouts::NEVER);
    rest(1);
    same((noted(2), noted(1)), (4, 0x31))
}

/// With the flag the highest priority runs on, the sender's or the receiver's.
fn schedule_flag() -> Check {
    let worker = spawn(90, receive_once, 0)?;
    rest(1);
    let send =
        |tag| invoke(worker.thread.index(), Operation::SEND, 0, Tag::new(tag, 0, 0, Tag::SCHEDULE), Timeouts::NEVER);
    send(4);
    same(noted(2), UNSET)?;
    rest(1);
    same(noted(2), 4)?;
    worker.start(HIGH, receive_once, 0)?;
    send(5);
    same(noted(2), 5)
}

/// A thread that runs, but never receives.
pub fn deaf(_: u64) {
    loop {
        rest(1000);
    }
}

pub fn sent(to: CapIndex, timeouts: Timeouts) -> i64 {
    outcome(invoke(to, Operation::SEND, 0, EMPTY, timeouts).0)
}

pub fn received(from: CapIndex, operation: Operation, timeouts: Timeouts) -> i64 {
    no_buffers();
    outcome(invoke(from, operation, 0, EMPTY, timeouts).0)
}

fn send_empty_slot() -> Check {
    same(sent(make::slot(), Timeouts::NEVER), IPC + 4)
}

fn receive_empty_slot() -> Check {
    same(received(make::slot(), Operation::RECEIVE, Timeouts::NEVER), IPC + 4)
}

/// Bound to a task, but never started.
fn send_unstarted_thread() -> Check {
    let worker = harness::worker::Worker::create_in(syscall::Task::this())?;
    same(sent(worker.thread.index(), Timeouts::NEVER), IPC + 4)
}

fn send_unbound_thread() -> Check {
    same(sent(make::thread()?.index(), Timeouts::NEVER), IPC + 4)
}

fn receive_from_self() -> Check {
    same(received(make::me().index(), Operation::RECEIVE, receive_for(1000)), IPC + 3)
}

fn send_to_self() -> Check {
    same(sent(make::me().index(), Timeouts::ZERO), IPC + 2)?;
    same(sent(make::me().index(), send_for(1000)), IPC + 2)
}

fn no_phase() -> Check {
    let thread = spawn(HIGH, deaf, 0)?.thread;
    same(received(thread.index(), Operation::from_raw(0), Timeouts::NEVER), IPC + 4)
}

/// Sends its number to the first thread; notes how that went.
pub fn send_number(number: u64) {
    utcb().set_mr(0, number);
    note(number, outcome(invoke(make::me().index(), Operation::SEND, number, Tag::new(0, 1, 0, 0), Timeouts::NEVER).0));
}

fn closed_wait_takes_partner_only() -> Check {
    let (_first, second) = (spawn(HIGH, send_number, 1)?, spawn(HIGH, send_number, 2)?);
    same(received(second.thread.index(), Operation::RECEIVE, receive_for(1000)), 0)?;
    same((utcb().mr(0), noted(1)), (2, UNSET))?;
    same(received(second.thread.index(), Operation::RECEIVE, receive_for(1000)), IPC + 3)?;
    same(received(CapIndex::INVALID, Operation::WAIT, receive_for(1000)), 0)?;
    same(utcb().mr(0), 1)
}

/// The numbers of the next senders, in the order in which they come.
pub fn order<const COUNT: usize>() -> Check<[u64; COUNT]> {
    let mut numbers = [0; COUNT];
    for number in &mut numbers {
        same(received(CapIndex::INVALID, Operation::WAIT, receive_for(100_000)), 0)?;
        *number = utcb().mr(0);
    }
    Ok(numbers)
}

fn open_wait_by_priority() -> Check {
    for (priority, number) in [(10, 1), (30, 2), (20, 3), (40, 4)] {
        spawn(priority, send_number, number)?;
    }
    rest_deaf(5)?;
    same(order()?, [4, 2, 3, 1])
}

/// Rests without receiving, so that senders line up.
pub fn rest_deaf(milliseconds: u64) -> Check {
    let semaphore = make::semaphore()?;
    same(semaphore.down(Timeout::from_microseconds(milliseconds * 1000)).is_err(), true)
}

fn open_wait_first_come() -> Check {
    for number in 1..=5 {
        spawn(50, send_number, number)?;
        rest_deaf(1)?;
    }
    same(order()?, [1, 2, 3, 4, 5])
}

fn irq_comes_first() -> Check {
    spawn(HIGH, send_number, 1)?;
    let irq = make::irq()?;
    irq.bind_thread(make::me(), 0x80)?;
    irq.trigger()?;
    let (_, label) = ipc::wait(receive_for(1000))?;
    same(label, 0x80)?;
    same(order()?, [1])
}

fn send_and_wait() -> Check {
    spawn(HIGH, send_number, 1)?;
    let receiver = spawn(HIGH, receive_once, 0)?;
    utcb().set_mr(0, 55);
    no_buffers();
    let (tag, label) =
        invoke(receiver.thread.index(), Operation::SEND_AND_WAIT, 0, Tag::new(9, 1, 0, 0), receive_for(1000));
    rest(1);
    same((outcome(tag), utcb().mr(0), label, noted(2)), (0, 1, 1, 9))
}

/// A worker that does an operation on a capability; notes the outcome in place 0.
fn operate(argument: u64) {
    no_buffers();
    let (cap, operation) = (CapIndex::from_raw(argument), Operation::from_raw(argument & 0xf));
    note(0, outcome(invoke(cap, operation, 0, EMPTY, Timeouts::NEVER).0));
}

pub fn operating(cap: CapIndex, operation: Operation) -> Check<Cap<Thread>> {
    Ok(spawn(HIGH, operate, cap.raw() | operation.bits())?.thread)
}

pub fn ask_long(cap: CapIndex) -> i64 {
    no_buffers();
    let tag = write(syscall::abi::protocol::SEMAPHORE, &[0], &[]);
    outcome(invoke(cap, Operation::CALL, 0, tag, Timeouts::NEVER).0)
}

fn gate_waits_for_thread() -> Check {
    let gate = make::unbound_gate()?;
    operating(gate.index(), Operation::SEND)?;
    same(noted(0), UNSET)?;
    gate.bind_thread(make::me(), 0x20)?;
    let (_, label) = ipc::wait(receive_for(1000))?;
    same(label, 0x23)?;
    rest_deaf(1)?;
    same(noted(0), 0)
}

fn down_and_note(argument: u64) {
    ask_long(CapIndex::from_raw(argument));
    let turn = noted(15).max(0) + 1;
    note(15, turn);
    note(argument & 0xf, turn);
}

fn semaphore_wakes_by_priority() -> Check {
    let semaphore = make::semaphore()?;
    for (priority, number) in [(10, 1), (30, 2), (20, 3)] {
        spawn(priority, down_and_note, semaphore.index().raw() | number)?;
        rest_deaf(1)?;
    }
    for _ in 0..3 {
        semaphore.up()?;
        rest_deaf(1)?;
    }
    same([noted(1), noted(2), noted(3)], [3, 1, 2])
}

fn labelled_sender(gate: u64) {
    note(0, outcome(invoke(CapIndex::from_raw(gate), Operation::SEND, 0, EMPTY, Timeouts::NEVER).0));
}

fn modify_senders() -> Check {
    spawn(HIGH, labelled_sender, make::gate(0x1230)?.index().raw())?;
    make::me().modify_sender(0xff0, 0x230, 0xf0, 0x40)?;
    same(ipc::wait(receive_for(1000))?.1, 0x1243)
}

/// Of several rules the first that matches counts.
fn modify_senders_first_rule() -> Check {
    spawn(HIGH, labelled_sender, make::gate(0x1230)?.index().raw())?;
    let words = [syscall::abi::thread::OP_MODIFY_SENDER, !0, 0x9999, !0, 0, 0, 0, 0xf000, 0, 0, 0, !0, 0];
    same(ask(make::me().index(), syscall::abi::protocol::THREAD, &words, &[]), 0)?;
    same(ipc::wait(receive_for(1000))?.1, 0x233)
}

fn modify_senders_too_few_words() -> Check {
    spawn(HIGH, labelled_sender, make::gate(0x1230)?.index().raw())?;
    let words = [syscall::abi::thread::OP_MODIFY_SENDER, 0, 0, !0];
    same(ask(make::me().index(), syscall::abi::protocol::THREAD, &words, &[]), 0)?;
    same(ipc::wait(receive_for(1000))?.1, 0x1233)
}

fn delete_irq() -> Check {
    let (irq, gate) = (make::irq()?, make::gate(0x10)?);
    irq.bind_thread(make::me(), 0x500)?;
    make::me().register_delete_irq(irq)?;
    gate.delete()?;
    same(ipc::wait(receive_for(1000))?.1, 0x500)
}

/// A semaphore does as well.
fn delete_semaphore() -> Check {
    let (semaphore, gate) = (make::semaphore()?, make::gate(0x10)?);
    make::me().register_delete_irq(Cap::new(semaphore.index()))?;
    same(semaphore.down(Timeout::ZERO).is_err(), true)?;
    gate.delete()?;
    same(semaphore.down(Timeout::from_microseconds(1000)), Ok(()))?;
    same(make::me().register_delete_irq(make::irq()?), Err(syscall::Code::Busy.into()))
}

fn delete_irq_busy() -> Check {
    make::me().register_delete_irq(make::irq()?)?;
    same(make::me().register_delete_irq(make::irq()?), Err(syscall::Code::Busy.into()))
}

fn delete_irq_needs_write() -> Check {
    let irq = make::with_rights(make::irq()?, Rights::CAP_RS)?;
    same(make::me().register_delete_irq(irq), Err(syscall::Code::Perm.into()))
}

fn send_many(number: u64) {
    for _ in 0..50 {
        send_number(number);
    }
}

fn many_senders() -> Check {
    for number in 1..=10 {
        spawn(if number % 2 == 0 { HIGH } else { 60 }, send_many, number)?;
    }
    let mut counts = [0; 11];
    for _ in 0..500 {
        same(received(CapIndex::INVALID, Operation::WAIT, receive_for(1_000_000)), 0)?;
        counts[utcb().mr(0) as usize] += 1;
    }
    same(counts, [0, 50, 50, 50, 50, 50, 50, 50, 50, 50, 50])
}

fn ping_pong_many() -> Check {
    let server = server()?.index();
    for round in 0..2000 {
        same(ask(server, 0, &[round, 2], &[]), 1)?;
        same(utcb().mr(0), round + 1)?;
    }
    Ok(())
}

/// Calls the next server and adds one to its answer.
fn relay(next: u64) {
    let mut operation = Operation::WAIT;
    loop {
        no_buffers();
        let (_, _) = invoke(CapIndex::INVALID, operation, 0, Tag::new(0, 1, 0, 0), Timeouts::NEVER);
        let value = utcb().mr(0);
        ask(CapIndex::from_raw(next), 0, &[value], &[]);
        utcb().set_mr(0, utcb().mr(0) + 1);
        operation = Operation::REPLY_AND_WAIT;
    }
}

/// A call through five servers.
fn call_chain() -> Check {
    let mut next = server()?.index();
    for priority in 121..125 {
        let worker = spawn(priority, relay, next.raw())?;
        next = make::factory().create_gate(Some(worker.thread), 0)?.leak().index();
    }
    for round in 0..20 {
        same(ask(next, 0, &[round], &[]), 0)?;
        same(utcb().mr(0), round + 5)?;
    }
    Ok(())
}
