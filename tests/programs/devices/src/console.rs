//! The console's input: waits for its interrupt, then reads all there is.

use syscall::abi::icu::OP_BIND;
use syscall::abi::{CapIndex, Rights, Timeout, Timeouts, protocol, vcon};
use syscall::ipc::{self, Message};
use syscall::{Code, Factory, Result, Thread, Vcon, println};

/// Longest line.
const LINE: usize = 4000;

/// Does nothing for so many microseconds.
fn rest(microseconds: u64) {
    let timeouts = Timeouts { send: Timeout::ZERO, receive: Timeout::from_microseconds(microseconds) };
    let _ = ipc::receive(CapIndex::INVALID, timeouts);
}

/// Prints every line that is typed, with its length and a sum of its bytes; `end` ends it, `quiet` ends the echo, and
/// `slow` lets input pile up.
pub fn echo() -> Result {
    let console = Vcon::boot();
    let irq = Factory::boot().create_irq()?;
    irq.bind_thread(Thread::main(), 0)?;
    Message::new(protocol::IRQ).with(OP_BIND).with(0_u64).map(irq.flexpage(Rights::CAP_RWS)).call(console.index())?;
    println!("devices: type");
    let mut line = [0; LINE];
    let mut length = 0;
    let mut waits = 0_u32;
    loop {
        let mut buffer = [0; 60];
        let (count, more) = console.read(&mut buffer)?;
        for &byte in &buffer[..count] {
            if byte != b'\n' {
                *line.get_mut(length).ok_or(Code::MsgTooLong)? = byte;
                length += 1;
                continue;
            }
            let typed = &line[..length];
            let sum = typed.iter().fold(0_u32, |sum, &byte| sum.wrapping_mul(31).wrapping_add(byte.into()));
            let start = core::str::from_utf8(&typed[..length.min(20)]).unwrap_or("?");
            println!("devices: line of {length} bytes, sum {sum:#x}, after {waits} waits: {start}");
            match typed {
                b"end" => return Ok(()),
                b"quiet" => console.set_attributes([vcon::ICRNL, vcon::ONLCR, 0])?,
                b"slow" => rest(1_500_000),
                _ => {}
            }
            length = 0;
        }
        if !more {
            irq.receive(Timeouts::NEVER)?;
            waits += 1;
        }
    }
}
