//! Name spaces: registering, asking, removing.

use syscall::abi::l4re::namespace::flags;
use syscall::abi::l4re::{Opcode, PROTO_NAMESPACE, namespace::op};
use syscall::ipc::{Message, Timeout};
use syscall::l4re::namespace::Namespace;
use syscall::{Cap, Code, Dataspace, Owned, Result, Semaphore, env};

use crate::{Check, expect, expect_error};

pub const CHECKS: &[Check] = &[
    ("names are registered, replaced and removed", entries),
    ("an announced name is there later", announced),
    ("paths lead through name spaces", paths),
    ("an entry keeps its object", kept),
    ("an entry goes with its object", gone),
    ("rom lists its files", rom),
];

fn name_space() -> Result<Owned<Namespace>> {
    env::mem_alloc().as_factory().create(&[])
}

/// An error unless both name the same semaphore (perhaps with different rights).
fn same(first: Cap<Semaphore>, second: Cap<Semaphore>) -> Result {
    first.up()?;
    second.down(Timeout::ZERO)
}

fn entries() -> Result {
    let names = name_space()?;
    let semaphore = env::factory().create_semaphore()?;
    expect_error(names.query::<Semaphore>("a"), Code::NoEnt)?;
    names.register("a", semaphore.cap(), flags::RW)?;
    let found: Owned<Semaphore> = names.query("a")?;
    same(found.cap(), semaphore.cap())?;
    expect_error(names.register("a", semaphore.cap(), flags::RW), Code::Exist)?;
    names.register("a", semaphore.cap(), flags::RW | flags::OVERWRITE)?;
    expect_error(names.register("a/b", semaphore.cap(), flags::RW), Code::Inval)?;
    expect_error(names.register("", semaphore.cap(), flags::RW), Code::Inval)?;
    names.unlink("a")?;
    expect_error(names.unlink("a"), Code::NoEnt)?;
    expect_error(names.query::<Semaphore>("a"), Code::NoEnt)
}

fn announce(names: Cap<Namespace>, name: &[u8]) -> Result {
    let message = Message::new(PROTO_NAMESPACE).with(op::REGISTER as Opcode).with(flags::RW);
    message.with_bytes(name).call(names.index()).map(drop)
}

fn announced() -> Result {
    let names = name_space()?;
    announce(names.cap(), b"later")?;
    expect_error(names.query::<Semaphore>("later"), Code::Again)?;
    let semaphore = env::factory().create_semaphore()?;
    names.register("later", semaphore.cap(), flags::RW)?;
    names.query::<Semaphore>("later").map(drop)
}

fn paths() -> Result {
    let (outer, inner) = (name_space()?, name_space()?);
    let semaphore = env::factory().create_semaphore()?;
    outer.register("dir", inner.cap(), flags::RW)?;
    inner.register("file", semaphore.cap(), flags::RW)?;
    let found: Owned<Semaphore> = outer.query("dir/file")?;
    same(found.cap(), semaphore.cap())?;
    expect_error(outer.query::<Semaphore>("dir/other"), Code::NoEnt)
}

fn kept() -> Result {
    let names = name_space()?;
    let space = env::mem_alloc().allocate(0x1000)?;
    names.register("space", space.cap(), flags::RW)?;
    drop(space);
    let found: Owned<Dataspace> = names.query("space")?;
    expect(found.size()? == 0x1000)
}

fn gone() -> Result {
    let names = name_space()?;
    let semaphore = env::factory().create_semaphore()?;
    names.register("here", semaphore.cap(), flags::RW)?;
    semaphore.delete()?;
    expect_error(names.query::<Semaphore>("here"), Code::NoEnt)
}

fn rom() -> Result {
    let list = syscall::memory::Mapping::file("rom/.dirinfo")?;
    let expected = b"8:services\n";
    expect(list.as_slice().windows(expected.len()).any(|window| window == expected))
}
