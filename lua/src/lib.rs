//! PUC-Rio Lua 5.4 for programs without a libc, and a safe binding to it.
//!
//! The C sources come from the crate `lua-src`; `build.rs` compiles them against the small headers in
//! `include/`, and `shim` is what stands behind those headers. On top, [`Lua`] is a handle to one
//! interpreter: [`Lua::load`] and [`Function::call`] run chunks, [`Lua::create_function`] makes Rust
//! closures callable from Lua, [`Class`] gives Rust values methods. What the interpreter needs of its
//! surroundings, an output and a file reader, is an [`Embedder`].
//!
//! Invariant of the binding: a Lua error is a jump that runs no destructors, so every call into Lua
//! that can raise one is made under `lua_pcall`, or from a frame that has nothing to drop. Running out
//! of memory is a Lua error only for blocks so large that the binding itself never asks for them; else it ends the program.
//!
//! ```
//! fn write(text: &[u8]) { print!("{}", String::from_utf8_lossy(text)) }
//! fn read(_path: &str) -> Result<Vec<u8>, lua::FileError> { Err(lua::FileError::NotFound) }
//!
//! let lua = lua::Lua::new(lua::Embedder { write, read_file: read });
//! lua.globals().set("double", lua.create_function(|_, arguments| Ok(arguments.integer(0)? * 2)));
//! let chunk = lua.load(b"return double(21)", "=example")?;
//! assert_eq!(chunk.call(&[])?[0].as_integer(), Some(42));
//! # Ok::<(), lua::Error>(())
//! ```

#![cfg_attr(not(test), no_std)]

extern crate alloc;

mod arguments;
#[allow(unsafe_code)] // calls of Lua's C interface
mod compiled;
mod embedder;
mod error;
#[allow(unsafe_code)] // the declarations of Lua's C interface
mod ffi;
#[allow(unsafe_code)] // Rust closures as C functions
mod function;
mod hint;
#[allow(unsafe_code)] // C functions for Lua's C files
mod shim;
#[allow(unsafe_code)] // calls of Lua's C interface
mod state;
#[allow(unsafe_code)] // calls of Lua's C interface
mod table;
#[allow(unsafe_code)] // Rust values in memory that Lua owns
mod user_data;
#[allow(unsafe_code)] // calls of Lua's C interface
mod value;

pub use arguments::Arguments;
pub use embedder::{Embedder, FileError};
pub use error::Error;
pub use function::{Function, IntoValues};
pub use state::Lua;
pub use table::Table;
pub use user_data::{Class, UserData};
pub use value::Value;
