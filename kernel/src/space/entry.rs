//! One entry of an x86-64 page table, as a number: Intel SDM volume 3, section 5.5.
//!
//! Bit 9, which the hardware leaves to us, marks the entries that name a table, at every level.

use super::{PAGE, SUPERPAGE};
use abi::Rights;

/// How memory is cached (the item's numbers are in `abi::item::Cacheability`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cache {
    /// Written back.
    Cached,
    /// Write combining; PCD alone selects it in the page attribute table.
    Combining,
    /// Not cached.
    Uncached,
}

impl Cache {
    const fn bits(self) -> u64 {
        match self {
            Self::Cached => 0,
            Self::Combining => Entry::CACHE_DISABLE,
            Self::Uncached => Entry::CACHE,
        }
    }
}

/// What the hardware noted of a page: bits as in the reply of a task's unmap operation
/// (1 referenced, 2 dirty).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Access(pub u8);

impl core::ops::BitOrAssign for Access {
    fn bitor_assign(&mut self, other: Self) {
        self.0 |= other.0;
    }
}

/// An entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry(pub(super) u64);

impl Entry {
    const PRESENT: u64 = 1;
    const WRITABLE: u64 = 1 << 1;
    const USER: u64 = 1 << 2;
    const WRITE_THROUGH: u64 = 1 << 3;
    const CACHE_DISABLE: u64 = 1 << 4;
    const CACHE: u64 = Self::CACHE_DISABLE | Self::WRITE_THROUGH;
    const ACCESSED: u64 = 1 << 5;
    const DIRTY: u64 = 1 << 6;
    const LARGE: u64 = 1 << 7;
    const TABLE: u64 = 1 << 9;
    const NO_EXECUTE: u64 = 1 << 63;
    const ADDRESS: u64 = 0x000f_ffff_ffff_f000;

    /// Nothing.
    pub const EMPTY: Self = Self(0);

    /// The entry that names the table at `phys`.
    pub const fn table(phys: u64) -> Self {
        Self(phys | Self::TABLE | Self::PRESENT | Self::WRITABLE | Self::USER)
    }

    /// The entry that maps the page of size `2^order` at `phys` for user programs; it is readable
    /// whatever `rights` say.
    #[inline]
    pub const fn page(phys: u64, order: u8, rights: Rights, cache: Cache) -> Self {
        let mut bits = phys | Self::PRESENT | Self::USER;
        if order == SUPERPAGE {
            bits |= Self::LARGE;
        }
        if rights.contains(Rights::W) {
            bits |= Self::WRITABLE;
        }
        if !rights.contains(Rights::X) {
            bits |= Self::NO_EXECUTE;
        }
        Self(bits | cache.bits())
    }

    /// Whether it is not empty.
    #[inline]
    pub const fn is_present(self) -> bool {
        self.0 & Self::PRESENT != 0
    }

    /// Whether it names a table.
    #[inline]
    pub const fn is_table(self) -> bool {
        self.0 & Self::TABLE != 0
    }

    /// Whether it maps a superpage.
    #[cfg(any(test, feature = "invariants"))]
    pub const fn is_large(self) -> bool {
        self.0 & Self::LARGE != 0
    }

    /// The physical address in it.
    #[inline]
    pub const fn phys(self) -> u64 {
        self.0 & Self::ADDRESS
    }

    /// What user programs may do with the page.
    #[inline]
    pub const fn rights(self) -> Rights {
        let write = if self.0 & Self::WRITABLE != 0 { Rights::W.0 } else { 0 };
        let execute = if self.0 & Self::NO_EXECUTE == 0 { Rights::X.0 } else { 0 };
        Rights(Rights::R.0 | write | execute)
    }

    /// How the page is cached.
    #[inline]
    pub const fn cache(self) -> Cache {
        match self.0 & Self::CACHE {
            0 => Cache::Cached,
            Self::CACHE_DISABLE => Cache::Combining,
            _ => Cache::Uncached,
        }
    }

    /// What the hardware noted.
    #[inline]
    pub const fn access(self) -> Access {
        Access((self.0 & Self::ACCESSED != 0) as u8 | (((self.0 & Self::DIRTY != 0) as u8) << 1))
    }

    /// The bits to clear and the bits to set in order to take `rights` from a page (read cannot be
    /// taken without taking the page).
    pub(super) const fn restriction(rights: Rights) -> (u64, u64) {
        let cleared = if rights.contains(Rights::W) { Self::WRITABLE } else { 0 };
        let set = if rights.contains(Rights::X) { Self::NO_EXECUTE } else { 0 };
        (cleared, set)
    }

    /// The same entry without `rights`.
    pub const fn without(self, rights: Rights) -> Self {
        let (cleared, set) = Self::restriction(rights);
        Self(self.0 & !cleared | set)
    }

    /// The entry for the page of `order` at `offset` in this one, with those of its rights that
    /// are in `rights` too, cached as it is if `cache` does not say; `None` when no right is left.
    #[inline(always)]
    pub(super) fn handed_on(self, offset: u64, order: u8, rights: Rights, cache: Option<Cache>) -> Option<Self> {
        const KEPT: u64 =
            Entry::ADDRESS | Entry::PRESENT | Entry::USER | Entry::WRITABLE | Entry::NO_EXECUTE | Entry::CACHE;
        let mut bits = Self(self.0 & KEPT).without(Rights(!rights.0)).0;
        if !rights.contains(Rights::R) && bits & (Self::WRITABLE | Self::NO_EXECUTE) == Self::NO_EXECUTE {
            return None;
        }
        if let Some(cache) = cache {
            bits = bits & !Self::CACHE | cache.bits();
        }
        if order == SUPERPAGE {
            bits |= Self::LARGE;
        }
        Some(Self(bits + offset))
    }

    /// The entry for piece `index` of this superpage, with what the hardware noted of the superpage.
    pub(super) const fn piece(self, index: usize) -> Self {
        Self((self.0 & !Self::LARGE) + ((index as u64) << PAGE))
    }

    /// The same entry with the rights of `old` as well, and with what the hardware noted there.
    pub(super) const fn extending(self, old: Self) -> Self {
        let bits = self.0 | old.0 & (Self::WRITABLE | Self::ACCESSED | Self::DIRTY);
        Self(if old.0 & Self::NO_EXECUTE == 0 { bits & !Self::NO_EXECUTE } else { bits })
    }
}
