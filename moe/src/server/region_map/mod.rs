//! The region map protocol (`l4re/include/rm`): the address space of a program's first thread, until its
//! own l4re takes over.

mod fault;

use alloc::rc::Rc;

use abi::kip::{MemDesc, MemType};
use abi::l4re::rm::{Region as RegionEntry, detach, detached, flags, op};
use abi::{CapIndex, Error as Code, PAGE_SHIFT, Rights};
use loader::region::{Attach, DetachKind, Region, RegionError, RegionMap};
use moe::quota::Quota;
use moe::rescue::RescueJumps;
use moe::store::PAGE;
use syscall::Result;
use syscall::message::Writer;

use super::factory::ensure_heap;
use super::request::Request;
use super::{Space, Store, Words};

/// Bytes that a region, area or rescue jump costs.
const REGION_COST: u64 = 160;
/// Flags that an attach operation may have.
const ATTACH_FLAGS: u32 = flags::ATTACH_MASK & !0x1_0000
    | flags::RWX
    | flags::CACHING_MASK
    | flags::KERNEL
    | flags::PAGER
    | flags::RESERVED
    | flags::PRIVATE
    | flags::ANONYMOUS;
/// Flags of regions without a dataspace of the client's.
const NO_DATASPACE: u32 = flags::RESERVED | flags::KERNEL | flags::ANONYMOUS;

/// Addresses that programs may use.
#[derive(Clone, Copy)]
pub struct Limits {
    first: u64,
    last: u64,
    descriptors: &'static [MemDesc],
}

impl Limits {
    /// As the kernel info page says.
    pub fn new(descriptors: &'static [MemDesc]) -> Limits {
        let of_users = |desc: &&MemDesc| desc.is_virtual() && desc.kind() == MemType::Conventional;
        let (first, last) =
            descriptors.iter().rfind(of_users).map_or((0, 0x7fff_ffff_efff), |desc| (desc.start(), desc.last()));
        Limits { first, last, descriptors }
    }
}

/// What lies behind a region.
#[derive(Clone)]
struct Backing {
    space: Option<Rc<Space>>,
    /// The client's slot for the dataspace, which it gets back on detach.
    client_cap: u64,
}

/// An address space.
pub struct AddressSpace {
    map: RegionMap<Backing>,
    rescue: RescueJumps,
    store: Rc<Store>,
    quota: Rc<Quota>,
    /// Regions, areas and rescue jumps that the quota was charged for.
    charged: u64,
}

impl AddressSpace {
    /// An empty one; `quota` pays for its regions.
    pub fn new(store: &Rc<Store>, quota: &Rc<Quota>, limits: Limits) -> AddressSpace {
        let mut map = RegionMap::new(limits.first, limits.last);
        for desc in limits.descriptors {
            if desc.is_virtual() && desc.kind() == MemType::Reserved {
                // Descriptors that overlap are one more reason not to use the range.
                let size = desc.last() - desc.start() + 1;
                let _ = map.reserve(desc.start(), size, flags::RESERVED, PAGE_SHIFT);
            }
        }
        // Null pointers stay invalid.
        let _ = map.reserve(0, PAGE, 0, PAGE_SHIFT);
        AddressSpace { map, rescue: RescueJumps::new(), store: store.clone(), quota: quota.clone(), charged: 0 }
    }

    /// Attaches all or part of a dataspace; a private region gets a copy.
    pub fn attach(&mut self, wanted: Attach<()>, space: Option<Rc<Space>>, client_cap: u64) -> Result<u64> {
        let Attach { start, size, flags: wanted_flags, align, mut offset, .. } = wanted;
        let mut space = space;
        if wanted_flags & (flags::PRIVATE | flags::ANONYMOUS) != 0 {
            let own = Space::anonymous(&self.store, &self.quota, size)?;
            if let Some(original) = &space {
                offset &= !(PAGE - 1);
                let room = original.size().checked_sub(offset).filter(|&room| room >= size);
                room.ok_or(Code::Inval)?;
                own.copy_from(0, original, offset, size)?;
            }
            (space, offset) = (Some(Rc::new(own)), 0);
        }
        self.charge()?;
        let backing = Backing { space, client_cap };
        let attach = Attach { start, size, flags: wanted_flags, align, offset, backing };
        self.map.attach(attach).map_err(|error| {
            self.release();
            code(error).into()
        })
    }

    fn charge(&mut self) -> Result {
        self.quota.charge(REGION_COST)?;
        self.charged += 1;
        Ok(())
    }

    fn release(&mut self) {
        self.charged -= 1;
        self.quota.release(REGION_COST);
    }

    /// Carries out a request.
    pub fn serve(&mut self, request: &mut Request<'_>, output: &mut Writer<&mut Words>) -> Result<i64> {
        ensure_heap(&self.quota)?;
        match request.opcode()? {
            op::ATTACH => self.serve_attach(request, output),
            op::DETACH => self.serve_detach(request, output),
            // As in L4Re: clients know their dataspaces by slots of theirs, which mean nothing here.
            op::FIND => Err(Code::Perm.into()),
            op::RESERVE_AREA => {
                let (start, size): (u64, u64) = (request.reader.get()?, request.reader.get()?);
                let (wanted, align): (u32, u8) = (request.reader.get()?, request.reader.get()?);
                if wanted & !(flags::SEARCH_ADDR | flags::KERNEL | flags::RESERVED) != 0 || align > 63 {
                    return Err(Code::Inval.into());
                }
                self.charge()?;
                let start = self.map.reserve(start, size, wanted, align).map_err(|error| {
                    self.release();
                    code(error)
                })?;
                output.put(start);
                Ok(0)
            }
            op::FREE_AREA => {
                self.map.free_area(request.reader.get()?).map_err(|_| Code::NoEnt)?;
                // Areas that were there from the start were not charged for.
                if self.charged > 0 {
                    self.release();
                }
                Ok(0)
            }
            op::GET_REGIONS => {
                let regions = self.map.regions_from(request.reader.get()?);
                Ok(list(regions.map(|region| (region.start, region.end, region.flags)), output))
            }
            op::GET_AREAS => {
                let areas = self.map.areas_from(request.reader.get()?);
                Ok(list(areas.map(|area| (area.start, area.end, area.flags)), output))
            }
            op::ADD_RESCUE_JUMP => {
                let (begin, end, target) = (request.reader.get()?, request.reader.get()?, request.reader.get()?);
                self.charge()?;
                self.rescue.add(begin, end, target).inspect_err(|_| self.release())?;
                Ok(0)
            }
            op::REMOVE_RESCUE_JUMP => {
                self.rescue.remove(request.reader.get()?)?;
                self.release();
                Ok(0)
            }
            op::PAGE_IN => self.page_in(request, output),
            _ => Err(Code::NoSys.into()),
        }
    }

    fn serve_attach(&mut self, request: &mut Request<'_>, output: &mut Writer<&mut Words>) -> Result<i64> {
        let reader = &mut request.reader;
        let (start, size, wanted, offset): (u64, u64, u32, u64) =
            (reader.get()?, reader.get()?, reader.get()?, reader.get()?);
        let (align, client_cap): (u8, u64) = (reader.get()?, reader.get()?);
        if wanted & !ATTACH_FLAGS != 0 || size == 0 {
            return Err(Code::Inval.into());
        }
        if wanted & flags::SEARCH_ADDR != 0 && !(PAGE_SHIFT..64).contains(&align) {
            return Err(Code::Inval.into());
        }
        let space = if wanted & NO_DATASPACE != 0 {
            None
        } else if wanted & flags::PAGER != 0 {
            return Err(Code::Inval.into());
        } else {
            let (space, rights) = request.given.dataspace()?;
            let rights = rights | if wanted & flags::PRIVATE != 0 { Rights::W } else { Rights::NONE };
            if !rights.contains(Rights((wanted & flags::RWX) as u8)) {
                return Err(Code::Perm.into());
            }
            Some(space.clone())
        };
        let size = size.checked_next_multiple_of(PAGE).ok_or(Code::Inval)?;
        let start = start & !(PAGE - 1);
        let attach = Attach { start, size, flags: wanted, align, offset, backing: () };
        output.put(self.attach(attach, space, client_cap)?);
        Ok(0)
    }

    fn serve_detach(&mut self, request: &mut Request<'_>, output: &mut Writer<&mut Words>) -> Result<i64> {
        let (address, size, how): (u64, u64, u32) =
            (request.reader.get()?, request.reader.get()?, request.reader.get()?);
        if how & !(detach::EXACT | detach::OVERLAP) != 0 || size == 0 {
            return Err(Code::Inval.into());
        }
        let start = address & !(PAGE - 1);
        let size = (address - start).checked_add(size).and_then(|size| size.checked_next_multiple_of(PAGE));
        let gone = self.map.detach(start, size.ok_or(Code::Inval)?, how & detach::OVERLAP != 0).map_err(code)?;
        let removed = &gone.removed;
        let value = match gone.kind {
            DetachKind::Detached => {
                self.release();
                detached::DETACHED
            }
            DetachKind::Kept => detached::KEPT,
            DetachKind::Split => {
                // One more region now. Without quota for it, it is free of charge.
                let _ = self.charge();
                detached::SPLIT
            }
        };
        if removed.flags & (flags::PRIVATE | flags::ANONYMOUS) != 0
            && let Some(space) = &removed.backing.space
        {
            space.clear(removed.offset, removed.size())?;
        }
        let whole = matches!(gone.kind, DetachKind::Detached | DetachKind::Split);
        output.put(removed.start);
        output.put(removed.size());
        output.put(if whole { removed.backing.client_cap } else { CapIndex::INVALID.raw() });
        Ok(value | if gone.again { detached::AGAIN } else { 0 })
    }

    /// Maps the first part of a range at once.
    fn page_in(&self, request: &mut Request<'_>, output: &mut Writer<&mut Words>) -> Result<i64> {
        let (first, last, wanted): (u64, u64, u16) =
            (request.reader.get()?, request.reader.get()?, request.reader.get()?);
        if first % PAGE != 0 || last.wrapping_add(1) % PAGE != 0 {
            return Err(Code::Inval.into());
        }
        let region = self.map.find(first).ok_or(Code::NoEnt)?;
        let wanted = u32::from(wanted) & flags::RWX;
        if region.flags & (flags::KERNEL | flags::RESERVED) != 0 {
            return Err(Code::NoDev.into());
        }
        if region.flags & wanted != wanted {
            return Err(Code::Access.into());
        }
        let part = Region { end: region.end.min(last), ..region.clone() };
        let item = fault::map(&part, first, wanted & flags::W != 0).map_err(|_| Code::AddrNotAvail)?;
        // No helper: the client asks again for the rest.
        output.put(0_u64);
        output.item(item);
        Ok(0)
    }
}

impl Drop for AddressSpace {
    fn drop(&mut self) {
        self.quota.release(self.charged * REGION_COST);
    }
}

/// Puts out as many ranges as a message has room for; returns their number.
fn list(ranges: impl Iterator<Item = (u64, u64, u32)>, output: &mut Writer<&mut Words>) -> i64 {
    const ROOM: usize = abi::utcb::MESSAGE_REGISTERS * 8 / size_of::<RegionEntry>();
    let mut count = 0;
    for (start, end, range_flags) in ranges.take(ROOM) {
        output.put(start);
        output.put(end);
        output.put(u64::from(range_flags as u16));
        count += 1;
    }
    count
}

fn code(error: RegionError) -> Code {
    error.error()
}
