//! Compiles the Lua part of the package L4, so that ned need not do so whenever it starts.

use lua::{Embedder, FileError, Lua};
use std::{env, fs, path::Path};

/// Compiling writes nothing and reads no files.
const EMBEDDER: Embedder = Embedder { write: |_| {}, read_file: |_| Err(FileError::NotFound) };

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=src/prelude.lua");
    let source = fs::read("src/prelude.lua").expect("ned has a file src/prelude.lua");
    let chunk = Lua::new(EMBEDDER).compile(&source, "=ned").unwrap_or_else(|error| panic!("src/prelude.lua: {error}"));
    let folder = env::var("OUT_DIR").expect("cargo sets OUT_DIR for build scripts");
    fs::write(Path::new(&folder).join("prelude.luac"), chunk).expect("OUT_DIR is writable");
}
