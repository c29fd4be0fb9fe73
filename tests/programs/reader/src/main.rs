//! Reads the console, whose log it was given, line by line, once nobody else does; `end` ends it.
#![no_std]
#![no_main]
extern crate alloc;

use alloc::{string::String, vec::Vec};
use core::time::Duration;
use syscall::{Code, Icu, env, ipc::Timeouts, println, thread};

syscall::main!(main);

fn main() -> syscall::Result {
    let irq = env::factory().create_irq()?;
    irq.bind_thread(env::main_thread(), 0)?;
    while let Err(error) = env::log().cast::<Icu>().bind(0, irq.cap()) {
        if !error.is(Code::Inval) {
            return Err(error);
        }
        thread::sleep(Duration::from_millis(20));
    }
    println!("reader has the console");
    let mut line = Vec::new();
    loop {
        let mut buffer = [0; 60];
        let (count, more) = env::log().read(&mut buffer)?;
        for &byte in &buffer[..count] {
            if byte != b'\n' {
                line.push(byte);
                continue;
            }
            println!("reader has {:?}", String::from_utf8_lossy(&line));
            if line == b"end" {
                return Ok(());
            }
            line.clear();
        }
        if !more {
            irq.receive(Timeouts::NEVER)?;
        }
    }
}
