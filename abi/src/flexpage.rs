//! Flexpages (`l4sys/__l4_fpage.h`): a naturally aligned region of memory, I/O ports or capability slots.

/// What a flexpage describes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum FlexpageKind {
    /// Nothing ([`Flexpage::INVALID`]) or everything ([`Flexpage::ALL`]).
    Special = 0,
    /// Memory; addresses in bytes.
    Memory = 1,
    /// I/O ports; the number of the port stands in place of the page number.
    Io = 2,
    /// Capabilities; the slot index stands in place of the page number.
    Object = 3,
}

/// Access rights of a flexpage, four bits whose meaning depends on its kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[repr(transparent)]
pub struct Rights(pub u8);

impl Rights {
    /// None.
    pub const NONE: Self = Self(0);
    /// Memory: execute.
    pub const X: Self = Self(1);
    /// Memory: write.
    pub const W: Self = Self(2);
    /// Memory: read.
    pub const R: Self = Self(4);
    /// Memory: read and write.
    pub const RW: Self = Self(6);
    /// Memory: read and execute.
    pub const RX: Self = Self(5);
    /// Memory: all.
    pub const RWX: Self = Self(7);
    /// Capability: write (what it means is up to the object).
    pub const CAP_W: Self = Self(1);
    /// Capability: the special right.
    pub const CAP_S: Self = Self(2);
    /// Capability: read (the capability itself).
    pub const CAP_R: Self = Self(4);
    /// Capability: delete the object.
    pub const CAP_D: Self = Self(8);
    /// Capability: read and write.
    pub const CAP_RW: Self = Self(5);
    /// Capability: read and special.
    pub const CAP_RS: Self = Self(6);
    /// Capability: read, write and special.
    pub const CAP_RWS: Self = Self(7);
    /// Capability: read, write, and delete.
    pub const CAP_RWD: Self = Self(13);
    /// Capability: all.
    pub const CAP_RWSD: Self = Self(15);
    /// All bits.
    pub const ALL: Self = Self(15);

    /// Whether all rights of `other` are there.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl core::ops::BitAnd for Rights {
    type Output = Self;
    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl core::ops::BitOr for Rights {
    type Output = Self;
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// A flexpage: rights in bits 0 to 3, kind in 4 and 5, order in 6 to 11, page in 12 to 63.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
#[repr(transparent)]
pub struct Flexpage(u64);

impl Flexpage {
    /// The order of a flexpage that covers a whole address space (`L4_WHOLE_ADDRESS_SPACE`).
    pub const WHOLE_SPACE: u8 = 63;
    /// The order of a flexpage that covers all I/O ports.
    pub const WHOLE_IO_SPACE: u8 = 16;
    /// The flexpage that describes nothing.
    pub const INVALID: Self = Self(0);
    /// The flexpage that describes everything, of every kind.
    pub const ALL: Self = Self((Self::WHOLE_SPACE as u64) << 6);

    const fn generic(kind: FlexpageKind, address: u64, order: u8, rights: Rights) -> Self {
        Self((address & !0xfff) | ((order as u64 & 0x3f) << 6) | ((kind as u64) << 4) | (rights.0 as u64 & 0xf))
    }

    /// 2^`order` bytes of memory from `address`; `order` is at least 12.
    pub const fn memory(address: u64, order: u8, rights: Rights) -> Self {
        Self::generic(FlexpageKind::Memory, address, order, rights)
    }

    /// 2^`order` I/O ports from `port`.
    pub const fn io(port: u64, order: u8) -> Self {
        Self::generic(FlexpageKind::Io, port << 12, order, Rights::RW)
    }

    /// 2^`order` capability slots from `cap`.
    pub const fn object(cap: crate::CapIndex, order: u8, rights: Rights) -> Self {
        Self::generic(FlexpageKind::Object, cap.raw(), order, rights)
    }

    /// The flexpage in a message word.
    pub const fn from_raw(raw: u64) -> Self {
        Self(raw)
    }

    /// The message word.
    pub const fn raw(self) -> u64 {
        self.0
    }

    /// What it describes.
    pub const fn kind(self) -> FlexpageKind {
        match (self.0 >> 4) & 3 {
            0 => FlexpageKind::Special,
            1 => FlexpageKind::Memory,
            2 => FlexpageKind::Io,
            _ => FlexpageKind::Object,
        }
    }

    /// Its rights.
    pub const fn rights(self) -> Rights {
        Rights((self.0 & 0xf) as u8)
    }

    /// The same flexpage with other rights.
    pub const fn with_rights(self, rights: Rights) -> Self {
        Self((self.0 & !0xf) | (rights.0 as u64 & 0xf))
    }

    /// The logarithm of its size: in bytes, ports or slots.
    pub const fn order(self) -> u8 {
        ((self.0 >> 6) & 0x3f) as u8
    }

    /// Its address in bytes (memory).
    pub const fn address(self) -> u64 {
        self.0 & !0xfff
    }

    /// Its page, port or slot number.
    pub const fn page(self) -> u64 {
        self.0 >> 12
    }

    /// Whether it describes everything, of every kind.
    pub const fn is_all(self) -> bool {
        matches!(self.kind(), FlexpageKind::Special) && self.order() == Self::WHOLE_SPACE
    }

    /// Whether it describes anything.
    pub const fn is_valid(self) -> bool {
        !matches!(self.kind(), FlexpageKind::Special) || self.order() != 0
    }
}

impl core::fmt::Debug for Flexpage {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Flexpage({:?} {:#x} order {} rights {:#x})", self.kind(), self.page(), self.order(), self.rights().0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::CapIndex;

    #[test]
    fn words_are_those_of_the_header() {
        assert_eq!(Flexpage::memory(0x1000, 12, Rights::RWX).raw(), 0x1317);
        assert_eq!(Flexpage::io(0x3f8, 3).raw(), 0x3f_80e6);
        assert_eq!(Flexpage::object(CapIndex::TASK, 0, Rights::CAP_RWS).raw(), 0x1037);
        assert!(Flexpage::ALL.is_all() && Flexpage::ALL.is_valid());
        assert!(!Flexpage::INVALID.is_valid());
    }
}
