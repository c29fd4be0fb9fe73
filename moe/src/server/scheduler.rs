//! The scheduler protocol (`l4sys/include/scheduler.h`) of a proxy: requests go on to the kernel's
//! scheduler within the proxy's limits.

use abi::Error as Code;
use abi::scheduler::{CpuSet, OP_IDLE_TIME, OP_INFO, OP_RUN_THREAD};
use moe::limits::Limits;
use syscall::message::Writer;
use syscall::{Cap, Result, Scheduler};

use super::Words;
use super::request::{Given, Request};

/// Carries out a request to the proxy with these limits.
pub fn serve(limits: &Limits, request: &mut Request<'_>, output: &mut Writer<&mut Words>) -> Result<i64> {
    let reader = &mut request.reader;
    let opcode: u64 = reader.get()?;
    let cpus = |granularity_and_offset, map| CpuSet { granularity_and_offset, map };
    match opcode {
        OP_INFO => {
            let asked = cpus(reader.get()?, 0);
            let kernel = Scheduler::boot().info(0, 0)?;
            if u64::from(asked.offset()) >= kernel.cpus {
                return Err(Code::Range.into());
            }
            output.put(limits.visible(asked, kernel.online));
            output.put(kernel.cpus);
            output.put(kernel.classes);
            Ok(0)
        }
        OP_RUN_THREAD => {
            let wanted = cpus(reader.get()?, reader.get()?);
            let (priority, quantum_us): (u64, u64) = (reader.get()?, reader.get()?);
            let Given::Foreign(thread) = request.given else {
                return Err(Code::MsgMissArg.into());
            };
            let kernel = Scheduler::boot();
            let cpus = limits.cpus(wanted, kernel.info(0, 0)?.online);
            if cpus.map == 0 {
                // The kernel would let the thread run nowhere, for ever.
                return Err(Code::Inval.into());
            }
            kernel.run_thread(Cap::new(thread), cpus, limits.priority(priority), quantum_us)?;
            Ok(0)
        }
        OP_IDLE_TIME => Err(Code::NoSys.into()),
        _ => Err(Code::BadProto.into()),
    }
}
