//! Typographic characters in scripts: text copied from slides or a word processor has „quotation
//! marks“ that Lua does not know. Lua's own message shows one byte of such a character; here it is found
//! and named, with what to type instead. Pure: a walk over the source that skips strings and comments.

use crate::embedder::FileError;
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};

/// Characters that editors put in place of what is on the keyboard: character, Unicode's name, what
/// Lua wants instead.
const TYPOGRAPHY: &[(char, &str, &str)] = &[
    ('\u{201e}', "DOUBLE LOW-9 QUOTATION MARK", "\""),
    ('\u{201c}', "LEFT DOUBLE QUOTATION MARK", "\""),
    ('\u{201d}', "RIGHT DOUBLE QUOTATION MARK", "\""),
    ('\u{201f}', "DOUBLE HIGH-REVERSED-9 QUOTATION MARK", "\""),
    ('\u{201a}', "SINGLE LOW-9 QUOTATION MARK", "'"),
    ('\u{2018}', "LEFT SINGLE QUOTATION MARK", "'"),
    ('\u{2019}', "RIGHT SINGLE QUOTATION MARK", "'"),
    ('\u{00ab}', "LEFT-POINTING DOUBLE ANGLE QUOTATION MARK", "\""),
    ('\u{00bb}', "RIGHT-POINTING DOUBLE ANGLE QUOTATION MARK", "\""),
    ('\u{2039}', "SINGLE LEFT-POINTING ANGLE QUOTATION MARK", "'"),
    ('\u{203a}', "SINGLE RIGHT-POINTING ANGLE QUOTATION MARK", "'"),
    ('\u{00b4}', "ACUTE ACCENT", "'"),
    ('\u{2032}', "PRIME", "'"),
    ('\u{2033}', "DOUBLE PRIME", "\""),
    ('\u{ff02}', "FULLWIDTH QUOTATION MARK", "\""),
    ('\u{2010}', "HYPHEN", "-"),
    ('\u{2011}', "NON-BREAKING HYPHEN", "-"),
    ('\u{2012}', "FIGURE DASH", "-"),
    ('\u{2013}', "EN DASH", "-, or -- for a comment"),
    ('\u{2014}', "EM DASH", "-, or -- for a comment"),
    ('\u{2212}', "MINUS SIGN", "-"),
    ('\u{2026}', "HORIZONTAL ELLIPSIS", "..."),
    ('\u{00d7}', "MULTIPLICATION SIGN", "*"),
    ('\u{2260}', "NOT EQUAL TO", "~="),
    ('\u{2264}', "LESS-THAN OR EQUAL TO", "<="),
    ('\u{2265}', "GREATER-THAN OR EQUAL TO", ">="),
    ('\u{00a0}', "NO-BREAK SPACE", "a space"),
    ('\u{202f}', "NARROW NO-BREAK SPACE", "a space"),
    ('\u{2007}', "FIGURE SPACE", "a space"),
    ('\u{200b}', "ZERO WIDTH SPACE", "nothing"),
    ('\u{feff}', "ZERO WIDTH NO-BREAK SPACE", "nothing"),
    ('\u{ff08}', "FULLWIDTH LEFT PARENTHESIS", "("),
    ('\u{ff09}', "FULLWIDTH RIGHT PARENTHESIS", ")"),
];

/// The same quotation marks in Windows' code page 1252, where they are one byte that is no UTF-8.
const WINDOWS_1252: &[(u8, char)] = &[
    (0x82, '\u{201a}'),
    (0x84, '\u{201e}'),
    (0x85, '\u{2026}'),
    (0x8b, '\u{2039}'),
    (0x91, '\u{2018}'),
    (0x92, '\u{2019}'),
    (0x93, '\u{201c}'),
    (0x94, '\u{201d}'),
    (0x96, '\u{2013}'),
    (0x97, '\u{2014}'),
    (0x9b, '\u{203a}'),
    (0xa0, '\u{00a0}'),
    (0xab, '\u{00ab}'),
    (0xb4, '\u{00b4}'),
    (0xbb, '\u{00bb}'),
];

/// Finds what typography did to a script that Lua refuses. Returns `line: ` and the message, for the
/// first character outside strings and comments, or one that was meant to end a string which does not
/// end; none when the fault is another.
pub(crate) fn for_source(source: &[u8]) -> Option<String> {
    let at = suspect(source)?;
    let line = 1 + source[..at].iter().filter(|b| **b == b'\n').count();
    let tail = &source[at..source.len().min(at + 4)];
    let valid = match core::str::from_utf8(tail) {
        Ok(text) => text,
        Err(error) => core::str::from_utf8(&tail[..error.valid_up_to()]).unwrap_or(""),
    };
    let (character, note) = match valid.chars().next() {
        Some(character) => (character, ""),
        None => match WINDOWS_1252.iter().find(|(byte, _)| *byte == source[at]) {
            Some((_, character)) => (*character, " (in code page 1252: save the script as UTF-8)"),
            None => {
                let byte = source[at];
                return Some(format!("{line}: byte 0x{byte:02X} is no UTF-8: save the script as UTF-8"));
            }
        },
    };
    let number = character as u32;
    Some(match TYPOGRAPHY.iter().find(|entry| entry.0 == character) {
        Some((_, name, instead)) => {
            let shown = if instead.contains("space") || *instead == "nothing" { ' ' } else { character };
            let shown = if shown == ' ' { String::new() } else { format!("{shown} is ") };
            format!("{line}: {shown}U+{number:04X} {name}{note}, which Lua does not know: type {instead} instead")
        }
        None => format!("{line}: {character} is U+{number:04X}, which Lua allows in strings and comments only"),
    })
}

/// Finds the hint for a message of Lua's about text that was loaded while Lua ran, as `require` does:
/// a line `file:number: … near '<\…>'` or `… unfinished string …` of it.
pub(crate) fn for_message(message: &str, read: impl Fn(&str) -> Result<Vec<u8>, FileError>) -> Option<String> {
    let line = message.lines().rev().find(|line| line.contains("near '<\\") || line.contains("unfinished string"))?;
    let (path, _) = line.trim().split_once(':')?;
    let hint = for_source(&read(path).ok()?)?;
    Some(format!("{path}:{hint}"))
}

/// The length of the long bracket at the start of `text`: `[[`, `[=[`, …; 0 for none.
fn long_bracket(text: &[u8], bracket: u8) -> usize {
    let level = text.iter().skip(1).take_while(|b| **b == b'=').count();
    if text.first() == Some(&bracket) && text.get(level + 1) == Some(&bracket) { level + 2 } else { 0 }
}

/// The end of a long string or comment that starts at `start`, behind its closing bracket.
fn long_end(source: &[u8], start: usize, bracket: usize) -> usize {
    let closing = |at: &usize| long_bracket(&source[*at..], b']') == bracket;
    (start + bracket..source.len()).find(closing).map_or(source.len(), |at| at + bracket)
}

/// Whether a character that starts here is a typographic quotation mark.
fn is_quotation_mark(text: &[u8]) -> bool {
    TYPOGRAPHY.iter().take(15).any(|(character, ..)| text.starts_with(character.to_string().as_bytes()))
        || text.first().is_some_and(|byte| {
            core::str::from_utf8(&text[..text.len().min(4)]).is_err_and(|error| error.valid_up_to() == 0)
                && WINDOWS_1252.iter().any(|(code, _)| code == byte)
        })
}

/// The place of the first suspect character.
fn suspect(source: &[u8]) -> Option<usize> {
    let mut at = 0;
    while at < source.len() {
        let rest = &source[at..];
        match rest[0] {
            b'-' if rest.starts_with(b"--") => {
                at += match long_bracket(&rest[2..], b'[') {
                    0 => rest.iter().take_while(|b| **b != b'\n').count(),
                    bracket => long_end(source, at + 2, bracket) - at,
                };
            }
            b'[' if long_bracket(rest, b'[') > 0 => at = long_end(source, at, long_bracket(rest, b'[')),
            quote @ (b'"' | b'\'') => match string_length(rest, quote) {
                Ok(length) => at += length,
                Err(length) => return (at + 1..at + length).find(|&at| is_quotation_mark(&source[at..])),
            },
            0x80.. => return Some(at),
            _ => at += 1,
        }
    }
    None
}

/// The length of the string that `text` starts with; of its part of the line if it does not end there.
fn string_length(text: &[u8], quote: u8) -> Result<usize, usize> {
    let mut at = 1;
    while at < text.len() {
        match text[at] {
            b'\\' if text[at + 1..].starts_with(b"z") => {
                at += 2;
                at += text[at..].iter().take_while(|b| b.is_ascii_whitespace()).count();
            }
            b'\\' => at += 2,
            b'\n' => return Err(at),
            byte if byte == quote => return Ok(at + 1),
            _ => at += 1,
        }
    }
    Err(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slides_quotation_mark_is_named() {
        let slides = "local L4 = require(\"L4\");  \nL4.default_loader:start({}, „rom/hello\");\n";
        let hint = for_source(slides.as_bytes()).unwrap();
        assert_eq!(hint, "2: „ is U+201E DOUBLE LOW-9 QUOTATION MARK, which Lua does not know: type \" instead");
    }

    #[test]
    fn closing_marks_are_found_in_strings_that_do_not_end() {
        let hint = for_source("\n\nx = \"rom/hello“)\n".as_bytes()).unwrap();
        assert!(hint.starts_with("3: “ is U+201C LEFT DOUBLE QUOTATION MARK"), "{hint}");
        let hint = for_source("x = \"a”".as_bytes()).unwrap();
        assert!(hint.starts_with("1: ” is U+201D RIGHT DOUBLE QUOTATION MARK"), "{hint}");
    }

    #[test]
    fn strings_and_comments_may_hold_anything() {
        let source = "x = \"„ \\\" “\" -- „\ny = [==[ „ ]] ]==] --[[ „\n ]] z = '“ \\z  \n  ”'";
        assert_eq!(for_source(source.as_bytes()), None);
        assert_eq!(for_source(b"x = = 1"), None);
        assert_eq!(for_source(b"x = \"unfinished\n"), None);
        assert_eq!(for_source(b""), None);
    }

    #[test]
    fn other_characters_and_encodings() {
        assert!(for_source("x = ä".as_bytes()).unwrap().contains("ä is U+00E4"));
        assert!(for_source("x =\u{a0}1".as_bytes()).unwrap().contains("NO-BREAK SPACE, which"));
        assert!(
            for_source(b"x = \x84rom\x93").unwrap().contains("U+201E DOUBLE LOW-9 QUOTATION MARK (in code page 1252")
        );
        assert!(for_source(b"x = \xff").unwrap().contains("byte 0xFF is no UTF-8"));
    }

    #[test]
    fn a_message_of_require_leads_to_the_file() {
        let message =
            "error loading module 'x' from file 'rom/x.lua':\n\trom/x.lua:1: unexpected symbol near '<\\226>'";
        let read = |path: &str| (path == "rom/x.lua").then(|| "f(„a“)".as_bytes().into()).ok_or(FileError::NotFound);
        assert!(for_message(message, read).unwrap().starts_with("rom/x.lua:1: „ is U+201E"));
        assert_eq!(for_message("rom/x.lua:1: attempt to call a nil value", read), None);
    }
}
