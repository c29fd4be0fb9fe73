//! The list of what lies where in physical memory: sorted, without overlaps.
//!
//! The planner (`layout`) fills it; the picture in the boot log and the KIP's memory descriptors are
//! both made from it. RAM itself is not in it, only what is taken.

use abi::{Rights, kip};
use arrayvec::ArrayVec;
use core::ops::Range;

/// The most regions of a list.
pub const MAX_REGIONS: usize = 256;

/// Who a region belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// Firmware and devices; the number is the KIP's sub-type.
    Firmware(u8),
    /// Broken memory.
    Defective,
    /// Bootstrap: free as soon as the kernel runs.
    Bootstrap,
    /// The kernel's image, the KIP, and the page tables that the kernel starts with.
    Kernel,
    /// sigma0's image.
    Sigma0,
    /// A copy of the ACPI root pointer, in a page that is nobody's memory.
    RootPointer,
    /// Moe's: its image, the module list, the modules; with the rights that moe has on it.
    Moe(Rights),
}

impl Owner {
    /// A word for the boot log.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Firmware(_) => "firmware",
            Self::Defective => "defective",
            Self::Bootstrap => "bootstrap",
            Self::Kernel => "kernel",
            Self::Sigma0 => "sigma0",
            Self::RootPointer => "firmware",
            Self::Moe(_) => "moe",
        }
    }

    /// Type and sub-type of the memory descriptor for it; `None` if it gets none.
    pub const fn descriptor(self) -> Option<(kip::MemType, u8)> {
        match self {
            Self::Firmware(sub_type) => Some((kip::MemType::Arch, sub_type)),
            Self::Defective | Self::Bootstrap => None,
            Self::Kernel => Some((kip::MemType::Reserved, kip::RESERVED_KERNEL)),
            Self::Sigma0 => Some((kip::MemType::Dedicated, 0)),
            Self::RootPointer => Some((kip::MemType::Info, kip::INFO_ACPI_RSDP)),
            Self::Moe(rights) => Some((kip::MemType::Bootloader, rights.0)),
        }
    }
}

/// One taken range of physical memory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region<'a> {
    /// Its addresses; never empty.
    pub range: Range<u64>,
    /// Who has it.
    pub owner: Owner,
    /// What it is, for the boot log.
    pub name: &'a str,
}

/// Why a region cannot be added.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AddError<'a> {
    /// This one is there already.
    Overlaps(Region<'a>),
    /// The list is full.
    Full,
}

/// The list.
#[derive(Clone, Debug, Default)]
pub struct RegionList<'a> {
    regions: ArrayVec<Region<'a>, MAX_REGIONS>,
}

impl<'a> RegionList<'a> {
    /// All regions, sorted by address.
    pub fn iter(&self) -> impl Iterator<Item = &Region<'a>> {
        self.regions.iter()
    }

    /// The first region that shares an address with `range`.
    pub fn overlapping(&self, range: &Range<u64>) -> Option<&Region<'a>> {
        self.regions.iter().find(|r| r.range.start < range.end && range.start < r.range.end)
    }

    /// Adds a region; an empty one is left out.
    ///
    /// # Errors
    /// If it overlaps one that is there, or the list is full.
    pub fn add(&mut self, range: Range<u64>, owner: Owner, name: &'a str) -> Result<(), AddError<'a>> {
        if range.is_empty() {
            return Ok(());
        }
        if let Some(other) = self.overlapping(&range) {
            return Err(AddError::Overlaps(other.clone()));
        }
        let position = self.regions.partition_point(|r| r.range.start < range.start);
        self.regions.try_insert(position, Region { range, owner, name }).map_err(|_| AddError::Full)
    }

    /// Takes out all regions of an owner.
    pub fn remove_all(&mut self, owner: Owner) {
        self.regions.retain(|r| r.owner != owner);
    }

    /// The lowest free place of `size` bytes, aligned to `alignment` (a power of two), within one of
    /// the ranges `ram` and within `bounds`.
    pub fn find_free(
        &self,
        size: u64,
        alignment: u64,
        ram: impl Iterator<Item = Range<u64>>,
        bounds: &Range<u64>,
    ) -> Option<Range<u64>> {
        for part in ram {
            let end = part.end.min(bounds.end);
            let mut start = part.start.max(bounds.start);
            loop {
                start = start.checked_next_multiple_of(alignment)?;
                let Some(candidate) = start.checked_add(size).map(|e| start..e).filter(|c| c.end <= end) else { break };
                match self.overlapping(&candidate) {
                    None => return Some(candidate),
                    Some(other) => start = other.range.end,
                }
            }
        }
        None
    }
}
