//! Memory that arrives by IPC: sizes of flexpages and windows, the send base, superpages, several items, caching.

use crate::items::{PLACE, receive, send_from};
use crate::make::{self, noted};
use crate::probe::Probe;
use harness::child::{PAGES, SUPERPAGES};
use harness::worker::task;
use harness::{Check, same};
use syscall::abi::item::{CONTINUE, Cacheability, Received};
use syscall::abi::{BufferItem, Flexpage, MapItem, PAGE_SIZE, Rights, SUPERPAGE_SHIFT, SUPERPAGE_SIZE};
use syscall::arch::utcb;
use syscall::{Cap, Owned, Task};

crate::group!("windows":
    superpage_arrives, superpage_into_a_page, page_of_a_superpage, send_base_places_the_flexpage, send_base_chooses_the_part,
    whole_space_is_a_window, pages_with_holes, absent_memory_maps_nothing, compound_memory_shares_a_window, each_item_has_its_window,
    window_beyond_user_memory, caching_is_taken, sender_in_the_same_task, rights_the_sender_lacks, window_without_rights);

const PAGE: u64 = PAGE_SIZE as u64;
const LARGE: u64 = SUPERPAGE_SIZE as u64;
/// Where senders have what they send.
const SOURCE: u64 = 0x3_0000_0000;

/// Writes the number of each page of `[address, address + count pages)` into its first word.
#[allow(unsafe_code)] // the test's own memory
fn number_pages(address: u64, count: u64) {
    for number in 0..count {
        // SAFETY: memory that the harness mapped for tests; no Rust object lies there.
        unsafe { ((address + number * PAGE) as *mut u64).write_volatile(number + 1) }
    }
}

/// A task that has two superpages of numbered pages at SOURCE, and 16 small ones behind them.
fn source() -> Check<Owned<Task>> {
    number_pages(SUPERPAGES, 2 * LARGE / PAGE);
    number_pages(PAGES, 16);
    let task = task()?;
    task.map(Task::this(), Flexpage::memory(SUPERPAGES, SUPERPAGE_SHIFT + 1, Rights::RW), SOURCE)?;
    task.map(Task::this(), Flexpage::memory(PAGES, 16, Rights::RW), SMALL)?;
    Ok(task)
}

/// The small pages of a sender.
const SMALL: u64 = SOURCE + 2 * LARGE;

/// Has `task` send `items`, receives them into `windows`, and returns how each was received.
fn arrive<const COUNT: usize>(
    task: Cap<Task>,
    items: [MapItem; COUNT],
    windows: &[(u64, u8)],
) -> Check<[Option<Received>; COUNT]> {
    send_from(task, &[], &items)?;
    let mut buffers = [0; 8];
    for (place, &(address, order)) in buffers.chunks_exact_mut(2).zip(windows) {
        place.copy_from_slice(&[BufferItem::WINDOW.0, Flexpage::memory(address, order, Rights::RWX).raw()]);
    }
    same((receive(&buffers[..2 * windows.len()]), noted(0)), (0, 0))?;
    Ok(core::array::from_fn(|index| match utcb().mr(2 * index) & 6 {
        0 => Some(Received::Mapped),
        2 => Some(Received::Nothing),
        _ => None,
    }))
}

const MAPPED: Option<Received> = Some(Received::Mapped);
const NOTHING: Option<Received> = Some(Received::Nothing);

fn memory(address: u64, order: u8, send_base: u64) -> MapItem {
    MapItem::map_at(Flexpage::memory(address, order, Rights::RW), send_base)
}

/// What the test's own task has at each of these addresses.
fn numbers<const COUNT: usize>(addresses: [u64; COUNT]) -> Check<[Option<u64>; COUNT]> {
    let probe = Probe::new(Task::this())?;
    let mut found = [None; COUNT];
    for (number, address) in found.iter_mut().zip(addresses) {
        *number = probe.read(address)?;
    }
    Ok(found)
}

fn superpage_arrives() -> Check {
    let sender = source()?;
    let order = SUPERPAGE_SHIFT;
    same(arrive(*sender, [memory(SOURCE + LARGE, order, 0)], &[(PLACE, order)])?, [MAPPED])?;
    same(numbers([PLACE, PLACE + LARGE - PAGE, PLACE + LARGE])?, [Some(513), Some(1024), None])
}

/// The first page of the superpage comes: the send base says so.
fn superpage_into_a_page() -> Check {
    let sender = source()?;
    same(arrive(*sender, [memory(SOURCE, SUPERPAGE_SHIFT, 0)], &[(PLACE, 12)])?, [MAPPED])?;
    same(numbers([PLACE, PLACE + PAGE])?, [Some(1), None])
}

fn page_of_a_superpage() -> Check {
    let sender = source()?;
    same(arrive(*sender, [memory(SOURCE + 9 * PAGE, 12, 0)], &[(PLACE, 12)])?, [MAPPED])?;
    same(numbers([PLACE])?, [Some(10)])
}

/// In a larger window the flexpage lies at the send base, aligned to its size.
fn send_base_places_the_flexpage() -> Check {
    let sender = source()?;
    same(arrive(*sender, [memory(SMALL, 14, 0x9000)], &[(PLACE, 16)])?, [MAPPED])?;
    same(numbers([PLACE, PLACE + 8 * PAGE, PLACE + 11 * PAGE, PLACE + 12 * PAGE])?, [None, Some(1), Some(4), None])
}

/// Of a larger flexpage the part at the send base goes into the window.
fn send_base_chooses_the_part() -> Check {
    let sender = source()?;
    same(arrive(*sender, [memory(SMALL, 16, 5 * PAGE)], &[(PLACE, 13)])?, [MAPPED])?;
    same(numbers([PLACE, PLACE + PAGE, PLACE + 2 * PAGE])?, [Some(5), Some(6), None])
}

fn whole_space_is_a_window() -> Check {
    let sender = source()?;
    same(arrive(*sender, [memory(SMALL, 13, PLACE + 6 * PAGE)], &[(0, Flexpage::WHOLE_SPACE)])?, [MAPPED])?;
    same(numbers([PLACE + 6 * PAGE, PLACE + 7 * PAGE])?, [Some(1), Some(2)])
}

fn pages_with_holes() -> Check {
    let sender = source()?;
    sender.unmap(Flexpage::memory(SMALL + PAGE, 12, Rights::RWX), true)?;
    same(arrive(*sender, [memory(SMALL, 14, 0)], &[(PLACE, 14)])?, [MAPPED])?;
    same(numbers([PLACE, PLACE + PAGE, PLACE + 2 * PAGE])?, [Some(1), None, Some(3)])
}

fn absent_memory_maps_nothing() -> Check {
    let sender = source()?;
    same(arrive(*sender, [memory(SOURCE - LARGE, 14, 0)], &[(PLACE, 14)])?, [NOTHING])?;
    same(numbers([PLACE])?, [None])
}

fn compound_memory_shares_a_window() -> Check {
    let sender = source()?;
    let items = [memory(SMALL, 12, 0).with_flags(CONTINUE), memory(SMALL + PAGE, 12, 3 * PAGE)];
    same(arrive(*sender, items, &[(PLACE, 14)])?, [MAPPED; 2])?;
    same(numbers([PLACE, PLACE + PAGE, PLACE + 3 * PAGE])?, [Some(1), None, Some(2)])
}

fn each_item_has_its_window() -> Check {
    let sender = source()?;
    let items = [memory(SMALL, 12, 0), memory(SOURCE, SUPERPAGE_SHIFT, 0)];
    same(arrive(*sender, items, &[(PLACE + PAGE, 12), (PLACE + LARGE, SUPERPAGE_SHIFT)])?, [MAPPED; 2])?;
    same(numbers([PLACE, PLACE + PAGE, PLACE + LARGE + PAGE])?, [None, Some(1), Some(2)])
}

fn window_beyond_user_memory() -> Check {
    let sender = source()?;
    same(arrive(*sender, [memory(SMALL, 12, 0)], &[(0x8000_0000_0000, 12)])?, [NOTHING])
}

/// Each kind of caching is taken; the contents are the same.
fn caching_is_taken() -> Check {
    let sender = source()?;
    let kinds = [Cacheability::Inherit, Cacheability::Uncacheable, Cacheability::Cacheable, Cacheability::Bufferable];
    for (number, kind) in (0..).zip(kinds) {
        let item = memory(SMALL + number * PAGE, 12, 0).with_flags((kind as u64) << 4);
        same(arrive(*sender, [item], &[(PLACE + number * PAGE, 12)])?, [MAPPED])?;
    }
    same(numbers([PLACE, PLACE + PAGE, PLACE + 2 * PAGE, PLACE + 3 * PAGE])?, [Some(1), Some(2), Some(3), Some(4)])
}

/// A thread of the test's own task gives it a second mapping of what it has.
fn sender_in_the_same_task() -> Check {
    number_pages(PAGES, 16);
    let own = Task::this();
    same(arrive(own, [memory(PAGES + 2 * PAGE, 12, 0)], &[(PLACE, 12)])?, [MAPPED])?;
    same(numbers([PLACE])?, [Some(3)])
}

fn rights_the_sender_lacks() -> Check {
    let sender = source()?;
    sender.unmap(Flexpage::memory(SMALL, 12, Rights::W), true)?;
    same(arrive(*sender, [memory(SMALL, 12, 0)], &[(PLACE, 12)])?, [MAPPED])?;
    let probe = Probe::new(Task::this())?;
    same((probe.read(PLACE)?, probe.writes(PLACE, 7)?), (Some(1), false))
}

/// The rights of a window do not mask those of what arrives.
fn window_without_rights() -> Check {
    let sender = source()?;
    send_from(*sender, &[], &[memory(SMALL, 12, 0)])?;
    let window = Flexpage::memory(PLACE, 12, Rights::NONE).raw();
    same(receive(&[BufferItem::WINDOW.0, window]), 0)?;
    make::rest(1);
    same(Probe::new(Task::this())?.writes(PLACE, 7)?, true)
}
