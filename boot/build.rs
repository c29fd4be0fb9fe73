//! Links the bootstrap binary with its own linker script; the library part needs none.

fn main() {
    let script = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("bootstrap.ld");
    println!("cargo:rustc-link-arg-bins=-T{}", script.display());
    println!("cargo:rustc-link-arg-bins=--build-id=none");
    println!("cargo:rerun-if-changed={}", script.display());
}
