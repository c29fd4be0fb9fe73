//! The program's own region map, served by the service code in its task.

use super::{Check, expect, expect_error};
use syscall::l4re::rm::{Attach, detach, detached, flags};
use syscall::memory::Mapping;
use syscall::{Code, Result, env};

pub const CHECKS: &[Check] = &[
    ("own region map: two mappings share a dataspace", shared),
    ("own region map: a hole in a region leaves both ends", hole),
    ("own region map: a taken range is refused", taken),
    ("own region map: areas", areas),
    ("own region map: anonymous and private memory", own_memory),
    ("own region map: nothing lies at null", null),
    ("own region map: mistakes", mistakes),
    ("own region map: more attachments than it has slots", many),
];

const PAGE: usize = 4096;

fn shared() -> Result {
    let memory = env::mem_alloc().allocate(2 * PAGE)?;
    let mut writer = Mapping::attach(memory.cap(), 2 * PAGE, flags::RW)?;
    let reader = Mapping::attach(memory.cap(), 2 * PAGE, flags::R)?;
    writer.write(PAGE + 3, b"seen");
    let mut seen = [0; 4];
    reader.read(PAGE + 3, &mut seen);
    expect(&seen == b"seen" && writer.address() != reader.address())
}

fn hole() -> Result {
    let mut mapping = Mapping::anonymous(4 * PAGE)?;
    for page in 0..4 {
        mapping.write(page * PAGE, &[page as u8 + 1]);
    }
    let start = mapping.address() as u64;
    let gone = env::rm().detach_range(start + PAGE as u64, 2 * PAGE as u64, detach::EXACT)?;
    expect(gone.result & detached::RESULT_MASK == detached::SPLIT && gone.result & detached::UNMAPPED != 0)?;
    expect((gone.start, gone.size) == (start + PAGE as u64, 2 * PAGE as u64))?;
    let mut ends = [0; 2];
    let (first, last) = ends.split_at_mut(1);
    mapping.read(0, first);
    mapping.read(3 * PAGE, last);
    expect(ends == [1, 4])?;
    let tail = env::rm().find(start + 3 * PAGE as u64, 1)?;
    expect((tail.start, tail.offset) == (start + 3 * PAGE as u64, 3 * PAGE as u64))?;
    expect_error(env::rm().find(start + PAGE as u64, 1), Code::NoEnt)?;
    env::rm().detach_and_unmap(start + 3 * PAGE as u64).map(drop)
}

fn taken() -> Result {
    let mapping = Mapping::anonymous(PAGE)?;
    let memory = env::mem_alloc().allocate(PAGE)?;
    let exact = Attach { start: mapping.address() as u64, flags: flags::RW, ..Attach::new(memory.cap(), 4096, 0) };
    expect_error(env::rm().attach(exact), Code::AddrNotAvail)
}

fn areas() -> Result {
    const SIZE: u64 = 4 * PAGE as u64;
    let rm = env::rm();
    let area = rm.reserve_area(0, SIZE, flags::SEARCH_ADDR, 21)?;
    expect(area % (1 << 21) == 0)?;
    let found = rm.find(area, 1)?;
    expect(found.is_area && found.size == SIZE)?;
    let memory = env::mem_alloc().allocate(PAGE)?;
    let wanted = Attach { start: area, flags: flags::RW, ..Attach::new(memory.cap(), PAGE as u64, 0) };
    expect_error(rm.attach(wanted), Code::AddrNotAvail)?;
    let searched = Attach { flags: flags::RW | flags::SEARCH_ADDR, ..wanted };
    let outside = rm.attach(searched)?;
    expect(outside < area || outside >= area + SIZE)?;
    let inside = rm.attach(Attach { flags: flags::RW | flags::IN_AREA, ..wanted })?;
    expect(inside == area && !rm.find(inside, 1)?.is_area)?;
    rm.detach_and_unmap(inside)?;
    rm.detach_and_unmap(outside)?;
    rm.free_area(area)?;
    expect_error(rm.free_area(area), Code::NoEnt)
}

fn own_memory() -> Result {
    let rm = env::rm();
    let file = Mapping::file("rom/services")?;
    let dataspace = file.dataspace().ok_or(Code::Inval)?;
    // Two pages of the file that can be written to, and the file stays as it is.
    let private = Attach { offset: PAGE as u64, ..Attach::new(dataspace, 2 * PAGE as u64, flags::RW | flags::PRIVATE) };
    let copy = rm.find(rm.attach(private)?, 1)?;
    expect(copy.size == 2 * PAGE as u64 && copy.flags & flags::W != 0)?;
    rm.detach_and_unmap(copy.start)?;
    let nowhere = Attach { dataspace: None, ..Attach::new(dataspace, 100, flags::RW | flags::ANONYMOUS) };
    let anonymous = rm.find(rm.attach(nowhere)?, 1)?;
    expect(anonymous.size == PAGE as u64)?;
    rm.detach_and_unmap(anonymous.start).map(drop)
}

fn null() -> Result {
    let memory = env::mem_alloc().allocate(PAGE)?;
    let wanted = Attach { start: 0, flags: flags::RW, ..Attach::new(memory.cap(), PAGE as u64, 0) };
    expect_error(env::rm().attach(wanted), Code::AddrNotAvail)
}

fn mistakes() -> Result {
    let rm = env::rm();
    let memory = env::mem_alloc().allocate(PAGE)?;
    expect_error(rm.attach(Attach::new(memory.cap(), 0, flags::R)), Code::Inval)?;
    expect_error(rm.attach(Attach::new(memory.cap(), u64::MAX, flags::R)), Code::Inval)?;
    expect_error(rm.attach(Attach::new(memory.cap(), 4096, flags::R | 0x4000)), Code::Inval)?;
    expect_error(rm.attach(Attach { align: 200, ..Attach::new(memory.cap(), 4096, flags::R) }), Code::Inval)?;
    expect_error(rm.attach(Attach { dataspace: None, ..Attach::new(memory.cap(), 4096, flags::R) }), Code::MsgMissArg)?;
    expect_error(rm.detach(0x1000), Code::NoEnt)?;
    expect_error(rm.reserve_area(u64::MAX - 10, 0x1000, 0, 12), Code::Inval)
}

/// The service keeps a slot for each; when they are used up it says so, and goes on.
fn many() -> Result {
    let memory = env::mem_alloc().allocate(PAGE)?;
    let mut mappings = alloc::vec::Vec::new();
    let refused = loop {
        match Mapping::attach(memory.cap(), PAGE, flags::R) {
            Ok(mapping) if mappings.len() < 5000 => mappings.push(mapping),
            Ok(_) => return expect(false),
            Err(error) => break error,
        }
    };
    expect(refused.is(Code::NoMem) && mappings.len() > 500)?;
    drop(mappings);
    Mapping::attach(memory.cap(), PAGE, flags::R).map(drop)
}
