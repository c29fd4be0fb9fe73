//! Tells the linker where the linker script of user land lies: the target file names `user.ld` without
//! a folder, and a search path (unlike a linker argument) reaches every program that depends on us.

fn main() {
    println!("cargo::rustc-link-search=native={}", std::env::var("CARGO_MANIFEST_DIR").unwrap_or_default());
    println!("cargo::rerun-if-changed=user.ld");
}
