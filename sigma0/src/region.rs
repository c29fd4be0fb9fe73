//! A region: a run of consecutive addresses (or I/O ports) that belong to one owner with one set of
//! rights. `RegionMap` keeps them apart; nothing here knows what the numbers stand for.

use core::fmt;

use abi::Rights;

/// Who owns a region: the number of the client's gate, 0 for nobody.
pub type Owner = u16;

/// Free: whoever asks first gets it.
pub const FREE: Owner = 0;

/// The boot task (moe): the kernel labels its pager gate with 4 (Fiasco's `std_workload.cpp`).
pub const ROOT_TASK: Owner = 4;

/// A run of addresses with one owner; both ends belong to it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Region {
    /// First address.
    pub start: u64,
    /// Last address.
    pub end: u64,
    /// Who may have it.
    pub owner: Owner,
    /// What the owner may do with it; for ports R and W together.
    pub rights: Rights,
}

impl Region {
    /// The addresses `start..=end`, free, with `rights`.
    pub const fn free(start: u64, end: u64, rights: Rights) -> Region {
        Region { start, end, owner: FREE, rights }
    }

    /// The naturally aligned block of `2^order` addresses at `start`. None when `start` is not
    /// aligned or the block leaves the address space.
    pub fn block(start: u64, order: u32, owner: Owner, rights: Rights) -> Option<Region> {
        let last = 1u64.checked_shl(order)?.checked_sub(1)?;
        if start & last != 0 {
            return None;
        }
        Some(Region { start, end: start + last, owner, rights })
    }

    /// Whether all of `start..=end` lies inside.
    pub fn contains(&self, start: u64, end: u64) -> bool {
        self.start <= start && end <= self.end
    }

    /// Number of addresses. The whole address space counts as `u64::MAX`.
    pub fn size(&self) -> u64 {
        (self.end - self.start).saturating_add(1)
    }

    /// Whether `next` follows at once and has the same owner and rights.
    pub(crate) fn continues_with(&self, next: &Region) -> bool {
        self.end.checked_add(1) == Some(next.start) && self.owner == next.owner && self.rights == next.rights
    }
}

/// First and last address, rights, owner: a line of a table.
impl fmt::Display for Region {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flag = |right, letter| if self.rights.contains(right) { letter } else { '-' };
        let rights = [flag(Rights::R, 'r'), flag(Rights::W, 'w'), flag(Rights::X, 'x')];
        write!(out, "{:9x} - {:<16x} {}{}{}  ", self.start, self.end, rights[0], rights[1], rights[2])?;
        match self.owner {
            FREE => out.write_str("free"),
            ROOT_TASK => out.write_str("moe"),
            client => write!(out, "client {client:x}"),
        }
    }
}
