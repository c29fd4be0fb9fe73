//! moe lies where bootstrap has room for it, and starts without an environment.

fn main() {
    println!("cargo::rustc-link-arg-bins=--defsym=__image_base=0x340000");
    println!("cargo::rustc-link-arg-bins=-e_boot_start");
}
