//! The address space of the task: what lies where, and how a page that is touched gets its memory.
//!
//! Invariant: the list of regions tells the truth about everything in the task. What was there before the
//! service ran (its own image, stack, UTCBs) is paged by the region map outside and carried as
//! [`Backing::Outside`].

use alloc::rc::Rc;
use alloc::vec::Vec;

use abi::l4re::rm::flags;
use abi::{CapIndex, PAGE_SHIFT, Rights, SUPERPAGE_SHIFT};
use l4re::cause::{Access, Place};
use loader::region::{Attach, Detached, Region, RegionError, RegionMap};
use syscall::l4re::{dataspace::Dataspace, rm::Rm, rm::unmap_range};
use syscall::{Cap, Code, Owned, Result, Task};

use crate::outside;

/// What a region is backed by.
#[derive(Clone)]
pub enum Backing {
    /// Page faults are passed on to the region map outside of the task.
    Outside,
    /// Nothing: reserved, or the kernel's.
    Nothing,
    /// A dataspace.
    Dataspace {
        /// The service's own capability for it; freed with the last region that uses it.
        memory: Rc<Owned<Dataspace>>,
        /// The slot in which the program had it when it attached it.
        client: CapIndex,
    },
}

impl Backing {
    /// The slot in which the program has the dataspace.
    pub fn client(&self) -> CapIndex {
        match self {
            Self::Dataspace { client, .. } => *client,
            _ => CapIndex::INVALID,
        }
    }
}

/// The task's regions and areas, and the region map outside.
pub struct Space {
    /// The list.
    pub map: RegionMap<Backing>,
    outside: Cap<Rm>,
    slots_end: u64,
    /// Rights that pages can still be mapped with.
    allowed: u32,
}

/// Below this address null pointers fault, with small offsets too: nothing new is attached there.
const NULL_END: u64 = l4re::cause::NULL_END;
/// First address where something can have been attached before.
const FIRST: u64 = abi::PAGE_SIZE as u64;
/// Last address of a program (the upper half is the kernel's, and no region may touch it).
const LAST: u64 = 0x7fff_ffff_efff;

impl Space {
    /// The space as the region map `outside` describes it. The slots below number `slots_end` are the
    /// service's, those above the program's.
    ///
    /// # Errors
    /// Those of the IPC, and of adding a region twice.
    pub fn new(outside: Cap<Rm>, slots_end: u64) -> Result<Self> {
        let mut map = RegionMap::new(FIRST, LAST);
        let mut from = 0;
        let mut entries = [abi::l4re::rm::Region::default(); outside::MAX_ENTRIES];
        loop {
            let regions = outside::regions(outside, from, &mut entries)?;
            let Some(last) = regions.last() else { break };
            from = last.end + 1;
            for region in regions {
                let kept = u32::from(region.flags) & (flags::RESERVED | flags::KERNEL);
                let (flags, backing) = match kept {
                    0 => (u32::from(region.flags) | flags::PAGER, Backing::Outside),
                    _ => (region.flags.into(), Backing::Nothing),
                };
                let size = region.end - region.start + 1;
                map.attach(Attach { start: region.start, size, flags, align: PAGE_SHIFT, offset: 0, backing })
                    .map_err(|error| error.error())?;
            }
        }
        let mut from = 0;
        loop {
            let areas = outside::areas(outside, from, &mut entries)?;
            let Some(last) = areas.last() else { break };
            from = last.end + 1;
            for area in areas {
                // What no program can use is closed anyway.
                let (start, end) = (area.start.max(FIRST), area.end.min(LAST));
                if start < end {
                    map.reserve(start, end - start + 1, area.flags.into(), PAGE_SHIFT)
                        .map_err(|error| error.error())?;
                }
            }
        }
        close_null(&mut map).map_err(|error| error.error())?;
        Ok(Self { map, outside, slots_end, allowed: flags::RWX })
    }

    /// The service's own copy of the dataspace capability `cap`, which has `rights`.
    ///
    /// # Errors
    /// `NoMem` when the service's slots are used up, and those of the kernel.
    pub fn keep(&self, cap: Cap<Dataspace>, rights: Rights) -> Result<Rc<Owned<Dataspace>>> {
        let memory = Owned::empty()?;
        if memory.index().index() >= self.slots_end {
            return Err(Code::NoMem.into());
        }
        Task::this().map_cap(cap, rights, memory.index())?;
        Ok(Rc::new(memory))
    }

    /// Adds a region and returns its address.
    ///
    /// # Errors
    /// Those of the list.
    pub fn attach(&mut self, wanted: Attach<Backing>) -> Result<u64> {
        Ok(self.map.attach(wanted).map_err(|error| error.error())?)
    }

    /// Cuts a range out and unmaps its pages.
    ///
    /// # Errors
    /// `NoEnt` where there is no region, `Perm` for one that the service itself needs, and those of the kernel.
    pub fn detach(&mut self, start: u64, size: u64, whole: bool) -> Result<Detached<Backing>> {
        if let Some(Region { backing: Backing::Outside, .. }) = self.map.overlapping(start, start + (size - 1)) {
            return Err(Code::Perm.into());
        }
        let cut = self.map.detach(start, size, whole).map_err(|error| error.error())?;
        unmap_range(Task::this(), cut.removed.start, cut.removed.size())?;
        Ok(cut)
    }

    /// Stops all threads of the program, each at its next instruction: takes all code out of the task but the
    /// service's own, and maps none again. Data stays, for the report.
    pub fn stop(&mut self) {
        self.allowed &= !flags::X;
        for region in self.map.regions_from(0) {
            if region.flags & flags::X != 0 && matches!(region.backing, Backing::Dataspace { .. }) {
                // Of its own task, this cannot fail.
                let _ = unmap_range(Task::this(), region.start, region.size());
            }
        }
    }

    /// Gives the page at `address` its memory.
    ///
    /// # Errors
    /// `NoMem` where there is no region (as L4Re has it), `Access` where it forbids the access, `NoDev` for
    /// what is not backed, and those of the dataspace.
    pub fn page_in(&self, address: u64, access: Access) -> Result {
        let region = self.map.find(address).ok_or(Code::NoMem)?;
        if region.flags & required(access) == 0 {
            return Err(Code::Access.into());
        }
        match &region.backing {
            Backing::Nothing => Err(Code::NoDev.into()),
            Backing::Outside => outside::page_fault(self.outside, address | access.page_fault_bits()),
            Backing::Dataspace { memory, .. } => map_page(memory.cap(), region, address, self.allowed),
        }
    }

    /// What a page fault at `address` that could not be resolved has met.
    pub fn place(&self, address: u64, access: Access, stack_pointer: u64) -> Place {
        match self.map.find(address) {
            Some(region) if region.flags & required(access) == 0 => {
                if region.flags & flags::RESERVED != 0 {
                    self.gap(address, stack_pointer)
                } else {
                    Place::Forbidden
                }
            }
            Some(_) => Place::NoMemory,
            None => self.gap(address, stack_pointer),
        }
    }

    /// A place without memory: a stack's guard where writable memory begins right above and the stack
    /// pointer is near, as after a push or a probe of the next page.
    fn gap(&self, address: u64, stack_pointer: u64) -> Place {
        const NEAR: u64 = 0x1_0000;
        let above = self.map.regions_from(address).find(|region| region.start > address);
        let stack_above = above.is_some_and(|region| {
            region.flags & flags::W != 0 && region.start - address <= NEAR && stack_pointer.abs_diff(address) <= NEAR
        });
        if stack_above { Place::StackGuard } else { Place::Nothing }
    }
}

/// The right that an access needs.
const fn required(access: Access) -> u32 {
    match access {
        Access::Read => flags::R,
        Access::Write => flags::W,
        Access::Execute => flags::X,
    }
}

/// Maps the part of the dataspace at `address`: the largest naturally aligned block that lies within the
/// region, of which the dataspace sends as much as it has in one piece. All rights of the region come at
/// once, so that a page faults once and not again at its first write, as far as they are `allowed`.
fn map_page(memory: Cap<Dataspace>, region: &Region<Backing>, address: u64, allowed: u32) -> Result {
    let mut order = PAGE_SHIFT;
    let block = |order: u8| address & !((1 << order) - 1);
    while order < SUPERPAGE_SHIFT
        && block(order + 1) >= region.start
        && block(order + 1) + ((1 << (order + 1)) - 1) <= region.end
    {
        order += 1;
    }
    let page = address & !((1 << PAGE_SHIFT) - 1);
    let flags = u64::from(region.flags & (flags::DS_MAP_MASK & !flags::RWX | allowed));
    memory.map(region.offset_of(page), flags, page, order, None).map(drop)
}

/// Reserves what is free below [`NULL_END`]. What is there already, like the kernel info page, stays.
fn close_null(map: &mut RegionMap<Backing>) -> core::result::Result<(), RegionError> {
    let taken = map.regions_from(FIRST).map(|region| (region.start, region.end));
    let taken = taken.chain(map.areas_from(FIRST).map(|area| (area.start, area.end)));
    let mut taken: Vec<_> = taken.filter(|range| range.0 < NULL_END).collect();
    taken.push((NULL_END, NULL_END));
    taken.sort_unstable();
    let mut free = FIRST;
    for (start, end) in taken {
        if free < start {
            map.reserve(free, start - free, flags::RESERVED, PAGE_SHIFT)?;
        }
        free = free.max(end + 1);
    }
    Ok(())
}
