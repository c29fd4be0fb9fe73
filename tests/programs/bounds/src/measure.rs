//! What the kernel measures of itself, row by row.

use core::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use harness::call::no_buffers;
use harness::stretch::{LIMIT, longest};
use harness::{Check, fail};
use syscall::abi::{CapIndex, Timeout, Timeouts};
use syscall::{ipc, println};

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

/// Does `what`, and lets all others run until nobody wants to.
///
/// # Errors
/// Those of `what`.
pub fn row(name: &str, what: impl FnOnce() -> Check) -> Check {
    longest();
    what()?;
    rest(20);
    let Some(stretch) = longest() else { return fail("this kernel does not measure") };
    println!("bounds: {name}: {stretch}");
    ROWS.fetch_add(1, Relaxed);
    FAILED.fetch_add(usize::from(stretch.instructions > LIMIT), Relaxed);
    Ok(())
}

/// Lets all other threads run for some milliseconds.
pub fn rest(milliseconds: u64) {
    no_buffers();
    let receive = Timeout::from_microseconds(milliseconds * 1000);
    let _ = ipc::receive(CapIndex::INVALID, Timeouts { send: Timeout::ZERO, receive });
}
