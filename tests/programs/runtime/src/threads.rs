//! Threads, thread-local storage, time.

use alloc::{format, string::String, vec::Vec};
use core::{
    cell::Cell,
    sync::atomic::{AtomicU32, Ordering},
};

use syscall::{
    Result, thread,
    time::{Duration, Instant},
};

use crate::{Check, expect};

pub const CHECKS: &[Check] = &[
    ("results and names", results),
    ("thread-local storage", thread_local),
    ("thirty threads at once", many),
    ("three hundred threads in turn", in_turn),
    ("detached threads", detached),
    ("priorities", priorities),
    ("sleep and clock", sleep),
];

fn results() -> Result {
    let text = thread::Builder::new().name("worker").spawn(|| {
        let me = thread::current();
        format!("{} {}", me.name(), me.id() > 1)
    })?;
    expect(text.thread().name() == "worker")?;
    expect(text.join() == "worker true")?;
    expect(thread::current().name() == "main" && thread::current().id() == 1)
}

#[repr(align(64))]
struct Aligned(Cell<u64>);

#[thread_local]
static INITIALISED: Cell<u64> = Cell::new(0x1234);
#[thread_local]
static ZERO: Cell<u64> = Cell::new(0);
#[thread_local]
static ALIGNED: Aligned = Aligned(Cell::new(5));

fn thread_local() -> Result {
    let own = |id: u64| {
        let fresh = INITIALISED.get() == 0x1234 && ZERO.get() == 0 && ALIGNED.0.get() == 5;
        let aligned = (&raw const ALIGNED).addr().is_multiple_of(64);
        INITIALISED.set(id);
        ZERO.set(id);
        ALIGNED.0.set(id);
        thread::yield_now();
        fresh && aligned && [INITIALISED.get(), ZERO.get(), ALIGNED.0.get()] == [id; 3]
    };
    let threads = (1..=4).map(|id| thread::spawn(move || own(id))).collect::<Result<Vec<_>>>()?;
    expect(threads.into_iter().all(thread::JoinHandle::join))?;
    expect(own(99))?;
    INITIALISED.set(0x1234);
    Ok(())
}

fn many() -> Result {
    let threads = (0..30_u64).map(|n| thread::spawn(move || n * n)).collect::<Result<Vec<_>>>()?;
    let sum: u64 = threads.into_iter().map(thread::JoinHandle::join).sum();
    expect(sum == (0..30).map(|n| n * n).sum())
}

fn in_turn() -> Result {
    for n in 0..300_u32 {
        let size = if n % 2 == 0 { 16 * 1024 } else { 32 * 1024 };
        let thread = thread::Builder::new().stack_size(size).spawn(move || n + 1)?;
        expect(thread.join() == n + 1)?;
    }
    Ok(())
}

static DONE: AtomicU32 = AtomicU32::new(0);

fn detached() -> Result {
    for _ in 0..20 {
        drop(thread::spawn(|| DONE.fetch_add(1, Ordering::Relaxed))?);
    }
    let start = Instant::now();
    while DONE.load(Ordering::Relaxed) < 20 && start.elapsed() < Duration::from_secs(5) {
        thread::sleep(Duration::from_millis(1));
    }
    expect(DONE.load(Ordering::Relaxed) == 20)
}

fn priorities() -> Result {
    // A thread of higher priority runs at once, one of lower priority only when this one waits.
    static ORDER: syscall::sync::Mutex<String> = syscall::sync::Mutex::new(String::new());
    let note = |letter| move || ORDER.lock().push(letter);
    let low = thread::Builder::new().priority(1).spawn(note('l'))?;
    let high = thread::Builder::new().priority(10).spawn(note('h'))?;
    note('m')();
    low.join();
    high.join();
    expect(*ORDER.lock() == "hml")
}

fn sleep() -> Result {
    for ms in [1, 5, 20] {
        let start = Instant::now();
        thread::sleep(Duration::from_millis(ms));
        let slept = start.elapsed();
        expect(slept >= Duration::from_millis(ms) && slept < Duration::from_millis(ms + 500))?;
    }
    let (ns, us) = (Instant::now().since_boot(), syscall::time::kernel_clock_us());
    expect(us.abs_diff(ns.as_micros() as u64) < 100_000)
}
