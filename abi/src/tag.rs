//! The message tag (`l4sys/types.h`): label, flags, number of items and words.

/// A message tag: label in bits 16 to 63 (signed), flags in 12 to 15, items in 6 to 11, words in 0 to 5.
#[derive(Clone, Copy, PartialEq, Eq)]
#[repr(transparent)]
pub struct Tag(u64);

impl Tag {
    /// Flag of a received tag: the operation failed, the UTCB's error register says how.
    pub const ERROR: u64 = 0x8000;
    /// Flag for sending: hand the FPU's state on with the message.
    pub const TRANSFER_FPU: u64 = 0x1000;
    /// Flag for sending: do not donate the time slice, let the scheduler choose.
    pub const SCHEDULE: u64 = 0x2000;
    /// Flag for sending: propagation; ignored, as by Fiasco.
    pub const PROPAGATE: u64 = 0x4000;
    /// All flags.
    pub const FLAGS: u64 = 0xf000;

    /// The tag with these parts; `words` and `items` are taken modulo 64.
    pub const fn new(label: i64, words: usize, items: usize, flags: u64) -> Self {
        Self(((label as u64) << 16) | (words as u64 & 0x3f) | ((items as u64 & 0x3f) << 6) | (flags & Self::FLAGS))
    }

    /// The tag in a register.
    pub const fn from_raw(raw: u64) -> Self {
        Self(raw)
    }

    /// The register value.
    pub const fn raw(self) -> u64 {
        self.0
    }

    /// The label: a protocol, or in replies an error code or value.
    pub const fn label(self) -> i64 {
        (self.0 as i64) >> 16
    }

    /// The number of untyped words.
    pub const fn words(self) -> usize {
        (self.0 & 0x3f) as usize
    }

    /// The number of typed items, of two words each.
    pub const fn items(self) -> usize {
        ((self.0 >> 6) & 0x3f) as usize
    }

    /// The flags.
    pub const fn flags(self) -> u64 {
        self.0 & Self::FLAGS
    }

    /// Whether the operation failed.
    pub const fn has_error(self) -> bool {
        self.0 & Self::ERROR != 0
    }

    /// The same tag with the error flag set or cleared.
    pub const fn with_error(self, error: bool) -> Self {
        Self((self.0 & !Self::ERROR) | if error { Self::ERROR } else { 0 })
    }
}

impl core::fmt::Debug for Tag {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(
            f,
            "Tag(label {}, words {}, items {}, flags {:#x})",
            self.label(),
            self.words(),
            self.items(),
            self.flags()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_come_back() {
        let tag = Tag::new(-15, 63, 2, Tag::SCHEDULE);
        assert_eq!((tag.label(), tag.words(), tag.items(), tag.flags()), (-15, 63, 2, Tag::SCHEDULE));
        assert!(tag.with_error(true).has_error());
    }
}
