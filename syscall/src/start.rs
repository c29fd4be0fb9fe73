//! Entry points: from the kernel's or the loader's first instruction to `main`.
//!
//! A linked image has one of three, chosen with the linker's option `-e`:
//! - `_start` for programs ([`main!`](crate::main)): relocates the image, reads the initial stack, sets
//!   up capabilities, heap and thread-local storage, runs `main`, reports its result to the parent;
//! - `_boot_start` for sigma0 and moe ([`boot_main!`](crate::boot_main)): they start with stack pointer 0
//!   and no environment;
//! - `_service_start` for l4re ([`service_main!`](crate::service_main)): has an initial stack like a
//!   program, but no region map that serves it, and no parent to report to.
#![allow(unsafe_code)] // first instructions, static stack, symbols of the linker script

use core::arch::global_asm;

/// Stack of a boot server in bytes.
pub const BOOT_STACK_SIZE: usize = 64 * 1024;

global_asm!(
    ".section .text._boot_start, \"ax\", @progbits",
    ".global _boot_start",
    "_boot_start:",
    "lea rsp, [rip + {stack} + {size}]",
    "xor ebp, ebp",
    "call {enter}",
    "ud2",
    ".text",
    stack = sym BOOT_STACK,
    size = const BOOT_STACK_SIZE,
    enter = sym enter_boot,
);

#[repr(C, align(16))]
struct Stack([u8; BOOT_STACK_SIZE]);

// Mutable, and thus in .bss; only the assembly above names it.
static mut BOOT_STACK: Stack = Stack([0; BOOT_STACK_SIZE]);

unsafe extern "Rust" {
    fn __syscall_boot_main(kip_address: u64) -> !;
}

/// `kip_address`: the kernel starts sigma0 with the address of the kernel info page in the first
/// argument's register, and moe with 0 there.
extern "C" fn enter_boot(kip_address: u64) -> ! {
    crate::cap::reserve_below(BOOT_FIRST_FREE_CAP);
    crate::io::set_log(crate::Vcon::boot());
    // SAFETY: defined by `boot_main!` with this signature; the linker reports it if not.
    unsafe { __syscall_boot_main(kip_address) }
}

/// First capability slot that a boot server's allocator hands out; the ones below are the kernel's.
pub const BOOT_FIRST_FREE_CAP: usize = 0x20;

/// Names the main function of sigma0 or moe, of type `fn(u64) -> !`; the argument is the address of the
/// kernel info page for sigma0, 0 for moe.
#[macro_export]
macro_rules! boot_main {
    ($main:path) => {
        #[unsafe(no_mangle)]
        fn __syscall_boot_main(kip_address: u64) -> ! {
            $main(kip_address)
        }
    };
}
