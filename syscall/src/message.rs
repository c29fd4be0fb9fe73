//! Packing and unpacking of messages, as L4Re's C++ framework does it (see [`abi::l4re`]): a stream of
//! naturally aligned values in the message registers, then typed items.
//!
//! [`Writer`] and [`Reader`] work on anything that has message registers: a UTCB, or an array of words
//! (servers work on a copy, so that a handler may print or call without losing its request).
//!
//! ```
//! use syscall::message::{Reader, Writer};
//!
//! let mut words = [0; 63];
//! let mut writer = Writer::new(&mut words);
//! writer.put(7_i32);
//! writer.put_str("sieben");
//! let tag = writer.tag(0x6000, 0)?;
//!
//! let mut reader = Reader::new(&mut words, tag);
//! assert_eq!(reader.get::<i32>()?, 7);
//! assert_eq!(reader.get_str(&mut [0; 16])?, "sieben");
//! # Ok::<(), syscall::Error>(())
//! ```

use abi::{MapItem, Tag, utcb::MESSAGE_REGISTERS};

use crate::{Code, Result, arch::UtcbRef};

/// Something with message registers.
pub trait Registers {
    /// Register `index`, less than 63.
    fn register(&self, index: usize) -> u64;
    /// Sets register `index`, less than 63.
    fn set_register(&mut self, index: usize, value: u64);
}

impl Registers for UtcbRef {
    #[inline(always)]
    fn register(&self, index: usize) -> u64 {
        self.mr(index)
    }

    #[inline(always)]
    fn set_register(&mut self, index: usize, value: u64) {
        self.set_mr(index, value);
    }
}

impl Registers for [u64; MESSAGE_REGISTERS] {
    #[inline(always)]
    fn register(&self, index: usize) -> u64 {
        self[index]
    }

    #[inline(always)]
    fn set_register(&mut self, index: usize, value: u64) {
        self[index] = value;
    }
}

impl<R: Registers> Registers for &mut R {
    #[inline(always)]
    fn register(&self, index: usize) -> u64 {
        (**self).register(index)
    }

    #[inline(always)]
    fn set_register(&mut self, index: usize, value: u64) {
        (**self).set_register(index, value);
    }
}

/// A value of at most a word that can stand in a message.
pub trait Scalar: Copy {
    /// Size and alignment in bytes.
    const SIZE: usize;
    /// The value in the low bits of a word, zero-extended.
    fn to_word(self) -> u64;
    /// The value in the low bits of a word.
    fn from_word(word: u64) -> Self;
}

macro_rules! scalars {
    ($($type:ty as $bits:ty),*) => {$(
        impl Scalar for $type {
            const SIZE: usize = size_of::<$type>();
            #[inline(always)]
            fn to_word(self) -> u64 {
                self as $bits as u64
            }
            #[inline(always)]
            fn from_word(word: u64) -> Self {
                word as $type
            }
        }
    )*};
}
scalars!(u8 as u8, i8 as u8, u16 as u16, i16 as u16, u32 as u32, i32 as u32, u64 as u64, i64 as u64, usize as usize);

const BYTES: usize = MESSAGE_REGISTERS * 8;

/// Writes a message: first all values, then all items. A message that does not fit is reported by
/// [`tag`](Self::tag).
pub struct Writer<R> {
    registers: R,
    bytes: usize,
    items: usize,
    too_long: bool,
}

impl<R: Registers> Writer<R> {
    /// An empty message.
    #[inline(always)]
    pub fn new(registers: R) -> Self {
        Self { registers, bytes: 0, items: 0, too_long: false }
    }

    #[inline(always)]
    fn align(&mut self, alignment: usize) {
        self.bytes = self.bytes.next_multiple_of(alignment);
    }

    /// Appends a value.
    #[inline(always)]
    pub fn put<T: Scalar>(&mut self, value: T) {
        self.align(T::SIZE);
        if self.bytes + T::SIZE > BYTES || self.items != 0 {
            self.too_long = true;
            return;
        }
        let (register, shift) = (self.bytes / 8, self.bytes % 8 * 8);
        let below = if shift == 0 { 0 } else { self.registers.register(register) & ((1 << shift) - 1) };
        self.registers.set_register(register, below | value.to_word() << shift);
        self.bytes += T::SIZE;
    }

    /// Appends bytes as they are.
    pub fn put_raw(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while !self.bytes.is_multiple_of(8)
            && let Some((&first, behind)) = rest.split_first()
        {
            self.put(first);
            rest = behind;
        }
        let (words, tail) = rest.as_chunks::<8>();
        for word in words {
            self.put(u64::from_le_bytes(*word));
        }
        for &byte in tail {
            self.put(byte);
        }
    }

    /// Appends an array of bytes: its length as a word, then the bytes.
    pub fn put_bytes(&mut self, bytes: &[u8]) {
        self.put(bytes.len() as u64);
        self.put_raw(bytes);
    }

    /// Appends a string: an array of bytes with a terminating 0.
    pub fn put_str(&mut self, string: &str) {
        self.put(string.len() as u64 + 1);
        self.put_raw(string.as_bytes());
        self.put(0_u8);
    }

    /// Appends an argument of a factory message.
    #[inline(always)]
    pub fn put_argument(&mut self, argument: Argument<'_>) {
        use abi::factory::{ArgumentType, argument_header};
        self.align(8);
        match argument {
            Argument::Nil => self.put(argument_header(ArgumentType::Nil, 0)),
            Argument::Unsigned(value) => {
                self.put(argument_header(ArgumentType::Unsigned, 8));
                self.put(value);
            }
            Argument::Signed(value) => {
                self.put(argument_header(ArgumentType::Signed, 8));
                self.put(value);
            }
            Argument::Flexpage(page) => {
                self.put(argument_header(ArgumentType::Flexpage, 8));
                self.put(page.raw());
            }
            Argument::Str(bytes) => {
                self.put(argument_header(ArgumentType::String, bytes.len() + 1));
                self.put_raw(bytes);
                self.put(0_u8);
            }
        }
        self.align(8);
    }

    /// Appends a typed item.
    #[inline(always)]
    pub fn item(&mut self, item: MapItem) {
        self.align(8);
        let register = self.bytes / 8 + 2 * self.items;
        if register + 2 > MESSAGE_REGISTERS {
            self.too_long = true;
            return;
        }
        self.registers.set_register(register, item.control);
        self.registers.set_register(register + 1, item.flexpage.raw());
        self.items += 1;
    }

    /// Throws away what was written.
    pub fn clear(&mut self) {
        (self.bytes, self.items, self.too_long) = (0, 0, false);
    }

    /// The tag for the message with this label and flags.
    ///
    /// # Errors
    /// `MsgTooLong` when not everything fitted, or a value was appended behind an item.
    #[inline(always)]
    pub fn tag(&self, label: i64, flags: u64) -> Result<Tag> {
        if self.too_long {
            return Err(Code::MsgTooLong.into());
        }
        Ok(Tag::new(label, self.bytes.div_ceil(8), self.items, flags))
    }
}

/// An argument of a factory message (`l4sys/factory.h`).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Argument<'a> {
    /// Nothing: takes the place of an argument that is left out.
    Nil,
    /// An unsigned word.
    Unsigned(u64),
    /// A signed word.
    Signed(i64),
    /// Characters, here without the terminating 0.
    Str(&'a [u8]),
    /// A flexpage.
    Flexpage(abi::Flexpage),
}

impl Argument<'_> {
    /// The value of a signed or unsigned argument.
    pub fn integer(self) -> Option<i64> {
        match self {
            Self::Unsigned(value) => Some(value as i64),
            Self::Signed(value) => Some(value),
            _ => None,
        }
    }
}

/// Reads a message.
#[derive(Clone)]
pub struct Reader<R> {
    registers: R,
    tag: Tag,
    bytes: usize,
}

impl<R: Registers> Reader<R> {
    /// The message with this tag in these registers.
    #[inline(always)]
    pub fn new(registers: R, tag: Tag) -> Self {
        Self { registers, tag, bytes: 0 }
    }

    /// The tag.
    #[inline(always)]
    pub fn tag(&self) -> Tag {
        self.tag
    }

    /// The next value.
    ///
    /// # Errors
    /// `MsgTooShort` when the message ends before it.
    #[inline(always)]
    pub fn get<T: Scalar>(&mut self) -> Result<T> {
        let at = self.bytes.next_multiple_of(T::SIZE);
        if at + T::SIZE > self.limit() {
            return Err(Code::MsgTooShort.into());
        }
        self.bytes = at + T::SIZE;
        Ok(T::from_word(self.registers.register(at / 8) >> (at % 8 * 8)))
    }

    /// Word `index` of the untyped part.
    ///
    /// # Errors
    /// `MsgTooShort` when the message has fewer.
    #[inline(always)]
    pub fn word(&self, index: usize) -> Result<u64> {
        if index >= self.limit() / 8 {
            return Err(Code::MsgTooShort.into());
        }
        Ok(self.registers.register(index))
    }

    #[inline(always)]
    fn limit(&self) -> usize {
        self.tag.words().min(MESSAGE_REGISTERS) * 8
    }

    /// Whether values are left.
    pub fn has_more(&self) -> bool {
        self.bytes < self.limit()
    }

    /// Reads `length` bytes into the start of `buffer`.
    ///
    /// # Errors
    /// `MsgTooShort` when the message has fewer, `MsgTooLong` when the buffer is too small.
    pub fn get_raw<'b>(&mut self, length: usize, buffer: &'b mut [u8]) -> Result<&'b [u8]> {
        if length > self.limit().saturating_sub(self.bytes) {
            return Err(Code::MsgTooShort.into());
        }
        let buffer = buffer.get_mut(..length).ok_or(Code::MsgTooLong)?;
        for byte in &mut *buffer {
            *byte = (self.registers.register(self.bytes / 8) >> (self.bytes % 8 * 8)) as u8;
            self.bytes += 1;
        }
        Ok(buffer)
    }

    /// Reads an array of bytes (length as a word, then the bytes) into `buffer`.
    ///
    /// # Errors
    /// `MsgTooShort` when the message ends before the array, `MsgTooLong` when the buffer is too small.
    pub fn get_bytes<'b>(&mut self, buffer: &'b mut [u8]) -> Result<&'b [u8]> {
        let length = self.get::<u64>()?;
        self.get_raw(usize::try_from(length).map_err(|_| Code::MsgTooShort)?, buffer)
    }

    /// Reads a string into `buffer`; its terminating 0 is not part of the result.
    ///
    /// # Errors
    /// As [`get_bytes`](Self::get_bytes); `MsgTooShort` when there is no terminator, `Inval` when it is
    /// not UTF-8.
    pub fn get_str<'b>(&mut self, buffer: &'b mut [u8]) -> Result<&'b str> {
        let bytes = self.get_bytes(buffer)?;
        let (_, string) = bytes.split_last().ok_or(Code::MsgTooShort)?;
        core::str::from_utf8(string).map_err(|_| Code::Inval.into())
    }

    /// The next argument of a factory message, its characters (if any) in `buffer`; `None` at the end.
    ///
    /// # Errors
    /// `Inval` for an argument of unknown type or wrong size, and as [`get_raw`](Self::get_raw).
    pub fn get_argument<'b>(&mut self, buffer: &'b mut [u8]) -> Result<Option<Argument<'b>>> {
        use abi::factory::{ArgumentType, argument_size};
        self.bytes = self.bytes.next_multiple_of(8);
        if !self.has_more() {
            return Ok(None);
        }
        let header = self.get::<u64>()?;
        let kind = ArgumentType::from_header(header).ok_or(Code::Inval)?;
        let size = argument_size(header);
        if !matches!(kind, ArgumentType::String | ArgumentType::Nil) && size != 8 {
            return Err(Code::Inval.into());
        }
        Ok(Some(match kind {
            ArgumentType::Nil => Argument::Nil,
            ArgumentType::Unsigned => Argument::Unsigned(self.get()?),
            ArgumentType::Signed => Argument::Signed(self.get()?),
            ArgumentType::Flexpage => Argument::Flexpage(abi::Flexpage::from_raw(self.get()?)),
            ArgumentType::String => {
                let bytes = self.get_raw(size, buffer)?;
                Argument::Str(bytes.strip_suffix(b"\0").unwrap_or(bytes))
            }
        }))
    }

    /// Item `index`.
    ///
    /// # Errors
    /// `MsgMissArg` when the message has fewer.
    pub fn item(&self, index: usize) -> Result<MapItem> {
        let register = self.tag.words() + 2 * index;
        if index >= self.tag.items() || register + 2 > MESSAGE_REGISTERS {
            return Err(Code::MsgMissArg.into());
        }
        Ok(MapItem::from_words(self.registers.register(register), self.registers.register(register + 1)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use abi::{CapIndex, Flexpage, Rights};

    #[test]
    fn packs_like_the_framework() {
        let mut words = [0xffff_ffff_ffff_ffff; MESSAGE_REGISTERS];
        let mut writer = Writer::new(&mut words);
        writer.put(3_i32); // opcode
        writer.put(0x1234_u64);
        writer.put(7_u32);
        writer.put(0xc_u8);
        writer.put_str("ab");
        writer.item(MapItem::map(Flexpage::object(CapIndex::TASK, 0, Rights::CAP_RWS)));
        let tag = writer.tag(0x4000, 0).unwrap();
        assert_eq!((tag.words(), tag.items()), (5, 1));
        assert_eq!(words[..7], [3, 0x1234, 0xc_0000_0007, 3, 0x0000_6261, 8, 0x1037]);

        let mut reader = Reader::new(&mut words, tag);
        let mut buffer = [0; 8];
        assert_eq!(reader.get::<i32>(), Ok(3));
        assert_eq!(reader.get::<u64>(), Ok(0x1234));
        assert_eq!(reader.get::<u32>(), Ok(7));
        assert_eq!(reader.get::<u8>(), Ok(0xc));
        assert_eq!(reader.get_str(&mut buffer), Ok("ab"));
        assert_eq!(reader.item(0).unwrap().flexpage.raw(), 0x1037);
        assert!(reader.item(1).is_err());
    }

    #[test]
    fn long_and_short_messages_are_errors() {
        let mut words = [0; MESSAGE_REGISTERS];
        let mut writer = Writer::new(&mut words);
        writer.put_bytes(&[1; BYTES - 8]);
        assert_eq!(writer.tag(0, 0).unwrap().words(), 63);
        writer.put(0_u8);
        assert_eq!(writer.tag(0, 0), Err(Code::MsgTooLong.into()));
        words[0] = u64::MAX;
        let mut reader = Reader::new(&mut words, Tag::new(0, 2, 0, 0));
        assert_eq!(reader.get_bytes(&mut [0; 64]), Err(Code::MsgTooShort.into()));
    }

    #[test]
    fn factory_arguments_come_back() {
        let mut words = [0; MESSAGE_REGISTERS];
        let all = [Argument::Signed(-1), Argument::Str(b"tag"), Argument::Nil, Argument::Unsigned(4)];
        let mut writer = Writer::new(&mut words);
        for argument in all {
            writer.put_argument(argument);
        }
        let tag = writer.tag(-15, 0).unwrap();
        let mut reader = Reader::new(&mut words, tag);
        for argument in all {
            assert_eq!(reader.get_argument(&mut [0; 16]).unwrap(), Some(argument));
        }
        assert_eq!(reader.get_argument(&mut []), Ok(None));
    }
}
