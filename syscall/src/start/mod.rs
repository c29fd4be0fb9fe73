//! Entry points: from the kernel's or the loader's first instruction to `main`.
//!
//! A linked image has one of three, chosen with the linker's option `-e`:
//! - `_start` for programs ([`main!`](crate::main)): relocates the image, reads the initial stack, sets
//!   up capabilities, heap and thread-local storage, runs `main`, reports its result to the parent;
//! - `_boot_start` for sigma0 and moe ([`boot_main!`](crate::boot_main)): they start with stack pointer 0
//!   and no environment;
//! - `_service_start` for l4re ([`service_main!`](crate::service_main)): has an initial stack like a
//!   program, but its region map is a server outside, and it reports nothing at its end.
//!
//! A whole program, in `src/main.rs` of a package that depends on this crate and on nothing else:
//!
//! ```no_run
//! #![no_std]
//! #![no_main]
//! # extern crate std; // on the host, where this example is compiled
//! syscall::main!(main);
//!
//! fn main() -> syscall::Result {
//!     for argument in syscall::env::args() {
//!         syscall::println!("{argument}");
//!     }
//!     Ok(())
//! }
//! ```

#[cfg(target_os = "none")]
mod entry;

/// Stack of a boot server in bytes.
pub const BOOT_STACK_SIZE: usize = 64 * 1024;

/// First capability slot that a boot server's allocator hands out; the ones below are the kernel's.
pub const BOOT_FIRST_FREE_CAP: usize = 0x20;

/// Names the program's main function, a `fn() -> T` where `T` is a
/// [`Termination`](crate::process::Termination).
#[macro_export]
macro_rules! main {
    ($main:path) => {
        #[unsafe(no_mangle)]
        fn __syscall_main() -> i32 {
            // Not inlined, so that backtraces name it.
            let main: fn() -> _ = core::hint::black_box($main);
            $crate::process::Termination::report(main())
        }
    };
}

/// Names the main function of sigma0 or moe, a `fn() -> !`. With `heap = BYTES` the heap starts with a
/// static array of that size and grows by [`heap::donate`](crate::heap::donate) only; without, it takes
/// memory from sigma0.
#[macro_export]
macro_rules! boot_main {
    ($main:path) => {
        #[unsafe(no_mangle)]
        fn __syscall_boot_main() -> ! {
            $crate::heap::set_supply($crate::heap::Supply::Sigma0);
            $main()
        }
    };
    ($main:path, heap = $bytes:expr) => {
        #[unsafe(no_mangle)]
        fn __syscall_boot_main() -> ! {
            static mut HEAP: [u8; $bytes] = [0; $bytes];
            // SAFETY: this function runs once, and nothing else names the array.
            $crate::heap::donate(unsafe { &mut *(&raw mut HEAP) });
            $main()
        }
    };
}

/// Names the main function of l4re, a `fn(`[`InitialStack`](crate::stack::InitialStack)`) -> !`, and with `heap = BYTES` the size
/// of its first heap, a static array.
#[macro_export]
macro_rules! service_main {
    ($main:path) => {
        #[unsafe(no_mangle)]
        fn __syscall_service_main(stack: $crate::stack::InitialStack) -> ! {
            $main(stack)
        }
    };
    ($main:path, heap = $bytes:expr) => {
        #[unsafe(no_mangle)]
        fn __syscall_service_main(stack: $crate::stack::InitialStack) -> ! {
            static mut HEAP: [u8; $bytes] = [0; $bytes];
            // SAFETY: this function runs once, and nothing else names the array.
            $crate::heap::donate(unsafe { &mut *(&raw mut HEAP) });
            $main(stack)
        }
    };
}
