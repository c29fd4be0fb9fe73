//! Dataspaces: anonymous memory, copies on write, files.

use syscall::abi::l4re::{dataspace::flags, mem_alloc};
use syscall::abi::{Flexpage, Rights};
use syscall::l4re::dataspace::Dataspace;
use syscall::l4re::rm::{self, Attach, Rm};
use syscall::memory::Mapping;
use syscall::{Cap, Code, Owned, Result, env};

use crate::{Check, expect, expect_error};

pub const CHECKS: &[Check] = &[
    ("anonymous memory is zero and ends where it ends", anonymous),
    ("a copy is shared until one side writes", copy_on_write),
    ("a copy of part of a page", unaligned_copy),
    ("clearing", clear),
    ("files are read-only", file),
    ("contiguous memory", contiguous),
];

/// A dataspace and its memory.
struct Attached {
    space: Owned<Dataspace>,
    memory: Mapping,
}

fn attached(size: usize) -> Result<Attached> {
    let space = env::mem_alloc().allocate(size)?;
    let memory = Mapping::attach(space.cap(), size, rm::flags::RW)?;
    Ok(Attached { space, memory })
}

fn anonymous() -> Result {
    let mut all = attached(0x3800)?;
    expect(all.space.size()? == 0x3800)?;
    expect(all.memory.as_slice().iter().all(|&byte| byte == 0))?;
    all.memory.as_mut_slice().fill(0x5a);
    expect(all.memory.as_slice().iter().all(|&byte| byte == 0x5a))?;
    let beyond = all.space.map(0x4000, flags::R, 0x5000_0000, 12, None);
    expect_error(beyond, Code::Range)?;
    expect_error(all.space.allocate(0x3000, 0x1000), Code::Range)?;
    all.space.allocate(0, 0x3800)
}

fn copy_on_write() -> Result {
    let mut first = attached(0x3000)?;
    first.memory.as_mut_slice()[0x1000..0x1008].copy_from_slice(b"original");
    let mut second = attached(0x3000)?;
    second.space.copy_in(0, first.space.cap(), 0, 0x3000)?;
    expect(&second.memory.as_slice()[0x1000..0x1008] == b"original")?;
    second.memory.as_mut_slice()[0x1000] = b'O';
    expect(&first.memory.as_slice()[0x1000..0x1008] == b"original")?;
    first.memory.as_mut_slice()[0x1001] = b'R';
    expect(&second.memory.as_slice()[0x1000..0x1008] == b"Original")?;
    expect(&first.memory.as_slice()[0x1000..0x1008] == b"oRiginal")
}

fn unaligned_copy() -> Result {
    let mut first = attached(0x2000)?;
    for (at, byte) in first.memory.as_mut_slice().iter_mut().enumerate() {
        *byte = at as u8;
    }
    let second = attached(0x2000)?;
    second.space.copy_in(0x10, first.space.cap(), 0xff3, 0x1000)?;
    let copied = &second.memory.as_slice()[0x10..0x1010];
    expect(copied == &first.memory.as_slice()[0xff3..0x1ff3])?;
    expect(second.memory.as_slice()[..0x10] == [0; 0x10] && second.memory.as_slice()[0x1010] == 0)?;
    // What is none of moe's dataspaces cannot be copied.
    let no_dataspace: Cap<Dataspace> = env::mem_alloc().cast();
    expect_error(second.space.copy_in(0, no_dataspace, 0, 1), Code::Inval)
}

fn clear() -> Result {
    let mut all = attached(0x4000)?;
    all.memory.as_mut_slice().fill(1);
    all.space.clear(0x800, 0x2000)?;
    let is = |range: core::ops::Range<usize>, value| all.memory.as_slice()[range].iter().all(|&byte| byte == value);
    expect(is(0..0x800, 1) && is(0x800..0x2800, 0) && is(0x2800..0x4000, 1))?;
    expect_error(all.space.clear(0x4000, 1), Code::Range)
}

fn file() -> Result {
    let file: Owned<Dataspace> = env::open("rom/services")?;
    expect(file.info()?.flags & flags::RWX == flags::RX)?;
    let other: Owned<Rm> = env::mem_alloc().as_factory().create(&[])?;
    let wanted = |rights| Attach { start: 0x1000_0000, flags: rights, ..Attach::new(file.cap(), 0x1000, rights) };
    expect_error(other.attach(wanted(rm::flags::RW)), Code::Perm)?;
    other.attach(wanted(rm::flags::RW | rm::flags::PRIVATE))?;
    expect_error(file.clear(0, 1), Code::Access)?;
    expect_error(file.map(0, flags::RW, 0x5000_0000, 12, None), Code::Perm)?;
    let start = Mapping::attach(file.cap(), 0x1000, rm::flags::R)?;
    expect(&start.as_slice()[..4] == b"\x7fELF")
}

fn contiguous() -> Result {
    let space = env::mem_alloc().allocate_with(0x9000, mem_alloc::flags::CONTINUOUS, 15)?;
    let mut memory = Mapping::attach(space.cap(), 0x9000, rm::flags::RW)?;
    expect(memory.as_slice().iter().all(|&byte| byte == 0))?;
    memory.as_mut_slice()[0x8fff] = 1;
    // One map operation brings all that is aligned alike.
    let window = Flexpage::memory(0x5000_0000, 15, Rights::NONE);
    let mapped = space.map(0, flags::R, window.address(), 15, None)?;
    expect(mapped.order >= 12)
}
