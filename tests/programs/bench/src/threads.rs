//! Threads: switches between them, and their whole lives in the user library.

use crate::counter::Counter;
use alloc::vec::Vec;
use core::hint::black_box;
use core::sync::atomic::{AtomicBool, Ordering::Relaxed};
use syscall::{Result, Thread, thread};

static STOP: AtomicBool = AtomicBool::new(false);

pub fn measure(counter: &Counter) -> Result {
    counter.count("yield, alone", Thread::yield_now);
    let me = thread::current();
    // As they take turns, a part is one switch.
    let peer = thread::spawn(move || while_measured(|| _ = me.cap().switch_to()))?;
    let cap = peer.thread().cap();
    counter.count_parts("thread switch to the peer, each", 2, || _ = cap.switch_to());
    end(peer);
    let peer = thread::spawn(|| while_measured(Thread::yield_now))?;
    counter.count_parts("yield to the peer, each", 2, Thread::yield_now);
    end(peer);
    counter.count("thread create, start and join, user library", || {
        if let Ok(handle) = thread::spawn(|| ()) {
            handle.join();
        }
    });
    counter.count_once("six threads compute Ackermann's function", || {
        let threads: Vec<_> = (0..6)
            .filter_map(|n| {
                thread::Builder::new().stack_size(256 * 1024).spawn(move || ackermann(black_box(3), n)).ok()
            })
            .collect();
        assert_eq!(threads.into_iter().map(thread::JoinHandle::join).sum::<u64>(), 5 + 13 + 29 + 61 + 125 + 253);
    });
    Ok(())
}

fn while_measured(turn: impl Fn()) {
    while !STOP.load(Relaxed) {
        turn();
    }
}

fn end(peer: thread::JoinHandle<()>) {
    STOP.store(true, Relaxed);
    peer.join();
    STOP.store(false, Relaxed);
}

fn ackermann(x: u64, y: u64) -> u64 {
    match (x, y) {
        (0, y) => y + 1,
        (x, 0) => ackermann(x - 1, 1),
        (x, y) => ackermann(x - 1, ackermann(x, y - 1)),
    }
}
