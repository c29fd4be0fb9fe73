//! Ten thousand mappings, in the shapes that mapping trees can have.

use crate::place::{ROOM, make_task, map, pages, superpages};
use harness::Check;
use syscall::abi::PAGE_SIZE;
use syscall::{Cap, Task};

/// How many mappings a row has.
pub const MANY: u64 = 10_000;
const PAGE: u64 = PAGE_SIZE as u64;
const LARGE: u64 = 1 << 21;

/// One page at all places of one task.
pub fn wide(address: u64) -> Check<Cap<Task>> {
    let task = make_task()?;
    (0..MANY).try_for_each(|place| map(Task::this(), task, pages(address, 12), ROOM + place * PAGE))?;
    Ok(task)
}

/// The pages of one superpage, one by one, at as many places.
pub fn scattered(address: u64) -> Check<Cap<Task>> {
    let task = make_task()?;
    (0..MANY)
        .try_for_each(|place| map(Task::this(), task, pages(address + place % 512 * PAGE, 12), ROOM + place * PAGE))?;
    Ok(task)
}

/// One page handed from task to task, as often as it can be, in many rows.
pub fn deep(address: u64) -> Check<[Cap<Task>; 2]> {
    let tasks = [make_task()?, make_task()?];
    const DEPTH: u64 = 250;
    for row in 0..MANY / DEPTH {
        let at = |depth: u64| ROOM + (row * DEPTH + depth) * PAGE;
        map(Task::this(), tasks[0], pages(address, 12), at(0))?;
        for depth in 1..DEPTH {
            let (from, into) = (tasks[(depth as usize + 1) % 2], tasks[depth as usize % 2]);
            map(from, into, pages(at(depth - 1), 12), at(depth))?;
        }
    }
    Ok(tasks)
}

/// One superpage at a thousand places of one task.
pub fn wide_superpage() -> Check<Cap<Task>> {
    let task = make_task()?;
    (0..1000).try_for_each(|place| map(Task::this(), task, pages(superpages(), 21), ROOM + place * LARGE))?;
    Ok(task)
}

/// One superpage handed on as often as it can be; each holder has handed a page of it on too, the last one.
pub fn deep_superpage(with_pieces: bool) -> Check<[Cap<Task>; 2]> {
    let tasks = [make_task()?, make_task()?];
    let at = |depth: u64| ROOM + depth * LARGE;
    map(Task::this(), tasks[0], pages(superpages(), 21), at(0))?;
    for depth in 1..250 {
        let (from, into) = (tasks[(depth as usize + 1) % 2], tasks[depth as usize % 2]);
        map(from, into, pages(at(depth - 1), 21), at(depth))?;
        if with_pieces {
            let piece = pages(at(depth - 1) + LARGE - PAGE, 12);
            map(from, into, piece, at(1000) + depth * PAGE)?;
        }
    }
    Ok(tasks)
}

/// A task with tables for a thousand ranges, in each of which there was a page.
pub fn empty_tables() -> Check<Cap<Task>> {
    let task = make_task()?;
    for range in 0..1000 {
        let at = ROOM + range * LARGE;
        map(Task::this(), task, pages(superpages(), 12), at)?;
        crate::place::unmap(task, pages(at, 12), syscall::abi::task::UNMAP_ALL_SPACES)?;
    }
    Ok(task)
}
