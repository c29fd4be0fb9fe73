//! Mapping and revocation of memory and I/O ports.

use crate::many::{self, MANY};
use crate::measure::row;
use crate::place::{ROOM, delete, forever, make, make_task, map, pages, slot, superpages, unmap};
use harness::{Check, same};
use syscall::abi::task::{OP_ADD_KU_MEM, OP_UNMAP, UNMAP_ALL_SPACES};
use syscall::abi::{Error, Flexpage, PAGE_SIZE, Rights, protocol};
use syscall::l4re::sigma0::Sigma0;
use syscall::{Cap, Task};

const PAGE: u64 = PAGE_SIZE as u64;
const LARGE: u64 = 1 << 21;
/// Covers all that is mapped to [`ROOM`] by the thousand: 2 GiB.
const ROOM_ORDER: u8 = 31;
/// Covers ten thousand pages.
const PAGES_ORDER: u8 = 26;

/// The mappings that are there all the time.
pub fn residents() -> Check {
    many::deep(superpages() + LARGE)?;
    Ok(())
}

/// All rows.
pub fn rows() -> Check {
    shapes()?;
    large_flexpages()?;
    superpage_rows()?;
    tables()?;
    ports()
}

fn revoke(flexpage: Flexpage, rights: Rights) -> Check {
    unmap(Task::this(), flexpage.with_rights(rights), 0)
}

fn shapes() -> Check {
    let page = pages(superpages(), 12);
    let wide = many::wide(superpages())?;
    row("write taken from 10,000 places of a page", || revoke(page, Rights::W))?;
    row("a page taken from 10,000 places", || revoke(page, Rights::RWX))?;
    delete(wide.index())?;
    let deep = many::deep(superpages())?;
    row("write taken from 40 rows of 250 tasks", || revoke(page, Rights::W))?;
    row("a page taken from 40 rows of 250 tasks", || revoke(page, Rights::RWX))?;
    deep.into_iter().try_for_each(|task| delete(task.index()))?;
    let deep = many::deep(superpages())?;
    row("the task of every second one in 40 rows deleted", || delete(deep[0].index()))?;
    row("an empty task with tables for 10,000 pages deleted", || delete(deep[1].index()))?;
    let scattered = many::scattered(superpages())?;
    let half = pages(superpages() + LARGE / 2, 20);
    row("write taken from the pages of a superpage at 10,000 places", || revoke(pages(superpages(), 21), Rights::W))?;
    row("half of the pages of a superpage taken from 5,000 places", || revoke(half, Rights::RWX))?;
    row("a task with 5,000 pages of a superpage deleted", || delete(scattered.index()))
}

fn large_flexpages() -> Check {
    let first = many::scattered(superpages())?;
    let second = make_task()?;
    let all = pages(ROOM, PAGES_ORDER);
    row("10,000 pages mapped at once", || map(first, second, all, ROOM))?;
    row("10,000 pages mapped again", || map(first, second, all, ROOM))?;
    row("10,000 pages mapped over others", || {
        map(first, second, pages(ROOM, 25), ROOM + PAGE * (MANY / 2 / 512 * 512))
    })?;
    let parts: [u64; 61] = core::array::from_fn(|part| pages(ROOM + part as u64 * 164 * PAGE, 19).raw());
    let mut words = [OP_UNMAP; 63];
    words[1] = 0;
    words[2..].copy_from_slice(&parts);
    row("61 flexpages unmapped in one call", || same(forever(first.index(), protocol::TASK, &words, &[]), 0))?;
    // Nothing is there, in a task with tables and in one without.
    let elsewhere: [u64; 61] = core::array::from_fn(|part| pages(((part as u64) << 39) + (1 << 46), 12).raw());
    words[2..].copy_from_slice(&elsewhere);
    row("61 flexpages unmapped where nothing is", || same(forever(first.index(), protocol::TASK, &words, &[]), 0))?;
    words[1] = UNMAP_ALL_SPACES;
    words[2..].fill(Flexpage::ALL.with_rights(Rights::RWX).raw());
    let empty = make_task()?;
    row("everything unmapped 61 times in an empty task", || {
        same(forever(empty.index(), protocol::TASK, &words, &[]), 0)
    })?;
    delete(empty.index())?;
    words[2..].copy_from_slice(&parts);
    map(first, second, all, ROOM)?;
    row("61 flexpages unmapped in one call, of the own task too", || {
        same(forever(second.index(), protocol::TASK, &words, &[]), 0)
    })?;
    map(first, second, all, ROOM)?;
    row("10,000 pages unmapped with their tables", || unmap(second, all, UNMAP_ALL_SPACES))?;
    map(first, second, all, ROOM)?;
    row("all of a task unmapped", || unmap(second, pages(0, 63), UNMAP_ALL_SPACES))?;
    map(first, second, all, ROOM)?;
    row("a task deleted that gave 10,000 pages", || delete(first.index()))?;
    delete(second.index())
}

fn superpage_rows() -> Check {
    let page = pages(superpages(), 21);
    let piece = pages(superpages() + 7 * PAGE, 12);
    let last = pages(superpages() + LARGE - PAGE, 12);
    let wide = many::wide_superpage()?;
    row("write taken from 1,000 places of a superpage", || revoke(page, Rights::W))?;
    row("execution of a part taken from 1,000 places of a superpage", || revoke(piece, Rights::X))?;
    row("a part taken from 1,000 places of a superpage", || revoke(piece, Rights::RWX))?;
    row("a superpage taken from 1,000 places", || revoke(page, Rights::RWX))?;
    delete(wide.index())?;
    for with_pieces in [false, true] {
        let deep = many::deep_superpage(with_pieces)?;
        let text = if with_pieces { ", each with parts" } else { "" };
        let names = ["write taken from 250 tasks in a row", "a part taken from them", "a superpage taken from them"];
        syscall::println!("bounds: a superpage handed on{text}:");
        row(names[0], || revoke(page, Rights::W))?;
        row(names[1], || revoke(last, Rights::RWX))?;
        row(names[2], || revoke(page, Rights::RWX))?;
        deep.into_iter().try_for_each(|task| delete(task.index()))?;
    }
    let deep = many::deep_superpage(true)?;
    for depth in 1..250 {
        let task = deep[depth % 2];
        unmap(task, pages(ROOM + 1000 * LARGE + depth as u64 * PAGE, 12), UNMAP_ALL_SPACES)?;
    }
    row("write taken from 250 tasks that had given parts", || revoke(page, Rights::W))?;
    row("250 tasks lose a superpage of which they had given parts", || revoke(page, Rights::RWX))?;
    deep.into_iter().try_for_each(|task| delete(task.index()))
}

fn tables() -> Check {
    let task = many::empty_tables()?;
    row("1,000 empty tables looked through", || unmap(task, pages(ROOM, ROOM_ORDER), 0))?;
    let other = make_task()?;
    row("1,000 empty tables mapped from", || map(task, other, pages(ROOM, ROOM_ORDER), ROOM))?;
    row("1,000 empty tables freed", || unmap(task, pages(ROOM, ROOM_ORDER), UNMAP_ALL_SPACES))?;
    delete(other.index())?;
    delete(task.index())?;
    let task = many::empty_tables()?;
    row("a task with 1,000 empty tables deleted", || delete(task.index()))?;

    let task = make_task()?;
    let area = |number: u64| Flexpage::memory(ROOM + (number << 17), 17, Rights::RW).raw();
    row("128 KiB of memory for UTCBs", || same(add_areas(task, &[area(0)]), 0))?;
    let areas: [u64; 62] = core::array::from_fn(|number| area(1 + number as u64));
    row("62 times 128 KiB of memory for UTCBs", || same(add_areas(task, &areas), 0))?;
    for number in 0..512 {
        same(add_areas(task, &[Flexpage::memory(ROOM + (1 << 30) + number * PAGE, 12, Rights::RW).raw()]), 0)?;
    }
    // Up to the last page there is room.
    let taken = Flexpage::memory(ROOM + (1 << 30) - PAGE, 12, Rights::RW).raw();
    same(add_areas(task, &[taken]), 0)?;
    let half = |number: u64| Flexpage::memory(ROOM + (2 << 30) + (number << 16), 16, Rights::RW).raw();
    for before in 0..8 {
        let areas: [u64; 9] = core::array::from_fn(|number| match number {
            8 => Flexpage::memory(ROOM + (1 << 30) - (1 << 17), 17, Rights::RW).raw(),
            _ => half(8 * before + number as u64),
        });
        row("128 KiB of memory for UTCBs behind others, where the last page is taken", || {
            same(add_areas(task, &areas[8 - before as usize..]), -Error::Exist.code())
        })?;
    }
    row("a task with 604 areas for UTCBs deleted", || delete(task.index()))?;
    let task = make_task()?;
    row("60 descriptors of an LDT set", || Ok(task.set_ldt(0, &[0; 60])?))?;
    delete(task.index())?;
    let place = slot();
    row("a task made with 128 KiB for UTCBs", || make(place, &[protocol::TASK as u64, 0, area(0)]))?;
    row("a task deleted with 128 KiB for UTCBs", || delete(place))
}

fn add_areas(task: Cap<Task>, areas: &[u64]) -> i64 {
    let mut words = [OP_ADD_KU_MEM; 63];
    words[1..1 + areas.len()].copy_from_slice(areas);
    forever(task.index(), protocol::TASK, &words[..1 + areas.len()], &[])
}

fn ports() -> Check {
    let all = Flexpage::io(0, 16);
    Sigma0::boot().ports(all)?;
    let tasks = [make_task()?, make_task()?];
    let mut words = [0; 62];
    (words[0], words[1]) = (OP_UNMAP, UNMAP_ALL_SPACES);
    for (port, word) in (0x200..).zip(&mut words[2..]) {
        *word = Flexpage::io(port, 0).with_rights(Rights::RWX).raw();
    }
    row("60 I/O ports of one's own unmapped, one by one", || {
        same(forever(Task::this().index(), protocol::TASK, &words, &[]), 0)
    })?;
    Sigma0::boot().ports(all)?;
    row("all I/O ports mapped", || map(Task::this(), tasks[0], all, 0))?;
    row("all I/O ports mapped on", || map(tasks[0], tasks[1], all, 0))?;
    row("all I/O ports unmapped", || unmap(Task::this(), all.with_rights(Rights::RWX), 0))?;
    for port in 0..2048 {
        map(Task::this(), tasks[0], Flexpage::io(port, 0), 0)?;
    }
    row("2,048 single I/O ports mapped on", || map(tasks[0], tasks[1], all, 0))?;
    row("2,048 single I/O ports unmapped", || unmap(Task::this(), all.with_rights(Rights::RWX), 0))?;
    map(Task::this(), tasks[0], all, 0)?;
    row("a task with all I/O ports deleted", || delete(tasks[0].index()))?;
    delete(tasks[1].index())
}
