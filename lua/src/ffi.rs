//! The part of Lua's C interface that the binding uses (`lua.h`, `lauxlib.h`, `lualib.h` of 5.4).

use core::ffi::{c_char, c_int, c_void};

/// An interpreter's thread of execution, opaque.
#[repr(C)]
pub struct State {
    _opaque: [u8; 0],
}

/// A C function that Lua calls; returns how many results it left on the stack.
pub type CFunction = unsafe extern "C" fn(*mut State) -> c_int;
/// Lua's allocator: user data, block, old size, new size.
pub type Allocator = unsafe extern "C" fn(*mut c_void, *mut c_void, usize, usize) -> *mut c_void;

/// Takes a piece of a dumped function: thread, piece, its size, user data. Not 0 stops the dump.
pub type Writer = unsafe extern "C" fn(*mut State, *const c_void, usize, *mut c_void) -> c_int;
/// Takes a piece of a warning: user data, text, whether more of it follows.
pub type Warn = unsafe extern "C" fn(*mut c_void, *const c_char, c_int);

/// Called at an event of the running code: the thread, and what happened.
pub type Hook = unsafe extern "C" fn(*mut State, *mut Activation);

/// `lua_Debug`: what is known of an active function.
#[repr(C)]
pub struct Activation {
    pub event: c_int,
    pub name: *const c_char,
    pub name_what: *const c_char,
    pub what: *const c_char,
    pub source: *const c_char,
    pub source_length: usize,
    pub current_line: c_int,
    pub line_defined: c_int,
    pub last_line_defined: c_int,
    pub upvalues: u8,
    pub parameters: u8,
    pub is_vararg: c_char,
    pub is_tail_call: c_char,
    pub first_transferred: u16,
    pub transferred: u16,
    pub short_source: [c_char; 60],
    pub call_info: *mut c_void,
}

pub const OK: c_int = 0;
pub const ERROR_SYNTAX: c_int = 3;
pub const MULTIPLE_RESULTS: c_int = -1;
/// `LUA_REGISTRYINDEX`: below the largest stack, LUAI_MAXSTACK of `port.h`.
pub const REGISTRY: c_int = -200_000 - 1000;
/// `LUA_RIDX_GLOBALS`.
pub const REGISTRY_GLOBALS: i64 = 2;
/// `LUA_MASKCOUNT`.
pub const MASK_COUNT: c_int = 1 << 3;
pub const GC_STOP: c_int = 0;
pub const GC_RESTART: c_int = 1;
pub const GC_COLLECT: c_int = 2;
pub const GC_IS_RUNNING: c_int = 9;

pub const TYPE_NIL: c_int = 0;
pub const TYPE_BOOLEAN: c_int = 1;
pub const TYPE_NUMBER: c_int = 3;
pub const TYPE_STRING: c_int = 4;
pub const TYPE_TABLE: c_int = 5;
pub const TYPE_FUNCTION: c_int = 6;
pub const TYPE_USER_DATA: c_int = 7;

/// The pseudo-index of upvalue `number` (from 1) of the running C function.
pub const fn upvalue_index(number: c_int) -> c_int {
    REGISTRY - number
}

unsafe extern "C" {
    pub fn lua_newstate(allocator: Allocator, user_data: *mut c_void) -> *mut State;
    pub fn lua_setwarnf(state: *mut State, warn: Warn, user_data: *mut c_void);
    pub fn lua_gettop(state: *mut State) -> c_int;
    pub fn lua_settop(state: *mut State, index: c_int);
    pub fn lua_pushvalue(state: *mut State, index: c_int);
    pub fn lua_rotate(state: *mut State, index: c_int, by: c_int);
    pub fn lua_checkstack(state: *mut State, slots: c_int) -> c_int;
    pub fn lua_type(state: *mut State, index: c_int) -> c_int;
    pub fn lua_isinteger(state: *mut State, index: c_int) -> c_int;
    pub fn lua_rawlen(state: *mut State, index: c_int) -> u64;
    pub fn lua_rawequal(state: *mut State, a: c_int, b: c_int) -> c_int;
    pub fn lua_toboolean(state: *mut State, index: c_int) -> c_int;
    pub fn lua_tointegerx(state: *mut State, index: c_int, valid: *mut c_int) -> i64;
    pub fn lua_tonumberx(state: *mut State, index: c_int, valid: *mut c_int) -> f64;
    pub fn lua_tolstring(state: *mut State, index: c_int, length: *mut usize) -> *const c_char;
    pub fn lua_touserdata(state: *mut State, index: c_int) -> *mut c_void;
    pub fn lua_pushnil(state: *mut State);
    pub fn lua_pushboolean(state: *mut State, value: c_int);
    pub fn lua_pushinteger(state: *mut State, value: i64);
    pub fn lua_pushnumber(state: *mut State, value: f64);
    pub fn lua_pushlstring(state: *mut State, text: *const c_char, length: usize) -> *const c_char;
    pub fn lua_pushcclosure(state: *mut State, function: CFunction, upvalues: c_int);
    pub fn lua_createtable(state: *mut State, array: c_int, records: c_int);
    pub fn lua_newuserdatauv(state: *mut State, size: usize, values: c_int) -> *mut c_void;
    pub fn lua_getmetatable(state: *mut State, index: c_int) -> c_int;
    pub fn lua_setmetatable(state: *mut State, index: c_int) -> c_int;
    pub fn lua_rawget(state: *mut State, index: c_int) -> c_int;
    pub fn lua_rawgeti(state: *mut State, index: c_int, key: i64) -> c_int;
    pub fn lua_rawset(state: *mut State, index: c_int);
    pub fn lua_rawseti(state: *mut State, index: c_int, key: i64);
    pub fn lua_next(state: *mut State, index: c_int) -> c_int;
    pub fn lua_error(state: *mut State) -> !;
    pub fn lua_pcallk(
        state: *mut State,
        arguments: c_int,
        results: c_int,
        handler: c_int,
        context: isize,
        continuation: Option<CFunction>,
    ) -> c_int;
    pub fn lua_dump(state: *mut State, writer: Writer, user_data: *mut c_void, strip: c_int) -> c_int;
    pub fn lua_gc(state: *mut State, what: c_int, ...) -> c_int;
    pub fn lua_getstack(state: *mut State, level: c_int, activation: *mut Activation) -> c_int;
    pub fn lua_sethook(state: *mut State, hook: Option<Hook>, mask: c_int, count: c_int);
    pub fn lua_gethookcount(state: *mut State) -> c_int;
    pub fn lua_getinfo(state: *mut State, what: *const c_char, activation: *mut Activation) -> c_int;

    pub fn luaL_loadbufferx(
        state: *mut State,
        source: *const c_char,
        length: usize,
        name: *const c_char,
        mode: *const c_char,
    ) -> c_int;
    pub fn luaL_ref(state: *mut State, table: c_int) -> c_int;
    pub fn luaL_unref(state: *mut State, table: c_int, reference: c_int);
    pub fn luaL_requiref(state: *mut State, name: *const c_char, open: CFunction, global: c_int);
    pub fn luaL_traceback(state: *mut State, of: *mut State, message: *const c_char, level: c_int);

    pub fn luaopen_base(state: *mut State) -> c_int;
    pub fn luaopen_coroutine(state: *mut State) -> c_int;
    pub fn luaopen_debug(state: *mut State) -> c_int;
    pub fn luaopen_math(state: *mut State) -> c_int;
    pub fn luaopen_package(state: *mut State) -> c_int;
    pub fn luaopen_string(state: *mut State) -> c_int;
    pub fn luaopen_table(state: *mut State) -> c_int;
    pub fn luaopen_utf8(state: *mut State) -> c_int;
}
