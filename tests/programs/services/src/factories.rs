//! Factories: quotas, what they make, and that everything comes back.

use syscall::abi::l4re::{PROTO_DMA_SPACE, mem_alloc::Stats};
use syscall::abi::{CapIndex, protocol};
use syscall::cap::Anything;
use syscall::l4re::mem_alloc::MemAlloc;
use syscall::message::Argument;
use syscall::{Cap, Code, Factory, Owned, Result, Scheduler, Thread, Vcon, cap, env};

use crate::{Check, expect, expect_error};

pub const CHECKS: &[Check] = &[
    ("a quota holds", quota),
    ("quotas nest", nested),
    ("memory comes back", memory_returns),
    ("a factory takes along what it made", factory_goes),
    ("logs keep their lines apart", logs),
    ("scheduler proxies have limits", schedulers),
    ("kernel objects", kernel_objects),
    ("what it does not make", refused),
    ("protocols are known", protocols),
];

fn factory(quota: u64) -> Result<Owned<MemAlloc>> {
    let made = env::mem_alloc().as_factory().create_factory(quota)?;
    Ok(made.cast())
}

fn quota() -> Result {
    let small = factory(64 * 1024)?;
    let space = small.allocate(1 << 20)?;
    expect_error(space.allocate(0, 1 << 20), Code::NoMem)?;
    let Stats { quota, quota_used, .. } = small.info()?;
    expect(quota == 64 * 1024 && quota_used > 48 * 1024)?;
    expect_error(small.allocate(0x1000).and_then(|space| space.allocate(0, 0x1000)), Code::NoMem)?;
    space.clear(0, 1 << 20)?;
    small.allocate(0x1000)?.allocate(0, 0x1000)?;
    expect_error(env::mem_alloc().as_factory().create_factory(0), Code::Inval)
}

fn nested() -> Result {
    let outer = factory(128 * 1024)?;
    let inner: Owned<MemAlloc> = outer.as_factory().create_factory(64 * 1024)?.cast();
    expect(outer.info()?.quota_used >= 64 * 1024)?;
    expect_error(outer.as_factory().create_factory(80 * 1024), Code::NoMem)?;
    inner.allocate(0x4000)?.allocate(0, 0x4000)?;
    drop(inner);
    outer.as_factory().create_factory(80 * 1024).map(drop)
}

fn memory_returns() -> Result {
    let used = || env::mem_alloc().info().map(|info| (info.mem_used, info.quota_used));
    let make = || -> Result {
        let space = env::mem_alloc().allocate(0x10_0000)?;
        space.allocate(0, 0x10_0000)?;
        let copy = env::mem_alloc().allocate(0x10_0000)?;
        copy.copy_in(0, space.cap(), 0, 0x10_0000)?;
        copy.allocate(0, 0x1000)
    };
    make()?;
    let before = used()?;
    for _ in 0..20 {
        make()?;
    }
    expect(used()? == before)
}

fn factory_goes() -> Result {
    let small = factory(256 * 1024)?;
    let space = small.allocate(0x1000)?;
    let names: Owned<syscall::Namespace> = small.as_factory().create(&[])?;
    drop(small);
    // moe looks for what is gone when it is idle, or asked.
    env::mem_alloc().info()?;
    expect(!space.is_present() && !names.is_present())
}

fn logs() -> Result {
    let make = |tag: &[u8], colour| -> Result<Owned<Vcon>> {
        env::mem_alloc().as_factory().create(&[Argument::Str(tag), colour])
    };
    let first = make(b"first", Argument::Str(b""))?;
    let second = make(b"second-log", Argument::Unsigned(0))?;
    first.write(b"one ")?;
    second.write(b"other\nanother ")?;
    first.write(b"line\n")?;
    second.write(b"line\n")?;
    make(b"third", Argument::Nil)?.write(b"without an end")?;
    expect_error(first.attributes(), Code::NoSys)?;
    let no_tag = env::mem_alloc().as_factory().create::<Vcon>(&[]);
    expect_error(no_tag, Code::Inval)
}

fn schedulers() -> Result {
    // Only who has moe's first factory can make these: the script hands it out.
    let root = env::find_cap::<Factory>("root").ok_or(Code::NoEnt)?;
    let make =
        |max, base| -> Result<Owned<Scheduler>> { root.create(&[Argument::Signed(max), Argument::Signed(base)]) };
    expect_error(make(256, 0), Code::Range)?;
    expect_error(make(5, 5), Code::Inval)?;
    let proxy = make(3, 1)?;
    let info = proxy.info(0, 0)?;
    expect(info.online & 1 == 1 && info.cpus >= 1)?;
    proxy.run_thread(Thread::main(), Scheduler::any_cpu(), 200, 0)?;
    env::scheduler().run_thread(Thread::main(), Scheduler::any_cpu(), 2, 0)?;
    expect_error(proxy.idle_time_us(Scheduler::any_cpu()), Code::NoSys)?;
    let none: Result<Owned<Scheduler>> =
        root.create(&[Argument::Signed(3), Argument::Signed(1), Argument::Unsigned(1 << 63)]);
    expect(none?.run_thread(Thread::main(), Scheduler::any_cpu(), 2, 0).is_err())?;
    let arguments = [Argument::Signed(3), Argument::Signed(1)];
    expect_error(env::mem_alloc().as_factory().create::<Scheduler>(&arguments), Code::NoDev)
}

fn kernel_objects() -> Result {
    let factory = env::mem_alloc().as_factory();
    let semaphore = factory.create_semaphore()?;
    semaphore.up()?;
    semaphore.down(syscall::ipc::Timeout::NEVER)?;
    let gate = factory.create_gate(None, 0)?;
    gate.bind_thread(Thread::main(), 0x40)?;
    expect(gate.label()? == 0x40)?;
    factory.create_irq()?.bind_thread(Thread::main(), 0x80)?;
    factory.create_thread().map(drop)
}

fn refused() -> Result {
    let slot = Cap::<Anything>::new(cap::allocate()?);
    let make = |kind| env::mem_alloc().as_factory().create_in(slot.index(), kind, &[], None).map(drop);
    expect_error(make(PROTO_DMA_SPACE), Code::NoSys)?;
    expect_error(make(0x1234), Code::NoDev)?;
    expect_error(make(protocol::VM), Code::NoDev)?;
    cap::free(slot.index());
    expect_error(env::mem_alloc().cast::<syscall::Rm>().find(0, 1), Code::BadProto)
}

fn protocols() -> Result {
    expect(env::mem_alloc().supports(protocol::FACTORY)?)?;
    expect(!env::mem_alloc().supports(protocol::LOG)?)?;
    expect(CapIndex::INVALID != env::mem_alloc().index())
}
