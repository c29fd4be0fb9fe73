//! Compiles ned's own Lua text, so that ned need not do so whenever it starts.

use lua::{Embedder, FileError, Lua};
use std::{env, fs, path::Path};

/// Compiling writes nothing and reads no files.
const EMBEDDER: Embedder = Embedder { write: |_| {}, read_file: |_| Err(FileError::NotFound) };

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    let folder = env::var("OUT_DIR").expect("cargo sets OUT_DIR for build scripts");
    for (file, chunk_name) in [("prelude", "=ned"), ("prompt", "=prompt")] {
        let path = format!("src/{file}.lua");
        println!("cargo:rerun-if-changed={path}");
        let source = fs::read(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        let chunk = Lua::new(EMBEDDER).compile(&source, chunk_name).unwrap_or_else(|error| panic!("{path}: {error}"));
        fs::write(Path::new(&folder).join(file).with_extension("luac"), chunk).expect("OUT_DIR is writable");
    }
}
