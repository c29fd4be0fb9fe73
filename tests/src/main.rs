//! Boots real images in QEMU and checks what appears.

fn main() {}
