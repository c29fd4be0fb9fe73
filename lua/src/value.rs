//! Lua values in Rust: plain ones by value, objects by a reference that keeps them alive.

use crate::{
    ffi,
    function::Function,
    state::{Lua, bytes_at},
    table::Table,
    user_data::UserData,
};
use alloc::{borrow::ToOwned, rc::Rc, string::String, vec::Vec};
use core::ffi::c_int;

/// Any Lua value.
#[derive(Clone, Debug, Default)]
pub enum Value {
    /// The absence of a value.
    #[default]
    Nil,
    /// A truth value.
    Boolean(bool),
    /// A number of Lua's integer kind.
    Integer(i64),
    /// A number of Lua's floating-point kind.
    Number(f64),
    /// A string: bytes, usually UTF-8.
    String(Vec<u8>),
    /// A table.
    Table(Table),
    /// A function, of Lua or of Rust.
    Function(Function),
    /// A Rust value.
    UserData(UserData),
    /// A coroutine, or a light user datum: to be passed on only.
    Other(Reference),
}

/// An object of an interpreter, kept alive by an entry of its registry.
#[derive(Clone)]
pub struct Reference(Rc<Entry>);

/// The entry; given back when the last reference goes.
struct Entry {
    lua: Lua,
    index: c_int,
}

impl Drop for Entry {
    fn drop(&mut self) {
        // SAFETY: the entry is this reference's own, and is given back once.
        unsafe { ffi::luaL_unref(self.lua.state(), ffi::REGISTRY, self.index) };
    }
}

impl core::fmt::Debug for Reference {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(formatter, "Reference({})", self.0.index)
    }
}

impl Reference {
    /// Takes the value on top of the stack.
    ///
    /// # Safety
    /// The running thread's stack is not empty.
    pub(crate) unsafe fn pop(lua: Lua) -> Reference {
        // SAFETY: the caller's promise; luaL_ref takes one value and raises errors for want of
        // memory only.
        let index = unsafe { ffi::luaL_ref(lua.state(), ffi::REGISTRY) };
        Reference(Rc::new(Entry { lua, index }))
    }

    /// Puts the object on the stack.
    pub(crate) fn push(&self) {
        // SAFETY: the registry holds the object under this index while self lives; one slot.
        unsafe { ffi::lua_rawgeti(self.0.lua.state(), ffi::REGISTRY, i64::from(self.0.index)) };
    }

    /// The interpreter that the object belongs to.
    pub(crate) fn lua(&self) -> Lua {
        self.0.lua
    }

    /// Whether both are the same object.
    pub(crate) fn is_same(&self, other: &Reference) -> bool {
        let state = self.lua().state();
        self.push();
        other.push();
        // SAFETY: the two values just pushed; raw comparison runs no Lua code.
        unsafe {
            let same = ffi::lua_rawequal(state, -1, -2) != 0;
            ffi::lua_settop(state, -3);
            same
        }
    }
}

impl Value {
    /// Reads the value at `index` of the running thread's stack, which keeps it.
    ///
    /// # Safety
    /// `index` is valid, and the stack has a free slot.
    pub(crate) unsafe fn read(lua: Lua, index: c_int) -> Value {
        let state = lua.state();
        // SAFETY: the caller's promise; the conversions match the type and run no Lua code.
        unsafe {
            let reference = || {
                ffi::lua_pushvalue(state, index);
                Reference::pop(lua)
            };
            match ffi::lua_type(state, index) {
                ffi::TYPE_NIL => Value::Nil,
                ffi::TYPE_BOOLEAN => Value::Boolean(ffi::lua_toboolean(state, index) != 0),
                ffi::TYPE_NUMBER if ffi::lua_isinteger(state, index) != 0 => {
                    Value::Integer(ffi::lua_tointegerx(state, index, core::ptr::null_mut()))
                }
                ffi::TYPE_NUMBER => Value::Number(ffi::lua_tonumberx(state, index, core::ptr::null_mut())),
                ffi::TYPE_STRING => Value::String(bytes_at(state, index)),
                ffi::TYPE_TABLE => Value::Table(Table(reference())),
                ffi::TYPE_FUNCTION => Value::Function(Function(reference())),
                ffi::TYPE_USER_DATA => Value::UserData(UserData(reference())),
                _ => Value::Other(reference()),
            }
        }
    }

    /// Takes the value on top of the running thread's stack.
    ///
    /// # Safety
    /// The stack is not empty, and has a free slot.
    pub(crate) unsafe fn pop(lua: Lua) -> Value {
        // SAFETY: the caller's promise.
        unsafe {
            let value = Value::read(lua, -1);
            ffi::lua_settop(lua.state(), -2);
            value
        }
    }

    /// Puts the value on the running thread's stack.
    ///
    /// # Safety
    /// The stack has a free slot.
    pub(crate) unsafe fn push(&self, lua: Lua) {
        let state = lua.state();
        // SAFETY: the caller's promise; Lua copies the string.
        unsafe {
            match self {
                Value::Nil => ffi::lua_pushnil(state),
                Value::Boolean(value) => ffi::lua_pushboolean(state, c_int::from(*value)),
                Value::Integer(value) => ffi::lua_pushinteger(state, *value),
                Value::Number(value) => ffi::lua_pushnumber(state, *value),
                Value::String(text) => {
                    ffi::lua_pushlstring(state, text.as_ptr().cast(), text.len());
                }
                Value::Table(Table(reference))
                | Value::Function(Function(reference))
                | Value::UserData(UserData(reference))
                | Value::Other(reference) => reference.push(),
            }
        }
    }

    /// The name of the value's type, as Lua's `type` gives it.
    pub fn type_name(&self) -> &'static str {
        match self {
            Value::Nil => "nil",
            Value::Boolean(_) => "boolean",
            Value::Integer(_) | Value::Number(_) => "number",
            Value::String(_) => "string",
            Value::Table(_) => "table",
            Value::Function(_) => "function",
            Value::UserData(_) => "userdata",
            Value::Other(_) => "thread",
        }
    }

    /// Whether there is no value.
    pub fn is_nil(&self) -> bool {
        matches!(self, Value::Nil)
    }

    /// The number, if it is one without a fraction.
    pub fn as_integer(&self) -> Option<i64> {
        match *self {
            Value::Integer(value) => Some(value),
            Value::Number(value) if value as i64 as f64 == value => Some(value as i64),
            _ => None,
        }
    }

    /// The string, if it is one and is UTF-8.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Value::String(text) => core::str::from_utf8(text).ok(),
            _ => None,
        }
    }

    /// The table, if it is one.
    pub fn as_table(&self) -> Option<&Table> {
        match self {
            Value::Table(table) => Some(table),
            _ => None,
        }
    }

    /// The function, if it is one.
    pub fn as_function(&self) -> Option<&Function> {
        match self {
            Value::Function(function) => Some(function),
            _ => None,
        }
    }

    /// The Rust value, if it is of type `T`.
    pub fn as_user_data<T: 'static>(&self) -> Option<Rc<T>> {
        match self {
            Value::UserData(user_data) => user_data.get(),
            _ => None,
        }
    }
}

/// Makes values of a type into [`Value`]s of one variant.
macro_rules! value_from {
    ($($source:ty => |$value:ident| $result:expr;)*) => {$(
        impl From<$source> for Value {
            fn from($value: $source) -> Value {
                $result
            }
        }
    )*};
}

value_from! {
    bool => |value| Value::Boolean(value);
    i64 => |value| Value::Integer(value);
    f64 => |value| Value::Number(value);
    &str => |value| Value::String(value.as_bytes().to_owned());
    String => |value| Value::String(value.into_bytes());
    Vec<u8> => |value| Value::String(value);
    Table => |value| Value::Table(value);
    &Table => |value| Value::Table(value.clone());
    Function => |value| Value::Function(value);
    UserData => |value| Value::UserData(value);
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Value {
        value.map_or(Value::Nil, Into::into)
    }
}
