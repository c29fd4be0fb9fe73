//! `snprintf` with one argument, as Lua always calls it: literal text around one conversion. Digits
//! of floating-point numbers come from `core::fmt`, which is exact; this file shapes them as C does.

use core::{
    ffi::{CStr, c_char, c_int, c_void},
    fmt::{self, Write},
};

/// One conversion of a format: `%`, flags, width, precision, letter.
#[derive(Default)]
struct Conversion {
    left: bool,
    plus: bool,
    space: bool,
    alternate: bool,
    zero: bool,
    width: usize,
    precision: Option<usize>,
    letter: u8,
}

/// Text of bounded length. The longest of Lua's is `%.99f` of the largest double: 410 bytes.
struct Text {
    bytes: [u8; 512],
    length: usize,
}

impl Text {
    fn new() -> Self {
        Text { bytes: [0; 512], length: 0 }
    }

    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    fn push(&mut self, bytes: &[u8]) {
        let room = self.bytes.len() - self.length;
        let taken = bytes.len().min(room);
        self.bytes[self.length..self.length + taken].copy_from_slice(&bytes[..taken]);
        self.length += taken;
    }

    fn truncate_zeros(&mut self) {
        if self.as_bytes().contains(&b'.') {
            while self.as_bytes().last() == Some(&b'0') {
                self.length -= 1;
            }
            if self.as_bytes().last() == Some(&b'.') {
                self.length -= 1;
            }
        }
    }
}

impl Write for Text {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.push(text.as_bytes());
        Ok(())
    }
}

/// The argument of a conversion.
enum Argument<'a> {
    Float(f64),
    Integer(i64),
    Bytes(&'a [u8]),
    Address(usize),
}

/// Splits a format into the text before its conversion, the conversion, and the text after.
fn split(format: &[u8]) -> (&[u8], Conversion, &[u8]) {
    let start = format.iter().position(|&b| b == b'%').unwrap_or(format.len());
    let mut conversion = Conversion::default();
    let mut rest = format[start..].iter().skip(1).copied().peekable();
    while let Some(flag) = rest.next_if(|b| b"-+ #0".contains(b)) {
        match flag {
            b'-' => conversion.left = true,
            b'+' => conversion.plus = true,
            b' ' => conversion.space = true,
            b'#' => conversion.alternate = true,
            _ => conversion.zero = true,
        }
    }
    while let Some(digit) = rest.next_if(u8::is_ascii_digit) {
        conversion.width = conversion.width * 10 + usize::from(digit - b'0');
    }
    if rest.next_if_eq(&b'.').is_some() {
        let mut precision = 0;
        while let Some(digit) = rest.next_if(u8::is_ascii_digit) {
            precision = precision * 10 + usize::from(digit - b'0');
        }
        conversion.precision = Some(precision);
    }
    while rest.next_if(|b| b"lhLjzt".contains(b)).is_some() {}
    conversion.letter = rest.next().unwrap_or(b's');
    (&format[..start], conversion, &format[format.len() - rest.count()..])
}

/// `value` in scientific notation with `precision` digits after the point: digits, and the exponent.
fn scientific(value: f64, precision: usize) -> (Text, i32) {
    let mut text = Text::new();
    let _ = write!(text, "{value:.precision$e}");
    let at = text.as_bytes().iter().rposition(|&b| b == b'e').unwrap_or(text.length);
    let exponent = core::str::from_utf8(&text.as_bytes()[at..]).ok();
    let exponent = exponent.and_then(|e| e.get(1..)?.parse().ok()).unwrap_or(0);
    text.length = at;
    (text, exponent)
}

/// The digits of a finite, non-negative number as `%a` wants them, without the `0x`.
fn hexadecimal(value: f64, precision: Option<usize>, text: &mut Text) {
    let bits = value.to_bits();
    let (mut lead, mut exponent) = match bits >> 52 {
        0 if bits == 0 => (0, 0),
        0 => (0, -1022),
        biased => (1, biased as i32 - 1023),
    };
    let mut fraction = bits & ((1 << 52) - 1);
    let digits = match precision {
        Some(digits) if digits < 13 => {
            let dropped = 52 - 4 * digits as u32;
            let half = 1u64 << (dropped - 1);
            let odd = ((lead << 52 | fraction) >> dropped) & 1;
            let rounded = (lead << 52 | fraction) + half - 1 + odd;
            (lead, fraction) = (rounded >> 52, (rounded & ((1 << 52) - 1)) >> dropped << dropped);
            if lead > 1 {
                (lead, fraction, exponent) = (1, fraction >> 1, exponent + 1);
            }
            digits
        }
        Some(digits) => digits,
        None => (52 - fraction.trailing_zeros().min(52) as usize).div_ceil(4),
    };
    let _ = write!(text, "{lead}");
    if digits > 0 {
        text.push(b".");
        for place in 0..digits {
            let digit = if place < 13 { fraction >> (48 - 4 * place) & 15 } else { 0 };
            let _ = write!(text, "{digit:x}");
        }
    }
    let _ = write!(text, "p{exponent:+}");
}

/// The digits of a finite, non-negative number, by the conversion's letter in lower case.
fn float_digits(value: f64, conversion: &Conversion, text: &mut Text) {
    let precision = conversion.precision.unwrap_or(6);
    let exponential = |text: &mut Text, digits: Text, exponent: i32| {
        text.push(digits.as_bytes());
        let _ = write!(text, "e{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.abs());
    };
    match conversion.letter.to_ascii_lowercase() {
        b'a' => hexadecimal(value, conversion.precision, text),
        b'e' => {
            let (digits, exponent) = scientific(value, precision);
            exponential(text, digits, exponent);
        }
        b'f' => {
            let _ = write!(text, "{value:.precision$}");
        }
        _ => {
            let significant = precision.max(1);
            let (mut digits, exponent) = scientific(value, significant - 1);
            if exponent < -4 || exponent >= significant as i32 {
                if !conversion.alternate {
                    digits.truncate_zeros();
                }
                exponential(text, digits, exponent);
            } else {
                let places = (significant as i32 - 1 - exponent) as usize;
                let mut fixed = Text::new();
                let _ = write!(fixed, "{value:.places$}");
                if !conversion.alternate {
                    fixed.truncate_zeros();
                }
                text.push(fixed.as_bytes());
            }
        }
    }
    if conversion.alternate && !text.as_bytes().contains(&b'.') {
        let at = text.as_bytes().iter().position(|b| b"ep".contains(b)).unwrap_or(text.length);
        let mut tail = [0; 16];
        let length = text.length - at;
        tail[..length].copy_from_slice(&text.as_bytes()[at..]);
        text.length = at;
        text.push(b".");
        text.push(&tail[..length]);
    }
}

/// Converts `argument`: the sign or base prefix, then the body. Numbers may be padded with zeros
/// between the two where the third value says so.
fn convert(argument: Argument, conversion: &Conversion) -> (&'static [u8], Text, bool) {
    let mut text = Text::new();
    let sign = |negative| match negative {
        true => &b"-"[..],
        false if conversion.plus => b"+",
        false if conversion.space => b" ",
        false => b"",
    };
    match argument {
        Argument::Bytes(bytes) => {
            text.push(&bytes[..conversion.precision.unwrap_or(usize::MAX).min(bytes.len())]);
            (b"", text, false)
        }
        Argument::Address(0) => {
            text.push(b"(nil)");
            (b"", text, false)
        }
        Argument::Address(address) => {
            let _ = write!(text, "{address:x}");
            (b"0x", text, false)
        }
        Argument::Float(value) if !value.is_finite() => {
            text.push(if value.is_nan() { b"nan" } else { b"inf" });
            if conversion.letter.is_ascii_uppercase() {
                text.bytes.make_ascii_uppercase();
            }
            (sign(value.is_sign_negative()), text, false)
        }
        Argument::Float(value) => {
            float_digits(value.abs(), conversion, &mut text);
            let upper = conversion.letter.is_ascii_uppercase();
            if upper {
                text.bytes.make_ascii_uppercase();
            }
            let prefix: &'static [u8] =
                match (conversion.letter.to_ascii_lowercase(), sign(value.is_sign_negative()), upper) {
                    (b'a', b"-", false) => b"-0x",
                    (b'a', b"-", true) => b"-0X",
                    (b'a', b"+", false) => b"+0x",
                    (b'a', b"+", true) => b"+0X",
                    (b'a', b" ", false) => b" 0x",
                    (b'a', b" ", true) => b" 0X",
                    (b'a', _, false) => b"0x",
                    (b'a', _, true) => b"0X",
                    (_, sign, _) => sign,
                };
            (prefix, text, true)
        }
        Argument::Integer(value) if conversion.letter == b'c' => {
            text.push(&[value as u8]);
            (b"", text, false)
        }
        Argument::Integer(value) => {
            let mut digits = Text::new();
            let _ = match conversion.letter {
                b'x' => write!(digits, "{value:x}"),
                b'X' => write!(digits, "{value:X}"),
                b'o' => write!(digits, "{value:o}"),
                b'u' => write!(digits, "{}", value as u64),
                _ => write!(digits, "{}", value.unsigned_abs()),
            };
            if conversion.precision == Some(0) && value == 0 {
                digits.length = 0;
            }
            for _ in digits.length..conversion.precision.unwrap_or(0) {
                text.push(b"0");
            }
            if conversion.alternate && conversion.letter == b'o' && text.length == 0 && value != 0 {
                text.push(b"0");
            }
            text.push(digits.as_bytes());
            let prefix = match conversion.letter {
                b'd' | b'i' => sign(value < 0),
                b'x' if conversion.alternate && value != 0 => b"0x",
                b'X' if conversion.alternate && value != 0 => b"0X",
                _ => b"",
            };
            (prefix, text, conversion.precision.is_none())
        }
    }
}

/// Formats into `out`. Returns the bytes; what does not fit is left out.
fn format_one(format: &[u8], argument: Argument) -> Text {
    let (before, conversion, after) = split(format);
    let (prefix, body, zeros_allowed) = convert(argument, &conversion);
    let padding = conversion.width.saturating_sub(prefix.len() + body.length);
    let with_zeros = zeros_allowed && conversion.zero && !conversion.left;
    let pad = |out: &mut Text, wanted: bool, byte: u8| {
        for _ in 0..if wanted { padding } else { 0 } {
            out.push(&[byte]);
        }
    };
    let mut out = Text::new();
    out.push(before);
    pad(&mut out, !conversion.left && !with_zeros, b' ');
    out.push(prefix);
    pad(&mut out, with_zeros, b'0');
    out.push(body.as_bytes());
    pad(&mut out, conversion.left, b' ');
    out.push(after);
    out
}

/// Stores `text` and a terminator at `to`, cut to `size` bytes.
///
/// # Safety
/// `to` has room for `size` bytes.
unsafe fn store(text: &Text, to: *mut c_char, size: usize) -> c_int {
    if let Some(room) = size.checked_sub(1) {
        let length = text.length.min(room);
        // SAFETY: length + 1 <= size bytes, for which the caller vouches.
        unsafe {
            core::ptr::copy_nonoverlapping(text.bytes.as_ptr(), to.cast(), length);
            *to.add(length) = 0;
        }
    }
    text.length as c_int
}

#[unsafe(no_mangle)]
unsafe extern "C" fn furore_lua_format_float(to: *mut c_char, size: usize, format: *const c_char, value: f64) -> c_int {
    // SAFETY: Lua passes a terminated format and a buffer of `size` bytes.
    unsafe { store(&format_one(CStr::from_ptr(format).to_bytes(), Argument::Float(value)), to, size) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn furore_lua_format_integer(
    to: *mut c_char,
    size: usize,
    format: *const c_char,
    value: i64,
) -> c_int {
    // SAFETY: Lua passes a terminated format and a buffer of `size` bytes.
    unsafe { store(&format_one(CStr::from_ptr(format).to_bytes(), Argument::Integer(value)), to, size) }
}

#[unsafe(no_mangle)]
unsafe extern "C" fn furore_lua_format_pointer(
    to: *mut c_char,
    size: usize,
    format: *const c_char,
    value: *const c_void,
) -> c_int {
    // SAFETY: Lua passes a terminated format and a buffer of `size` bytes.
    let format = unsafe { CStr::from_ptr(format) }.to_bytes();
    let argument = match split(format).1.letter {
        b'p' => Argument::Address(value as usize),
        // SAFETY: for %s Lua passes a terminated string.
        _ => Argument::Bytes(unsafe { CStr::from_ptr(value.cast()) }.to_bytes()),
    };
    // SAFETY: Lua passes a buffer of `size` bytes.
    unsafe { store(&format_one(format, argument), to, size) }
}

#[cfg(test)]
#[path = "format_tests.rs"]
mod tests;
