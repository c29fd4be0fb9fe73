//! Looks at memory that may not be there: a worker touches it, and its page faults come to the test.

use core::sync::atomic::{AtomicU64, Ordering::Relaxed};
use harness::worker::Worker;
use harness::{Check, fail};
use syscall::abi::{CapIndex, Rights, Tag, Timeout, Timeouts, protocol};
use syscall::arch::utcb;
use syscall::object::thread::Control;
use syscall::{Cap, Task, ipc};

use crate::make;

const PRIORITY: u64 = 130;
const VALUE: i64 = 0x7a1;
/// Slot of the probe's gate to the test.
const GATE: CapIndex = CapIndex::new(0x30);

static ADDRESS: AtomicU64 = AtomicU64::new(0);

/// A thread that touches memory for the test.
#[derive(Clone, Copy)]
pub struct Probe {
    worker: Worker,
}

fn tell(value: u64) {
    utcb().set_mr(0, value);
    let _ = ipc::send(GATE, Tag::new(VALUE, 1, 0, 0), Timeouts::NEVER);
}

#[allow(unsafe_code)] // touches what the test asks for: that is its purpose
fn load(address: u64) {
    // SAFETY: what is mapped there is the test's memory, in which no Rust object lies; otherwise it faults.
    tell(unsafe { (address as *const u64).read_volatile() });
}

#[allow(unsafe_code)] // as above
fn store(value: u64) {
    let address = ADDRESS.load(Relaxed);
    // SAFETY: as above.
    unsafe { (address as *mut u64).write_volatile(value) };
    tell(value);
}

#[allow(unsafe_code)] // runs what the test put there
fn run(address: u64) {
    // SAFETY: the test put a return instruction there, or it faults.
    let function: extern "C" fn() = unsafe { core::mem::transmute(address as *const ()) };
    function();
    tell(address);
}

/// Reads an I/O port.
#[allow(unsafe_code)] // an instruction on a port
pub fn input(port: u64) -> u8 {
    let value: u8;
    // SAFETY: a port behind which there is nothing; without permission it faults.
    unsafe { core::arch::asm!("in al, dx", out("al") value, in("dx") port as u16, options(nostack)) };
    value
}

impl Probe {
    /// A probe in `task`, which shares the test's image.
    ///
    /// # Errors
    /// Those of the system calls.
    pub fn new(task: Cap<Task>) -> Check<Self> {
        let gate = make::gate(0x2000)?;
        task.map_cap(gate, Rights::ALL, GATE)?;
        let worker = Worker::create_in(task)?;
        let handler = Some(GATE);
        worker.thread.control(Control { pager: handler, exception_handler: handler, bind: None, alien: None })?;
        Ok(Self { worker })
    }

    /// What the probe says, or nothing if it raised the fault or exception with this protocol.
    fn touch(self, work: fn(u64), argument: u64, fault: i64) -> Check<Option<u64>> {
        self.worker.start(PRIORITY, work, argument)?;
        harness::call::no_buffers();
        let (tag, _) = ipc::wait(Timeouts { send: Timeout::ZERO, receive: Timeout::from_microseconds(1_000_000) })?;
        match tag.label() {
            VALUE => Ok(Some(utcb().mr(0))),
            label if label == fault => Ok(None),
            _ => fail("the probe raised another fault"),
        }
    }

    /// The word at `address`, or nothing.
    ///
    /// # Errors
    /// When the probe does something else.
    pub fn read(self, address: u64) -> Check<Option<u64>> {
        self.touch(load, address, protocol::PAGE_FAULT)
    }

    /// Whether a word can be written at `address`; it is, then.
    ///
    /// # Errors
    /// As for [`read`](Self::read).
    pub fn writes(self, address: u64, value: u64) -> Check<bool> {
        ADDRESS.store(address, Relaxed);
        Ok(self.touch(store, value, protocol::PAGE_FAULT)?.is_some())
    }

    /// Whether the instruction at `address`, a return, can be executed.
    ///
    /// # Errors
    /// As for [`read`](Self::read).
    pub fn executes(self, address: u64) -> Check<bool> {
        Ok(self.touch(run, address, protocol::PAGE_FAULT)?.is_some())
    }

    /// Whether the I/O port can be read.
    ///
    /// # Errors
    /// As for [`read`](Self::read).
    pub fn inputs(self, port: u64) -> Check<bool> {
        Ok(self.touch(|port| tell(input(port).into()), port, protocol::EXCEPTION)?.is_some())
    }
}
