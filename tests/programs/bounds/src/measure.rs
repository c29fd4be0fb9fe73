//! What the kernel measures of itself, row by row.

use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use harness::call::no_buffers;
use harness::{Check, ask};
use syscall::abi::{CapIndex, Tag, Timeout, Timeouts, debugger, protocol};
use syscall::arch::utcb;
use syscall::{ipc, println};

/// No stretch may be longer: instructions.
pub const LIMIT: u64 = 20_000;

static ROWS: AtomicUsize = AtomicUsize::new(0);
static FAILED: AtomicUsize = AtomicUsize::new(0);

/// How many rows there were.
pub fn rows() -> usize {
    ROWS.load(Relaxed)
}

/// How many of them took too long.
pub fn failed() -> usize {
    FAILED.load(Relaxed)
}

/// The longest stretch since the last call: instructions, and who was in the kernel: the entry, its instruction
/// pointer, the label of its message, its first word.
fn longest() -> [u64; 5] {
    let answer = ask(CapIndex::DEBUGGER, protocol::DEBUGGER, &[debugger::OP_LONGEST_STRETCH], &[]);
    assert!(answer == 0, "this kernel does not measure: {answer}");
    core::array::from_fn(|index| utcb().mr(index))
}

/// Does `what`, and lets all others run until nobody wants to.
///
/// # Errors
/// Those of `what`.
pub fn row(name: &str, what: impl FnOnce() -> Check) -> Check {
    longest();
    what()?;
    rest(20);
    let [instructions, entry, ip, tag, word] = longest();
    let verdict = if instructions > LIMIT { "FAIL" } else { "ok" };
    let label = Tag::from_raw(tag).label();
    println!("bounds: {name}: {instructions} {verdict} (entry {entry:#x}, ip {ip:#x}, label {label}, word {word:#x})");
    ROWS.fetch_add(1, Relaxed);
    FAILED.fetch_add(usize::from(instructions > LIMIT), Relaxed);
    Ok(())
}

/// Lets all other threads run for some milliseconds.
pub fn rest(milliseconds: u64) {
    no_buffers();
    let receive = Timeout::from_microseconds(milliseconds * 1000);
    let _ = ipc::receive(CapIndex::INVALID, Timeouts { send: Timeout::ZERO, receive });
}
