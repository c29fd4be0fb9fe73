//! Mapping and unmapping of flexpages between tasks: memory, I/O ports and capabilities.
//!
//! Memory and ports go through the mapping tree ([`kernel::space`]); capabilities are copied.
//! Semantics are those of Fiasco's `map_util.cpp`.

use crate::memory::machine;
use crate::object::{self, CapSlot};
use crate::sched;
use crate::task::Task;
use crate::upkeep;
use abi::item::{Cacheability, NO_REFERENCE_COUNT};
use abi::task::{UNMAP_ALL_SPACES, UNMAP_DELETE_OBJECT};
use abi::{Flexpage, FlexpageKind, IpcError, MapItem, PAGE_SHIFT, Rights};
use kernel::cap_space::{Attributes, Scan};
use kernel::planted::{Bug, is_planted};
use kernel::space::{Budget, Cache, Map, MemSpace, Progress, Unmap, Walker, Window};

/// Whether a map operation had anything to map.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Mapped {
    /// It had.
    Something,
    /// The sender had nothing there, or kinds or sizes did not fit.
    Nothing,
}

/// A map operation on its way.
pub struct Mapping(Kind);

enum Kind {
    /// Kinds or sizes do not fit.
    Nothing,
    Pages {
        map: Map,
        is_io: bool,
    },
    Capabilities {
        source: &'static Task,
        into: &'static Task,
        /// Slots of the source, and how far slots of the target are from them.
        next: u64,
        end: u64,
        distance: u64,
        allowed: Attributes,
        grant: bool,
        found: bool,
    },
}

impl Mapping {
    /// Maps what the item sends from `source` into a window of `into`. The tasks are kept until it is done.
    pub fn new(source: &'static Task, item: MapItem, into: &'static Task, window: Flexpage) -> Self {
        let Some(meeting) = Window::new(item.flexpage, window, item.send_base()) else { return Self(Kind::Nothing) };
        let pages = |from: &'static MemSpace, to: &'static MemSpace| {
            Map::new(from, to, meeting, item.flexpage.rights(), cache(item), item.is_grant())
        };
        Self(match item.flexpage.kind() {
            FlexpageKind::Special => Kind::Nothing,
            FlexpageKind::Memory => Kind::Pages { map: pages(&source.memory, &into.memory), is_io: false },
            FlexpageKind::Io => Kind::Pages { map: pages(&source.io, &into.io), is_io: true },
            FlexpageKind::Object => {
                let next = meeting.source >> PAGE_SHIFT;
                let count = 1u64.checked_shl(u32::from(meeting.order - PAGE_SHIFT)).unwrap_or(u64::MAX);
                let count = count.saturating_add(u64::from(is_planted(Bug::WindowTooLarge)));
                // In an item the bit says that the new capability does not count; in a slot, that it does.
                let extra = (item.attributes() ^ NO_REFERENCE_COUNT) as Attributes;
                Kind::Capabilities {
                    source,
                    into,
                    next,
                    end: next.saturating_add(count),
                    distance: (meeting.target >> PAGE_SHIFT).wrapping_sub(next),
                    allowed: item.flexpage.rights().0 | extra,
                    grant: item.is_grant(),
                    found: false,
                }
            }
        })
    }

    /// Goes on until done or until the budget is used up. What an error leaves undone stays undone.
    pub fn step(&mut self, budget: &Budget) -> Result<Progress, IpcError> {
        match &mut self.0 {
            Kind::Nothing => Ok(Progress::Done),
            Kind::Pages { map, is_io } => {
                let progress = map.step(machine(), budget).map_err(|_| IpcError::SendMapFailed);
                if *is_io {
                    sched::ports_changed();
                }
                progress
            }
            Kind::Capabilities { source, into, next, end, distance, allowed, grant, found } => loop {
                if into.is_deleted() {
                    return Err(IpcError::SendMapFailed);
                }
                let (index, slot) = match source.caps.next_full(*next, *end, budget) {
                    Scan::Full(index, slot) => (index, slot),
                    Scan::Stopped(index) => {
                        *next = index;
                        return Ok(Progress::Preempted);
                    }
                    Scan::End => return Ok(Progress::Done),
                };
                *next = index + 1;
                let attributes = slot.attributes() & *allowed;
                if attributes & Rights::CAP_R.0 != 0 {
                    *found = true;
                    let place = into.slot_for(index.wrapping_add(*distance));
                    copy_capability(slot, place.ok_or(IpcError::SendMapFailed)?, attributes, *grant);
                }
            },
        }
    }

    /// Whether pages are being taken back to make room.
    pub fn makes_room(&self) -> bool {
        matches!(&self.0, Kind::Pages { map, .. } if map.makes_room())
    }

    /// Whether there was anything to map so far.
    pub fn mapped(&self) -> Mapped {
        let found = match &self.0 {
            Kind::Nothing => false,
            Kind::Pages { map, .. } => map.found_any(),
            Kind::Capabilities { found, .. } => *found,
        };
        if found { Mapped::Something } else { Mapped::Nothing }
    }
}

/// The caching that the item asks for, in place of the sender's.
fn cache(item: MapItem) -> Option<Cache> {
    match item.cacheability() {
        Cacheability::Inherit => None,
        Cacheability::Cacheable => Some(Cache::Cached),
        Cacheability::Bufferable => Some(Cache::Combining),
        Cacheability::Uncacheable => Some(Cache::Uncached),
    }
}

/// Copies or moves a capability. What the place held before is unmapped; a capability mapped onto itself is gone.
fn copy_capability(slot: &'static CapSlot, place: &'static CapSlot, attributes: Attributes, grant: bool) {
    if core::ptr::eq(slot, place) {
        return object::delete_capability(place);
    }
    object::delete_capability(place);
    // Emptying the place can have deleted the very object.
    let Some(header) = slot.object().filter(|header| !header.is_deleted()) else { return };
    header.insert_capability(place, attributes);
    if grant {
        object::remove_capability(slot);
    }
}

/// An unmap operation on its way: takes rights to a flexpage from those the task gave them to, and from the
/// task itself if the mask says so.
pub struct Unmapping {
    task: &'static Task,
    rights: Rights,
    delete: bool,
    /// What is under way, and what comes behind it.
    stage: Option<Stage>,
    rest: [Option<Stage>; 2],
    access: u8,
}

enum Stage {
    Pages(Unmap),
    Capabilities { next: u64, end: u64 },
}

impl Unmapping {
    /// Unmaps `flexpage` from and below `task`, which is kept until it is done. `mask` is that of the task's operation.
    /// The walker is that of the thread whose operation it is.
    pub fn new(task: &'static Task, flexpage: Flexpage, mask: u64, walker: &'static Walker) -> Self {
        let self_too = mask & UNMAP_ALL_SPACES != 0;
        let rights = flexpage.rights();
        let pages = |space: &'static MemSpace, order: u8| {
            let unmap = Unmap::new(space, flexpage.address(), order, rights, self_too, walker);
            (order >= PAGE_SHIFT).then_some(Stage::Pages(unmap))
        };
        let io_order = (flexpage.order() + PAGE_SHIFT).min(Flexpage::WHOLE_SPACE);
        // Capabilities are not hierarchical: there is nothing to take from others.
        let capabilities = |first: u64, order: u8| {
            let count = 1u64.checked_shl(u32::from(order)).unwrap_or(u64::MAX);
            let first = first & !(count - 1);
            self_too.then_some(Stage::Capabilities { next: first, end: first.saturating_add(count) })
        };
        let (stage, rest) = match flexpage.kind() {
            FlexpageKind::Memory => (pages(&task.memory, flexpage.order()), [None, None]),
            FlexpageKind::Io => (pages(&task.io, io_order), [None, None]),
            FlexpageKind::Object => (capabilities(flexpage.page(), flexpage.order()), [None, None]),
            FlexpageKind::Special if flexpage.is_all() => {
                let whole = Flexpage::WHOLE_SPACE;
                (pages(&task.memory, whole), [pages(&task.io, whole), capabilities(0, whole)])
            }
            FlexpageKind::Special => (None, [None, None]),
        };
        let delete = mask & UNMAP_DELETE_OBJECT == UNMAP_DELETE_OBJECT;
        Self { task, rights, delete, stage, rest, access: 0 }
    }

    /// Takes everything away from a task that ends, and deletes what its capabilities may delete.
    pub fn capabilities_of(task: &'static Task) -> Self {
        let stage = Some(Stage::Capabilities { next: 0, end: u64::MAX });
        Self { task, rights: Rights::CAP_RWSD, delete: true, stage, rest: [None, None], access: 0 }
    }

    /// Goes on until done or until the budget is used up.
    pub fn step(&mut self, budget: &Budget) -> Progress {
        while let Some(stage) = &mut self.stage {
            let progress = match stage {
                Stage::Pages(unmap) => {
                    let progress = unmap.step(machine(), budget);
                    // It may have gone on with what another thread began.
                    sched::ports_changed();
                    if progress == Progress::Done {
                        self.access |= unmap.access().0;
                    }
                    progress
                }
                Stage::Capabilities { next, end } => {
                    unmap_capabilities(self.task, next, *end, self.rights, self.delete, budget)
                }
            };
            if progress == Progress::Preempted {
                return Progress::Preempted;
            }
            let [first, second] = &mut self.rest;
            self.stage = first.take().or_else(|| second.take());
        }
        Progress::Done
    }

    /// The access bits of the pages concerned.
    pub fn access(&self) -> u8 {
        self.access
    }
}

impl Drop for Unmapping {
    fn drop(&mut self) {
        if let Some(Stage::Pages(unmap)) = &mut self.stage
            && unmap.cancel(machine())
            // What is due may be the end of the thread that unmaps: whoever runs has not caused that.
            && !upkeep::is_due()
        {
            upkeep::ask();
        }
    }
}

/// Unmaps all capabilities from a range of slots.
fn unmap_capabilities(
    task: &'static Task,
    next: &mut u64,
    end: u64,
    rights: Rights,
    delete: bool,
    budget: &Budget,
) -> Progress {
    loop {
        let slot = match task.caps.next_full(*next, end, budget) {
            Scan::Full(index, slot) => {
                *next = index + 1;
                slot
            }
            Scan::Stopped(index) => {
                *next = index;
                return Progress::Preempted;
            }
            Scan::End => return Progress::Done,
        };
        object::unmap_capability(slot, rights, delete);
    }
}
