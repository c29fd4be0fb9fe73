//! Rust values that Lua holds. Lua's block carries a counted pointer, so a value lives as long as a
//! Lua reference or a Rust one does, whatever a script does with it.

use crate::{
    arguments::Arguments, error::Error, ffi, function::IntoValues, state::Lua, table::Table, value::Reference,
};
use alloc::rc::Rc;
use core::{any::Any, ffi::c_int};

/// A reference to a Rust value that Lua holds.
#[derive(Clone, Debug)]
pub struct UserData(pub(crate) Reference);

/// What Lua's block holds. Recognised by its size and its mark: the only other full user data are the
/// two-word boxes of Lua's own string buffers.
#[repr(C)]
pub(crate) struct Payload {
    mark: *const u8,
    /// None once collected.
    value: Option<Rc<dyn Any>>,
}

/// Its address marks payloads.
static MARK: u8 = 0;

impl Payload {
    /// Puts a new payload on the running thread's stack, without a metatable.
    ///
    /// # Safety
    /// The stack has a free slot.
    pub(crate) unsafe fn push(lua: Lua, value: Rc<dyn Any>) {
        // SAFETY: Lua returns a fresh block of this size, aligned for any C type.
        unsafe {
            let block = ffi::lua_newuserdatauv(lua.state(), size_of::<Payload>(), 0);
            block.cast::<Payload>().write(Payload { mark: &raw const MARK, value: Some(value) });
        }
    }

    /// The payload at `index`; null if another kind of value is there.
    ///
    /// # Safety
    /// `state` is a Lua thread, and `index` is acceptable.
    unsafe fn at(state: *mut ffi::State, index: c_int) -> *mut Payload {
        // SAFETY: the caller's promise. A block of this size that is not a payload has no mark in
        // front, and is readable all the same.
        unsafe {
            let block = ffi::lua_touserdata(state, index).cast::<Payload>();
            let is_payload = ffi::lua_type(state, index) == ffi::TYPE_USER_DATA
                && ffi::lua_rawlen(state, index) as usize == size_of::<Payload>()
                && core::ptr::eq((*block).mark, &raw const MARK);
            if is_payload { block } else { core::ptr::null_mut() }
        }
    }

    /// The value of the payload at `index`, if it is of type `T`.
    ///
    /// # Safety
    /// As of [`Payload::at`].
    pub(crate) unsafe fn get<T: 'static>(state: *mut ffi::State, index: c_int) -> Option<Rc<T>> {
        // SAFETY: a payload stays where Lua put it while it is on the stack; the count is raised
        // before anything else can run.
        let payload = unsafe { Payload::at(state, index).as_ref() }?;
        payload.value.clone()?.downcast().ok()
    }
}

/// `__gc` of everything made here: lets go of the value.
pub(crate) unsafe extern "C" fn collect(state: *mut ffi::State) -> c_int {
    // SAFETY: Lua calls this with the object, on a thread of an interpreter of ours. The payload is
    // emptied before the value is dropped; a second call finds it empty.
    unsafe {
        let lua = Lua::of(state);
        let previous = lua.switch_to(state);
        let value = Payload::at(state, 1).as_mut().and_then(|payload| payload.value.take());
        drop(value);
        lua.switch_to(previous);
    }
    0
}

impl UserData {
    /// The value, if it is of type `T`.
    pub fn get<T: 'static>(&self) -> Option<Rc<T>> {
        let state = self.0.lua().state();
        self.0.push();
        // SAFETY: the object just pushed.
        unsafe {
            let value = Payload::get(state, -1);
            ffi::lua_settop(state, -2);
            value
        }
    }
}

/// What Rust values of a kind have in common: a name, methods, metamethods.
#[derive(Clone)]
pub struct Class {
    metatable: Table,
    methods: Table,
    lua: Lua,
}

impl Class {
    /// A class without methods. `name` is what Lua's messages call its values.
    pub fn new(lua: Lua, name: &str) -> Class {
        let (metatable, methods) = (lua.create_table(), lua.create_table());
        metatable.set("__name", name);
        metatable.set("__metatable", false);
        metatable.set("__index", &methods);
        metatable.set("__gc", lua.create_c_function(collect));
        Class { metatable, methods, lua }
    }

    /// The table in which Lua looks up methods: a script may add to it.
    pub fn methods(&self) -> &Table {
        &self.methods
    }

    /// Adds a method: its argument 0 is the object.
    pub fn method<R: IntoValues>(
        self,
        name: &str,
        function: impl Fn(Lua, &Arguments) -> Result<R, Error> + 'static,
    ) -> Class {
        self.methods.set(name, self.lua.create_function(function));
        self
    }

    /// Adds a metamethod, such as `__tostring`. `__index` and `__gc` are taken.
    pub fn metamethod<R: IntoValues>(
        self,
        name: &str,
        function: impl Fn(Lua, &Arguments) -> Result<R, Error> + 'static,
    ) -> Class {
        assert!(name != "__gc" && name != "__index", "{name} is the class's own");
        self.metatable.set(name, self.lua.create_function(function));
        self
    }

    /// Makes an object of the class.
    pub fn create<T: 'static>(&self, value: T) -> UserData {
        self.create_shared(Rc::new(value))
    }

    /// Makes an object of the class whose value Rust code shares.
    pub fn create_shared<T: 'static>(&self, value: Rc<T>) -> UserData {
        let lua = self.lua;
        // SAFETY: two slots; the object is below its metatable.
        unsafe {
            Payload::push(lua, value);
            self.metatable.0.push();
            ffi::lua_setmetatable(lua.state(), -2);
            UserData(Reference::pop(lua))
        }
    }
}
