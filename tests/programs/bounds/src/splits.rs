//! Superpages that are split: those who lose a part, or rights to one, in all mixes with other work; and threads by the
//! thousand that are preempted in such operations.

use crate::crowd::{self, CROWD, make_here, prepare, run_for, set_message_register, thread};
use crate::measure::{rest, row};
use crate::place::{ROOM, delete, forever, make_task, map, pages, slot, superpages, unmap};
use harness::{Check, same};
use syscall::abi::ipc::Operation;
use syscall::abi::task::{OP_UNMAP, UNMAP_ALL_SPACES};
use syscall::abi::{Flexpage, PAGE_SIZE, Rights, Tag, Timeouts, protocol};
use syscall::message::Argument;
use syscall::{Cap, Task};

const PAGE: u64 = PAGE_SIZE as u64;
const LARGE: u64 = 1 << 21;
/// How many superpages a row has.
const SPLITS: u64 = 120;
/// Covers all that a row maps to [`ROOM`].
const ALL: Flexpage = pages(ROOM, 31);
/// What superpages lose of themselves.
const PART: u64 = 7 * PAGE;

/// All rows.
pub fn rows() -> Check {
    all_of_them()?;
    in_turn()?;
    late()?;
    from_above()?;
    without_memory()?;
    many_walks()
}

/// A task with one superpage at many places.
fn superpages_at_many() -> Check<Cap<Task>> {
    let task = make_task()?;
    (0..SPLITS).try_for_each(|place| map(Task::this(), task, pages(superpages(), 21), ROOM + place * LARGE))?;
    Ok(task)
}

fn revoke(address: u64, order: u8, rights: Rights) -> Check {
    unmap(Task::this(), pages(address, order).with_rights(rights), 0)
}

/// The superpages of such a task are split, and go.
fn all_of_them() -> Check {
    let split = || {
        let task = superpages_at_many()?;
        revoke(superpages() + PART, 12, Rights::RWX)?;
        Ok::<_, harness::Failure>(task)
    };
    let task = split()?;
    row("write taken from split superpages", || revoke(superpages(), 21, Rights::W))?;
    row("write taken from them again", || revoke(superpages(), 21, Rights::W))?;
    row("execution taken from half of them", || revoke(superpages(), 20, Rights::X))?;
    row("the second half of split superpages taken", || revoke(superpages() + LARGE / 2, 20, Rights::RWX))?;
    row("split superpages taken", || revoke(superpages(), 21, Rights::RWX))?;
    delete(task.index())?;
    let task = split()?;
    row("split superpages unmapped by their task", || unmap(task, ALL, UNMAP_ALL_SPACES))?;
    delete(task.index())?;
    let task = split()?;
    row("rights to split superpages given up by their task", || {
        unmap(task, ALL.with_rights(Rights::W), UNMAP_ALL_SPACES)
    })?;
    row("a task with split superpages deleted", || delete(task.index()))?;
    let task = split()?;
    // Other pages in the place of what was lost.
    for place in 0..SPLITS {
        map(Task::this(), task, pages(superpages(), 12), ROOM + place * LARGE + PART)?;
    }
    row("split superpages with others among them unmapped", || unmap(task, ALL, UNMAP_ALL_SPACES))?;
    delete(task.index())?;
    let (task, other) = (split()?, make_task()?);
    row("split superpages mapped on", || map(task, other, pages(ROOM, 24), ROOM))?;
    row("superpages mapped over split ones", || {
        (0..8).try_for_each(|place| map(Task::this(), task, pages(superpages() + LARGE, 12), ROOM + place * LARGE))
    })?;
    row("split superpages taken from whom they were made from", || revoke(superpages(), 21, Rights::RWX))?;
    delete(other.index())?;
    delete(task.index())
}

/// A task with pages, more each time, before each superpage that is split.
fn mixed() -> Check<Cap<Task>> {
    let task = make_task()?;
    for number in 0..SPLITS / 2 {
        let at = ROOM + 2 * number * LARGE;
        (0..number % 40).try_for_each(|page| map(Task::this(), task, pages(superpages(), 12), at + page * PAGE))?;
        map(Task::this(), task, pages(superpages(), 21), at + LARGE)?;
        unmap(task, pages(at + LARGE + PART, 12), UNMAP_ALL_SPACES)?;
    }
    Ok(task)
}

fn in_turn() -> Check {
    let task = mixed()?;
    row("pages and split superpages in turn, unmapped", || unmap(task, ALL, UNMAP_ALL_SPACES))?;
    delete(task.index())?;
    let task = mixed()?;
    row("write taken from pages and split superpages in turn", || {
        unmap(task, ALL.with_rights(Rights::W), UNMAP_ALL_SPACES)
    })?;
    row("pages and split superpages in turn, taken", || revoke(superpages(), 21, Rights::RWX))?;
    delete(task.index())?;
    let task = mixed()?;
    row("a task with pages and split superpages in turn deleted", || delete(task.index()))
}

/// One call that unmaps some pages, then a part of a superpage, and so on: each is split when part of the budget is used.
fn late() -> Check {
    for rights in [Rights::RWX, Rights::W] {
        for order in 0..6 {
            let task = make_task()?;
            let mut words = [OP_UNMAP; 62];
            words[1] = UNMAP_ALL_SPACES;
            for (number, pair) in (0..).zip(words[2..].chunks_exact_mut(2)) {
                let at = ROOM + 2 * number * LARGE;
                (0..1 << order)
                    .try_for_each(|page| map(Task::this(), task, pages(superpages(), 12), at + page * PAGE))?;
                map(Task::this(), task, pages(superpages(), 21), at + LARGE)?;
                map(task, task, pages(at + LARGE, 21), ROOM + (1 << 34) + number * LARGE)?;
                pair[0] = pages(at, 12 + order).with_rights(rights).raw();
                pair[1] = pages(at + LARGE + LARGE / 2, 20).with_rights(rights).raw();
            }
            let name = if rights == Rights::W {
                "write to some pages, and to a part of a superpage, 30 times"
            } else {
                "some pages and a part of a superpage, 30 times"
            };
            row(name, || same(forever(task.index(), protocol::TASK, &words, &[]), 0))?;
            delete(task.index())?;
        }
    }
    Ok(())
}

/// Superpages that were handed on, with parts that were handed on too, lose those parts.
fn from_above() -> Check {
    let tasks = [make_task()?, make_task()?, make_task()?];
    map(Task::this(), tasks[0], pages(superpages(), 21), ROOM)?;
    for place in 0..40 {
        map(tasks[0], tasks[1], pages(ROOM, 21), ROOM + place * LARGE)?;
        map(tasks[1], tasks[2], pages(ROOM + place * LARGE, 21), ROOM + place * LARGE)?;
        for page in (0..512).step_by(16) {
            let from = pages(ROOM + place * LARGE + page * PAGE, 12);
            map(tasks[2], tasks[0], from, ROOM + (1 << 34) + (place * 512 + page) * PAGE)?;
        }
    }
    row("a page of superpages with children taken", || revoke(superpages() + 511 * PAGE, 12, Rights::RWX))?;
    row("write to half of superpages with children taken", || revoke(superpages(), 20, Rights::W))?;
    row("half of superpages with children taken", || revoke(superpages(), 20, Rights::RWX))?;
    row("the task in the middle of split superpages deleted", || delete(tasks[1].index()))?;
    [tasks[0], tasks[2]].into_iter().try_for_each(|task| delete(task.index()))
}

/// Those whose quota does not pay for the tables lose all.
fn without_memory() -> Check {
    let payer = crate::place::factory().create_factory(512 << 10)?;
    let place = slot();
    payer.create_in(place, protocol::TASK, &[Argument::Flexpage(Flexpage::from_raw(0))], None)?;
    let (task, other) = (Cap::<Task>::new(place), make_task()?);
    for place in 0..SPLITS {
        map(Task::this(), task, pages(superpages(), 21), ROOM + place * LARGE)?;
        map(task, other, pages(ROOM + place * LARGE, 21), ROOM + place * LARGE)?;
    }
    row("a part taken from those who cannot pay for splitting", || revoke(superpages() + PART, 12, Rights::RWX))?;
    delete(task.index())?;
    delete(other.index())?;
    Ok(payer.delete()?)
}

/// The crowd, each thread of which takes rights from the same pages and is preempted in it, again and again.
fn walking(flexpage: Flexpage) -> Check {
    for number in 0..CROWD {
        make_here(number)?;
        let words = [OP_UNMAP, 0, flexpage.raw()];
        words.into_iter().zip(0..).for_each(|(word, index)| set_message_register(number, index, word));
        prepare(number, Task::this().index(), Operation::CALL, Tag::new(protocol::TASK, 3, 0, 0), Timeouts::NEVER)?;
        run_for(number, 100, 1)?;
    }
    Ok(())
}

fn many_walks() -> Check {
    let page = pages(superpages(), 12);
    let task = crate::many::wide(superpages())?;
    row("write taken from 10,000 places of a page by 1,000 threads", || {
        walking(page.with_rights(Rights::W))?;
        rest(50);
        revoke(superpages(), 12, Rights::RWX)
    })?;
    same(thread(0).is_present(), true)?;
    crowd::dismiss()?;
    delete(task.index())?;
    let task = superpages_at_many()?;
    row("a part of superpages taken by 1,000 threads", || {
        walking(pages(superpages() + PART, 12).with_rights(Rights::RWX))?;
        rest(5);
        (0..CROWD).try_for_each(|number| delete(thread(number).index()))?;
        revoke(superpages(), 21, Rights::RWX)
    })?;
    delete(task.index())
}
