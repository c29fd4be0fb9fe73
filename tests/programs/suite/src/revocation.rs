//! Unmap operations that meet others half way: whose task or thread goes meanwhile, and whose pages are mapped on.

use crate::interrupted::{HIGHER, rest_us};
use crate::make::{self, note, noted};
use crate::preemption::LOW;
use crate::probe::Probe;
use harness::child::{PAGES, SUPERPAGES};
use harness::quota::left;
use harness::worker::{spawn, task};
use harness::{Check, same};
use syscall::abi::{CapIndex, Flexpage, MapItem, PAGE_SHIFT, PAGE_SIZE, Rights, SUPERPAGE_SHIFT, SUPERPAGE_SIZE};
use syscall::{Cap, Factory, Owned, Scheduler, Task};

crate::group!("revocation":
    unmapped_from_a_task_that_is_gone, unmapped_by_somebody_who_is_gone, unmap_ends_though_others_map);

/// Where [`filled`] tasks have their pages.
const PLACE: u64 = 0x2_0000_0000;
/// Binary logarithm of how much it is.
const PLACE_ORDER: u8 = 23;

/// A task with two thousand small pages, and the factory that pays for them.
fn filled() -> Check<(Owned<Task>, Owned<Factory>)> {
    const HALF: u8 = 20;
    let factory = make::factory().create_factory(512 * 1024)?;
    let (task, _) = factory.create_task(Flexpage::INVALID)?;
    for place in (PLACE..PLACE + (1 << PLACE_ORDER)).step_by(1 << HALF) {
        let half = SUPERPAGES + place % (2 << HALF);
        task.map(Task::this(), Flexpage::memory(half, HALF, Rights::RWX), place)?;
    }
    Ok((task, factory))
}

fn unmap_for_ever(task: u64) {
    loop {
        let _ =
            Cap::<Task>::new(CapIndex::from_raw(task)).unmap(Flexpage::memory(PLACE, PLACE_ORDER, Rights::RWX), true);
    }
}

/// The capability with which a thread unmaps names another task when it goes on; then the first one is deleted. The next
/// one, which may lie where that was, keeps its pages.
fn unmapped_from_a_task_that_is_gone() -> Check {
    let other = make::task()?;
    let place = make::slot();
    let name = |task: Cap<Task>| {
        Task::this().map_item(Task::this(), MapItem::map_at(task.flexpage(Rights::CAP_RWS), place.raw()))
    };
    name(other)?;
    spawn(HIGHER, unmap_for_ever, place.raw())?;
    for round in 0..6 {
        let first = filled()?;
        name(*first.0)?;
        rest_us(10 << round);
        name(other)?;
        rest_us(10 << round);
        drop(first);
        let (_task, factory) = filled()?;
        let before = left(*factory);
        rest_us(1000);
        same(left(*factory), before)?;
    }
    Ok(())
}

const COPIES: u64 = 40;
const LARGE: u64 = SUPERPAGE_SIZE as u64;

/// Piece 9 of a superpage.
const fn piece(superpage: u64) -> Flexpage {
    Flexpage::memory(superpage + 9 * PAGE_SIZE as u64, PAGE_SHIFT, Rights::RWX)
}

fn unmap_piece(task: u64) {
    let _ = Cap::<Task>::new(CapIndex::from_raw(task)).unmap(piece(PLACE), true);
}

/// A thread takes a piece of a superpage from a task and those below it, and is deleted meanwhile: who has lost the piece
/// could not take it from the others any more.
fn unmapped_by_somebody_who_is_gone() -> Check {
    for round in 0..4 {
        let (above, below) = (task()?, task()?);
        above.map(Task::this(), Flexpage::memory(SUPERPAGES, SUPERPAGE_SHIFT, Rights::RWX), PLACE)?;
        for copy in 0..COPIES {
            let place = PLACE + copy * LARGE;
            below.map(*above, Flexpage::memory(PLACE, SUPERPAGE_SHIFT, Rights::RWX), place)?;
        }
        let (above_has, below_has) = (Probe::new(*above)?, Probe::new(*below)?);
        let unmapper = spawn(HIGHER, unmap_piece, above.index().raw())?;
        rest_us(10 << round);
        unmapper.thread.delete()?;
        make::rest(1);
        if above_has.read(piece(PLACE).address())?.is_none() {
            for copy in 0..COPIES {
                same(below_has.read(piece(PLACE + copy * LARGE).address())?, None)?;
            }
        }
    }
    Ok(())
}

/// Makes pages from the one at [`PLACE`] in the task, and from these in turn, ten thousand, again and again.
fn map_for_ever(task: u64) {
    const ORDER: u8 = 20;
    let task = Cap::<Task>::new(CapIndex::from_raw(task));
    let page = Flexpage::memory(PLACE, PAGE_SHIFT, Rights::RWX);
    let some = |number: u64| PLACE + (number << ORDER);
    loop {
        for place in (some(1)..some(2)).step_by(PAGE_SIZE) {
            let _ = task.map(task, page, place);
        }
        for number in 2..42 {
            let _ = task.map(task, Flexpage::memory(some(1), ORDER, Rights::RWX), some(number));
        }
    }
}

fn unmap_page(_: u64) {
    let _ = Task::this().unmap(Flexpage::memory(PAGES, PAGE_SHIFT, Rights::RWX), false);
    note(0, 1);
}

/// Others of the same priority map the page on, faster than it can be taken from them.
fn unmap_ends_though_others_map() -> Check {
    let other = make::task()?;
    other.map(Task::this(), Flexpage::memory(PAGES, PAGE_SHIFT, Rights::RWX), PLACE)?;
    for _ in 0..5 {
        spawn(LOW, map_for_ever, other.index().raw())?;
    }
    make::rest(100);
    let unmapper = spawn(1, unmap_page, 0)?;
    Scheduler::boot().run_thread(unmapper.thread, Scheduler::any_cpu(), LOW, 1000)?;
    make::until(|| noted(0) == 1)
}
