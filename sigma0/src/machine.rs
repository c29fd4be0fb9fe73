//! The one place where sigma0 touches memory by its address: pages of its RAM become part of its maps.
#![allow(unsafe_code)] // turns pages that it owns into slices

use sigma0::region::{FREE, Region};
use sigma0::region_map::RegionMap;
use sigma0::resources::Resources;

/// Makes room in the map that `select` names, if there is none, with RAM that sigma0 takes for itself.
/// False when there is no RAM left.
pub fn grow<'m>(
    resources: &mut Resources<'m>,
    select: for<'a> fn(&'a mut Resources<'m>) -> &'a mut RegionMap<'m>,
) -> bool {
    let map = select(resources);
    if map.has_room() {
        return true;
    }
    let wanted = 2 * map.capacity() * size_of::<Region>();
    let order = wanted.next_power_of_two().trailing_zeros().max(abi::PAGE_SHIFT.into());
    let block = resources.ram.regions().iter().rev().find_map(|free| {
        let size = 1u64 << order;
        let start = (free.end + 1).checked_sub(size)? & !(size - 1);
        (free.owner == FREE && free.contains(start, start + size - 1)).then_some(start)
    });
    let Some(start) = block else { return false };
    if !resources.ram.remove(start, start + (1u64 << order) - 1) {
        return false;
    }
    let count = (1usize << order) / size_of::<Region>();
    // SAFETY: the block was free RAM, which sigma0 has mapped one to one; it is in no map any more, so
    // nobody else will ever get it. Any bytes are overwritten before they are read as regions.
    let slots = unsafe {
        let first = start as *mut Region;
        for index in 0..count {
            first.add(index).write(RegionMap::VACANT);
        }
        core::slice::from_raw_parts_mut(first, count)
    };
    select(resources).move_to(slots);
    true
}
