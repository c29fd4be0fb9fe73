//! Timeouts of IPC: of each phase, zero, relative and absolute, and the error code of each.

use crate::ipc::{EMPTY, HIGH, deaf, receive_for, receive_once, received, send_for, sent};
use crate::make::{self};
use harness::call::{no_buffers, outcome};
use harness::worker::spawn;
use harness::{Check, IPC, holds, same};
use syscall::abi::{CapIndex, Timeout, Timeouts, ipc::Operation};
use syscall::arch::{invoke, utcb};
use syscall::time::Instant;

crate::group!("timeouts":
    send_timeout_zero, send_timeout, send_timeout_absolute, send_timeout_absolute_past, receive_timeout_zero, receive_timeout,
    receive_timeout_absolute, receive_timeout_absolute_past, wait_timeout_zero, wait_timeout, timeout_is_not_early, call_receive_timeout,
    gate_timeout_zero, gate_timeout);

fn send_timeout_zero() -> Check {
    same(sent(spawn(HIGH, deaf, 0)?.thread.index(), Timeouts::ZERO), IPC + 2)
}

fn send_timeout() -> Check {
    same(sent(spawn(HIGH, deaf, 0)?.thread.index(), send_for(2000)), IPC + 2)
}

fn now() -> u64 {
    Instant::now().since_boot().as_micros() as u64
}

fn send_timeout_absolute() -> Check {
    let thread = spawn(HIGH, deaf, 0)?.thread;
    let until = now() + 5000;
    utcb().set_br(9, until);
    let timeouts = Timeouts { send: Timeout::absolute(9), receive: Timeout::NEVER };
    same(sent(thread.index(), timeouts), IPC + 2)?;
    holds(now() >= until)
}

fn send_timeout_absolute_past() -> Check {
    let thread = spawn(HIGH, deaf, 0)?.thread;
    utcb().set_br(9, 1);
    same(sent(thread.index(), Timeouts { send: Timeout::absolute(9), receive: Timeout::NEVER }), IPC + 2)
}

fn receive_timeout_zero() -> Check {
    let thread = spawn(HIGH, deaf, 0)?.thread;
    same(received(thread.index(), Operation::RECEIVE, Timeouts::ZERO), IPC + 3)
}

fn receive_timeout() -> Check {
    let thread = spawn(HIGH, deaf, 0)?.thread;
    same(received(thread.index(), Operation::RECEIVE, receive_for(2000)), IPC + 3)
}

fn receive_timeout_absolute() -> Check {
    let until = now() + 5000;
    no_buffers();
    utcb().set_br(57, until);
    let timeouts = Timeouts { send: Timeout::ZERO, receive: Timeout::absolute(57) };
    same(outcome(invoke(CapIndex::INVALID, Operation::WAIT, 0, EMPTY, timeouts).0), IPC + 3)?;
    holds(now() >= until)
}

fn receive_timeout_absolute_past() -> Check {
    no_buffers();
    utcb().set_br(5, 1);
    let timeouts = Timeouts { send: Timeout::ZERO, receive: Timeout::absolute(5) };
    same(outcome(invoke(CapIndex::INVALID, Operation::WAIT, 0, EMPTY, timeouts).0), IPC + 3)
}

fn wait_timeout_zero() -> Check {
    same(received(CapIndex::INVALID, Operation::WAIT, Timeouts::ZERO), IPC + 3)
}

fn wait_timeout() -> Check {
    same(received(CapIndex::INVALID, Operation::WAIT, receive_for(2000)), IPC + 3)
}

fn timeout_is_not_early() -> Check {
    for us in [1, 100, 1000, 7000] {
        let start = now();
        same(received(CapIndex::INVALID, Operation::WAIT, receive_for(us)), IPC + 3)?;
        holds(now() - start >= us)?;
        holds(now() - start < us + 500_000)?;
    }
    Ok(())
}

/// Receives once and never replies.
fn call_receive_timeout() -> Check {
    let thread = spawn(HIGH, receive_once, 0)?.thread;
    same(outcome(invoke(thread.index(), Operation::CALL, 0, EMPTY, receive_for(2000)).0), IPC + 3)
}

fn gate_timeout_zero() -> Check {
    same(sent(make::unbound_gate()?.index(), Timeouts::ZERO), IPC + 2)
}

fn gate_timeout() -> Check {
    same(sent(make::unbound_gate()?.index(), send_for(2000)), IPC + 2)
}
