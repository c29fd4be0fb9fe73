//! Errors: raised in Lua and caught here, or made here and raised in Lua.

use crate::value::Value;
use alloc::{format, string::String};

/// What went wrong in Lua code, or in a Rust function that Lua calls.
#[derive(Clone, Debug)]
pub struct Error {
    /// The message; with `file:line:` in front when it comes from Lua.
    pub message: String,
    /// The active functions where a runtime error was raised, innermost first, as Lua writes them.
    pub traceback: Option<String>,
    /// What to do about a syntax error whose cause is a typographic character.
    pub hint: Option<String>,
    /// An error number (L4Re's, negative), for scripts that want to tell errors apart.
    pub code: Option<i64>,
    /// The error value, where it is no string.
    pub(crate) value: Option<Value>,
    /// Whether the message already says where.
    pub(crate) positioned: bool,
}

impl Error {
    /// An error with a message in words. Raised in Lua it gets the caller's position in front.
    pub fn new(message: impl Into<String>) -> Error {
        Error { message: message.into(), traceback: None, hint: None, code: None, value: None, positioned: false }
    }

    /// An error with a number. Raised in Lua it is a table with fields `msg` and `code`, as L4Re's
    /// ned raises errors of factories; `tostring` and concatenation give the message.
    pub fn with_code(message: impl Into<String>, code: i64) -> Error {
        Error { code: Some(code), ..Error::new(message) }
    }

    /// The error that a caught value, which is no string, stands for; `text` is how it shows itself.
    pub(crate) fn from_value(value: Value, text: Option<String>) -> Error {
        let field = |name: &str| value.as_table().map(|table| table.get(name)).unwrap_or_default();
        let message = match field("msg") {
            Value::String(message) => Some(String::from_utf8_lossy(&message).into_owned()),
            _ => text,
        };
        let message = message.unwrap_or_else(|| format!("the error is a {} value", value.type_name()));
        let code = field("code").as_integer();
        Error { code, value: Some(value), positioned: true, ..Error::new(message) }
    }
}

impl core::fmt::Display for Error {
    fn fmt(&self, formatter: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl core::error::Error for Error {}
