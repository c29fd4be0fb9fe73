//! The module files in memory: whether they are there, how much room they take, where to unpack them, and how to move them.

use crate::{
    Failure, PAGE_SIZE, REACHABLE_END,
    information::{Information, MAX_MODULES, Module},
    layout::WORKING_MEMORY,
    memory_map::{Entry, Kind, total_ram},
    page_up,
    region::{Owner, RegionList},
};
use arrayvec::ArrayVec;
use core::ops::Range;

/// Modules are unpacked above this address: below lies what firmware and loader left.
const UNPACK_START: u64 = 0x10_0000;

/// Checks that the loader could put all modules into RAM: QEMU's `-kernel` loses without a word what does not fit.
///
/// # Errors
/// [`Failure::TooLittleMemory`].
pub fn check_sources(information: &Information, map: &[Entry]) -> Result<(), Failure<'static>> {
    let end = information.modules.iter().map(|m| m.start + m.size).max().unwrap_or(0);
    let in_ram = |m: &Module| {
        let holds = |e: &Entry| e.kind == Kind::Ram && e.start <= m.start && m.start + m.size <= e.end;
        m.size == 0 || map.iter().any(holds)
    };
    if information.modules.iter().all(in_ram) {
        return Ok(());
    }
    Err(Failure::TooLittleMemory { needed: end + WORKING_MEMORY, available: total_ram(map) })
}

/// A place for a compressed module's content of `size` bytes: the lowest in RAM above 1 MiB that neither bootstrap nor any module has.
///
/// # Errors
/// [`Failure::TooLittleMemory`] if there is none; that modules overlap, which no sane loader does.
pub fn room(
    information: &Information,
    map: &[Entry],
    bootstrap: Range<u64>,
    size: u64,
) -> Result<Range<u64>, Failure<'static>> {
    let mut taken = RegionList::default();
    let modules = information.modules.iter().map(|m| m.start..m.start + m.size);
    for range in core::iter::once(bootstrap).chain(modules) {
        taken.add(range, Owner::Bootstrap, "").map_err(|_| Failure::LoaderInformation("modules that overlap"))?;
    }
    let ram = map.iter().filter(|e| e.kind == Kind::Ram).map(Entry::range);
    let place = taken.find_free(size, PAGE_SIZE, ram, &(UNPACK_START..REACHABLE_END));
    let available = total_ram(map);
    let needed = available + size + total_size(&information.modules);
    place.ok_or(Failure::TooLittleMemory { needed, available })
}

/// The room that the files of all modules take in whole pages, in bytes.
pub fn total_size(modules: &[Module]) -> u64 {
    modules.iter().map(|m| page_up(m.size)).sum()
}

/// The indices of the modules, lowest address first.
pub fn by_address(modules: &[Module]) -> ArrayVec<usize, MAX_MODULES> {
    let mut order: ArrayVec<usize, MAX_MODULES> = (0..modules.len().min(MAX_MODULES)).collect();
    order.sort_unstable_by_key(|&index| (modules[index].start, index));
    order
}

/// In which order to move the modules to their destinations so that none is overwritten before its turn.
///
/// Destinations follow each other in the order of the sources. Those that move up go first, the highest
/// of them before the others; then those that move down, the lowest first.
pub fn move_order(modules: &[Module], destinations: &[u64]) -> ArrayVec<usize, MAX_MODULES> {
    let order = by_address(modules);
    let moves_up = |index: &&usize| destinations[**index] > modules[**index].start;
    let up = order.iter().rev().filter(moves_up);
    let down = order.iter().filter(|index| !moves_up(index));
    up.chain(down).copied().collect()
}
