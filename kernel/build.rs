//! Passes the kernel's linker script to the linker of the kernel binary, when it is built for the machine.

use std::env;
use std::path::Path;

fn main() {
    println!("cargo:rerun-if-changed=../linker.ld");
    let target_os = env::var("CARGO_CFG_TARGET_OS").expect("cargo names the target");
    if target_os == "none" {
        let root = env::var("CARGO_MANIFEST_DIR").expect("cargo names the package's folder");
        let script = Path::new(&root).join("../linker.ld");
        println!("cargo:rustc-link-arg-bin=kernel=--script={}", script.display());
        println!("cargo:rustc-link-arg-bin=kernel=-n");
    }
}
