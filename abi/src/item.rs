//! Typed items of messages and buffer items of receivers (`l4sys/consts.h`, `l4sys/__l4_fpage.h`).

use crate::{CapIndex, Flexpage};

/// Set in every map item and receive item (`L4_ITEM_MAP`).
pub const MAP: u64 = 8;
/// The item is followed by another one (`L4_ITEM_CONT`): in send items, use the same receive buffer for it.
pub const CONTINUE: u64 = 1;
/// Send item: take the mapping away from the sender (`L4_MAP_ITEM_GRANT`).
pub const GRANT: u64 = 2;
/// Receive item: the second word names the task to map into (`L4_RCV_ITEM_FORWARD_MAPPINGS`).
pub const FORWARD_MAPPINGS: u64 = 1;
/// Receive item: one word, a window of one slot (`L4_RCV_ITEM_SINGLE_CAP` is this or-ed with [`MAP`]).
pub const SINGLE_CAP: u64 = MAP | 2;
/// Receive item: accept the id of a local object in place of its capability (`L4_RCV_ITEM_LOCAL_ID`).
pub const LOCAL_ID: u64 = 4;

/// Object item: do not count the new capability as a reference (`L4_FPAGE_C_NO_REF_CNT`).
pub const NO_REFERENCE_COUNT: u64 = 0x10;
/// Object item: the receiver gets the first right of the object itself, if the sender has it; for gates, the right to
/// be the server (`L4_FPAGE_C_IPCGATE_SVR`).
pub const OBJECT_RIGHT_1: u64 = 0x20;
/// Object item: second right of the object itself.
pub const OBJECT_RIGHT_2: u64 = 0x40;
/// Object item: third right of the object itself.
pub const OBJECT_RIGHT_3: u64 = 0x80;
/// Object item: all rights of the object itself.
pub const OBJECT_RIGHTS: u64 = 0xe0;

/// Memory item: caching of the new mapping, in place of the sender's (shifted left by four in the item).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Cacheability {
    /// As the sender has it.
    Inherit = 0,
    /// Not cached.
    Uncacheable = 1,
    /// Cached.
    Cacheable = 3,
    /// Write combining.
    Bufferable = 5,
}

/// A map or grant item: two message words.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MapItem {
    /// Send base and flags.
    pub control: u64,
    /// What is sent.
    pub flexpage: Flexpage,
}

impl MapItem {
    /// Maps `flexpage` at the start of the receiver's window.
    pub const fn map(flexpage: Flexpage) -> Self {
        Self { control: MAP, flexpage }
    }

    /// Maps `flexpage` at offset `send_base` of the receiver's window (bytes; multiples of a page).
    pub const fn map_at(flexpage: Flexpage, send_base: u64) -> Self {
        Self { control: (send_base & !0xfff) | MAP, flexpage }
    }

    /// The item in two message words.
    pub const fn from_words(control: u64, flexpage: u64) -> Self {
        Self { control, flexpage: Flexpage::from_raw(flexpage) }
    }

    /// The same item, granting in place of mapping.
    pub const fn granting(self) -> Self {
        Self { control: self.control | GRANT, ..self }
    }

    /// The same item with other flags or-ed in ([`OBJECT_RIGHT_1`], a [`Cacheability`] shifted left by four …).
    pub const fn with_flags(self, flags: u64) -> Self {
        Self { control: self.control | flags, ..self }
    }

    /// Whether it is empty.
    pub const fn is_void(self) -> bool {
        self.control == 0
    }

    /// Whether it is a map item at all.
    pub const fn is_map(self) -> bool {
        self.control & MAP != 0
    }

    /// Whether it grants.
    pub const fn is_grant(self) -> bool {
        self.control & GRANT != 0
    }

    /// Whether the next item goes to the same receive buffer.
    pub const fn is_compound(self) -> bool {
        self.control & CONTINUE != 0
    }

    /// The offset in the receiver's window.
    pub const fn send_base(self) -> u64 {
        self.control & !0xfff
    }

    /// How the new mapping of memory is to be cached.
    pub const fn cacheability(self) -> Cacheability {
        const OPTION: u64 = 1;
        const CACHEABLE: u64 = Cacheability::Cacheable as u64 ^ OPTION;
        const BUFFERABLE: u64 = Cacheability::Bufferable as u64 ^ OPTION;
        match self.attributes() >> 4 {
            bits if bits & OPTION == 0 => Cacheability::Inherit,
            bits if bits & CACHEABLE != 0 => Cacheability::Cacheable,
            bits if bits & BUFFERABLE != 0 => Cacheability::Bufferable,
            _ => Cacheability::Uncacheable,
        }
    }

    /// The attribute bits 4 to 7: cacheability of memory, or the object's own rights.
    pub const fn attributes(self) -> u64 {
        self.control & 0xf0
    }
}

/// The first word of a receive item in the buffer registers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(transparent)]
pub struct BufferItem(pub u64);

impl BufferItem {
    /// A receive window; the flexpage stands in the next buffer register.
    pub const WINDOW: Self = Self(MAP);

    /// A window of the one slot `cap`.
    pub const fn single_cap(cap: CapIndex) -> Self {
        Self(cap.raw() | SINGLE_CAP)
    }

    /// The same item, accepting local ids too.
    pub const fn local_id(self) -> Self {
        Self(self.0 | LOCAL_ID)
    }

    /// Whether it ends the list of items.
    pub const fn is_void(self) -> bool {
        self.0 == 0
    }

    /// Whether it is a window of one slot, in one word.
    pub const fn is_single_cap(self) -> bool {
        self.0 & 2 != 0
    }

    /// Whether local ids are accepted.
    pub const fn accepts_local_id(self) -> bool {
        self.0 & LOCAL_ID != 0
    }

    /// Whether a further word names the task to map into.
    pub const fn forwards(self) -> bool {
        self.0 & FORWARD_MAPPINGS != 0
    }

    /// The slot of a window of one slot.
    pub const fn cap(self) -> CapIndex {
        CapIndex::from_raw(self.0 & !0xfff)
    }
}

/// What a receiver finds in the low bits of an object item's first word, in bits 1 and 2 (Fiasco's `l4_msg_item.cpp`):
/// how the capability arrived.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u64)]
pub enum Received {
    /// Something was mapped.
    Mapped = 0,
    /// Nothing was mapped.
    Nothing = 2,
    /// The second word is the label of a local gate with the rights of the capability.
    LocalId = 4,
    /// The second word is the sender's flexpage, of the same task.
    LocalFlexpage = 6,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caching_is_what_was_asked_for() {
        let page = Flexpage::memory(0, 12, crate::Rights::RW);
        let kinds =
            [Cacheability::Inherit, Cacheability::Uncacheable, Cacheability::Cacheable, Cacheability::Bufferable];
        for kind in kinds {
            assert_eq!(MapItem::map_at(page, 0x7000).with_flags((kind as u64) << 4).cacheability(), kind);
        }
        // Without its first bit the others mean nothing.
        for bits in [2, 4, 6] {
            assert_eq!(MapItem::map(page).with_flags(bits << 4).cacheability(), Cacheability::Inherit);
        }
    }
}
