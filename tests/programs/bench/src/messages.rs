//! IPC between two threads, of one task and of two, and by way of the library's servers.

use crate::LABEL;
use crate::counter::Counter;
use sum::{Client, Served};
use syscall::abi::ipc::Operation;
use syscall::abi::l4re::MAIN_THREAD_PRIO;
use syscall::abi::{BufferItem, CapIndex, Flexpage, Rights, Tag, Timeouts};
use syscall::server::Server;
use syscall::{Cap, Gate, Result, Scheduler, arch, env, println, thread};

syscall::interface! {
    /// A sum.
    mod sum = 0x6001 {
        /// Adds a number; the new sum.
        0: fn add(number: i64) -> i64;
    }
}

struct Sum(i64);

impl sum::Server for Sum {
    fn add(&mut self, number: i64) -> Result<i64> {
        self.0 = self.0.wrapping_add(number);
        Ok(self.0)
    }
}

/// Where a server receives memory: nothing else is there.
pub const WINDOW: u64 = 0x7000_0000_0000;

/// Answers every call on the gate `echo`.
pub fn serve() -> Result {
    let gate = Cap::<Gate>::new(env::cap::<Gate>("echo")?.index());
    gate.bind_thread(thread::current().cap(), LABEL)?;
    println!("echo: ready");
    answer()
}

/// Serves [`sum`] on the gate `sum`.
pub fn serve_objects() -> Result {
    let mut server = Server::new()?;
    server.serve_on("sum", Served(Sum(0)))?;
    server.run()
}

/// Answers every call with a message of as many words. Memory that comes with one goes to [`WINDOW`].
pub fn answer() -> Result {
    let utcb = arch::utcb();
    utcb.set_bdr(0);
    utcb.set_br(0, BufferItem::WINDOW.0);
    utcb.set_br(1, Flexpage::memory(WINDOW, 12, Rights::RWX).raw());
    utcb.set_br(2, 0);
    let mut operation = Operation::WAIT;
    let mut tag = Tag::new(0, 0, 0, 0);
    loop {
        let (received, _) = arch::invoke(CapIndex::INVALID, operation, 0, tag, Timeouts::NEVER);
        operation = Operation::REPLY_AND_WAIT;
        tag = Tag::new(0, received.words(), 0, 0);
    }
}

fn call(gate: CapIndex, words: usize) {
    let tag = Tag::new(0, words, 0, 0);
    arch::invoke(gate, Operation::CALL, 0, tag, Timeouts::NEVER);
}

pub fn measure(counter: &Counter) -> Result {
    counter.count("null system call, invalid capability", || call(CapIndex::new(0x5555), 0));
    let server = env::cap::<Gate>("echo")?.index();
    counter.count("call and reply-and-wait, two tasks, 0 words", || call(server, 0));
    counter.count("call and reply-and-wait, two tasks, 4 words", || call(server, 4));
    let local = thread::spawn(answer)?;
    let gate = env::factory().create_gate(Some(local.thread().cap()), LABEL)?;
    let index = gate.cap().index();
    counter.count("call and reply-and-wait, one task, 0 words", || call(index, 0));
    counter.count("call and reply-and-wait, one task, 63 words", || call(index, 63));
    // One that is ready and never runs: in these time slices of a second there is no turn for it.
    let rival = thread::spawn(|| ())?;
    for runner in [local.thread().cap(), thread::current().cap()] {
        env::scheduler().run_thread(runner, Scheduler::any_cpu(), MAIN_THREAD_PRIO, 1_000_000)?;
    }
    counter.count("same, another thread of the priority is ready", || call(index, 0));
    rival.join();
    let sum = env::cap::<sum::Object>("sum")?;
    counter.count("call of an interface's method, two tasks", || {
        let _ = sum.add(1);
    });
    Ok(())
}
