//! What the processor has cached of page tables is forgotten when they change: a probe uses a page, so that it is cached,
//! then the page changes, then the probe uses it again. Both are threads of the task whose page it is, and nobody else
//! runs between, so nothing but the kernel's own care forgets it.

use crate::make;
use crate::probe::Probe;
use harness::child::{PAGES, SUPERPAGES};
use harness::worker::{Worker, task};
use harness::{Check, ask, holds, same};
use syscall::Task;
use syscall::abi::item::GRANT;
use syscall::abi::task::{OP_UNMAP, UNMAP_DELETE_OBJECT};
use syscall::abi::{CapIndex, Flexpage, MapItem, PAGE_SHIFT, PAGE_SIZE, Rights, SUPERPAGE_SHIFT, protocol};

crate::group!("flushes":
    page_unmapped, page_unmapped_by_who_gave_it, write_taken, execute_taken, page_replaced, page_granted_away, superpage_unmapped,
    superpage_loses_write, superpage_loses_a_piece, piece_of_superpage_loses_write, table_freed, tables_of_all_levels_freed, table_gives_way_to_superpage,
    task_deletes_itself);

const PAGE: u64 = PAGE_SIZE as u64;
/// Where tests map to: nothing else is there, in any task.
const PLACE: u64 = 0x2_0000_0000;
/// The pieces of a superpage that are looked at.
const PIECES: [u64; 3] = [8, 9, 511];

const fn page(address: u64, rights: Rights) -> Flexpage {
    Flexpage::memory(address, PAGE_SHIFT, rights)
}

const fn large(address: u64, rights: Rights) -> Flexpage {
    Flexpage::memory(address, SUPERPAGE_SHIFT, rights)
}

#[allow(unsafe_code)] // the test's own memory
fn put(address: u64, value: u64) {
    // SAFETY: memory that the harness mapped for tests; no Rust object lies there.
    unsafe { (address as *mut u64).write_volatile(value) }
}

/// A probe in this task.
fn probe() -> Check<Probe> {
    put(PAGES, 100);
    put(PAGES + PAGE, 101);
    for piece in PIECES {
        put(SUPERPAGES + piece * PAGE, 200 + piece);
    }
    Probe::new(Task::this())
}

fn map(flexpage: Flexpage, to: u64) -> Check {
    Ok(Task::this().map(Task::this(), flexpage, to)?)
}

fn unmap(flexpage: Flexpage) -> Check {
    Task::this().unmap(flexpage, true)?;
    Ok(())
}

/// What the probe reads in the superpage at [`PLACE`].
fn pieces(probe: Probe) -> Check<[Option<u64>; 3]> {
    let [a, b, c] = PIECES.map(|piece| probe.read(PLACE + piece * PAGE));
    Ok([a?, b?, c?])
}

const THERE: [Option<u64>; 3] = [Some(208), Some(209), Some(711)];

fn page_unmapped() -> Check {
    let probe = probe()?;
    map(page(PAGES, Rights::RWX), PLACE)?;
    same(probe.read(PLACE)?, Some(100))?;
    unmap(page(PLACE, Rights::RWX))?;
    same(probe.read(PLACE)?, None)
}

fn page_unmapped_by_who_gave_it() -> Check {
    let probe = probe()?;
    map(page(PAGES, Rights::RWX), PLACE)?;
    same(probe.read(PLACE)?, Some(100))?;
    Task::this().unmap(page(PAGES, Rights::RWX), false)?;
    same((probe.read(PLACE)?, probe.read(PAGES)?), (None, Some(100)))
}

fn write_taken() -> Check {
    let probe = probe()?;
    map(page(PAGES, Rights::RWX), PLACE)?;
    same(probe.writes(PLACE, 7)?, true)?;
    unmap(page(PLACE, Rights::W))?;
    same((probe.writes(PLACE, 8)?, probe.read(PLACE)?), (false, Some(7)))
}

fn execute_taken() -> Check {
    const RETURN: u64 = 0xc3;
    let probe = probe()?;
    put(PAGES, RETURN);
    map(page(PAGES, Rights::RWX), PLACE)?;
    same(probe.executes(PLACE)?, true)?;
    unmap(page(PLACE, Rights::X))?;
    same((probe.executes(PLACE)?, probe.read(PLACE)?), (false, Some(RETURN)))
}

fn page_replaced() -> Check {
    let probe = probe()?;
    map(page(PAGES, Rights::RWX), PLACE)?;
    same(probe.read(PLACE)?, Some(100))?;
    map(page(PAGES + PAGE, Rights::R), PLACE)?;
    same((probe.read(PLACE)?, probe.writes(PLACE, 8)?), (Some(101), false))
}

fn page_granted_away() -> Check {
    let probe = probe()?;
    map(page(PAGES, Rights::RWX), PLACE)?;
    same(probe.read(PLACE)?, Some(100))?;
    let item = MapItem::map_at(page(PLACE, Rights::RWX), PLACE + PAGE).with_flags(GRANT);
    Task::this().map_item(Task::this(), item)?;
    same((probe.read(PLACE)?, probe.read(PLACE + PAGE)?), (None, Some(100)))
}

fn superpage_unmapped() -> Check {
    let probe = probe()?;
    map(large(SUPERPAGES, Rights::RWX), PLACE)?;
    same(pieces(probe)?, THERE)?;
    unmap(large(PLACE, Rights::RWX))?;
    same(pieces(probe)?, [None; 3])
}

fn superpage_loses_write() -> Check {
    let probe = probe()?;
    map(large(SUPERPAGES, Rights::RWX), PLACE)?;
    for piece in PIECES {
        same(probe.writes(PLACE + piece * PAGE, 200 + piece)?, true)?;
    }
    unmap(large(PLACE, Rights::W))?;
    for piece in PIECES {
        same(probe.writes(PLACE + piece * PAGE, 7)?, false)?;
    }
    same(pieces(probe)?, THERE)
}

/// Fiasco takes all of it.
fn superpage_loses_a_piece() -> Check {
    let probe = probe()?;
    map(large(SUPERPAGES, Rights::RWX), PLACE)?;
    same(pieces(probe)?, THERE)?;
    let ninth = PLACE + 9 * PAGE;
    unmap(page(ninth, Rights::RWX))?;
    same(probe.read(ninth)?, None)?;
    map(page(PAGES, Rights::RWX), ninth)?;
    same(probe.read(ninth)?, Some(100))?;
    unmap(large(PLACE, Rights::RWX))?;
    same(pieces(probe)?, [None; 3])
}

fn piece_of_superpage_loses_write() -> Check {
    let probe = probe()?;
    map(large(SUPERPAGES, Rights::RWX), PLACE)?;
    let ninth = PLACE + 9 * PAGE;
    same(probe.writes(ninth, 209)?, true)?;
    unmap(page(ninth, Rights::W))?;
    same((probe.writes(ninth, 7)?, pieces(probe)?), (false, THERE))
}

/// The range of a table is unmapped, so the table goes; the next one is another, and has other pages.
fn table_freed() -> Check {
    let probe = probe()?;
    map(page(PAGES, Rights::RWX), PLACE)?;
    same(probe.read(PLACE)?, Some(100))?;
    unmap(large(PLACE, Rights::RWX))?;
    // The table that was freed first comes back here.
    map(page(PAGES + PAGE, Rights::RWX), PLACE + (1 << 30))?;
    same((probe.read(PLACE)?, probe.read(PLACE + (1 << 30))?), (None, Some(101)))?;
    map(page(PAGES + PAGE, Rights::RWX), PLACE + PAGE)?;
    same((probe.read(PLACE)?, probe.read(PLACE + PAGE)?), (None, Some(101)))
}

fn tables_of_all_levels_freed() -> Check {
    const FAR: u64 = 0x4000_0000_0000;
    const ORDER: u8 = 39;
    let probe = probe()?;
    map(page(PAGES, Rights::RWX), FAR)?;
    same(probe.read(FAR)?, Some(100))?;
    unmap(Flexpage::memory(FAR, ORDER, Rights::RWX))?;
    let other = FAR + (1 << ORDER);
    map(page(PAGES + PAGE, Rights::RWX), other)?;
    same((probe.read(FAR)?, probe.read(other)?), (None, Some(101)))
}

fn table_gives_way_to_superpage() -> Check {
    let probe = probe()?;
    map(page(PAGES, Rights::RWX), PLACE + 9 * PAGE)?;
    same(probe.read(PLACE + 9 * PAGE)?, Some(100))?;
    unmap(page(PLACE + 9 * PAGE, Rights::RWX))?;
    map(large(SUPERPAGES, Rights::RWX), PLACE)?;
    same(pieces(probe)?, THERE)
}

/// Where a task has the capability with which it deletes itself.
const OWN: CapIndex = CapIndex::new(0x31);

/// Reads what is at [`PLACE`], so that it is cached, and deletes the task that it runs in.
#[allow(unsafe_code)] // reads the test's memory
fn read_and_end(_: u64) {
    // SAFETY: memory that the test has mapped there.
    make::note(0, unsafe { (PLACE as *const i64).read_volatile() });
    let all = Flexpage::object(OWN, 0, Rights::CAP_RWSD).raw();
    ask(CapIndex::TASK, protocol::TASK, &[OP_UNMAP, UNMAP_DELETE_OBJECT, all], &[]);
}

/// A task ends while the processor runs in it; the next one, whose tables may be where its were, has other pages.
fn task_deletes_itself() -> Check {
    let probe = probe()?;
    for value in 0..8 {
        let other = task()?;
        put(PAGES, value);
        other.map(Task::this(), page(PAGES, Rights::RWX), PLACE)?;
        other.map_cap(*other, Rights::ALL, OWN)?;
        let reader = Worker::create_in(*other)?;
        make::note(0, make::UNSET);
        reader.start(150, read_and_end, 0)?;
        same(make::noted(0), value as i64)?;
        holds(other.map(Task::this(), page(PAGES, Rights::RWX), PLACE).is_err())?;
        reader.thread.delete()?;
    }
    same(probe.read(PLACE)?, None)
}
