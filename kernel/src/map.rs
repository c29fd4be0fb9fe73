//! Mapping and unmapping of flexpages between tasks: memory, I/O ports and capabilities.
//!
//! Memory and ports go through the mapping tree ([`kernel::space`]); capabilities are copied.
//! Semantics are those of Fiasco's `map_util.cpp`.

use crate::memory::{machine, memory};
use crate::object::{self, CapSlot};
use crate::sched;
use crate::task::Task;
use abi::item::NO_REFERENCE_COUNT;
use abi::task::{UNMAP_ALL_SPACES, UNMAP_DELETE_OBJECT};
use abi::{Flexpage, FlexpageKind, IpcError, MapItem, PAGE_SHIFT, Rights};
use kernel::cap_space::{Attributes, COUNTED};
use kernel::space::{Budget, Cache, Map, MemSpace, Progress, Unmap, Window};

/// Whether a map operation had anything to map.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mapped {
    /// It had.
    Something,
    /// The sender had nothing there, or kinds or sizes did not fit.
    Nothing,
}

/// Pages per step of a long operation.
const STEP_PAGES: u32 = 1024;

/// Maps what the item sends from `source` into a window of `into`.
pub fn flexpage(
    source: &'static Task,
    item: MapItem,
    into: &'static Task,
    window: Flexpage,
) -> Result<Mapped, IpcError> {
    if into.is_deleted() {
        return Err(IpcError::SendMapFailed);
    }
    let Some(meeting) = Window::new(item.flexpage, window, item.send_base()) else { return Ok(Mapped::Nothing) };
    match item.flexpage.kind() {
        FlexpageKind::Special => Ok(Mapped::Nothing),
        FlexpageKind::Memory => pages(&source.memory, item, &into.memory, meeting),
        FlexpageKind::Io => {
            let mapped = pages(&source.io, item, &into.io, meeting);
            sched::ports_changed();
            mapped
        }
        FlexpageKind::Object => capabilities(source, item, into, meeting),
    }
}

fn pages(
    source: &'static MemSpace,
    item: MapItem,
    into: &'static MemSpace,
    window: Window,
) -> Result<Mapped, IpcError> {
    let mut map = Map::new(source, into, window, item.flexpage.rights(), cache(item), item.is_grant());
    loop {
        match map.step(machine(), &mut Budget::new(STEP_PAGES)) {
            Ok(Progress::Preempted) => {}
            Ok(Progress::Done) if map.found_any() => return Ok(Mapped::Something),
            Ok(Progress::Done) => return Ok(Mapped::Nothing),
            Err(_) => return Err(IpcError::SendMapFailed),
        }
    }
}

/// The caching that the item asks for, in place of the sender's.
fn cache(item: MapItem) -> Option<Cache> {
    const OPTION: u64 = 0x10;
    const CACHEABLE: u64 = 0x20;
    const BUFFERABLE: u64 = 0x40;
    match item.attributes() {
        attributes if attributes & OPTION == 0 => None,
        attributes if attributes & CACHEABLE != 0 => Some(Cache::Cached),
        attributes if attributes & BUFFERABLE != 0 => Some(Cache::Combining),
        _ => Some(Cache::Uncached),
    }
}

fn capabilities(source: &'static Task, item: MapItem, into: &'static Task, window: Window) -> Result<Mapped, IpcError> {
    let first = window.source >> PAGE_SHIFT;
    let target = window.target >> PAGE_SHIFT;
    let count = 1u64.checked_shl(u32::from(window.order - PAGE_SHIFT)).unwrap_or(u64::MAX);
    // In an item the bit says that the new capability does not count; in a slot, that it does.
    let extra = (item.attributes() ^ NO_REFERENCE_COUNT) as Attributes;
    let allowed = item.flexpage.rights().0 | extra;
    let mut mapped = Mapped::Nothing;
    let mut index = first;
    while let Some((found, slot)) = source.caps.next_full(index, first.saturating_add(count)) {
        index = found + 1;
        let attributes = slot.attributes() & allowed;
        if attributes & Rights::CAP_R.0 == 0 {
            continue;
        }
        mapped = Mapped::Something;
        let place = into.caps.make_slot(target + (found - first), memory(), &into.payer().quota);
        copy_capability(slot, place.ok_or(IpcError::SendMapFailed)?, attributes, item.is_grant());
    }
    Ok(mapped)
}

/// Copies or moves a capability. What the place held before is unmapped; a capability mapped onto itself is gone.
fn copy_capability(slot: &'static CapSlot, place: &'static CapSlot, attributes: Attributes, grant: bool) {
    if core::ptr::eq(slot, place) {
        return object::delete_capability(place);
    }
    object::delete_capability(place);
    // Emptying the place can have deleted the very object.
    let Some(header) = slot.object() else { return };
    header.insert_capability(place, attributes);
    if grant {
        object::remove_capability(slot);
    }
}

/// Takes rights to the flexpage from those the task gave them to, and from the task itself if `mask` says so.
/// Returns the access bits of the pages concerned.
pub fn unmap(task: &'static Task, flexpage: Flexpage, mask: u64) -> u8 {
    let self_too = mask & UNMAP_ALL_SPACES != 0;
    let delete = mask & UNMAP_DELETE_OBJECT == UNMAP_DELETE_OBJECT;
    let rights = flexpage.rights();
    match flexpage.kind() {
        FlexpageKind::Memory => unmap_pages(&task.memory, flexpage.address(), flexpage.order(), rights, self_too),
        FlexpageKind::Io => {
            let order = (flexpage.order() + PAGE_SHIFT).min(Flexpage::WHOLE_SPACE);
            unmap_pages(&task.io, flexpage.address(), order, rights, self_too);
            sched::ports_changed();
            0
        }
        FlexpageKind::Object => {
            if self_too {
                unmap_capabilities(task, flexpage.page(), flexpage.order(), rights, delete);
            }
            0
        }
        FlexpageKind::Special if flexpage.is_all() => {
            let whole = Flexpage::WHOLE_SPACE;
            let access = unmap_pages(&task.memory, 0, whole, rights, self_too);
            unmap_pages(&task.io, 0, whole, rights, self_too);
            sched::ports_changed();
            if self_too {
                unmap_capabilities(task, 0, whole, rights, delete);
            }
            access
        }
        FlexpageKind::Special => 0,
    }
}

fn unmap_pages(space: &'static MemSpace, address: u64, order: u8, rights: Rights, self_too: bool) -> u8 {
    if order < PAGE_SHIFT {
        return 0;
    }
    let mut unmap = Unmap::new(space, address, order, rights, self_too);
    while unmap.step(machine(), &mut Budget::new(STEP_PAGES)) == Progress::Preempted {}
    unmap.access().0
}

/// Takes rights to capabilities away; with the right to read, the capabilities themselves.
pub fn unmap_capabilities(task: &'static Task, first: u64, order: u8, rights: Rights, delete: bool) {
    let count = 1u64.checked_shl(u32::from(order)).unwrap_or(u64::MAX);
    let first = first & !(count - 1);
    let mut index = first;
    while let Some((found, slot)) = task.caps.next_full(index, first.saturating_add(count)) {
        index = found + 1;
        if !rights.contains(Rights::CAP_R) {
            let kept = COUNTED | 0xe0;
            slot.set_attributes(slot.attributes() & (!rights.0 | kept));
        } else if delete {
            object::delete_capability(slot);
        } else {
            object::remove_capability(slot);
        }
    }
}
