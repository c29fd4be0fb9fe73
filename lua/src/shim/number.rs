//! `strtod`: decimal numbers by `core`'s parser, hexadecimal ones digit by digit. Lua itself keeps
//! `inf` and `nan` away from it.

use core::ffi::{CStr, c_char};

/// Reads the number at the start of `text` (after white space). Returns it and the bytes it took;
/// none when there is no number.
fn parse(text: &[u8]) -> Option<(f64, usize)> {
    let start = text.iter().take_while(|b| b.is_ascii_whitespace() || **b == 0x0b).count();
    let negative = text.get(start) == Some(&b'-');
    let digits = start + matches!(text.get(start), Some(b'-' | b'+')) as usize;
    let rest = &text[digits..];
    let (value, length) = match rest {
        [b'0', b'x' | b'X', tail @ ..] => match parse_hexadecimal(tail) {
            Some((value, length)) => (value, length + 2),
            None => (0.0, 1), // "0x" without digits is the number 0 before an x
        },
        _ => parse_decimal(rest)?,
    };
    Some((if negative { -value } else { value }, digits + length))
}

/// Counts the bytes of `text` at the start that `wanted` accepts.
fn count(text: &[u8], wanted: impl Fn(&u8) -> bool) -> usize {
    text.iter().take_while(|b| wanted(b)).count()
}

/// Counts the bytes of an exponent that starts with `letter` at the start of `text`: 0 for none.
fn exponent_length(text: &[u8], letter: u8) -> usize {
    if text.first().map(u8::to_ascii_lowercase) != Some(letter) {
        return 0;
    }
    let sign = matches!(text.get(1), Some(b'-' | b'+')) as usize;
    match count(&text[1 + sign..], u8::is_ascii_digit) {
        0 => 0,
        digits => 1 + sign + digits,
    }
}

/// Measures digits with an optional point in them. Returns the bytes they take; none without a digit.
fn mantissa_length(text: &[u8], digit: impl Fn(&u8) -> bool) -> Option<usize> {
    let whole = count(text, &digit);
    let fraction = match text.get(whole) {
        Some(b'.') => Some(count(&text[whole + 1..], &digit)),
        _ => None,
    };
    (whole + fraction.unwrap_or(0) > 0).then_some(whole + fraction.map_or(0, |digits| digits + 1))
}

fn parse_decimal(text: &[u8]) -> Option<(f64, usize)> {
    let mantissa = mantissa_length(text, u8::is_ascii_digit)?;
    let length = mantissa + exponent_length(&text[mantissa..], b'e');
    let number = core::str::from_utf8(&text[..length]).ok()?.parse().ok()?;
    Some((number, length))
}

fn parse_hexadecimal(text: &[u8]) -> Option<(f64, usize)> {
    let mantissa = mantissa_length(text, u8::is_ascii_hexdigit)?;
    let mut value: u128 = 0; // the digits as an integer: 30 of them, more than a double holds
    let mut inexact = false; // whether a digit that did not fit was not zero
    let mut power = 0i32;
    let mut after_point = false;
    for &byte in &text[..mantissa] {
        let Some(digit) = (byte as char).to_digit(16) else {
            after_point = true;
            continue;
        };
        if value >> 120 == 0 {
            value = value << 4 | u128::from(digit);
            power -= if after_point { 4 } else { 0 };
        } else {
            inexact |= digit != 0;
            power += if after_point { 0 } else { 4 };
        }
    }
    let exponent = exponent_length(&text[mantissa..], b'p');
    if exponent > 0 {
        let digits = core::str::from_utf8(&text[mantissa + 1..mantissa + exponent]).ok()?;
        let limit = if digits.starts_with('-') { -100_000 } else { 100_000 };
        power = power.saturating_add(digits.parse().unwrap_or(limit));
    }
    Some((libm::ldexp((value | u128::from(inexact)) as f64, power), mantissa + exponent))
}

/// # Safety
/// C's contract: `text` is terminated; `end` is null or points to a pointer.
#[unsafe(no_mangle)]
unsafe extern "C" fn furore_lua_strtod(text: *const c_char, end: *mut *const c_char) -> f64 {
    // SAFETY: Lua passes a terminated string.
    let (value, length) = parse(unsafe { CStr::from_ptr(text) }.to_bytes()).unwrap_or((0.0, 0));
    if !end.is_null() {
        // SAFETY: not null, hence the address of a pointer of Lua's.
        unsafe { *end = text.wrapping_add(length) };
    }
    value
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn reads_decimal_and_hexadecimal_numbers() {
        assert_eq!(parse(b"1"), Some((1.0, 1)));
        assert_eq!(parse(b" -2.5e3x"), Some((-2500.0, 7)));
        assert_eq!(parse(b".5"), Some((0.5, 2)));
        assert_eq!(parse(b"5."), Some((5.0, 2)));
        assert_eq!(parse(b"1e"), Some((1.0, 1)));
        assert_eq!(parse(b"0x"), Some((0.0, 1)));
        assert_eq!(parse(b"0x10"), Some((16.0, 4)));
        assert_eq!(parse(b"0xA.8p1"), Some((21.0, 7)));
        assert_eq!(parse(b"0x.1p4"), Some((1.0, 6)));
        assert_eq!(parse(b"0x1p-1074"), Some((f64::from_bits(1), 9)));
        assert_eq!(parse(b"."), None);
        assert_eq!(parse(b"abc"), None);
        assert_eq!(parse(b""), None);
    }
}
