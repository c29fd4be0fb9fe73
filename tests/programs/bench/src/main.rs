//! Guest instructions of the kernel's operations, counted by the time stamp counter under QEMU's
//! `-icount shift=0`, where a tick is an instruction. Prints one line an operation; the stub's instructions
//! on the user's side are included, as in the figures of the peers.
//!
//! Started twice by its script: with the argument `server` it answers calls on the gate `echo`; without, it
//! measures, and calls that server for the figures across two tasks.
#![no_std]
#![no_main]

use core::sync::atomic::{AtomicU64, Ordering::Relaxed};
use syscall::abi::ipc::Operation;
use syscall::abi::{CapIndex, Flexpage, MapItem, Rights, Tag, Timeouts};

use syscall::sync::Mutex;
use syscall::{Cap, Gate, Result, Task, Thread, arch, env, memory, println, thread};

syscall::main!(main);

const ROUNDS: u64 = 1000;
const LABEL: u64 = 0x10;

fn main() -> Result {
    if env::args().nth(1) == Some("server") {
        serve(Cap::<Gate>::new(env::cap::<Gate>("echo")?.index()))
    } else {
        measure()
    }
}

/// Answers every call with a message of as many words.
fn serve(gate: Cap<Gate>) -> Result {
    gate.bind_thread(thread::current().cap(), LABEL)?;
    println!("echo: ready");
    answer()
}

fn answer() -> Result {
    let mut operation = Operation::WAIT;
    let mut tag = Tag::new(0, 0, 0, 0);
    loop {
        let (received, _) = arch::invoke(CapIndex::INVALID, operation, 0, tag, Timeouts::NEVER);
        operation = Operation::REPLY_AND_WAIT;
        tag = Tag::new(0, received.words(), 0, 0);
    }
}

/// Ticks for each of [`ROUNDS`] repetitions, without those of the loop.
fn count(name: &str, mut operation: impl FnMut()) {
    operation();
    let start = ticks();
    for _ in 0..ROUNDS {
        core::hint::black_box(());
    }
    let middle = ticks();
    for _ in 0..ROUNDS {
        operation();
    }
    let end = ticks();
    let each = ((end - middle).saturating_sub(middle - start)) / ROUNDS;
    println!("bench: {name}: {each}");
}

fn ticks() -> u64 {
    // The kernel's clock code counts in nanoseconds; under -icount one tick of the counter is one.
    syscall::time::Instant::now().since_boot().as_nanos() as u64
}

fn call(gate: CapIndex, words: usize) {
    let tag = Tag::new(0, words, 0, 0);
    arch::invoke(gate, Operation::CALL, 0, tag, Timeouts::NEVER);
}

fn measure() -> Result {
    count("null system call, invalid capability", || call(CapIndex::new(0x5555), 0));
    let server = env::cap::<Gate>("echo")?.index();
    count("call and reply-and-wait, two tasks, 0 words", || call(server, 0));
    count("call and reply-and-wait, two tasks, 4 words", || call(server, 4));
    let local = thread::spawn(answer)?;
    let gate = env::factory().create_gate(Some(local.thread().cap()), LABEL)?;
    let index = gate.cap().index();
    count("call and reply-and-wait, one task, 0 words", || call(index, 0));
    count("call and reply-and-wait, one task, 63 words", || call(index, 63));
    own_objects()?;
    memory_operations()?;
    Ok(())
}

fn own_objects() -> Result {
    let factory = env::factory();
    let irq = factory.create_irq()?;
    irq.bind_thread(thread::current().cap(), LABEL)?;
    count("IRQ trigger and receive, by self", || {
        let _ = irq.trigger();
        let _ = irq.receive(Timeouts::NEVER);
    });
    let semaphore = factory.create_semaphore()?;
    count("semaphore up and down, uncontended", || {
        let _ = semaphore.up();
        let _ = semaphore.down(syscall::abi::Timeout::NEVER);
    });
    let mutex = Mutex::new(0);
    count("mutex lock and unlock, uncontended", || *mutex.lock() += 1);
    count("IPC gate create and delete", || drop(factory.create_gate(None, 0)));
    count("kernel thread create and delete", || drop(factory.create_thread()));
    count("task create and delete", || drop(factory.create_task(Flexpage::INVALID)));
    let turns = &AtomicU64::new(0);
    count("yield, alone", || {
        Thread::yield_now();
        turns.fetch_add(1, Relaxed);
    });
    count("thread create, start and join, user library", || {
        if let Ok(handle) = thread::spawn(|| ()) {
            handle.join();
        }
    });
    Ok(())
}

fn memory_operations() -> Result {
    let mut page = memory::Mapping::anonymous(0x1000)?;
    page.write(0, &[1]);
    let source = Flexpage::memory(page.address() as u64, 12, Rights::RW);
    let target = page.address() as u64 + 0x4000_0000;
    let task = Task::this();
    count("map and unmap of 4 KiB, by calls to the own task", || {
        let _ = task.map_item(task, MapItem::map_at(source, target));
        let _ = task.unmap(Flexpage::memory(target, 12, Rights::RWX), true);
    });
    const PAGES: usize = 1001;
    let mut fresh = memory::Mapping::anonymous(PAGES * 0x1000)?;
    let mut next = 0;
    count("first touch of an anonymous page", || {
        fresh.write(next * 0x1000, &[1]);
        next += 1;
    });
    Ok(())
}
