//! Kernel objects: interrupts, semaphores, and the making and deleting of all kinds.

use crate::LABEL;
use crate::counter::Counter;
use core::sync::atomic::{AtomicBool, Ordering::Relaxed};
use syscall::abi::{Flexpage, Timeout, Timeouts};
use syscall::sync::Mutex;
use syscall::{Result, env, thread};

pub fn measure(counter: &Counter) -> Result {
    let factory = env::factory();
    let irq = factory.create_irq()?;
    irq.bind_thread(thread::current().cap(), LABEL)?;
    counter.count("IRQ trigger and receive, by self", || {
        let _ = irq.trigger();
        let _ = irq.receive(Timeouts::NEVER);
    });
    ping_pong(counter)?;
    let semaphore = factory.create_semaphore()?;
    counter.count("semaphore up and down, uncontended", || {
        let _ = semaphore.up();
        let _ = semaphore.down(Timeout::NEVER);
    });
    let mutex = Mutex::new(0);
    counter.count("mutex lock and unlock, uncontended", || *mutex.lock() += 1);
    counter.count("IPC gate create and delete", || drop(factory.create_gate(None, 0)));
    counter.count("kernel thread create and delete", || drop(factory.create_thread()));
    counter.count("task create and delete", || drop(factory.create_task(Flexpage::INVALID)));
    Ok(())
}

/// Two threads of one task that trigger each other's interrupt.
fn ping_pong(counter: &Counter) -> Result {
    static STOP: AtomicBool = AtomicBool::new(false);
    let (ping, pong) = (env::factory().create_irq()?, env::factory().create_irq()?);
    let (to_peer, from_peer) = (ping.cap(), pong.cap());
    from_peer.bind_thread(thread::current().cap(), LABEL)?;
    let peer = thread::spawn(move || {
        let _ = to_peer.bind_thread(thread::current().cap(), LABEL);
        let _ = from_peer.trigger();
        while !STOP.load(Relaxed) {
            let _ = to_peer.receive(Timeouts::NEVER);
            let _ = from_peer.trigger();
        }
    })?;
    from_peer.receive(Timeouts::NEVER)?;
    counter.count("IRQ ping-pong of two threads", || {
        let _ = to_peer.trigger();
        let _ = from_peer.receive(Timeouts::NEVER);
    });
    STOP.store(true, Relaxed);
    to_peer.trigger()?;
    peer.join();
    Ok(())
}
