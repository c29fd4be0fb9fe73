//! Memory: mapping, rights, overmapping, superpages, grant, and revocation over several tasks.

use crate::make;
use crate::probe::Probe;
use harness::child::{PAGES, SUPERPAGES, SUPERPAGES_ORDER};
use harness::worker::{bare_task, task};
use harness::{Check, ask, holds, same};
use syscall::abi::{CapIndex, Flexpage, MapItem, PAGE_SIZE, Rights, SUPERPAGE_SIZE, protocol, task::*};
use syscall::arch::utcb;
use syscall::{Cap, Owned, Task};

crate::group!("memory":
    map_reads, map_writes, map_read_only, map_executes, map_no_execute, map_rights_are_those_of_the_source, map_extends_rights,
    map_over_another_page, map_same_page_twice, map_onto_itself, map_beyond_user_memory, map_source_beyond, map_order_below_page,
    map_hot_spot, map_large_flexpage_of_small_pages, map_holes_are_skipped, map_unaligned_flexpage,
    superpage_stays_large, superpage_part, superpage_part_of_children, superpage_over_small_pages, small_page_over_superpage,
    grant_page, grant_keeps_children, grant_over_page,
    unmap_children_only, unmap_self_too, unmap_write_only, unmap_rights_of_children, unmap_subtree, unmap_chain_of_tasks,
    unmap_whole_space, unmap_everything, unmap_reports_access, unmap_partial_range, task_deletion_revokes, task_deletion_keeps_parent,
    own_mapping_in_other_place, revoke_wide_tree, quota_of_tables, map_over_quota, many_rounds_keep_quota, kernel_user_memory_cannot_be_mapped_away,
    mapping_kernel_user_memory_on);

const PAGE: u64 = PAGE_SIZE as u64;
const LARGE: u64 = SUPERPAGE_SIZE as u64;
/// Where tests map to: nothing else is there, in any task.
const PLACE: u64 = 0x2_0000_0000;

const fn page(address: u64, rights: Rights) -> Flexpage {
    Flexpage::memory(address, 12, rights)
}

/// Writes a word to this task's memory.
#[allow(unsafe_code)] // the test's own memory
fn put(address: u64, value: u64) {
    // SAFETY: memory that the harness mapped for tests, or a place where the test mapped it; no Rust object lies there.
    unsafe { (address as *mut u64).write_volatile(value) }
}

#[allow(unsafe_code)] // the test's own memory
fn get(address: u64) -> u64 {
    // SAFETY: as above.
    unsafe { (address as *const u64).read_volatile() }
}

/// A task with a probe.
struct Place {
    task: Owned<Task>,
    probe: Probe,
}

fn place() -> Check<Place> {
    let task = task()?;
    let probe = Probe::new(*task)?;
    Ok(Place { task, probe })
}

impl Place {
    fn take(&self, flexpage: Flexpage, at: u64) -> Check {
        self.take_from(Task::this(), flexpage, at)
    }

    fn take_from(&self, source: Cap<Task>, flexpage: Flexpage, at: u64) -> Check {
        Ok(self.task.map(source, flexpage, at)?)
    }

    fn read(&self, address: u64) -> Check<Option<u64>> {
        self.probe.read(address)
    }
}

fn unmap(flexpage: Flexpage, own_too: bool) -> Check {
    Ok(Task::this().unmap(flexpage, own_too)?)
}

fn map_reads() -> Check {
    let other = place()?;
    put(PAGES, 4711);
    same(other.read(PLACE)?, None)?;
    other.take(page(PAGES, Rights::R), PLACE)?;
    same(other.read(PLACE)?, Some(4711))
}

fn map_writes() -> Check {
    let other = place()?;
    other.take(page(PAGES, Rights::RW), PLACE)?;
    holds(other.probe.writes(PLACE + 8, 99)?)?;
    same(get(PAGES + 8), 99)
}

fn map_read_only() -> Check {
    let other = place()?;
    other.take(page(PAGES, Rights::R), PLACE)?;
    holds(!other.probe.writes(PLACE, 99)?)
}

const RETURN: u64 = 0xc3;

fn map_executes() -> Check {
    let other = place()?;
    put(PAGES, RETURN);
    other.take(page(PAGES, Rights::RX), PLACE)?;
    holds(other.probe.executes(PLACE)?)
}

fn map_no_execute() -> Check {
    let other = place()?;
    put(PAGES, RETURN);
    other.take(page(PAGES, Rights::RW), PLACE)?;
    holds(!other.probe.executes(PLACE)?)
}

fn map_rights_are_those_of_the_source() -> Check {
    let (middle, last) = (bare_task()?, place()?);
    middle.map(Task::this(), page(PAGES, Rights::R), PLACE)?;
    last.take_from(*middle, page(PLACE, Rights::RWX), PLACE)?;
    same(last.read(PLACE)?.is_some(), true)?;
    holds(!last.probe.writes(PLACE, 1)?)
}

fn map_extends_rights() -> Check {
    let other = place()?;
    other.take(page(PAGES, Rights::R), PLACE)?;
    holds(!other.probe.writes(PLACE, 1)?)?;
    other.take(page(PAGES, Rights::RW), PLACE)?;
    holds(other.probe.writes(PLACE, 1)?)
}

fn map_over_another_page() -> Check {
    let other = place()?;
    put(PAGES, 1);
    put(PAGES + PAGE, 2);
    other.take(page(PAGES, Rights::R), PLACE)?;
    other.take(page(PAGES + PAGE, Rights::R), PLACE)?;
    same(other.read(PLACE)?, Some(2))
}

fn map_same_page_twice() -> Check {
    let other = place()?;
    put(PAGES, 3);
    other.take(page(PAGES, Rights::RW), PLACE)?;
    other.take(page(PAGES, Rights::R), PLACE)?;
    // Mapping again takes no right away.
    holds(other.probe.writes(PLACE, 5)?)
}

/// As in Fiasco: the place is emptied first, and with it the source.
fn map_onto_itself() -> Check {
    let probe = Probe::new(Task::this())?;
    Task::this().map(Task::this(), page(PAGES, Rights::R), PAGES)?;
    same(probe.read(PAGES)?, None)
}

fn map_beyond_user_memory() -> Check {
    let other = place()?;
    other.take(page(PAGES, Rights::R), 0xffff_8000_0000_0000)?;
    other.take(page(PAGES, Rights::R), 0x0000_8000_0000_0000)?;
    same(other.read(PLACE)?, None)
}

fn map_source_beyond() -> Check {
    let other = place()?;
    other.take(page(0xffff_8000_0000_0000, Rights::R), PLACE)?;
    same(other.read(PLACE)?, None)
}

fn map_order_below_page() -> Check {
    let other = place()?;
    other.take(Flexpage::memory(PAGES, 11, Rights::R), PLACE)?;
    same(other.read(PLACE)?, None)
}

/// A window of one page in the middle of a larger flexpage.
fn map_hot_spot() -> Check {
    let other = place()?;
    put(PAGES + 3 * PAGE, 33);
    other.take(Flexpage::memory(PAGES, 14, Rights::R), PLACE)?;
    same(other.read(PLACE + 3 * PAGE)?, Some(33))
}

fn map_large_flexpage_of_small_pages() -> Check {
    let other = place()?;
    for index in 0..16 {
        put(PAGES + index * PAGE, index + 1);
    }
    other.take(Flexpage::memory(PAGES, 16, Rights::R), PLACE)?;
    for index in 0..16 {
        same(other.read(PLACE + index * PAGE)?, Some(index + 1))?;
    }
    Ok(())
}

fn map_holes_are_skipped() -> Check {
    let other = place()?;
    put(PAGES + PAGE, 7);
    unmap(page(PAGES, Rights::RWX), true)?;
    other.take(Flexpage::memory(PAGES, 13, Rights::R), PLACE)?;
    same((other.read(PLACE)?, other.read(PLACE + PAGE)?), (None, Some(7)))
}

/// The low bits of an unaligned flexpage's address do not count.
fn map_unaligned_flexpage() -> Check {
    let other = place()?;
    put(PAGES, 8);
    other.take(Flexpage::memory(PAGES + PAGE, 13, Rights::R), PLACE)?;
    same(other.read(PLACE)?, Some(8))
}

fn superpage_stays_large() -> Check {
    let other = place()?;
    put(SUPERPAGES, 1);
    put(SUPERPAGES + LARGE, 2);
    other.take(Flexpage::memory(SUPERPAGES, SUPERPAGES_ORDER, Rights::R), PLACE)?;
    same((other.read(PLACE)?, other.read(PLACE + LARGE)?), (Some(1), Some(2)))?;
    put(SUPERPAGES + LARGE - 8, 3);
    same(other.read(PLACE + LARGE - 8)?, Some(3))
}

fn superpage_part() -> Check {
    let other = place()?;
    put(SUPERPAGES + 5 * PAGE, 5);
    other.take(page(SUPERPAGES + 5 * PAGE, Rights::R), PLACE + PAGE)?;
    same((other.read(PLACE)?, other.read(PLACE + PAGE)?, other.read(PLACE + 2 * PAGE)?), (None, Some(5), None))
}

/// Pages that were made from a superpage go alone.
fn superpage_part_of_children() -> Check {
    let other = place()?;
    put(SUPERPAGES, 1);
    put(SUPERPAGES + 9 * PAGE, 9);
    for index in 0..16 {
        other.take(page(SUPERPAGES + index * PAGE, Rights::R), PLACE + index * PAGE)?;
    }
    unmap(page(SUPERPAGES + 9 * PAGE, Rights::RWX), false)?;
    same((other.read(PLACE + 9 * PAGE)?, other.read(PLACE)?), (None, Some(1)))?;
    same(get(SUPERPAGES + 9 * PAGE), 9)
}

fn superpage_over_small_pages() -> Check {
    let other = place()?;
    put(PAGES, 1);
    put(SUPERPAGES, 2);
    other.take(page(PAGES, Rights::R), PLACE)?;
    other.take(Flexpage::memory(SUPERPAGES, 21, Rights::R), PLACE)?;
    same(other.read(PLACE)?, Some(2))
}

fn small_page_over_superpage() -> Check {
    let other = place()?;
    put(PAGES, 1);
    put(SUPERPAGES, 2);
    other.take(Flexpage::memory(SUPERPAGES, 21, Rights::R), PLACE)?;
    other.take(page(PAGES, Rights::R), PLACE)?;
    same(other.read(PLACE)?, Some(1))
}

fn grant(to: Cap<Task>, source: Cap<Task>, from: u64, at: u64) -> Check {
    Ok(to.map_item(source, MapItem::map_at(page(from, Rights::RWX), at).granting())?)
}

fn grant_page() -> Check {
    let (other, own) = (place()?, Probe::new(Task::this())?);
    put(PAGES, 6);
    grant(*other.task, Task::this(), PAGES, PLACE)?;
    same((other.read(PLACE)?, own.read(PAGES)?), (Some(6), None))
}

fn grant_keeps_children() -> Check {
    let (middle, last) = (bare_task()?, place()?);
    put(PAGES, 6);
    middle.map(Task::this(), page(PAGES, Rights::RW), PLACE)?;
    last.take_from(*middle, page(PLACE, Rights::R), PLACE)?;
    let heir = bare_task()?;
    grant(*heir, *middle, PLACE, PLACE)?;
    same(last.read(PLACE)?, Some(6))?;
    // The child is the heir's now.
    heir.unmap(page(PLACE, Rights::RWX), true)?;
    same(last.read(PLACE)?, None)
}

fn grant_over_page() -> Check {
    let other = place()?;
    put(PAGES, 6);
    put(PAGES + PAGE, 7);
    other.take(page(PAGES + PAGE, Rights::R), PLACE)?;
    grant(*other.task, Task::this(), PAGES, PLACE)?;
    same(other.read(PLACE)?, Some(6))
}

fn unmap_children_only() -> Check {
    let other = place()?;
    put(PAGES, 1);
    other.take(page(PAGES, Rights::R), PLACE)?;
    unmap(page(PAGES, Rights::RWX), false)?;
    same((other.read(PLACE)?, get(PAGES)), (None, 1))
}

fn unmap_self_too() -> Check {
    let (other, own) = (place()?, Probe::new(Task::this())?);
    other.take(page(PAGES, Rights::R), PLACE)?;
    unmap(page(PAGES, Rights::RWX), true)?;
    same((other.read(PLACE)?, own.read(PAGES)?), (None, None))
}

fn unmap_write_only() -> Check {
    let other = place()?;
    put(PAGES, 1);
    other.take(page(PAGES, Rights::RW), PLACE)?;
    unmap(page(PAGES, Rights::W), false)?;
    same(other.read(PLACE)?, Some(1))?;
    holds(!other.probe.writes(PLACE, 2)?)?;
    put(PAGES, 3);
    same(other.read(PLACE)?, Some(3))
}

fn unmap_rights_of_children() -> Check {
    let (middle, last) = (place()?, place()?);
    middle.take(page(PAGES, Rights::RW), PLACE)?;
    last.take_from(*middle.task, page(PLACE, Rights::RW), PLACE)?;
    middle.task.unmap(page(PLACE, Rights::W), false)?;
    holds(middle.probe.writes(PLACE, 1)? && !last.probe.writes(PLACE, 1)?)
}

fn unmap_subtree() -> Check {
    let (first, second, below) = (place()?, place()?, place()?);
    first.take(page(PAGES, Rights::R), PLACE)?;
    second.take(page(PAGES, Rights::R), PLACE)?;
    below.take_from(*first.task, page(PLACE, Rights::R), PLACE)?;
    first.task.unmap(page(PLACE, Rights::RWX), true)?;
    same((first.read(PLACE)?, below.read(PLACE)?), (None, None))?;
    holds(second.read(PLACE)?.is_some())
}

fn unmap_chain_of_tasks() -> Check {
    const LENGTH: usize = 24;
    let mut tasks = [const { None }; LENGTH];
    let last = place()?;
    let mut source = Task::this();
    let mut from = PAGES;
    for slot in &mut tasks {
        let task = bare_task()?;
        task.map(source, page(from, Rights::R), PLACE)?;
        (source, from) = (*task, PLACE);
        *slot = Some(task);
    }
    last.take_from(source, page(PLACE, Rights::R), PLACE)?;
    holds(last.read(PLACE)?.is_some())?;
    unmap(page(PAGES, Rights::RWX), false)?;
    same(last.read(PLACE)?, None)
}

fn unmap_whole_space() -> Check {
    let other = place()?;
    other.take(page(PAGES, Rights::R), PLACE)?;
    let own = Flexpage::memory(PAGES, 16, Rights::RWX);
    unmap(own, false)?;
    same(other.read(PLACE)?, None)
}

/// All memory of another task at once; its kernel-user memory stays.
fn unmap_everything() -> Check {
    let (middle, last) = (bare_task()?, place()?);
    middle.map(Task::this(), Flexpage::memory(PAGES, 16, Rights::R), PLACE)?;
    last.take_from(*middle, Flexpage::memory(PLACE, 16, Rights::R), PLACE)?;
    middle.unmap(Flexpage::memory(0, 63, Rights::RWX), true)?;
    same(last.read(PLACE)?, None)
}

fn unmap_reports_access() -> Check {
    let other = place()?;
    other.take(page(PAGES, Rights::RW), PLACE)?;
    other.probe.writes(PLACE, 1)?;
    let words = [OP_UNMAP, 0, page(PAGES, Rights::RWX).raw()];
    same(ask(CapIndex::TASK, protocol::TASK, &words, &[]), 0)?;
    // Bit 0: referenced, bit 1: written to.
    same(utcb().mr(2) & 7, 3)
}

fn unmap_partial_range() -> Check {
    let other = place()?;
    other.take(Flexpage::memory(PAGES, 16, Rights::R), PLACE)?;
    unmap(Flexpage::memory(PAGES + 4 * PAGE, 14, Rights::RWX), false)?;
    for index in 0..16 {
        same(other.read(PLACE + index * PAGE)?.is_some(), !(4..8).contains(&index))?;
    }
    Ok(())
}

fn task_deletion_revokes() -> Check {
    let (middle, last) = (bare_task()?, place()?);
    middle.map(Task::this(), page(PAGES, Rights::R), PLACE)?;
    last.take_from(*middle, page(PLACE, Rights::R), PLACE)?;
    middle.delete()?;
    same(last.read(PLACE)?, None)
}

fn task_deletion_keeps_parent() -> Check {
    let middle = bare_task()?;
    put(PAGES, 5);
    middle.map(Task::this(), page(PAGES, Rights::R), PLACE)?;
    middle.delete()?;
    same(get(PAGES), 5)
}

fn own_mapping_in_other_place() -> Check {
    let own = Probe::new(Task::this())?;
    put(PAGES, 9);
    Task::this().map(Task::this(), page(PAGES, Rights::R), PLACE)?;
    same(own.read(PLACE)?, Some(9))?;
    unmap(page(PAGES, Rights::RWX), false)?;
    same((own.read(PLACE)?, get(PAGES)), (None, 9))
}

fn revoke_wide_tree() -> Check {
    let (other, own) = (bare_task()?, Probe::new(Task::this())?);
    for index in 0..500 {
        other.map(Task::this(), page(PAGES, Rights::R), PLACE + index * PAGE)?;
    }
    Task::this().map(*other, page(PLACE + 499 * PAGE, Rights::R), PLACE)?;
    holds(own.read(PLACE)?.is_some())?;
    unmap(page(PAGES, Rights::RWX), false)?;
    same(own.read(PLACE)?, None)
}

/// Tables and mappings are given back with the task.
fn quota_of_tables() -> Check {
    bare_task()?.delete()?;
    let before = harness::quota::left(make::factory());
    let task = bare_task()?;
    for index in 0..64 {
        task.map(Task::this(), page(PAGES, Rights::R), PLACE + index * LARGE * 7)?;
    }
    holds(harness::quota::left(make::factory()) < before - 64 * PAGE)?;
    task.delete()?;
    same(harness::quota::left(make::factory()), before)
}

fn map_over_quota() -> Check {
    let small = make::factory().create_factory(96 * 1024)?;
    let (task, _) = small.create_task(Flexpage::INVALID)?;
    for index in 0..200 {
        let item = MapItem::map_at(page(PAGES, Rights::R), PLACE + index * LARGE * 513);
        let words = [OP_MAP, item.control, item.flexpage.raw()];
        match ask(task.index(), protocol::TASK, &words, &[make::item(Task::this())]) {
            0 => {}
            other => return same(other, harness::IPC + 0x10),
        }
    }
    harness::fail("200 tables fit into 96 KiB")
}

fn many_rounds_keep_quota() -> Check {
    let round = || -> Check {
        let (first, second) = (bare_task()?, bare_task()?);
        first.map(Task::this(), Flexpage::memory(PAGES, 16, Rights::RW), PLACE)?;
        second.map(*first, Flexpage::memory(PLACE, 16, Rights::R), PLACE)?;
        second.map(Task::this(), Flexpage::memory(SUPERPAGES, 22, Rights::R), PLACE + LARGE)?;
        second.map(Task::this(), page(SUPERPAGES, Rights::R), PLACE + 9 * LARGE)?;
        first.unmap(Flexpage::memory(PLACE, 14, Rights::RWX), true)?;
        Ok(())
    };
    round()?;
    let before = harness::quota::left(make::factory());
    for _ in 0..200 {
        round()?;
    }
    same(harness::quota::left(make::factory()), before)
}

fn kernel_user_memory_cannot_be_mapped_away() -> Check {
    let utcbs = harness::worker::UTCBS;
    Task::this().map(Task::this(), page(PAGES, Rights::RW), utcbs)?;
    unmap(page(utcbs, Rights::RWX), true)?;
    utcb().set_mr(0, 1);
    same(Task::this().cap_valid(Task::this()), Ok(true))
}

fn mapping_kernel_user_memory_on() -> Check {
    let other = place()?;
    other.take(page(harness::worker::UTCBS, Rights::RW), PLACE)?;
    same(other.read(PLACE)?, None)
}
