//! Kernel objects by their typed capabilities.

use syscall::{
    Cap, Code, Error, Gate, Result, Semaphore, Task,
    abi::{CapIndex, IpcError},
    cap, env,
    ipc::{Timeout, Timeouts},
    thread,
};

use crate::{Check, expect};

pub const CHECKS: &[Check] = &[
    ("semaphores", semaphore),
    ("interrupts in software", irq),
    ("gates", gate),
    ("capability slots", slots),
    ("what is not there", absent),
    ("factories with quota", factory),
    ("scheduler and memory allocator", servers),
];

fn semaphore() -> Result {
    let semaphore = env::factory().create_semaphore()?;
    semaphore.up()?;
    semaphore.down(Timeout::NEVER)?;
    let timed_out = semaphore.down(Timeout::from_microseconds(1000));
    expect(timed_out == Err(IpcError::ReceiveTimeout.into()))
}

fn irq() -> Result {
    let irq = env::factory().create_irq()?;
    irq.bind_thread(thread::current().cap(), 0x40)?;
    irq.trigger()?;
    irq.receive(Timeouts::NEVER)?;
    irq.detach()
}

fn gate() -> Result {
    let gate = env::factory().create_gate(None, 0)?;
    gate.bind_thread(thread::current().cap(), 0x7000)?;
    expect(gate.label()? == 0x7000)
}

fn slots() -> Result {
    let semaphore = env::factory().create_semaphore()?;
    let copy = Cap::<Semaphore>::new(cap::allocate()?);
    Task::this().map_cap(semaphore.cap(), syscall::abi::Rights::CAP_RWS, copy.index())?;
    expect(copy.is_present() && copy.names_same(semaphore.cap())?)?;
    expect(!semaphore.cap().names_same(env::factory())?)?;
    semaphore.delete()?;
    expect(!copy.is_present())?;
    cap::free(copy.index());
    Ok(())
}

fn absent() -> Result {
    let nothing = Cap::<Gate>::new(CapIndex::new(0x7ffff));
    let refused = |result: Result<u64>| result == Err(Error::Ipc(IpcError::NotExistent));
    expect(refused(nothing.label()) && !nothing.is_present())?;
    expect(refused(Cap::<Gate>::INVALID.label()))?;
    // A request of another kind of object.
    let semaphore = env::factory().create_semaphore()?;
    expect(semaphore.cap().cast::<Task>().cap_valid(nothing).is_err())
}

fn factory() -> Result {
    let small = env::factory().create_factory(64 * 1024)?;
    let mut made = 0_u32;
    let error = loop {
        match small.create_semaphore() {
            Ok(semaphore) => drop(semaphore.leak()),
            Err(error) => break error,
        }
        made += 1;
        if made == 100_000 {
            return Err(Code::TooBig.into());
        }
    };
    expect(made > 0 && error.is(Code::NoMem))
}

fn servers() -> Result {
    let info = env::scheduler().info(0, 0)?;
    expect(info.online & 1 == 1 && info.cpus >= 1)?;
    let memory = env::mem_alloc().allocate(5000)?;
    expect(memory.info()?.size >= 5000)?;
    let found = env::rm().find((&raw const info).addr() as u64, 1)?;
    expect(found.flags & syscall::l4re::rm::flags::RW == syscall::l4re::rm::flags::RW)
}
