//! Prints its arguments and its environment.
#![no_std]
#![no_main]

use syscall::{env, println};

syscall::main!(main);

fn main() {
    for argument in env::args() {
        println!("argument {argument}");
    }
    for (name, value) in env::vars() {
        println!("{name}={value}");
    }
}
