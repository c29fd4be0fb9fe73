//! The output of one program, collected to lines that carry the program's tag and colour. A line goes
//! out in one piece, so that lines of two programs never mix. Where there is no tag, text goes out as it is, and at once.

use abi::vcon::WRITE_SIZE;

/// Columns of the tag.
const TAG_WIDTH: usize = 8;
/// Longest tag that is kept.
const TAG_MAX: usize = 32;
/// Room for colour, tag, separator, and the reset with the line's end.
const DECORATION: usize = 8 + TAG_WIDTH + 2 + 5;
/// Characters of a line; a longer one is continued on the next.
const TEXT_MAX: usize = WRITE_SIZE - DECORATION;

/// One of 16 colours: 0 is the terminal's own, 1 to 7 are the dark ones, the same plus 8 the bright.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Colour(u8);

impl Colour {
    /// White, for logs that name no colour.
    pub const WHITE: Colour = Colour(7);

    /// The colour with a number from 0 to 15; other bits are ignored.
    pub fn from_number(number: u64) -> Colour {
        Colour((number & 15) as u8)
    }

    /// The colour whose name starts with one of `nrgybmcw` (none, red, green, yellow, blue, magenta,
    /// cyan, white); a capital letter makes it bright. Colour 0 for anything else.
    pub fn from_name(name: &[u8]) -> Colour {
        let Some(&first) = name.first() else { return Colour(0) };
        let Some(hue) = b"nrgybmcw".iter().position(|&letter| letter == first.to_ascii_lowercase()) else {
            return Colour(0);
        };
        Colour(hue as u8 | if first.is_ascii_uppercase() { 8 } else { 0 })
    }
}

/// A program's line under construction.
pub struct Line {
    tag: [u8; TAG_MAX],
    tag_length: usize,
    colour: Colour,
    text: [u8; TEXT_MAX],
    length: usize,
    /// The line has begun in a piece that is out already.
    continued: bool,
}

impl Line {
    /// An empty line of the program with this tag and colour.
    pub fn new(tag: &[u8], colour: Colour) -> Line {
        let mut line = Line {
            tag: [b' '; TAG_MAX],
            tag_length: tag.len().min(TAG_WIDTH),
            colour,
            text: [0; TEXT_MAX],
            length: 0,
            continued: false,
        };
        line.tag[..line.tag_length].copy_from_slice(&tag[..line.tag_length]);
        line
    }

    /// Appends `text`; every line that it completes goes to `out`, decorated, in one call. A carriage
    /// return at the end of a line is dropped; a zero byte ends the text, as in L4Re.
    pub fn write(&mut self, text: &[u8], mut out: impl FnMut(&[u8])) {
        let text = text.split(|&byte| byte == 0).next().unwrap_or_default();
        if self.tag_length == 0 {
            if !text.is_empty() {
                out(text);
            }
            return;
        }
        for &byte in text {
            if byte == b'\n' {
                self.put_out(false, &mut out);
                continue;
            }
            if self.length == TEXT_MAX {
                self.put_out(true, &mut out);
            }
            self.text[self.length] = byte;
            self.length += 1;
        }
    }

    /// Puts out a line that has begun; for a program that has ended.
    pub fn finish(&mut self, mut out: impl FnMut(&[u8])) {
        if self.length > 0 {
            self.put_out(false, &mut out);
        }
    }

    fn put_out(&mut self, more_follows: bool, out: &mut impl FnMut(&[u8])) {
        let mut line = [0; WRITE_SIZE];
        let mut length = 0;
        let mut put = |bytes: &[u8]| {
            line[length..length + bytes.len()].copy_from_slice(bytes);
            length += bytes.len();
        };
        let Colour(colour) = self.colour;
        match colour {
            0 => {}
            8.. => put(&[b'\x1b', b'[', b'0', b'1', b';', b'3', b'0' + (colour & 7), b'm']),
            _ => put(&[b'\x1b', b'[', b'3', b'0' + colour, b'm']),
        }
        put(&self.tag[..TAG_WIDTH]);
        put(if self.continued { b": " } else { b"| " });
        let text = &self.text[..self.length];
        put(text.strip_suffix(b"\r").unwrap_or(text));
        put(if colour == 0 { b"\n" } else { b"\x1b[0m\n" });
        self.length = 0;
        self.continued = more_follows;
        out(&line[..length]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::string::String;

    fn written(line: &mut Line, text: &[u8]) -> std::vec::Vec<String> {
        let mut all = std::vec::Vec::new();
        line.write(text, |bytes| all.push(String::from_utf8(bytes.to_vec()).unwrap()));
        all
    }

    #[test]
    fn a_line_goes_out_when_it_is_complete() {
        let mut line = Line::new(b"hello", Colour(0));
        assert!(written(&mut line, b"Hello ").is_empty());
        assert_eq!(written(&mut line, b"World!\r\nnext"), ["hello   | Hello World!\n"]);
        assert_eq!(written(&mut line, b"\n\n\0ignored"), ["hello   | next\n", "hello   | \n"]);
        line.write(b"rest", |_| panic!("not complete"));
        let mut last = String::new();
        line.finish(|bytes| last = String::from_utf8(bytes.to_vec()).unwrap());
        assert_eq!(last, "hello   | rest\n");
        line.finish(|_| panic!("nothing left"));
    }

    #[test]
    fn without_a_tag_text_stays_as_it_is() {
        let mut line = Line::new(b"", Colour(1));
        assert_eq!(written(&mut line, b"> a\r"), ["> a\r"]);
        assert_eq!(written(&mut line, b"b\nc\0ignored"), ["b\nc"]);
        assert!(written(&mut line, b"\0").is_empty());
        line.finish(|_| panic!("nothing is kept"));
    }

    #[test]
    fn colours_are_letters_or_numbers() {
        let mut dark = Line::new(b"a-long-tag", Colour::from_name(b"yellow"));
        assert_eq!(written(&mut dark, b"x\n"), ["\x1b[33ma-long-t| x\x1b[0m\n"]);
        let mut bright = Line::new(b"t", Colour::from_name(b"Green"));
        assert_eq!(written(&mut bright, b"x\n"), ["\x1b[01;32mt       | x\x1b[0m\n"]);
        assert_eq!(Colour::from_number(0x1f), Colour(15));
        assert_eq!((Colour::from_name(b""), Colour::from_name(b"?")), (Colour(0), Colour(0)));
        assert_eq!(Colour::from_name(b"N"), Colour(8));
    }

    #[test]
    fn long_lines_are_continued_and_fit_a_message() {
        let mut line = Line::new(b"12345678", Colour(15));
        let pieces = written(&mut line, &[&[b'x'; 1000][..], b"\n"].concat());
        assert_eq!(pieces.len(), 3);
        assert!(pieces.iter().all(|piece| piece.len() <= WRITE_SIZE && piece.ends_with('\n')));
        assert!(pieces[1].contains("12345678: x") && pieces[0].contains("12345678| x"));
        assert!(written(&mut line, b"y\n")[0].contains("| y"));
    }
}
