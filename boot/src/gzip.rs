//! Modules that are compressed with gzip (RFC 1952): recognising one, and unpacking it.
//!
//! Nothing in the file is believed: its header is read within bounds, the size that it gives for what is in it must be one that
//! the method can reach, and length and checksum must be those of what came out. Crate `miniz_oxide` does the inflating.

use core::fmt;
use miniz_oxide::inflate::{
    TINFLStatus,
    core::{DecompressorOxide, decompress, inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF},
};

/// What every gzip file begins with: two bytes of magic, and the only method there is.
const MAGIC: [u8; 3] = [0x1f, 0x8b, 8];
/// Size of the fixed part of the header in bytes.
const HEADER_SIZE: usize = 10;
/// Size of checksum and length at the end in bytes.
const TRAILER_SIZE: usize = 8;
/// No byte of compressed data stands for more bytes than this.
const MAX_RATIO: u64 = 1032;

/// Bits of the header's byte 3: what follows its fixed part.
mod flag {
    pub const HEADER_CHECKSUM: u8 = 1 << 1;
    pub const EXTRA: u8 = 1 << 2;
    pub const NAME: u8 = 1 << 3;
    pub const COMMENT: u8 = 1 << 4;
    pub const RESERVED: u8 = 0xe0;
}

/// What is wrong with a gzip file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Error {
    /// It ends too early.
    Truncated,
    /// Its header has bits that no version of the format has.
    Header,
    /// The size that it gives cannot be true.
    Size,
    /// The compressed data make no sense.
    Data,
    /// What came out has another length than the file says.
    Length,
    /// What came out has another checksum than the file says.
    Checksum,
    /// More follows the compressed data.
    Trailing,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Truncated => "it ends too early",
            Self::Header => "its header is of no known form",
            Self::Size => "the unpacked size that it gives is impossible",
            Self::Data => "its compressed data make no sense",
            Self::Length => "it unpacks to another length than it says",
            Self::Checksum => "its checksum is wrong",
            Self::Trailing => "something follows the compressed data",
        })
    }
}

/// A gzip file whose header is sound.
#[derive(Clone, Copy, Debug)]
pub struct Gzip<'a> {
    /// Compressed data.
    body: &'a [u8],
    checksum: u32,
    unpacked_size: u32,
}

impl<'a> Gzip<'a> {
    /// Recognises a gzip file; `None` if it is something else.
    pub fn parse(file: &'a [u8]) -> Option<Result<Self, Error>> {
        file.starts_with(&MAGIC).then(|| Self::parse_header(file))
    }

    fn parse_header(file: &'a [u8]) -> Result<Self, Error> {
        let flags = *file.get(3).ok_or(Error::Truncated)?;
        if flags & flag::RESERVED != 0 {
            return Err(Error::Header);
        }
        let mut rest = file.get(HEADER_SIZE..).ok_or(Error::Truncated)?;
        let mut skip = |count: usize| -> Result<&'a [u8], Error> {
            let (skipped, after) = rest.split_at_checked(count).ok_or(Error::Truncated)?;
            rest = after;
            Ok(skipped)
        };
        if flags & flag::EXTRA != 0 {
            let size = skip(2)?;
            skip(usize::from(u16::from_le_bytes([size[0], size[1]])))?;
        }
        for string in [flag::NAME, flag::COMMENT] {
            while flags & string != 0 && skip(1)? != [0] {}
        }
        if flags & flag::HEADER_CHECKSUM != 0 {
            skip(2)?;
        }
        let (body, trailer) = rest.split_last_chunk::<TRAILER_SIZE>().ok_or(Error::Truncated)?;
        let [checksum, unpacked_size] = [0, 4].map(|at| {
            let word: [u8; 4] = core::array::from_fn(|byte| trailer[at + byte]);
            u32::from_le_bytes(word)
        });
        if u64::from(unpacked_size) > body.len() as u64 * MAX_RATIO {
            return Err(Error::Size);
        }
        Ok(Self { body, checksum, unpacked_size })
    }

    /// Size in bytes of what [`unpack`](Self::unpack) writes, as the file gives it.
    pub fn unpacked_size(&self) -> u64 {
        self.unpacked_size.into()
    }

    /// Unpacks into `out`, whose length is [`unpacked_size`](Self::unpacked_size).
    ///
    /// # Errors
    /// What is wrong with the file; `out` then holds no more than a part of it.
    pub fn unpack(&self, out: &mut [u8]) -> Result<(), Error> {
        let mut state = DecompressorOxide::new();
        let (status, read, written) =
            decompress(&mut state, self.body, out, 0, TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF);
        match status {
            TINFLStatus::Done if written < out.len() => Err(Error::Length),
            TINFLStatus::Done if read < self.body.len() => Err(Error::Trailing),
            TINFLStatus::Done if checksum(out) != self.checksum => Err(Error::Checksum),
            TINFLStatus::Done => Ok(()),
            TINFLStatus::HasMoreOutput => Err(Error::Length),
            TINFLStatus::NeedsMoreInput | TINFLStatus::FailedCannotMakeProgress => Err(Error::Truncated),
            _ => Err(Error::Data),
        }
    }
}

/// CRC-32 as gzip has it.
fn checksum(bytes: &[u8]) -> u32 {
    let step = |sum: u32, &byte: &u8| sum >> 8 ^ CHECKSUMS[usize::from(sum as u8 ^ byte)];
    !bytes.iter().fold(!0, step)
}

/// The CRC-32 of each byte.
static CHECKSUMS: [u32; 256] = {
    const REVERSED_POLYNOMIAL: u32 = 0xedb8_8320;
    let mut table = [0; 256];
    let mut index = 0;
    while index < table.len() {
        let mut sum = index as u32;
        let mut bit = 0;
        while bit < 8 {
            sum = if sum & 1 != 0 { sum >> 1 ^ REVERSED_POLYNOMIAL } else { sum >> 1 };
            bit += 1;
        }
        table[index] = sum;
        index += 1;
    }
    table
};
