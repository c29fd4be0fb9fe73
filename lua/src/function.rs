//! Functions: Lua's called from Rust, and Rust closures called from Lua.
//!
//! A Lua error is a jump. Rust functions return a `Result` instead, everything with a destructor lives
//! in [`run`], and [`trampoline`], which has none, raises the error after `run` has returned.

use crate::{
    arguments::Arguments,
    error::Error,
    ffi,
    state::Lua,
    table::Table,
    user_data::{Payload, UserData, collect},
    value::{Reference, Value},
};
use alloc::{boxed::Box, format, rc::Rc, string::String, vec, vec::Vec};
use core::ffi::c_int;

/// A reference to a function.
#[derive(Clone, Debug)]
pub struct Function(pub(crate) Reference);

/// What a Rust closure looks like once its results are Lua's.
type Closure = dyn Fn(Lua, &Arguments) -> Result<Vec<Value>, Error>;

/// A Rust closure as the payload of a Lua closure's upvalue.
struct Callback(Box<Closure>);

/// Results of a Rust function, as Lua takes them.
pub trait IntoValues {
    /// The results, in order.
    fn into_values(self) -> Vec<Value>;
}

/// Lets a type stand for one result.
macro_rules! one_result {
    ($($source:ty),*) => {$(
        impl IntoValues for $source {
            fn into_values(self) -> Vec<Value> {
                vec![self.into()]
            }
        }
    )*};
}

one_result!(Value, bool, i64, f64, &str, String, Table, Function, UserData);

impl IntoValues for () {
    fn into_values(self) -> Vec<Value> {
        Vec::new()
    }
}

impl IntoValues for Vec<Value> {
    fn into_values(self) -> Vec<Value> {
        self
    }
}

impl<T: Into<Value>> IntoValues for Option<T> {
    fn into_values(self) -> Vec<Value> {
        vec![self.into()]
    }
}

impl Function {
    /// Calls the function.
    ///
    /// # Errors
    /// What the function raises, with the traceback of where.
    pub fn call(&self, arguments: &[Value]) -> Result<Vec<Value>, Error> {
        let lua = self.0.lua();
        let state = lua.state();
        let too_many = || Error::new("too many values for Lua's stack");
        let count = c_int::try_from(arguments.len()).map_err(|_| too_many())?;
        // SAFETY: room for function, arguments and handler is made first, and for a reference to a
        // result after the call; the results are above `base`, and the stack ends as it began.
        unsafe {
            let base = ffi::lua_gettop(state);
            if ffi::lua_checkstack(state, count.saturating_add(4)) == 0 {
                return Err(too_many());
            }
            self.0.push();
            arguments.iter().for_each(|argument| argument.push(lua));
            let results = lua.protected_call(count)?;
            let fits = ffi::lua_checkstack(state, 4) != 0;
            let values = fits.then(|| (0..results).map(|i| Value::read(lua, base + 2 + i)).collect());
            ffi::lua_settop(state, base);
            values.ok_or_else(too_many)
        }
    }
}

impl Lua {
    /// Makes a Rust closure a Lua function.
    pub fn create_function<R: IntoValues>(
        self,
        function: impl Fn(Lua, &Arguments) -> Result<R, Error> + 'static,
    ) -> Function {
        let callback = Callback(Box::new(move |lua, arguments| function(lua, arguments).map(R::into_values)));
        let metatable = self.callback_metatable(|| {
            let metatable = self.create_table_for(1);
            metatable.set("__gc", self.create_c_function(collect));
            metatable
        });
        // SAFETY: two slots; the payload gets its metatable, then becomes the closure's upvalue 1.
        unsafe {
            Payload::push(self, Rc::new(callback));
            metatable.0.push();
            ffi::lua_setmetatable(self.state(), -2);
            ffi::lua_pushcclosure(self.state(), trampoline, 1);
            Function(Reference::pop(self))
        }
    }

    /// Makes a C function a Lua function. It is this crate's own, and keeps Lua's rules.
    pub(crate) fn create_c_function(self, function: ffi::CFunction) -> Function {
        // SAFETY: one slot.
        unsafe {
            ffi::lua_pushcclosure(self.state(), function, 0);
            Function(Reference::pop(self))
        }
    }
}

/// What Lua calls for every Rust closure.
unsafe extern "C" fn trampoline(state: *mut ffi::State) -> c_int {
    // SAFETY: Lua calls this on a thread of an interpreter of ours; run leaves the results, or the
    // error value on top. lua_error jumps out of this frame, which has nothing to drop.
    unsafe {
        let results = run(state);
        if results < 0 {
            ffi::lua_error(state);
        }
        results
    }
}

/// Runs the closure of the running C function. Returns the number of results, or -1 and an error value
/// on top of the stack.
///
/// # Safety
/// `state` runs a closure that [`Lua::create_function`] made.
unsafe fn run(state: *mut ffi::State) -> c_int {
    // SAFETY: the arguments are at 1..=top, with 20 free slots above them; results get room before
    // they are pushed. Nothing called here raises a Lua error.
    unsafe {
        let lua = Lua::of(state);
        let previous = lua.switch_to(state);
        let outcome = match Payload::get::<Callback>(state, ffi::upvalue_index(1)) {
            Some(callback) => {
                let top = ffi::lua_gettop(state);
                let arguments = Arguments::new((1..=top).map(|index| Value::read(lua, index)).collect());
                ffi::lua_settop(state, 0);
                (callback.0)(lua, &arguments)
            }
            None => Err(Error::new("this function's Rust closure was collected")),
        };
        let outcome = outcome.and_then(|values| {
            let count = c_int::try_from(values.len()).unwrap_or(c_int::MAX);
            match ffi::lua_checkstack(state, count) {
                0 => Err(Error::new("too many results for Lua's stack")),
                _ => Ok((values, count)),
            }
        });
        let results = match outcome {
            Ok((values, count)) => {
                values.iter().for_each(|value| value.push(lua));
                count
            }
            Err(error) => {
                error_value(lua, error).push(lua);
                -1
            }
        };
        lua.switch_to(previous);
        results
    }
}

/// The value to raise for an error: a caught one as it was, else the message with the caller's
/// position in front, in a table when there is a code.
fn error_value(lua: Lua, error: Error) -> Value {
    if let Some(value) = error.value {
        return value;
    }
    let position = if error.positioned { String::new() } else { lua.position() };
    let message = format!("{position}{}", error.message);
    let Some(code) = error.code else { return message.into() };
    let text = message.clone();
    let metatable = lua.create_table();
    metatable.set("__tostring", lua.create_function(move |_, _| Ok(text.clone())));
    let table = lua.create_table();
    table.set("msg", message);
    table.set("code", code);
    table.set_metatable(&metatable);
    table.into()
}
