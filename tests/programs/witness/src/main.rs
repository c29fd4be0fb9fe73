//! Prints a number every 100 ms, up to its argument: shows that the system goes on.
#![no_std]
#![no_main]

use core::time::Duration;
use syscall::println;

syscall::main!(main);

fn main() {
    let last: u32 = syscall::env::args().nth(1).and_then(|word| word.parse().ok()).unwrap_or(10);
    for number in 1..=last {
        println!("witness {number}");
        syscall::thread::sleep(Duration::from_millis(100));
    }
    println!("witness ends");
}
