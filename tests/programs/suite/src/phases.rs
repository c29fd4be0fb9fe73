//! Every operation of IPC with every kind of timeout in each of its phases, and what each side learns of how it ended.

use crate::ipc::{EMPTY, HIGH, deaf, receive_for, rest_deaf};
use crate::make::{self, UNSET, note, noted};
use harness::call::{no_buffers, outcome};
use harness::worker::{Worker, spawn};
use harness::{Check, IPC, holds, same};
use syscall::abi::{CapIndex, Tag, Timeout, Timeouts, ipc::Operation};
use syscall::arch::{invoke, utcb};
use syscall::time::Instant;

crate::group!("phases":
    send_to_who_waits, send_to_who_does_not, receive_from_who_waits, receive_from_who_does_not, wait_for_who_waits, wait_for_nobody,
    call_of_who_waits, call_of_who_does_not, call_that_is_not_answered, reply_to_who_waits, reply_to_who_went, reply_and_wait,
    reply_and_wait_for_nobody, send_and_wait_for_answer, send_and_wait_for_nobody, no_receive_after_failed_send);

const SEND_TIMEOUT: i64 = IPC + 2;
const RECEIVE_TIMEOUT: i64 = IPC + 3;
const NOBODY: i64 = IPC + 4;

/// Kinds of timeouts.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Limit {
    Zero,
    Past,
    Relative,
    Absolute,
    Never,
}

const ALL: [Limit; 5] = [Limit::Zero, Limit::Past, Limit::Relative, Limit::Absolute, Limit::Never];
/// Those that end.
const ENDING: [Limit; 4] = [Limit::Zero, Limit::Past, Limit::Relative, Limit::Absolute];
/// Those that leave time for an answer.
const PATIENT: [Limit; 3] = [Limit::Relative, Limit::Absolute, Limit::Never];

/// How long the ones that end after a while last.
const WHILE_US: u64 = 3000;

fn now_us() -> u64 {
    Instant::now().since_boot().as_micros() as u64
}

impl Limit {
    /// The timeout; an absolute one is in this buffer register.
    fn timeout(self, register: u8) -> Timeout {
        let absolute = |us| {
            utcb().set_br(usize::from(register), us);
            Timeout::absolute(register)
        };
        match self {
            Self::Zero => Timeout::ZERO,
            Self::Past => absolute(1),
            Self::Relative => Timeout::from_microseconds(WHILE_US),
            Self::Absolute => absolute(now_us() + WHILE_US),
            Self::Never => Timeout::NEVER,
        }
    }
}

const THREAD: CapIndex = CapIndex::INVALID;

/// One operation with such timeouts: its outcome. If it fails by a timeout that lasts, it has lasted.
fn operate(to: CapIndex, operation: Operation, send: Limit, receive: Limit) -> Check<i64> {
    no_buffers();
    utcb().set_mr(0, 7);
    let start = now_us();
    let timeouts = Timeouts { send: send.timeout(9), receive: receive.timeout(57) };
    let got = outcome(invoke(to, operation, 0x40, Tag::new(0, 1, 0, 0), timeouts).0);
    let ended_by = match got {
        SEND_TIMEOUT => send,
        RECEIVE_TIMEOUT => receive,
        _ => return Ok(got),
    };
    let waits = matches!(ended_by, Limit::Relative | Limit::Absolute);
    // An absolute time is a whole number of microseconds that may have begun.
    holds(!waits || now_us() - start >= WHILE_US - 1)?;
    Ok(got)
}

/// The receive timeout of operations that have no receive phase.
const ANY: Limit = Limit::Never;

/// A worker that is started again and again with `work`.
fn again(worker: Worker, work: fn(u64), argument: u64) -> Check {
    note(0, UNSET);
    note(1, UNSET);
    worker.start(HIGH, work, argument)
}

fn idle() -> Check<Worker> {
    spawn(HIGH, |_| (), 0)
}

/// Receives once; notes outcome and word.
fn receive_once(_: u64) {
    no_buffers();
    let got = outcome(invoke(THREAD, Operation::WAIT, 0, EMPTY, Timeouts::NEVER).0);
    note(1, utcb().mr(0) as i64);
    note(0, got);
}

/// Looks for a message that should not be there; notes the outcome.
fn look_for_message(_: u64) {
    no_buffers();
    note(0, outcome(invoke(THREAD, Operation::WAIT, 0, EMPTY, Timeouts::ZERO).0));
}

/// Sends its argument to the first thread; notes the outcome.
fn send_number(number: u64) {
    utcb().set_mr(0, number);
    note(0, outcome(invoke(make::me().index(), Operation::SEND, 0, Tag::new(0, 1, 0, 0), Timeouts::NEVER).0));
}

fn send_quietly(number: u64) {
    utcb().set_mr(0, number);
    invoke(make::me().index(), Operation::SEND, 0, Tag::new(0, 1, 0, 0), Timeouts::NEVER);
}

/// Sends to the first thread if that waits; notes the outcome.
fn send_at_once(_: u64) {
    note(0, outcome(invoke(make::me().index(), Operation::SEND, 0, EMPTY, Timeouts::ZERO).0));
}

fn send_to_who_waits() -> Check {
    let receiver = idle()?;
    for send in ALL {
        again(receiver, receive_once, 0)?;
        same(operate(receiver.thread.index(), Operation::SEND, send, ANY)?, 0)?;
        rest_deaf(1)?;
        same((noted(0), noted(1)), (0, 7))?;
    }
    Ok(())
}

/// The message is gone with its timeout: the other side never hears of it.
fn send_to_who_does_not() -> Check {
    let receiver = idle()?;
    for send in ENDING {
        again(receiver, deaf, 0)?;
        same(operate(receiver.thread.index(), Operation::SEND, send, ANY)?, SEND_TIMEOUT)?;
        again(receiver, look_for_message, 0)?;
        rest_deaf(1)?;
        same(noted(0), RECEIVE_TIMEOUT)?;
    }
    Ok(())
}

fn who_waits(from: fn(Worker) -> CapIndex, operation: Operation) -> Check {
    let sender = idle()?;
    for receive in ALL {
        again(sender, send_number, 11)?;
        same((operate(from(sender), operation, ANY, receive)?, utcb().mr(0)), (0, 11))?;
        rest_deaf(1)?;
        same(noted(0), 0)?;
    }
    Ok(())
}

/// Who comes when the receiver waits no longer learns that.
fn who_does_not(from: fn(Worker) -> CapIndex, operation: Operation) -> Check {
    let sender = spawn(HIGH, deaf, 0)?;
    let late = idle()?;
    for receive in ENDING {
        same(operate(from(sender), operation, ANY, receive)?, RECEIVE_TIMEOUT)?;
        again(late, send_at_once, 0)?;
        rest_deaf(1)?;
        same(noted(0), SEND_TIMEOUT)?;
    }
    Ok(())
}

fn it(worker: Worker) -> CapIndex {
    worker.thread.index()
}

fn anybody(_: Worker) -> CapIndex {
    THREAD
}

fn receive_from_who_waits() -> Check {
    who_waits(it, Operation::RECEIVE)
}

fn receive_from_who_does_not() -> Check {
    who_does_not(it, Operation::RECEIVE)
}

fn wait_for_who_waits() -> Check {
    who_waits(anybody, Operation::WAIT)
}

fn wait_for_nobody() -> Check {
    who_does_not(anybody, Operation::WAIT)
}

/// What [`answer_after`] answers.
const ANSWER: u64 = 99;

/// Receives once and answers after so many milliseconds; notes how it received and how it answered.
fn answer_after(milliseconds: u64) {
    no_buffers();
    let got = outcome(invoke(THREAD, Operation::WAIT, 0, EMPTY, Timeouts::NEVER).0);
    note(0, got);
    if milliseconds > 0 {
        let _ = rest_deaf(milliseconds);
    }
    utcb().set_mr(0, ANSWER);
    note(1, outcome(invoke(THREAD, Operation::REPLY_ONLY, 0, Tag::new(0, 1, 0, 0), Timeouts::NEVER).0));
}

/// An operation that sends to a partner who waits, and receives the word that he answers by `work` in time.
fn answered(operation: Operation, work: fn(u64), argument: u64, word: u64) -> Check {
    let partner = idle()?;
    for send in ALL {
        for receive in PATIENT {
            again(partner, work, argument)?;
            same((operate(it(partner), operation, send, receive)?, utcb().mr(0)), (0, word))?;
            rest_deaf(1)?;
            same((noted(0), noted(1)), (0, 0))?;
        }
    }
    Ok(())
}

fn call_of_who_waits() -> Check {
    answered(Operation::CALL, answer_after, 1, ANSWER)
}

fn call_of_who_does_not() -> Check {
    let server = idle()?;
    for send in ENDING {
        for receive in ALL {
            again(server, deaf, 0)?;
            same(operate(it(server), Operation::CALL, send, receive)?, SEND_TIMEOUT)?;
            again(server, look_for_message, 0)?;
            rest_deaf(1)?;
            same(noted(0), RECEIVE_TIMEOUT)?;
        }
    }
    Ok(())
}

/// The server has the message; its answer finds nobody.
fn call_that_is_not_answered() -> Check {
    let server = idle()?;
    for send in ALL {
        for receive in ENDING {
            again(server, answer_after, 6)?;
            same(operate(it(server), Operation::CALL, send, receive)?, RECEIVE_TIMEOUT)?;
            rest_deaf(8)?;
            same((noted(0), noted(1)), (0, NOBODY))?;
        }
    }
    Ok(())
}

/// Calls the first thread, for so many milliseconds or for ever; notes outcome and answer.
fn call_for(milliseconds: u64) {
    no_buffers();
    let receive = match milliseconds {
        0 => Timeout::NEVER,
        milliseconds => Timeout::from_microseconds(1000 * milliseconds),
    };
    let timeouts = Timeouts { send: Timeout::NEVER, receive };
    let got = outcome(invoke(make::me().index(), Operation::CALL, 0, Tag::new(0, 1, 0, 0), timeouts).0);
    note(1, utcb().mr(0) as i64);
    note(0, got);
}

/// Takes the call of a worker that waits for so many milliseconds.
fn called(caller: Worker, milliseconds: u64) -> Check {
    again(caller, call_for, milliseconds)?;
    same(operate(THREAD, Operation::WAIT, ANY, Limit::Relative)?, 0)
}

fn reply_to_who_waits() -> Check {
    let caller = idle()?;
    for send in ALL {
        called(caller, 0)?;
        same(operate(THREAD, Operation::REPLY_ONLY, send, ANY)?, 0)?;
        rest_deaf(1)?;
        same((noted(0), noted(1)), (0, 7))?;
    }
    Ok(())
}

fn reply_to_who_went() -> Check {
    let caller = idle()?;
    for operation in [Operation::REPLY_ONLY, Operation::REPLY_AND_WAIT] {
        for send in ALL {
            called(caller, 1)?;
            rest_deaf(3)?;
            same((operate(THREAD, operation, send, ANY)?, noted(0)), (NOBODY, RECEIVE_TIMEOUT))?;
        }
    }
    Ok(())
}

fn reply_and_wait() -> Check {
    let (caller, next) = (idle()?, idle()?);
    for receive in ALL {
        called(caller, 0)?;
        next.start(HIGH, send_quietly, 12)?;
        same((operate(THREAD, Operation::REPLY_AND_WAIT, Limit::Zero, receive)?, utcb().mr(0)), (0, 12))?;
        rest_deaf(1)?;
        same((noted(0), noted(1)), (0, 7))?;
    }
    Ok(())
}

/// The reply has arrived; only the wait has failed.
fn reply_and_wait_for_nobody() -> Check {
    let caller = idle()?;
    for send in ALL {
        for receive in ENDING {
            called(caller, 0)?;
            same(operate(THREAD, Operation::REPLY_AND_WAIT, send, receive)?, RECEIVE_TIMEOUT)?;
            rest_deaf(1)?;
            same((noted(0), noted(1)), (0, 7))?;
        }
    }
    Ok(())
}

/// Takes a message and sends one of its own.
fn take_and_send(number: u64) {
    no_buffers();
    note(1, outcome(invoke(THREAD, Operation::WAIT, 0, EMPTY, Timeouts::NEVER).0));
    send_number(number);
}

fn send_and_wait_for_answer() -> Check {
    answered(Operation::SEND_AND_WAIT, take_and_send, 13, 13)
}

fn send_and_wait_for_nobody() -> Check {
    let partner = idle()?;
    for receive in ENDING {
        again(partner, receive_once, 0)?;
        same(operate(it(partner), Operation::SEND_AND_WAIT, Limit::Zero, receive)?, RECEIVE_TIMEOUT)?;
        rest_deaf(1)?;
        same((noted(0), noted(1)), (0, 7))?;
        again(partner, deaf, 0)?;
        same(operate(it(partner), Operation::SEND_AND_WAIT, receive, ANY)?, SEND_TIMEOUT)?;
    }
    Ok(())
}

/// An operation whose send phase fails takes no message, though one waits.
fn no_receive_after_failed_send() -> Check {
    let (partner, sender) = (spawn(HIGH, deaf, 0)?, idle()?);
    again(sender, send_number, 14)?;
    for operation in [Operation::CALL, Operation::SEND_AND_WAIT] {
        same(operate(it(partner), operation, Limit::Zero, ANY)?, SEND_TIMEOUT)?;
        same(operate(make::slot(), operation, Limit::Never, ANY)?, NOBODY)?;
    }
    same(operate(THREAD, Operation::REPLY_AND_WAIT, Limit::Never, ANY)?, NOBODY)?;
    same(noted(0), UNSET)?;
    no_buffers();
    same(outcome(invoke(THREAD, Operation::WAIT, 0, EMPTY, receive_for(1000)).0), 0)?;
    same(utcb().mr(0), 14)
}
