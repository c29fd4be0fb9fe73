//! What the console makes of carriage returns and new lines, by its attributes (`l4sys/vcon.h`). The attributes take effect
//! one after the other, as in Fiasco: what one of them has made is what the next one sees.

use abi::vcon::{ICRNL, IGNCR, INLCR, OCRNL, ONLRET};

const RETURN: u8 = b'\r';
const NEW_LINE: u8 = b'\n';

/// What a reader gets of a byte of input, if anything.
pub fn input(byte: u8, flags: u64) -> Option<u8> {
    let byte = if byte == NEW_LINE && flags & INLCR != 0 { RETURN } else { byte };
    match byte {
        RETURN if flags & IGNCR != 0 => None,
        RETURN if flags & ICRNL != 0 => Some(NEW_LINE),
        other => Some(other),
    }
}

/// What is put out of a byte that is written, if anything.
pub fn output(byte: u8, flags: u64) -> Option<u8> {
    match byte {
        RETURN if flags & OCRNL != 0 => Some(NEW_LINE),
        RETURN if flags & ONLRET != 0 => None,
        other => Some(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(each: fn(u8, u64) -> Option<u8>, flags: u64) -> Vec<u8> {
        b"a\rb\n".iter().filter_map(|&byte| each(byte, flags)).collect()
    }

    #[test]
    fn what_is_read() {
        let rows: [(u64, &[u8]); 7] = [
            (0, b"a\rb\n"),
            (ICRNL, b"a\nb\n"),
            (INLCR, b"a\rb\r"),
            (IGNCR, b"ab\n"),
            (IGNCR | ICRNL, b"ab\n"),
            (INLCR | ICRNL, b"a\nb\n"),
            (INLCR | IGNCR, b"ab"),
        ];
        for (flags, wanted) in rows {
            assert_eq!(all(input, flags), wanted, "{flags:#o}");
        }
    }

    #[test]
    fn what_is_written() {
        let rows: [(u64, &[u8]); 4] =
            [(0, b"a\rb\n"), (OCRNL, b"a\nb\n"), (ONLRET, b"ab\n"), (OCRNL | ONLRET, b"a\nb\n")];
        for (flags, wanted) in rows {
            assert_eq!(all(output, flags), wanted, "{flags:#o}");
        }
    }
}
