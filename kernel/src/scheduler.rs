//! The scheduler object: `l4sys/scheduler.h`. It is an interrupt controller too: its one line tells that a CPU came or went.

use crate::lines::{self, ObjectLine};
use crate::locked::Locked;
use crate::message::{self, Answer, Message, expect_object};
use crate::object::{Header, KernelObject, Object};
use crate::sched;
use crate::thread::DEFAULT_QUANTUM_US;
use abi::scheduler::*;
use abi::{Error, protocol};
use kernel::mem::Slab;

/// CPUs that run.
const CPUS: u32 = 1;

/// The scheduler.
pub struct Scheduler {
    header: Header,
    /// Raised when a CPU came or went, which does not happen with the one CPU that runs.
    line: ObjectLine,
}

static SLAB: Locked<Slab<Scheduler>> = Locked::new(Slab::new());
static SCHEDULER: Locked<Scheduler> = Locked::new(Scheduler { header: Header::new(), line: ObjectLine::new() });

impl KernelObject for Scheduler {
    fn header(&self) -> &Header {
        &self.header
    }

    fn slab() -> &'static Slab<Self> {
        &SLAB
    }

    fn wrap(&'static self) -> Object {
        Object::Scheduler(self)
    }
}

/// The one scheduler.
pub fn scheduler() -> &'static Scheduler {
    &SCHEDULER
}

impl Scheduler {
    /// A message to the object.
    #[inline(never)]
    pub fn invoke(&'static self, message: &Message) -> Answer {
        match message.tag.label() {
            protocol::SCHEDULER => {}
            protocol::IRQ => return lines::invoke(&self.line, message),
            _ => return Err(Error::BadProto),
        }
        match message.opcode()? {
            OP_INFO => {
                let asked = CpuSet { granularity_and_offset: message.word(1)?, map: 1 };
                if asked.offset() >= CPUS {
                    return Err(Error::Range);
                }
                message.answer(0, 1);
                message.answer(1, u64::from(CPUS));
                message.answer(2, CLASS_FIXED_PRIO);
                message::ok_words(0, 3)
            }
            OP_RUN_THREAD => self.run_thread(message),
            OP_IDLE_TIME => {
                let cpus = CpuSet { granularity_and_offset: message.word(1)?, map: message.word(2)? };
                if !cpus.contains(0) {
                    return Err(Error::Inval);
                }
                message.answer(0, sched::idle_us());
                message::ok_words(0, 1)
            }
            _ => Err(Error::NoSys),
        }
    }

    fn run_thread(&'static self, message: &Message) -> Answer {
        let words = [message.word(1), message.word(2), message.word(3), message.word(4)];
        let [Ok(granularity_and_offset), Ok(map), Ok(priority), Ok(quantum)] = words else {
            return Err(Error::Inval);
        };
        let (thread, _) = expect_object!(message, 0, Thread);
        let (priority, quantum) = parameters(message, priority as i64, quantum)?;
        // A thread that may run on none of the CPUs that are there stops until it may again.
        let has_cpu = CpuSet { granularity_and_offset, map }.contains(0);
        let priority = if has_cpu { priority as u8 } else { sched::OFF };
        let quantum_us = if quantum == 0 { DEFAULT_QUANTUM_US } else { quantum };
        sched::set_parameters(thread, priority, quantum_us);
        thread.is_scheduled.set(true);
        thread.start_if_complete();
        message::ok(0)
    }
}

/// Priority and time slice: of old, two numbers; if the first is negative, it is a class, the second the length of
/// what stands there in bytes, and they follow in the other order.
fn parameters(message: &Message, first: i64, second: u64) -> Result<(u64, u64), Error> {
    const FIXED_PRIORITY: i64 = -1;
    /// CPU set, class, length, time slice and priority.
    const FIXED_PRIORITY_BYTES: u64 = 6 * 8;
    let (priority, quantum) = if first >= 0 {
        (first as u64, second)
    } else {
        if second > 8 * (message.tag.words() as u64 - 1) {
            return Err(Error::Inval);
        }
        match first {
            FIXED_PRIORITY if second < FIXED_PRIORITY_BYTES => return Err(Error::Inval),
            FIXED_PRIORITY => (message.word(6)? & 0xffff, message.word(5)?),
            _ => return Err(Error::Range),
        }
    };
    if priority == 0 { Err(Error::Inval) } else { Ok((priority.min(MAX_PRIO), quantum)) }
}
