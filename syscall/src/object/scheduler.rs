//! Schedulers: give threads priorities and CPUs. moe's proxies speak the same protocol and limit both.

use abi::{CapIndex, Rights, protocol, scheduler::*};

pub use abi::scheduler::{CpuSet, MAX_PRIO, MIN_PRIO};

use crate::{Cap, Result, cap::Kobject, ipc::Message, object::thread::Thread};

/// A scheduler.
pub struct Scheduler;

impl Kobject for Scheduler {
    const PROTOCOL: i64 = protocol::SCHEDULER;
    const NAME: &'static str = "scheduler";
}

/// What a scheduler offers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Info {
    /// One bit per online CPU of the set asked for.
    pub online: u64,
    /// Number of CPUs that the system can have.
    pub cpus: u64,
    /// Scheduling classes, `CLASS_…` of [`abi::scheduler`].
    pub classes: u64,
}

impl Scheduler {
    /// The kernel's scheduler, as boot servers have it.
    pub const fn boot() -> Cap<Scheduler> {
        Cap::new(CapIndex::SCHEDULER)
    }

    /// The set of all CPUs that a scheduler allows.
    pub const fn any_cpu() -> CpuSet {
        CpuSet::new(0, u8::MAX, 1)
    }
}

impl Cap<Scheduler> {
    /// Runs `thread` with `priority` (1 to 255) on the CPUs of `cpus`, in time slices of `quantum_us`
    /// microseconds (0: the default).
    ///
    /// # Errors
    /// Those of the IPC; `Inval` for a thread that is not bound, or an empty CPU set.
    pub fn run_thread(self, thread: Cap<Thread>, cpus: CpuSet, priority: u64, quantum_us: u64) -> Result {
        Message::new(protocol::SCHEDULER)
            .with(OP_RUN_THREAD)
            .with(cpus.granularity_and_offset)
            .with(cpus.map)
            .with(priority)
            .with(quantum_us)
            .map(thread.flexpage(Rights::CAP_RWS))
            .call(self.index())
            .map(drop)
    }

    /// What the scheduler offers for the CPUs from `offset` on.
    ///
    /// # Errors
    /// Those of the IPC.
    pub fn info(self, offset: u32, granularity: u8) -> Result<Info> {
        let set = CpuSet::new(offset, granularity, 0);
        let reply =
            Message::new(protocol::SCHEDULER).with(OP_INFO).with(set.granularity_and_offset).call(self.index())?;
        Ok(Info { online: reply.word(0)?, cpus: reply.word(1)?, classes: reply.word(2)? })
    }

    /// How long the first CPU of the set has been idle, in microseconds.
    ///
    /// # Errors
    /// Those of the IPC.
    pub fn idle_time_us(self, cpus: CpuSet) -> Result<u64> {
        Message::new(protocol::SCHEDULER)
            .with(OP_IDLE_TIME)
            .with(cpus.granularity_and_offset)
            .with(cpus.map)
            .call(self.index())?
            .word(0)
    }
}
