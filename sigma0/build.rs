//! sigma0 lies where the kernel expects it, and starts without an environment.

fn main() {
    println!("cargo::rustc-link-arg-bins=--defsym=__image_base=0x300000");
    println!("cargo::rustc-link-arg-bins=-e_boot_start");
}
