//! The suite lies where moe would, in whose place it runs.

fn main() {
    println!("cargo::rustc-link-arg-bins=--defsym=__image_base=0x1400000");
    println!("cargo::rustc-link-arg-bins=-e_boot_start");
}
