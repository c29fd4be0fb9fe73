//! Superpages that are unmapped in part: the rest stays where its task's quota pays for a table, and goes where not.

use crate::make;
use crate::probe::Probe;
use harness::child::{PAGES, SUPERPAGES};
use harness::quota::left;
use harness::worker::{bare_task, task};
use harness::{Check, holds, same};
use syscall::abi::{Flexpage, MapItem, PAGE_SIZE, Rights, SUPERPAGE_SHIFT, SUPERPAGE_SIZE};
use syscall::{Cap, Factory, Owned, Task};

crate::group!("superpages":
    part_lost_by_its_task, part_lost_by_children, part_lost_in_a_chain, half_lost_piece_by_piece, part_loses_write, part_of_own_loses_write,
    part_without_quota, rights_of_part_without_quota, chain_with_task_without_quota, hole_takes_a_page, split_superpage_handed_on, table_comes_back,
    superpage_is_granted, page_of_a_superpage_is_granted);

const PAGE: u64 = PAGE_SIZE as u64;
const LARGE: u64 = SUPERPAGE_SIZE as u64;
/// Where tests map to: nothing else is there, in any task.
const PLACE: u64 = 0x2_0000_0000;
/// What a table for the pieces of a superpage takes from the quota.
const TABLE: u64 = 2 * PAGE;

/// Piece 9 of the superpage at this address.
fn ninth(superpage: u64, rights: Rights) -> Flexpage {
    Flexpage::memory(superpage + 9 * PAGE, 12, rights)
}

/// All of it.
fn whole(superpage: u64, rights: Rights) -> Flexpage {
    Flexpage::memory(superpage, SUPERPAGE_SHIFT, rights)
}

/// Numbers the pieces that tests look at.
#[allow(unsafe_code)] // the test's own memory
fn number_pieces() {
    for piece in [0, 8, 9, 10, 511] {
        // SAFETY: memory that the harness mapped for tests; no Rust object lies there.
        unsafe { ((SUPERPAGES + piece * PAGE) as *mut u64).write_volatile(100 + piece) }
    }
}

/// A task that was handed the superpage, with a probe.
struct Holder {
    task: Owned<Task>,
    probe: Probe,
}

/// What there is in a holder: pieces 8, 9, 10 and 511.
type Seen = [Option<u64>; 4];
const ALL: Seen = [Some(108), Some(109), Some(110), Some(611)];
const ALL_BUT_NINTH: Seen = [Some(108), None, Some(110), Some(611)];

impl Holder {
    fn of(source: Cap<Task>, at: u64) -> Check<Self> {
        number_pieces();
        let task = task()?;
        task.map(source, whole(at, Rights::RWX), PLACE)?;
        let probe = Probe::new(*task)?;
        Ok(Self { task, probe })
    }

    fn seen(&self) -> Check<Seen> {
        let read = |piece: u64| self.probe.read(PLACE + piece * PAGE);
        Ok([read(8)?, read(9)?, read(10)?, read(511)?])
    }

    fn writes(&self, piece: u64) -> Check<bool> {
        self.probe.writes(PLACE + piece * PAGE + 8, 1)
    }
}

/// A task with the superpage and no quota left. What takes the quota comes along.
struct Poor {
    task: Owned<Task>,
    _rest: Owned<Factory>,
    _factory: Owned<Factory>,
}

fn poor(source: Cap<Task>, at: u64) -> Check<Poor> {
    let factory = make::factory().create_factory(128 * 1024)?;
    let (task, _) = factory.create_task(Flexpage::INVALID)?;
    task.map(source, whole(at, Rights::RWX), PLACE)?;
    let rest = factory.create_factory(left(*factory))?;
    Ok(Poor { task, _rest: rest, _factory: factory })
}

fn part_lost_by_its_task() -> Check {
    let holder = Holder::of(Task::this(), SUPERPAGES)?;
    same(holder.seen()?, ALL)?;
    holder.task.unmap(ninth(PLACE, Rights::RWX), true)?;
    same(holder.seen()?, ALL_BUT_NINTH)?;
    // The rest is one still: taken back by its owner it goes at once.
    Task::this().unmap(whole(SUPERPAGES, Rights::RWX), false)?;
    same(holder.seen()?, [None; 4])
}

fn part_lost_by_children() -> Check {
    let holders = [Holder::of(Task::this(), SUPERPAGES)?, Holder::of(Task::this(), SUPERPAGES)?];
    Task::this().unmap(ninth(SUPERPAGES, Rights::RWX), false)?;
    for holder in &holders {
        same(holder.seen()?, ALL_BUT_NINTH)?;
    }
    // Who took it back has it all, and hands it on again.
    holders[0].task.map(Task::this(), ninth(SUPERPAGES, Rights::R), PLACE + 9 * PAGE)?;
    same((holders[0].seen()?, holders[1].seen()?), (ALL, ALL_BUT_NINTH))
}

fn part_lost_in_a_chain() -> Check {
    let first = Holder::of(Task::this(), SUPERPAGES)?;
    let second = Holder::of(*first.task, PLACE)?;
    let third = Holder::of(*second.task, PLACE)?;
    third.task.map(*second.task, ninth(PLACE, Rights::R), PLACE + LARGE)?;
    second.task.unmap(ninth(PLACE, Rights::RWX), true)?;
    same((first.seen()?, second.seen()?, third.seen()?), (ALL, ALL_BUT_NINTH, ALL_BUT_NINTH))?;
    same(third.probe.read(PLACE + LARGE)?, None)
}

fn half_lost_piece_by_piece() -> Check {
    let holder = Holder::of(Task::this(), SUPERPAGES)?;
    for piece in 0..256 {
        holder.task.unmap(Flexpage::memory(PLACE + piece * PAGE, 12, Rights::RWX), true)?;
    }
    same(holder.seen()?, [None, None, None, Some(611)])?;
    holder.task.unmap(Flexpage::memory(PLACE + LARGE / 2, 20, Rights::RWX), true)?;
    same(holder.seen()?, [None; 4])
}

fn part_loses_write() -> Check {
    let first = Holder::of(Task::this(), SUPERPAGES)?;
    let second = Holder::of(*first.task, PLACE)?;
    Task::this().unmap(ninth(SUPERPAGES, Rights::W), false)?;
    same((first.seen()?, second.seen()?), (ALL, ALL))?;
    for holder in [&first, &second] {
        same([holder.writes(8)?, holder.writes(9)?, holder.writes(511)?], [true, false, true])?;
    }
    Ok(())
}

fn part_of_own_loses_write() -> Check {
    let first = Holder::of(Task::this(), SUPERPAGES)?;
    let second = Holder::of(*first.task, PLACE)?;
    first.task.unmap(ninth(PLACE, Rights::W), true)?;
    for holder in [&first, &second] {
        same([holder.writes(8)?, holder.writes(9)?, holder.writes(511)?], [true, false, true])?;
    }
    // What is mapped again has its rights again.
    first.task.map(Task::this(), ninth(SUPERPAGES, Rights::RW), PLACE + 9 * PAGE)?;
    same((first.writes(9)?, second.writes(9)?), (true, false))
}

/// Revocation does not fail: all goes.
fn part_without_quota() -> Check {
    let poor = poor(Task::this(), SUPERPAGES)?;
    let holder = Holder::of(*poor.task, PLACE)?;
    same(holder.seen()?, ALL)?;
    Task::this().unmap(ninth(SUPERPAGES, Rights::RWX), false)?;
    same(holder.seen()?, [None; 4])?;
    holder.task.map(*poor.task, whole(PLACE, Rights::R), PLACE)?;
    same(holder.seen()?, [None; 4])
}

fn rights_of_part_without_quota() -> Check {
    let poor = poor(Task::this(), SUPERPAGES)?;
    poor.task.unmap(ninth(PLACE, Rights::W), true)?;
    let holder = Holder::of(*poor.task, PLACE)?;
    same(holder.seen()?, ALL)?;
    same([holder.writes(8)?, holder.writes(9)?], [false, false])
}

fn chain_with_task_without_quota() -> Check {
    let first = Holder::of(Task::this(), SUPERPAGES)?;
    let poor = poor(*first.task, PLACE)?;
    let below = Holder::of(*poor.task, PLACE)?;
    let beside = Holder::of(*first.task, PLACE)?;
    first.task.unmap(ninth(PLACE, Rights::RWX), true)?;
    same((first.seen()?, below.seen()?, beside.seen()?), (ALL_BUT_NINTH, [None; 4], ALL_BUT_NINTH))
}

fn hole_takes_a_page() -> Check {
    let holder = Holder::of(Task::this(), SUPERPAGES)?;
    holder.task.unmap(ninth(PLACE, Rights::RWX), true)?;
    holder.task.map(Task::this(), Flexpage::memory(PAGES, 12, Rights::RW), PLACE + 9 * PAGE)?;
    same(holder.seen()?.map(|piece| piece.is_some()), [true; 4])?;
    // It is no part of the superpage: it stays when that goes.
    Task::this().unmap(whole(SUPERPAGES, Rights::RWX), false)?;
    same(holder.seen()?.map(|piece| piece.is_some()), [false, true, false, false])
}

fn split_superpage_handed_on() -> Check {
    let first = Holder::of(Task::this(), SUPERPAGES)?;
    first.task.unmap(ninth(PLACE, Rights::RWX), true)?;
    let second = Holder::of(*first.task, PLACE)?;
    same(second.seen()?, ALL_BUT_NINTH)?;
    Task::this().unmap(Flexpage::memory(SUPERPAGES + 8 * PAGE, 12, Rights::RWX), false)?;
    same((first.seen()?, second.seen()?), ([None, None, Some(110), Some(611)], [None, None, Some(110), Some(611)]))
}

fn table_comes_back() -> Check {
    let (holder, factory) = (bare_task()?, make::factory());
    let take = || holder.map(Task::this(), whole(SUPERPAGES, Rights::R), PLACE);
    take()?;
    let before = left(factory);
    holder.unmap(ninth(PLACE, Rights::RWX), true)?;
    same(left(factory), before - TABLE)?;
    // With the superpage, whoever takes it.
    Task::this().unmap(whole(SUPERPAGES, Rights::RWX), false)?;
    take()?;
    same(left(factory), before)?;
    Task::this().unmap(ninth(SUPERPAGES, Rights::RWX), false)?;
    same(left(factory), before - TABLE)?;
    holds(holder.delete().is_ok())
}

/// Whole, with what was made of it: that is the heir's now.
fn superpage_is_granted() -> Check {
    let first = Holder::of(Task::this(), SUPERPAGES)?;
    let (below, heir) = (Holder::of(*first.task, PLACE)?, task()?);
    let probe = Probe::new(*heir)?;
    heir.map_item(*first.task, MapItem::map_at(whole(PLACE, Rights::RWX), PLACE + LARGE).granting())?;
    same((first.seen()?, below.seen()?), ([None; 4], ALL))?;
    same((probe.read(PLACE + LARGE + 9 * PAGE)?, probe.read(PLACE + 2 * LARGE - PAGE)?), (Some(109), Some(611)))?;
    heir.unmap(whole(PLACE + LARGE, Rights::RWX), false)?;
    same((below.seen()?, probe.read(PLACE + LARGE + 9 * PAGE)?), ([None; 4], Some(109)))
}

/// As in Fiasco, what is granted of a larger page is mapped: it goes with the page that it was made of.
fn page_of_a_superpage_is_granted() -> Check {
    let (first, heir) = (Holder::of(Task::this(), SUPERPAGES)?, task()?);
    let probe = Probe::new(*heir)?;
    heir.map_item(*first.task, MapItem::map_at(ninth(PLACE, Rights::RWX), PLACE).granting())?;
    same((probe.read(PLACE)?, first.seen()?), (Some(109), ALL))?;
    first.task.unmap(ninth(PLACE, Rights::RWX), false)?;
    same((probe.read(PLACE)?, first.seen()?), (None, ALL))
}
