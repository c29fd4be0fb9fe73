//! What happens on a panic: a report on the log, then the program ends.

use crate::println;

#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    println!("{info}");
    loop {
        let _ = crate::ipc::receive(abi::CapIndex::INVALID, crate::ipc::Timeouts::NEVER);
    }
}
