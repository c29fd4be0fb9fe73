//! The arguments of a Rust function that Lua calls, with Lua's messages for wrong ones.

use crate::{error::Error, function::Function, table::Table, value::Value};
use alloc::{format, rc::Rc, vec::Vec};

/// The arguments of one call, counted from 0. Behind the last one there is nil.
pub struct Arguments {
    values: Vec<Value>,
}

/// What stands behind the last argument.
const NIL: &Value = &Value::Nil;

impl Arguments {
    /// The arguments of a call.
    pub(crate) fn new(values: Vec<Value>) -> Arguments {
        Arguments { values }
    }

    /// All arguments.
    pub fn all(&self) -> &[Value] {
        &self.values
    }

    /// The argument at `index`.
    pub fn get(&self, index: usize) -> &Value {
        self.values.get(index).unwrap_or(NIL)
    }

    /// Returns what `convert` makes of an argument, or the message that a `wanted` is expected.
    fn wanted<T>(&self, index: usize, wanted: &str, convert: impl FnOnce(&Value) -> Option<T>) -> Result<T, Error> {
        let value = self.get(index);
        convert(value).ok_or_else(|| self.wrong(index, wanted))
    }

    /// The error that the argument at `index` should be a `wanted`.
    pub fn wrong(&self, index: usize, wanted: &str) -> Error {
        let found = if index < self.values.len() { self.get(index).type_name() } else { "no value" };
        Error::new(format!("bad argument #{} ({wanted} expected, got {found})", index + 1))
    }

    /// The argument at `index`, a whole number.
    ///
    /// # Errors
    /// It is something else.
    pub fn integer(&self, index: usize) -> Result<i64, Error> {
        self.wanted(index, "integer", Value::as_integer)
    }

    /// The argument at `index`, a string.
    ///
    /// # Errors
    /// It is something else, or is not UTF-8.
    pub fn string(&self, index: usize) -> Result<&str, Error> {
        self.get(index).as_str().ok_or_else(|| self.wrong(index, "string"))
    }

    /// The argument at `index`, a table.
    ///
    /// # Errors
    /// It is something else.
    pub fn table(&self, index: usize) -> Result<Table, Error> {
        self.wanted(index, "table", |value| value.as_table().cloned())
    }

    /// The argument at `index`, a function.
    ///
    /// # Errors
    /// It is something else.
    pub fn function(&self, index: usize) -> Result<Function, Error> {
        self.wanted(index, "function", |value| value.as_function().cloned())
    }

    /// The argument at `index`, a Rust value of type `T`, which messages call `name`.
    ///
    /// # Errors
    /// It is something else.
    pub fn user_data<T: 'static>(&self, index: usize, name: &str) -> Result<Rc<T>, Error> {
        self.wanted(index, name, Value::as_user_data)
    }
}
