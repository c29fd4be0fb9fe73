//! The program lies where moe would, in whose place it runs.

fn main() {
    println!("cargo::rustc-link-arg-bins=--defsym=__image_base=0x340000");
    println!("cargo::rustc-link-arg-bins=-e_boot_start");
}
