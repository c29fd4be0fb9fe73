//! The suite lies where both kernels leave room for moe, in whose place it can run.

fn main() {
    println!("cargo::rustc-link-arg-bins=--defsym=__image_base=0x1400000");
    println!("cargo::rustc-link-arg-bins=-e__harness_start");
}
