//! Links the service where no program lies, with the entry point of a service. The address is below 2 GiB
//! (L4Re's own service code lies at 0xb0000000), as the code model of user land asks of static images.

fn main() {
    println!("cargo::rustc-link-arg-bins=--defsym=__image_base=0x70000000");
    println!("cargo::rustc-link-arg-bins=-e_service_start");
}
