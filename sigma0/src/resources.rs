//! All that sigma0 has to give: RAM, device memory and I/O ports, each in a `RegionMap`. Filled once
//! from the memory descriptors of the kernel info page; from then on every page of RAM and every port
//! goes to one owner only, while device memory is shared by all who ask.

use abi::Rights;
use abi::kip::{MemDesc, MemType};

use crate::region::{ROOT_TASK, Region};
use crate::region_map::RegionMap;

const PAGE_MASK: u64 = abi::PAGE_SIZE as u64 - 1;

/// Highest I/O port.
const LAST_PORT: u64 = 0xffff;

/// The maps.
pub struct Resources<'m> {
    /// Ordinary memory.
    pub ram: RegionMap<'m>,
    /// Device memory, firmware tables included.
    pub iomem: RegionMap<'m>,
    /// I/O ports, by number.
    pub ports: RegionMap<'m>,
}

/// There are more memory descriptors than the first slices have room for.
#[derive(Debug, PartialEq, Eq)]
pub struct NoRoom;

impl<'m> Resources<'m> {
    /// Takes what the descriptors say. What overlaps is decided by kind, not by order: memory of the
    /// kernel or of sigma0 is never given away, the root task's memory only to it.
    pub fn new(
        descriptors: impl Iterator<Item = MemDesc> + Clone,
        slots: [&'m mut [Region]; 3],
    ) -> Result<Self, NoRoom> {
        let [ram, iomem, ports] = slots.map(RegionMap::new);
        let mut all = Resources { ram, iomem, ports };
        all.fill(descriptors).then_some(all).ok_or(NoRoom)
    }

    fn fill(&mut self, descriptors: impl Iterator<Item = MemDesc> + Clone) -> bool {
        let physical = |kinds: &'static [MemType]| {
            descriptors
                .clone()
                .filter(move |desc| !desc.is_virtual() && kinds.contains(&desc.kind()))
                .filter_map(|desc| pages(desc).map(|(start, end)| (desc, start, end)))
        };
        let mut done = self.ports.set(Region::free(0, LAST_PORT, Rights::RW))
            && self.iomem.set(Region::free(0, u64::MAX, Rights::RW));
        for (_, start, end) in physical(&[MemType::Conventional]) {
            done &= self.ram.set(Region::free(start, end, Rights::RWX));
            done &= self.iomem.remove(start, end);
        }
        for (desc, start, end) in physical(&[MemType::Bootloader]) {
            let rights = Rights(desc.sub_type()) & Rights::RWX;
            done &= self.ram.set(Region { start, end, owner: ROOT_TASK, rights });
            done &= self.iomem.remove(start, end);
        }
        for (_, start, end) in physical(&[MemType::Info, MemType::Arch, MemType::Shared]) {
            done &= self.ram.remove(start, end);
            done &= self.iomem.set(Region::free(start, end, Rights::RW));
        }
        for (_, start, end) in physical(&[MemType::Reserved, MemType::Dedicated]) {
            done &= self.ram.remove(start, end);
            done &= self.iomem.remove(start, end);
        }
        done
    }

    /// Bytes of RAM that belong to nobody yet.
    pub fn free_ram(&self) -> u64 {
        self.ram.free_size()
    }
}

/// First and last address of a descriptor in whole pages: ordinary memory loses pages that it has only
/// a part of, everything else gains them. None when no page remains.
fn pages(desc: MemDesc) -> Option<(u64, u64)> {
    let (start, last) = (desc.start(), desc.last());
    if desc.kind() != MemType::Conventional {
        return (start <= last).then_some((start & !PAGE_MASK, last | PAGE_MASK));
    }
    let start = start.checked_add(PAGE_MASK)? & !PAGE_MASK;
    let end = match last.checked_add(1) {
        Some(behind) => (behind & !PAGE_MASK).checked_sub(1)?,
        None => last,
    };
    (start < end).then_some((start, end))
}
