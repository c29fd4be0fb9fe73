//! Mapping of flexpages between tasks: memory, I/O ports and capabilities; [`crate::unmap`] takes them back.
//!
//! Memory and ports go through the mapping tree ([`kernel::space`]); capabilities are copied.
//! Semantics are those of Fiasco's `map_util.cpp`.

use crate::memory::machine;
use crate::message::{self, Answer, Message, Outcome, expect_object};
use crate::object::{self, CapSlot, Header, RefSlot};
use crate::sched;
use crate::task::Task;
use crate::work::{self, Work};
use abi::item::{Cacheability, NO_REFERENCE_COUNT};
use abi::{Error, Flexpage, FlexpageKind, IpcError, MapItem, PAGE_SHIFT, Rights};
use kernel::cap_space::{Attributes, CapSpace, Scan};
use kernel::planted::{Bug, is_planted};
use kernel::space::{Budget, Cache, Map, MemSpace, Progress, Window};

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
    /// Maps what the item sends from `source` into a window of `into`, if it is a page and takes a moment only; whether it
    /// did. If not, it is for [`new`](Self::new).
    #[inline(always)]
    pub fn at_once(
        source: &'static Task,
        item: MapItem,
        into: &'static Task,
        window: Flexpage,
        budget: &Budget,
    ) -> Result<bool, IpcError> {
        let flexpage = item.flexpage;
        if flexpage.kind() != FlexpageKind::Memory || flexpage.order() != PAGE_SHIFT || item.is_grant() {
            return Ok(false);
        }
        let Some(meeting) = Window::new(flexpage, window, item.send_base()) else { return Ok(false) };
        let (from, to) = ((&source.memory, meeting.source), (&into.memory, meeting.target));
        Map::at_once(machine(), from, to, flexpage.rights(), cache(item), budget).map_err(|_| IpcError::SendMapFailed)
    }

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
                let (next, first) = (meeting.source >> PAGE_SHIFT, meeting.target >> PAGE_SHIFT);
                let count = 1u64.checked_shl(u32::from(meeting.order - PAGE_SHIFT)).unwrap_or(u64::MAX);
                // As in Fiasco nothing is mapped behind the last slot that there can be, and that is no error.
                let count = count.min(CapSpace::<Header>::LIMIT.saturating_sub(first));
                let count = count.saturating_add(u64::from(is_planted(Bug::WindowTooLarge)));
                // In an item the bit says that the new capability does not count; in a slot, that it does.
                let extra = (item.attributes() ^ NO_REFERENCE_COUNT) as Attributes;
                Kind::Capabilities {
                    source,
                    into,
                    next,
                    end: next.saturating_add(count),
                    distance: first.wrapping_sub(next),
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
    object::delete_capability(place);
    // The place can have been the slot itself, and emptying it can have deleted the very object.
    let Some(header) = slot.object().filter(|header| !header.is_deleted()) else { return };
    header.insert_capability(place, attributes);
    if grant {
        object::remove_capability(slot);
    }
}

impl Task {
    /// The operation that maps what the message's item sends from another task into this one.
    pub fn map(&'static self, message: &Message) -> Answer {
        message.require(Rights::CAP_W)?;
        let (source, source_rights) = expect_object!(message, 0, Task);
        let mut flexpage = Flexpage::from_raw(message.word(2)?);
        if flexpage.kind() == FlexpageKind::Object {
            let rights = source_rights & message.rights() | Rights::CAP_RWD;
            flexpage = flexpage.with_rights(flexpage.rights() & rights);
        }
        if source.is_deleted() || self.is_deleted() {
            return Err(Error::Inval);
        }
        let item = MapItem { control: message.word(1)?, flexpage };
        if let Some(Work::Map { _tasks, mapping }) = message.sender.take_work() {
            return map_on(message, mapping, || _tasks);
        }
        match Mapping::at_once(source, item, self, Flexpage::ALL, work::budget()) {
            Ok(true) => message::ok(0),
            Ok(false) => {
                let mapping = Mapping::new(source, item, self, Flexpage::ALL);
                map_on(message, mapping, || [RefSlot::to(source), RefSlot::to(self)])
            }
            Err(error) => Ok(Outcome::Failed(error)),
        }
    }
}

/// Goes on with a task's map operation; whoever has it keeps the tasks.
fn map_on(message: &Message, mut mapping: Mapping, keep: impl FnOnce() -> [RefSlot<Task>; 2]) -> Answer {
    match mapping.step(work::budget()) {
        Ok(Progress::Done) => message::ok(0),
        Ok(Progress::Preempted) => {
            message.sender.continue_later(Work::Map { _tasks: keep(), mapping });
            Ok(Outcome::Preempted)
        }
        Err(error) => Ok(Outcome::Failed(error)),
    }
}
