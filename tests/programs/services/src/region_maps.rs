//! Region maps, as the starter of a program uses them.

use syscall::abi::{CapIndex, PAGE_SHIFT};
use syscall::l4re::rm::{Attach, Rm, detach, detached, flags};
use syscall::{Cap, Code, Dataspace, Owned, Result, Semaphore, env};

use crate::{Check, expect, expect_error};

pub const CHECKS: &[Check] = &[
    ("regions are attached and detached", regions),
    ("areas keep others out", areas),
    ("what is no dataspace is refused", strangers),
    ("a region keeps its dataspace", kept),
];

const BASE: u64 = 0x1000_0000;

fn region_map() -> Result<Owned<Rm>> {
    env::mem_alloc().as_factory().create(&[])
}

fn at(space: Cap<Dataspace>, start: u64, size: u64) -> Attach<'static> {
    let search = Attach::new(space, size, flags::RW);
    Attach { start, flags: flags::RW, ..search }
}

fn regions() -> Result {
    let (map, space) = (region_map()?, env::mem_alloc().allocate(0x8000)?);
    expect(map.attach(at(space.cap(), BASE, 0x8000))? == BASE)?;
    expect_error(map.attach(at(space.cap(), BASE + 0x7000, 0x1000)), Code::AddrNotAvail)?;
    expect_error(map.attach(at(space.cap(), 0, 0x1000)), Code::AddrNotAvail)?;
    expect_error(map.attach(at(space.cap(), BASE, 0)), Code::Inval)?;
    let cut = map.detach_range(BASE + 0x2000, 0x1000, detach::EXACT)?;
    expect((cut.start, cut.size, cut.result) == (BASE + 0x2000, 0x1000, detached::SPLIT))?;
    let rest = map.detach(BASE + 0x3000)?;
    expect((rest.start, rest.size) == (BASE + 0x3000, 0x5000))?;
    expect(rest.result & detached::RESULT_MASK == detached::DETACHED)?;
    expect(rest.dataspace == space.index())?;
    expect_error(map.detach(BASE + 0x4000), Code::NoEnt)?;
    // As in L4Re, only a region map within the program tells of its dataspaces.
    expect_error(map.find(BASE, 1), Code::Perm)?;
    let found = map.attach(Attach { start: BASE, ..Attach::new(space.cap(), 0x4000, flags::RW) })?;
    expect(found == BASE + 0x2000)
}

fn areas() -> Result {
    let (map, space) = (region_map()?, env::mem_alloc().allocate(0x1000)?);
    let area = map.reserve_area(BASE, 0x10_0000, flags::SEARCH_ADDR, PAGE_SHIFT)?;
    expect_error(map.attach(at(space.cap(), area, 0x1000)), Code::AddrNotAvail)?;
    let inside = at(space.cap(), area, 0x1000);
    map.attach(Attach { flags: flags::RW | flags::IN_AREA, ..inside })?;
    map.free_area(area)?;
    expect_error(map.free_area(area), Code::NoEnt)?;
    map.attach(at(space.cap(), area + 0x1000, 0x1000)).map(drop)
}

fn strangers() -> Result {
    let (map, semaphore) = (region_map()?, env::factory().create_semaphore()?);
    let no_dataspace: Cap<Dataspace> = Cap::<Semaphore>::cast(semaphore.cap());
    expect_error(map.attach(at(no_dataspace, BASE, 0x1000)), Code::NoEnt)?;
    let nothing: Cap<Dataspace> = Cap::new(CapIndex::new(0x7_0000));
    expect(map.attach(at(nothing, BASE, 0x1000)).is_err())
}

fn kept() -> Result {
    let used = || env::mem_alloc().info().map(|info| info.mem_used);
    let map = region_map()?;
    let before = used()?;
    let space = env::mem_alloc().allocate(0x10_0000)?;
    space.allocate(0, 0x10_0000)?;
    map.attach(at(space.cap(), BASE, 0x10_0000))?;
    drop(space);
    expect(used()? >= before + 0x10_0000)?;
    map.detach(BASE)?;
    expect(used()? == before)
}
