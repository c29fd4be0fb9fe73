//! A thread among the victims that nobody can reach by a capability: what it does on pages and slots of its own has
//! one outcome, whatever the others do. Only what it lives on can be taken from it, which is no finding.
#![allow(unsafe_code)] // reads pages that come and go

use crate::finding::{Finding, report};
use crate::random::Random;
use syscall::abi::{CapIndex, Flexpage, MapItem, PAGE_SIZE, Rights};
use syscall::ipc::{self, Timeout, Timeouts};
use syscall::{Cap, Task};

/// Slot of its capability to its own task.
pub const OWN_TASK: CapIndex = CapIndex::new(0x2357);
/// Slots of capabilities, and how many they are.
pub const CAPS: u64 = 0x2400;
/// See [`CAPS`].
pub const CAPS_COUNT: u64 = 16;
/// Slots to map them to.
const TARGETS: u64 = 0x2820;
const TARGETS_ORDER: u8 = 5;

/// Where its pages are; below them the place where one of them appears.
pub const PAGES: u64 = 0x35_7913_0000;
/// How many pages, as a logarithm of bytes.
pub const PAGES_ORDER: u8 = 14;
const PLACE: u64 = 0x35_7902_3000;
/// Where that page appears again, made from the one at the first place.
const PLACE_BEHIND: u64 = 0x35_7901_2000;

/// How long it rests between two looks, in microseconds.
const REST_US: u64 = 300;

/// Looks for ever.
pub fn watch(seed: u64) {
    let mut random = Random::new(seed);
    loop {
        memory(&mut random);
        window(&mut random);
        harness::call::no_buffers();
        let rest = Timeouts { send: Timeout::ZERO, receive: Timeout::from_microseconds(REST_US) };
        let _ = ipc::receive(CapIndex::INVALID, rest);
    }
}

/// What page `number` begins with.
pub const fn content(number: u64) -> u64 {
    0x9a6e_0000 + number
}

fn own_task() -> Cap<Task> {
    Cap::new(OWN_TASK)
}

/// The pages appear, one after the other, at the same place, where each reads as itself.
fn memory(random: &mut Random) {
    for _ in 0..4 {
        let number = random.below(1 << (PAGES_ORDER - 12));
        let page = PAGES + number * PAGE_SIZE as u64;
        if own_task().map(own_task(), Flexpage::memory(page, 12, Rights::R), PLACE).is_err() {
            return;
        }
        check(PLACE, page, number);
        if random.once_in(2) && own_task().map(own_task(), Flexpage::memory(PLACE, 12, Rights::R), PLACE_BEHIND).is_ok()
        {
            check(PLACE_BEHIND, page, number);
        }
        if random.once_in(4) {
            let _ = own_task().unmap(Flexpage::memory(PLACE, 12, Rights::RWX), true);
        }
    }
}

/// Page `number` is at `place`.
fn check(place: u64, page: u64, number: u64) {
    // SAFETY: a page of numbers, or none: then this thread ends here, as it does if the page itself is gone.
    let (there, here) = unsafe { ((place as *const u64).read_volatile(), (page as *const u64).read_volatile()) };
    if here == content(number) && there != here {
        report(Finding::Memory);
    }
}

/// Capabilities arrive at the slots that they are mapped to, and at none beside them.
fn window(random: &mut Random) {
    let targets = Flexpage::object(CapIndex::new(TARGETS), TARGETS_ORDER, Rights::CAP_RWSD);
    if own_task().unmap(targets, true).is_err() {
        return;
    }
    let order = random.below(4) as u8;
    let from = CAPS + (random.below(CAPS_COUNT >> order) << order);
    let to = TARGETS + (random.below(1 << (TARGETS_ORDER - order)) << order);
    let item = MapItem::map_at(Flexpage::object(CapIndex::new(from), order, Rights::ALL), CapIndex::new(to).raw());
    let _ = own_task().map_item(own_task(), item);
    for beside in [to - 1, to + (1 << order)] {
        let is_full = own_task().cap_valid(Cap::<Task>::new(CapIndex::new(beside)));
        if is_full.is_ok_and(|full| full) {
            report(Finding::Window);
        }
    }
}
