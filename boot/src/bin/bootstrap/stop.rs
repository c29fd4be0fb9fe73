//! How bootstrap ends when it cannot go on.
#![allow(unsafe_code)] // halts the CPU

use crate::console::{alarm, println};
use core::{fmt::Display, panic::PanicInfo};

/// Says on screen and serial line what failed, and halts.
pub fn stop(failure: &dyn Display) -> ! {
    alarm();
    println!();
    println!("bootstrap: {failure}.");
    println!("bootstrap has stopped; the kernel was not started.");
    halt()
}

/// Halts for good.
pub fn halt() -> ! {
    loop {
        // SAFETY: interrupts are off; nothing goes on after this.
        unsafe { core::arch::asm!("cli; hlt", options(nomem, nostack)) };
    }
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    alarm();
    println!();
    println!("bootstrap: internal error: {}", info.message());
    if let Some(location) = info.location() {
        println!("  at {location}");
    }
    println!("This is a fault in bootstrap: report it with these lines. Halted.");
    halt()
}
