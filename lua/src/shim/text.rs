//! Strings and character classes for Lua, in the C locale. Characters are bytes; `c_int` arguments
//! outside 0–255 belong to no class.

use core::ffi::{CStr, c_char, c_int};

/// Exports one character class: a predicate on ASCII bytes.
macro_rules! export_class {
    ($($name:literal = $test:ident;)*) => {$(
        #[unsafe(export_name = $name)]
        extern "C" fn $test(character: c_int) -> c_int {
            u8::try_from(character).is_ok_and(|byte| classes::$test(byte)) as c_int
        }
    )*};
}

/// The classes as predicates on bytes.
mod classes {
    pub fn isalnum(byte: u8) -> bool {
        byte.is_ascii_alphanumeric()
    }
    pub fn isalpha(byte: u8) -> bool {
        byte.is_ascii_alphabetic()
    }
    pub fn iscntrl(byte: u8) -> bool {
        byte.is_ascii_control()
    }
    pub fn isdigit(byte: u8) -> bool {
        byte.is_ascii_digit()
    }
    pub fn isgraph(byte: u8) -> bool {
        byte.is_ascii_graphic()
    }
    pub fn islower(byte: u8) -> bool {
        byte.is_ascii_lowercase()
    }
    pub fn ispunct(byte: u8) -> bool {
        byte.is_ascii_punctuation()
    }
    pub fn isspace(byte: u8) -> bool {
        matches!(byte, b' ' | b'\t'..=b'\r')
    }
    pub fn isupper(byte: u8) -> bool {
        byte.is_ascii_uppercase()
    }
    pub fn isxdigit(byte: u8) -> bool {
        byte.is_ascii_hexdigit()
    }
}

export_class! {
    "furore_lua_isalnum" = isalnum;
    "furore_lua_isalpha" = isalpha;
    "furore_lua_iscntrl" = iscntrl;
    "furore_lua_isdigit" = isdigit;
    "furore_lua_isgraph" = isgraph;
    "furore_lua_islower" = islower;
    "furore_lua_ispunct" = ispunct;
    "furore_lua_isspace" = isspace;
    "furore_lua_isupper" = isupper;
    "furore_lua_isxdigit" = isxdigit;
}

#[unsafe(no_mangle)]
extern "C" fn furore_lua_tolower(character: c_int) -> c_int {
    u8::try_from(character).map_or(character, |byte| byte.to_ascii_lowercase() as c_int)
}

#[unsafe(no_mangle)]
extern "C" fn furore_lua_toupper(character: c_int) -> c_int {
    u8::try_from(character).map_or(character, |byte| byte.to_ascii_uppercase() as c_int)
}

/// The bytes of a C string, without its terminator.
///
/// # Safety
/// `text` is terminated, and outlives the use of the result.
unsafe fn bytes<'a>(text: *const c_char) -> &'a [u8] {
    // SAFETY: the caller's promise, word for word.
    unsafe { CStr::from_ptr(text) }.to_bytes()
}

/// The place of the first match of `position` in `text`, as C wants it: null for none.
fn place(text: *const c_char, position: Option<usize>) -> *const c_char {
    position.map_or(core::ptr::null(), |at| text.wrapping_add(at))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn furore_lua_strlen(text: *const c_char) -> usize {
    // SAFETY: Lua passes a terminated string (module invariant).
    unsafe { bytes(text) }.len()
}

#[unsafe(no_mangle)]
unsafe extern "C" fn furore_lua_memchr(from: *const c_char, byte: c_int, length: usize) -> *const c_char {
    // SAFETY: Lua passes a block and its length (module invariant).
    let block = unsafe { core::slice::from_raw_parts(from.cast::<u8>(), length) };
    place(from, block.iter().position(|&b| b == byte as u8))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn furore_lua_strchr(text: *const c_char, byte: c_int) -> *const c_char {
    // SAFETY: Lua passes a terminated string (module invariant).
    let all = unsafe { CStr::from_ptr(text) }.to_bytes_with_nul();
    place(text, all.iter().position(|&b| b == byte as u8))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn furore_lua_strpbrk(text: *const c_char, set: *const c_char) -> *const c_char {
    // SAFETY: Lua passes terminated strings (module invariant).
    let (all, set) = unsafe { (bytes(text), bytes(set)) };
    place(text, all.iter().position(|b| set.contains(b)))
}

#[unsafe(no_mangle)]
unsafe extern "C" fn furore_lua_strspn(text: *const c_char, set: *const c_char) -> usize {
    // SAFETY: Lua passes terminated strings (module invariant).
    let (all, set) = unsafe { (bytes(text), bytes(set)) };
    all.iter().take_while(|b| set.contains(b)).count()
}

#[unsafe(no_mangle)]
unsafe extern "C" fn furore_lua_strstr(text: *const c_char, part: *const c_char) -> *const c_char {
    // SAFETY: Lua passes terminated strings (module invariant).
    let (all, part) = unsafe { (bytes(text), bytes(part)) };
    let found = if part.is_empty() { Some(0) } else { all.windows(part.len()).position(|w| w == part) };
    place(text, found)
}

#[unsafe(no_mangle)]
unsafe extern "C" fn furore_lua_strcmp(a: *const c_char, b: *const c_char) -> c_int {
    // SAFETY: Lua passes terminated strings (module invariant).
    let (a, b) = unsafe { (bytes(a), bytes(b)) };
    a.cmp(b) as c_int
}

#[unsafe(no_mangle)]
unsafe extern "C" fn furore_lua_strncmp(a: *const c_char, b: *const c_char, limit: usize) -> c_int {
    // SAFETY: Lua passes terminated strings (module invariant).
    let (a, b) = unsafe { (bytes(a), bytes(b)) };
    a[..a.len().min(limit)].cmp(&b[..b.len().min(limit)]) as c_int
}

#[unsafe(no_mangle)]
unsafe extern "C" fn furore_lua_strcpy(to: *mut c_char, from: *const c_char) -> *mut c_char {
    // SAFETY: Lua passes a terminated string and room for it and its terminator (module invariant).
    unsafe { core::ptr::copy_nonoverlapping(from, to, bytes(from).len() + 1) };
    to
}
