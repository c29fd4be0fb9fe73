//! Compiles PUC-Rio Lua 5.4, whose C sources the crate `lua-src` carries, without a libc: the
//! headers are those of `include/`, and what they declare is in `src/shim/`. The same objects serve
//! Furore's programs and the host's tests; only relocatability differs.

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

/// The interpreter and the libraries Furore has. `liolib`, `loslib` and `linit` are left out: there
/// is no file system to write and no process environment, and the libraries are opened from Rust.
const SOURCES: &[&str] = &[
    "lapi", "lauxlib", "lbaselib", "lcode", "lcorolib", "lctype", "ldblib", "ldebug", "ldo", "ldump", "lfunc", "lgc",
    "llex", "lmathlib", "lmem", "loadlib", "lobject", "lopcodes", "lparser", "lstate", "lstring", "lstrlib", "ltable",
    "ltablib", "ltm", "lundump", "lutf8lib", "lvm", "lzio",
];

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=include");
    let sources = lua_sources();
    let on_host = env::var("CARGO_CFG_TARGET_OS").as_deref() != Ok("none");

    let mut build = cc::Build::new();
    build
        .no_default_flags(true)
        .target("x86_64-unknown-none")
        .compiler(c_compiler())
        .archiver(env::var("AR").unwrap_or_else(|_| "ar".into()))
        .warnings(false)
        .std("gnu11")
        .flag("-ffreestanding")
        .flag("-nostdinc")
        .flag("-fno-stack-protector")
        .flag("-fno-asynchronous-unwind-tables")
        .flag("-fno-omit-frame-pointer")
        .flag("-fno-math-errno")
        .flag("-ffunction-sections")
        .flag("-fdata-sections")
        .flag("-fcf-protection=none")
        .flag(if on_host { "-fPIC" } else { "-fno-pic" })
        .flag("-Os")
        .flag("-mcmodel=small")
        .flag("-include")
        .flag("port.h")
        .include("include")
        .include(&sources);
    for name in SOURCES {
        build.file(sources.join(name).with_extension("c"));
    }
    build.compile("lua54");
}

/// The C compiler: `CC` where set, else whichever of gcc and clang answers.
fn c_compiler() -> String {
    println!("cargo:rerun-if-env-changed=CC");
    env::var("CC")
        .ok()
        .into_iter()
        .chain(["gcc".into(), "clang".into(), "cc".into()])
        .find(|name| Command::new(name).arg("--version").output().is_ok_and(|o| o.status.success()))
        .expect("no C compiler found for Lua: install gcc or clang, or name one in CC")
}

/// The folder with Lua's C files. `lua-src` keeps its place to itself, so cargo is asked for it: the
/// `src_path` of its library in the workspace's metadata.
fn lua_sources() -> PathBuf {
    let cargo = env::var("CARGO").expect("cargo sets CARGO for build scripts");
    let host = env::var("HOST").expect("cargo sets HOST for build scripts");
    let answer = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--filter-platform", &host])
        .output()
        .expect("cargo metadata starts");
    assert!(answer.status.success(), "cargo metadata failed:\n{}", String::from_utf8_lossy(&answer.stderr));
    let metadata = String::from_utf8(answer.stdout).expect("cargo writes UTF-8");
    let library = metadata
        .split_once("\"name\":\"lua-src\",\"version\":")
        .and_then(|(_, package)| package.split_once("\"src_path\":\""))
        .and_then(|(_, path)| path.split('"').next())
        .expect("package lua-src, with its library, is among the dependencies");
    let package = Path::new(library).ancestors().nth(2).expect("a package has a folder");
    let sources = package.join("lua-5.4.9");
    assert!(sources.is_dir(), "lua-src has no folder {}", sources.display());
    sources
}
