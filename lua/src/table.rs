//! Tables. Access is raw: it runs no metamethods, hence no Lua code, and cannot fail.

use crate::{
    ffi,
    value::{Reference, Value},
};
use alloc::vec::Vec;

/// A reference to a table.
#[derive(Clone, Debug)]
pub struct Table(pub(crate) Reference);

impl Table {
    /// The value under a string.
    pub fn get(&self, key: &str) -> Value {
        let lua = self.0.lua();
        let state = lua.state();
        self.0.push();
        // SAFETY: three slots; the table is below the key, and raw access runs no Lua code.
        unsafe {
            ffi::lua_pushlstring(state, key.as_ptr().cast(), key.len());
            ffi::lua_rawget(state, -2);
            let value = Value::pop(lua);
            ffi::lua_settop(state, -2);
            value
        }
    }

    /// Sets the value under a string; nil takes the key out.
    pub fn set(&self, key: &str, value: impl Into<Value>) {
        let lua = self.0.lua();
        let state = lua.state();
        self.0.push();
        // SAFETY: three slots; a string is a valid key, and raw access runs no Lua code.
        unsafe {
            ffi::lua_pushlstring(state, key.as_ptr().cast(), key.len());
            value.into().push(lua);
            ffi::lua_rawset(state, -3);
            ffi::lua_settop(state, -2);
        }
    }

    /// The value under a number.
    pub fn get_index(&self, key: i64) -> Value {
        let lua = self.0.lua();
        self.0.push();
        // SAFETY: two slots; raw access runs no Lua code.
        unsafe {
            ffi::lua_rawgeti(lua.state(), -1, key);
            let value = Value::pop(lua);
            ffi::lua_settop(lua.state(), -2);
            value
        }
    }

    /// Sets the value under a number.
    pub fn set_index(&self, key: i64, value: impl Into<Value>) {
        let lua = self.0.lua();
        self.0.push();
        // SAFETY: two slots; raw access runs no Lua code.
        unsafe {
            value.into().push(lua);
            ffi::lua_rawseti(lua.state(), -2, key);
            ffi::lua_settop(lua.state(), -2);
        }
    }

    /// The length of the sequence 1, 2, … in the table.
    pub fn length(&self) -> usize {
        let state = self.0.lua().state();
        self.0.push();
        // SAFETY: the table just pushed.
        unsafe {
            let length = ffi::lua_rawlen(state, -1) as usize;
            ffi::lua_settop(state, -2);
            length
        }
    }

    /// All keys and their values, in no particular order.
    pub fn pairs(&self) -> Vec<(Value, Value)> {
        let lua = self.0.lua();
        let state = lua.state();
        let mut pairs = Vec::new();
        // No collection means no finalizer that might change the table on the way.
        lua.without_collecting(|| {
            self.0.push();
            // SAFETY: four slots; each key comes from the table itself, which nobody changes meanwhile.
            unsafe {
                ffi::lua_pushnil(state);
                while ffi::lua_next(state, -2) != 0 {
                    let value = Value::pop(lua);
                    pairs.push((Value::read(lua, -1), value));
                }
                ffi::lua_settop(state, -2);
            }
        });
        pairs
    }

    /// Sets the metatable.
    pub fn set_metatable(&self, metatable: &Table) {
        let state = self.0.lua().state();
        self.0.push();
        metatable.0.push();
        // SAFETY: the two tables just pushed.
        unsafe {
            ffi::lua_setmetatable(state, -2);
            ffi::lua_settop(state, -2);
        }
    }

    /// Whether the table has a metatable.
    pub fn has_metatable(&self) -> bool {
        let state = self.0.lua().state();
        self.0.push();
        // SAFETY: the table just pushed; getmetatable pushes one value when it returns not 0.
        unsafe {
            let found = ffi::lua_getmetatable(state, -1);
            ffi::lua_settop(state, -2 - found);
            found != 0
        }
    }
}

impl PartialEq for Table {
    /// Whether both are the same table.
    fn eq(&self, other: &Table) -> bool {
        self.0.is_same(&other.0)
    }
}
