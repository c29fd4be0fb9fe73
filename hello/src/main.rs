//! Exercise 1: the smallest program.
#![no_std]
#![no_main]
syscall::main!(main);

fn main() {
    syscall::println!("Hello World!");
}
