//! Task objects: `l4sys/task.h`. What their memory does is in `memory.rs`.

use crate::make::{self, EMPTY_SLOT, NO_CAPABILITY, code, item};
use harness::{Check, IPC, ask, holds, same};
use syscall::abi::{CapIndex, Error, Flexpage, Rights, protocol, task::*};
use syscall::arch::utcb;
use syscall::{Cap, Task};

crate::group!("task":
    map_needs_write, map_without_item, map_item_no_capability, map_item_empty_slot, map_item_other_kind, map_nothing, map_deleted_source,
    unmap_nothing, unmap_several_flexpages,
    cap_valid_full_slot, cap_valid_empty_slot, cap_valid_beyond_the_table, cap_valid_invalid,
    cap_equal_same_object, cap_equal_other_object, cap_equal_other_rights, cap_equal_empty_slots, cap_equal_no_slots, cap_info_wrong_words,
    add_ku_mem, add_ku_mem_twice, add_ku_mem_no_memory, add_ku_mem_too_large, add_ku_mem_unaligned, add_ku_mem_kernel_half, add_ku_mem_over_quota,
    map_cap_without_read, map_cap_masks_rights, map_cap_over_another, map_cap_onto_itself, map_caps_in_bulk, grant_cap, release_last_cap_deletes,
    release_weak_cap_keeps, delete_needs_right, delete_takes_all_caps, unmap_rights_only, delete_own_child_task,
    capabilities_have_no_children, unmap_of_all_kinds_at_once);

fn map_needs_write() -> Check {
    let task = make::with_rights(make::task()?, Rights::CAP_RS)?;
    let words = [OP_MAP, 8, Flexpage::memory(harness::child::PAGES, 12, Rights::R).raw()];
    same(ask(task.index(), protocol::TASK, &words, &[item(Task::this())]), code(Error::Perm))
}

const MAP: [u64; 3] = [OP_MAP, 8, Flexpage::memory(harness::child::PAGES, 12, Rights::R).raw()];

fn map_without_item() -> Check {
    same(ask(make::task()?.index(), protocol::TASK, &MAP, &[]), code(Error::Inval))
}

fn map_item_no_capability() -> Check {
    same(ask(make::task()?.index(), protocol::TASK, &MAP, &[NO_CAPABILITY]), IPC + 8)
}

fn map_item_empty_slot() -> Check {
    same(ask(make::task()?.index(), protocol::TASK, &MAP, &[EMPTY_SLOT]), code(Error::Inval))
}

fn map_item_other_kind() -> Check {
    same(ask(make::task()?.index(), protocol::TASK, &MAP, &[item(make::irq()?)]), code(Error::Inval))
}

fn map_nothing() -> Check {
    let words = [OP_MAP, 8, Flexpage::memory(0x5000_0000, 12, Rights::R).raw()];
    same(ask(make::task()?.index(), protocol::TASK, &words, &[item(Task::this())]), 0)
}

fn map_deleted_source() -> Check {
    let (source, target) = (make::task()?, make::task()?);
    source.delete()?;
    same(ask(target.index(), protocol::TASK, &MAP, &[item(source)]), code(Error::Inval))
}

fn unmap_nothing() -> Check {
    same(ask(make::task()?.index(), protocol::TASK, &[OP_UNMAP, UNMAP_ALL_SPACES], &[]), 0)
}

fn unmap_several_flexpages() -> Check {
    let (a, b) = (make::irq()?, make::irq()?);
    let page = |cap: CapIndex| Flexpage::object(cap, 0, Rights::CAP_RWSD).raw();
    let words = [OP_UNMAP, UNMAP_ALL_SPACES, page(a.index()), page(b.index())];
    same(ask(CapIndex::TASK, protocol::TASK, &words, &[]), 0)?;
    holds(!a.is_present() && !b.is_present())
}

fn cap_valid_full_slot() -> Check {
    same(Task::this().cap_valid(make::irq()?), Ok(true))
}

fn cap_valid_empty_slot() -> Check {
    same(Task::this().cap_valid(Cap::<Task>::new(make::slot())), Ok(false))
}

fn cap_valid_beyond_the_table() -> Check {
    same(Task::this().cap_valid(Cap::<Task>::new(CapIndex::new(1 << 40))), Ok(false))
}

fn cap_valid_invalid() -> Check {
    same(ask(CapIndex::TASK, protocol::TASK, &[OP_CAP_INFO, CapIndex::INVALID.raw()], &[]), 0)
}

fn cap_equal_same_object() -> Check {
    let irq = make::irq()?;
    same(Task::this().cap_equal(irq, make::with_rights(irq, Rights::CAP_RWS)?), Ok(true))
}

fn cap_equal_other_object() -> Check {
    same(Task::this().cap_equal(make::irq()?, make::irq()?), Ok(false))
}

fn cap_equal_other_rights() -> Check {
    let irq = make::irq()?;
    same(Task::this().cap_equal(irq, make::with_rights(irq, Rights::CAP_R)?), Ok(false))
}

fn cap_equal_empty_slots() -> Check {
    let empty = || Cap::<Task>::new(make::slot());
    same(Task::this().cap_equal(empty(), empty()), Ok(true))
}

/// What names no slot is the same however it would be sent to.
fn cap_equal_no_slots() -> Check {
    let equal = |a: u64, b: u64| ask(CapIndex::TASK, protocol::TASK, &[OP_CAP_INFO, a, b], &[]);
    let (invalid, reply) = (CapIndex::INVALID.raw(), CapIndex::reply(7).raw());
    same((equal(invalid | 3, invalid | 5), equal(reply | 1, reply)), (1, 1))?;
    same((equal(invalid, reply), equal(reply, CapIndex::reply(8).raw())), (0, 0))?;
    same((equal(invalid, CapIndex::TASK.raw()), equal(CapIndex::TASK.raw(), reply)), (0, 0))
}

fn cap_info_wrong_words() -> Check {
    same(ask(CapIndex::TASK, protocol::TASK, &[OP_CAP_INFO], &[]), code(Error::Inval))?;
    same(ask(CapIndex::TASK, protocol::TASK, &[OP_CAP_INFO, 0, 0, 0], &[]), code(Error::Inval))
}

const AREA: u64 = 0x7100_0000;

fn add(area: Flexpage) -> i64 {
    ask(CapIndex::TASK, protocol::TASK, &[OP_ADD_KU_MEM, area.raw()], &[])
}

#[allow(unsafe_code)] // reads and writes the memory that it just got
fn add_ku_mem() -> Check {
    let area = Flexpage::memory(AREA, 13, Rights::RW);
    same(Task::this().add_ku_mem(area)?.raw(), area.with_rights(Rights::NONE).raw())?;
    let last = (AREA + 0x1ff8) as *mut u64;
    // SAFETY: the kernel has just put memory there that nobody else uses.
    let value = unsafe {
        same(last.read_volatile(), 0)?;
        last.write_volatile(7);
        last.read_volatile()
    };
    same(value, 7)
}

fn add_ku_mem_twice() -> Check {
    let area = Flexpage::memory(AREA, 12, Rights::RW);
    same(add(area), 0)?;
    same(add(area), code(Error::Exist))
}

fn add_ku_mem_no_memory() -> Check {
    same(add(Flexpage::object(CapIndex::TASK, 12, Rights::RW)), code(Error::Inval))?;
    same(add(Flexpage::INVALID), code(Error::Inval))
}

fn add_ku_mem_too_large() -> Check {
    same(add(Flexpage::memory(AREA, 18, Rights::RW)), code(Error::Inval))
}

/// Any page can be the first, whatever the size, up to the last page that programs have.
#[allow(unsafe_code)] // writes to the memory that it just got
fn add_ku_mem_unaligned() -> Check {
    same(add(Flexpage::memory(AREA + 0x1000, 13, Rights::RW)), 0)?;
    let last = (AREA + 0x2ff8) as *mut u64;
    // SAFETY: the area was just added, and nothing else is there.
    let read = unsafe {
        last.write_volatile(0x77);
        last.read_volatile()
    };
    same(read, 0x77)?;
    let end = 1 << 47;
    same(add(Flexpage::memory(end - 0x1000, 13, Rights::RW)), code(Error::Inval))
}

fn add_ku_mem_kernel_half() -> Check {
    same(add(Flexpage::memory(0xffff_8000_0000_0000, 12, Rights::RW)), code(Error::Inval))
}

fn add_ku_mem_over_quota() -> Check {
    let small = make::factory().create_factory(64 * 1024)?;
    let (task, _) = small.create_task(Flexpage::INVALID)?;
    let area = Flexpage::memory(AREA, 16, Rights::RW).raw();
    same(ask(task.index(), protocol::TASK, &[OP_ADD_KU_MEM, area], &[]), code(Error::NoMem))
}

fn map_cap_without_read() -> Check {
    let weak = make::with_rights(make::irq()?, Rights::CAP_W)?;
    same(Task::this().cap_valid(weak), Ok(false))
}

fn map_cap_masks_rights() -> Check {
    let irq = make::with_rights(make::irq()?, Rights::CAP_RW)?;
    let again = make::with_rights(irq, Rights::CAP_RWS)?;
    same(again.detach(), Err(syscall::Code::Perm.into()))
}

fn map_cap_over_another() -> Check {
    let (old, new) = (make::semaphore()?, make::irq()?);
    Task::this().map_cap(new, Rights::ALL, old.index())?;
    same(Task::this().cap_equal(old, new), Ok(true))
}

/// As in Fiasco: the old capability goes before the new one comes, and they are the same.
fn map_cap_onto_itself() -> Check {
    let irq = make::irq()?;
    Task::this().map_cap(irq, Rights::ALL, irq.index())?;
    same(Task::this().cap_valid(irq), Ok(false))
}

fn map_caps_in_bulk() -> Check {
    let task = make::task()?;
    let flexpage = Flexpage::object(CapIndex::new(0), 3, Rights::ALL);
    task.map(Task::this(), flexpage, CapIndex::new(0x40).raw())?;
    for index in 0..8 {
        let (own, other) = (Cap::<Task>::new(CapIndex::new(index)), Cap::<Task>::new(CapIndex::new(0x40 + index)));
        same(Task::this().cap_valid(own), task.cap_valid(other))?;
    }
    Ok(())
}

fn grant_cap() -> Check {
    let (irq, place) = (make::irq()?, make::slot());
    let item = syscall::abi::MapItem::map_at(irq.flexpage(Rights::ALL), place.raw()).granting();
    Task::this().map_item(Task::this(), item)?;
    same(Task::this().cap_valid(irq), Ok(false))?;
    same(Task::this().cap_valid(Cap::<Task>::new(place)), Ok(true))
}

fn release_last_cap_deletes() -> Check {
    // The slots' table is there before the count.
    make::with_rights(make::irq()?, Rights::CAP_R)?;
    let before = harness::quota::left(make::factory());
    let irq = make::irq()?;
    let again = make::with_rights(irq, Rights::CAP_RWSD)?;
    irq.release()?;
    same(Task::this().cap_valid(again), Ok(true))?;
    again.release()?;
    same(harness::quota::left(make::factory()), before)
}

/// A capability that does not count keeps no object alive.
fn release_weak_cap_keeps() -> Check {
    let (irq, place) = (make::irq()?, make::slot());
    let flexpage = irq.flexpage(Rights::ALL);
    let item = syscall::abi::MapItem::map_at(flexpage, place.raw()).with_flags(syscall::abi::item::NO_REFERENCE_COUNT);
    Task::this().map_item(Task::this(), item)?;
    irq.release()?;
    same(Task::this().cap_valid(Cap::<Task>::new(place)), Ok(false))
}

fn delete_needs_right() -> Check {
    let irq = make::irq()?;
    let weak = make::with_rights(irq, Rights::CAP_RWS)?;
    weak.delete()?;
    same(Task::this().cap_valid(weak), Ok(false))?;
    same(Task::this().cap_valid(irq), Ok(true))
}

fn delete_takes_all_caps() -> Check {
    let (irq, task) = (make::irq()?, make::task()?);
    task.map_cap(irq, Rights::ALL, CapIndex::new(5))?;
    irq.delete()?;
    same(task.cap_valid(Cap::<Task>::new(CapIndex::new(5))), Ok(false))
}

fn unmap_rights_only() -> Check {
    let irq = make::irq()?;
    let words = [OP_UNMAP, UNMAP_ALL_SPACES, irq.flexpage(Rights::CAP_S).raw()];
    same(ask(CapIndex::TASK, protocol::TASK, &words, &[]), 0)?;
    same(irq.detach(), Err(syscall::Code::Perm.into()))
}

fn delete_own_child_task() -> Check {
    let before = harness::quota::left(make::factory());
    let task = make::task()?;
    for index in 0x40..0x60 {
        task.map_cap(make::irq()?, Rights::ALL, CapIndex::new(index))?;
    }
    task.delete()?;
    for index in 0x80..0x120 {
        Cap::<Task>::new(CapIndex::new(index)).release()?;
    }
    same(harness::quota::left(make::factory()), before)
}

/// What holds a capability and what it was copied from know nothing of each other.
fn capabilities_have_no_children() -> Check {
    let (irq, place) = (make::irq()?, CapIndex::new(0x40));
    let (first, second) = (make::task()?, make::task()?);
    first.map_cap(irq, Rights::ALL, place)?;
    second.map(first, Flexpage::object(place, 0, Rights::ALL), place.raw())?;
    let who_has_it = || -> Check<[bool; 3]> {
        let copy = Cap::<Task>::new(place);
        Ok([irq.is_present(), first.cap_valid(copy)?, second.cap_valid(copy)?])
    };
    // The flag that deletes means nothing without the one for all spaces.
    for mask in [0, UNMAP_DELETE_OBJECT ^ UNMAP_ALL_SPACES] {
        let words = [OP_UNMAP, mask, irq.flexpage(Rights::CAP_RWSD).raw()];
        same(ask(CapIndex::TASK, protocol::TASK, &words, &[]), 0)?;
        same(who_has_it()?, [true; 3])?;
    }
    first.unmap(Flexpage::object(place, 0, Rights::CAP_RWSD), true)?;
    same(who_has_it()?, [true, false, true])?;
    irq.release()?;
    same(who_has_it()?, [false, false, true])
}

/// One message takes back memory, ports and capabilities; the answer has what it named, with the access bits.
fn unmap_of_all_kinds_at_once() -> Check {
    use harness::child::{PAGES, PORTS};
    const PLACE: u64 = 0x2_0000_0000;
    for mask in [UNMAP_ALL_SPACES, UNMAP_DELETE_OBJECT] {
        let task = harness::worker::task()?;
        let probe = crate::probe::Probe::new(*task)?;
        let (irq, port) = (Cap::<Task>::new(CapIndex::new(0x50)), Flexpage::io(PORTS, 0));
        task.map_cap(make::irq()?, Rights::ALL, irq.index())?;
        task.map(Task::this(), Flexpage::memory(PAGES, 12, Rights::RW), PLACE)?;
        task.map(Task::this(), port, 0)?;
        same((probe.writes(PLACE, 5)?, probe.inputs(PORTS)?, task.cap_valid(irq)?), (true, true, true))?;
        let pages = [Flexpage::memory(PLACE, 12, Rights::RWX), port, irq.flexpage(Rights::CAP_RWSD)];
        let [memory, ports, capability] = pages.map(Flexpage::raw);
        same(ask(task.index(), protocol::TASK, &[OP_UNMAP, mask, memory, ports, capability], &[]), 0)?;
        same([utcb().mr(2), utcb().mr(3) & !0xf, utcb().mr(4)], [memory & !0xf | 3, ports & !0xf, capability & !0xf])?;
        same((probe.read(PLACE)?, probe.inputs(PORTS)?, task.cap_valid(irq)?), (None, false, false))?;
    }
    // That took nothing from the one who had given it.
    same(crate::probe::Probe::new(Task::this())?.read(PAGES)?, Some(5))
}
