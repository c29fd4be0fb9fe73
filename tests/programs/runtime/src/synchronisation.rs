//! Locks, condition variables, once, channels.

use alloc::{sync::Arc, vec::Vec};

use syscall::{
    Result,
    sync::{Condvar, LazyLock, Mutex, Once, OnceLock, channel, channel::ReceiveError},
    thread,
    time::{Duration, Instant},
};

use crate::{Check, expect};

pub const CHECKS: &[Check] = &[
    ("a contended mutex", mutex),
    ("a mutex between priorities", mutex_priorities),
    ("condition variables", condvar),
    ("timeouts of condition variables", condvar_timeout),
    ("once", once),
    ("channels", channels),
];

fn mutex() -> Result {
    let sum = Arc::new(Mutex::new(0_u64));
    let add = |sum: Arc<Mutex<u64>>| {
        move || {
            for _ in 0..200 {
                let mut guard = sum.lock();
                let value = *guard;
                thread::yield_now();
                *guard = value + 1;
            }
        }
    };
    let threads = (0..4).map(|_| thread::spawn(add(sum.clone()))).collect::<Result<Vec<_>>>()?;
    threads.into_iter().for_each(|thread| thread.join());
    expect(*sum.lock() == 800 && sum.try_lock().is_some())
}

fn mutex_priorities() -> Result {
    // The holder is of lower priority than those who wait; they must sleep, not spin.
    let lock = Arc::new(Mutex::new(0_u32));
    let guard = lock.lock();
    let high = |lock: Arc<Mutex<u32>>| thread::Builder::new().priority(20).spawn(move || *lock.lock() += 1);
    let threads = [high(lock.clone())?, high(lock.clone())?];
    expect(*guard == 0)?;
    drop(guard);
    threads.into_iter().for_each(|thread| thread.join());
    expect(*lock.lock() == 2)
}

fn condvar() -> Result {
    struct Turn {
        turn: Mutex<usize>,
        changed: Condvar,
    }
    let shared = Arc::new(Turn { turn: Mutex::new(0), changed: Condvar::new() });
    let player = |me: usize, shared: Arc<Turn>| {
        move || {
            for round in 0..50 {
                let mut turn = shared.turn.lock();
                while *turn != 3 * round + me {
                    turn = shared.changed.wait(turn);
                }
                *turn += 1;
                drop(turn);
                shared.changed.notify_all();
            }
        }
    };
    let threads = (0..3).map(|me| thread::spawn(player(me, shared.clone()))).collect::<Result<Vec<_>>>()?;
    threads.into_iter().for_each(|thread| thread.join());
    expect(*shared.turn.lock() == 150)
}

fn condvar_timeout() -> Result {
    let (lock, never) = (Mutex::new(()), Condvar::new());
    let start = Instant::now();
    let (guard, woken) = never.wait_timeout(lock.lock(), Duration::from_millis(10));
    drop(guard);
    expect(!woken && start.elapsed() >= Duration::from_millis(10))?;
    never.notify_all();
    expect(lock.try_lock().is_some())
}

fn once() -> Result {
    static COUNT: Mutex<u32> = Mutex::new(0);
    static ONCE: Once = Once::new();
    static VALUE: OnceLock<u32> = OnceLock::new();
    static LAZY: LazyLock<u32> = LazyLock::new(|| {
        *COUNT.lock() += 1;
        42
    });
    let work = || {
        ONCE.call_once(|| {
            thread::yield_now();
            *COUNT.lock() += 1;
        });
        *LAZY + *VALUE.get_or_init(|| 8)
    };
    let threads = (0..4).map(|_| thread::spawn(work)).collect::<Result<Vec<_>>>()?;
    expect(threads.into_iter().all(|thread| thread.join() == 50))?;
    expect(*COUNT.lock() == 2 && VALUE.set(9) == Err(9) && ONCE.is_completed())
}

fn channels() -> Result {
    let (sender, receiver) = channel();
    for start in 0..3_u64 {
        let sender = sender.clone();
        drop(thread::spawn(move || (0..100).for_each(|n| sender.send(start * 100 + n).expect("a receiver")))?);
    }
    expect(receiver.recv_timeout(Duration::from_secs(1)).is_ok())?;
    drop(sender);
    expect(receiver.iter().count() == 299)?;
    expect(receiver.try_recv() == Err(ReceiveError::Disconnected))?;
    let (sender, receiver) = channel::<()>();
    expect(receiver.recv_timeout(Duration::from_millis(5)) == Err(ReceiveError::Empty))?;
    drop(receiver);
    expect(sender.send(()).is_err())
}
