//! C's results for each conversion that Lua passes on.

use super::{Argument, format_one};
use alloc::string::String;

fn float(format: &str, value: f64) -> String {
    String::from_utf8(format_one(format.as_bytes(), Argument::Float(value)).as_bytes().into()).unwrap()
}

fn integer(format: &str, value: i64) -> String {
    String::from_utf8(format_one(format.as_bytes(), Argument::Integer(value)).as_bytes().into()).unwrap()
}

#[test]
fn floats_by_g() {
    assert_eq!(float("%.14g", 0.1), "0.1");
    assert_eq!(float("%.14g", 1e15), "1e+15");
    assert_eq!(float("%.14g", 1e100), "1e+100");
    assert_eq!(float("%.14g", -123456.75), "-123456.75");
    assert_eq!(float("%.14g", 0.0001), "0.0001");
    assert_eq!(float("%.14g", 0.00001), "1e-05");
    assert_eq!(float("%.3g", 999.9), "1e+03");
    assert_eq!(float("%g", 100000.0), "100000");
    assert_eq!(float("%#g", 1.0), "1.00000");
    assert_eq!(float("%.14g", f64::INFINITY), "inf");
    assert_eq!(float("%.14g", -0.0), "-0");
}

#[test]
fn floats_by_e_and_f() {
    assert_eq!(float("%e", 12345.678), "1.234568e+04");
    assert_eq!(float("%.0e", 5.0), "5e+00");
    assert_eq!(float("%#.0e", 5.0), "5.e+00");
    assert_eq!(float("%E", 1e-10), "1.000000E-10");
    assert_eq!(float("%5.1f|", 2.25), "  2.2|");
    assert_eq!(float("%+08.2f", 2.71), "+0002.71");
    assert_eq!(float("%-8.1f|", 1.0), "1.0     |");
    assert_eq!(float("%.99f", f64::MAX).len(), 309 + 1 + 99);
    assert_eq!(float("%#.0f", 3.0), "3.");
}

#[test]
fn floats_by_a() {
    assert_eq!(float("%a", 1.0), "0x1p+0");
    assert_eq!(float("%a", 0.5), "0x1p-1");
    assert_eq!(float("%a", -10.0), "-0x1.4p+3");
    assert_eq!(float("%.1a", 1.97), "0x2.0p+0".replace("2.0p+0", "1.0p+1"));
    assert_eq!(float("%A", 0.0), "0X0P+0");
    assert_eq!(float("%.3a", 1.0), "0x1.000p+0");
}

#[test]
fn integers() {
    assert_eq!(integer("%lld", i64::MIN), "-9223372036854775808");
    assert_eq!(integer("%5d|", 42), "   42|");
    assert_eq!(integer("%-5d|", 42), "42   |");
    assert_eq!(integer("%05lld", -42), "-0042");
    assert_eq!(integer("%.4d", 42), "0042");
    assert_eq!(integer("%+d", 7), "+7");
    assert_eq!(integer("p%+d", 3), "p+3");
    assert_eq!(integer("%#llx", 255), "0xff");
    assert_eq!(integer("%llX", -1), "FFFFFFFFFFFFFFFF");
    assert_eq!(integer("%#o", 8), "010");
    assert_eq!(integer("%c", 65), "A");
    assert_eq!(integer("\\%03d", 7), "\\007");
    assert_eq!(integer("%.0d", 0), "");
}

#[test]
fn strings_and_addresses() {
    let text =
        |format: &str, argument| String::from_utf8(format_one(format.as_bytes(), argument).as_bytes().into()).unwrap();
    assert_eq!(text("%.2s|", Argument::Bytes(b"abc")), "ab|");
    assert_eq!(text("%5s|", Argument::Bytes(b"abc")), "  abc|");
    assert_eq!(text("%p", Argument::Address(0x1000)), "0x1000");
    assert_eq!(text("%p", Argument::Address(0)), "(nil)");
}
