//! The console's input: waits for its interrupt, then reads all there is.

use syscall::abi::icu::OP_BIND;
use syscall::abi::{CapIndex, Rights, Timeout, Timeouts, protocol, vcon};
use syscall::arch::utcb;
use syscall::ipc::{self, Message};
use syscall::{Code, Factory, Result, Thread, Vcon, println};

/// Longest line.
const LINE: usize = 4000;

/// Does nothing for so many microseconds.
fn rest(microseconds: u64) {
    let timeouts = Timeouts { send: Timeout::ZERO, receive: Timeout::from_microseconds(microseconds) };
    let _ = ipc::receive(CapIndex::INVALID, timeouts);
}

/// Asks the console for as many bytes as there is room for, be they more than a message holds: how many there are, and whether
/// there may be more.
fn read(buffer: &mut [u8]) -> Result<(usize, bool)> {
    let words = vcon::OP_READ | (buffer.len() as u64) << 16;
    Message::new(protocol::LOG).with(words).call(Vcon::boot().index())?;
    let status = utcb().mr(0);
    let count = (status & vcon::READ_SIZE_MASK) as usize;
    for (index, part) in buffer.get_mut(..count).ok_or(Code::MsgTooLong)?.chunks_mut(8).enumerate() {
        part.copy_from_slice(&utcb().mr(1 + index).to_le_bytes()[..part.len()]);
    }
    Ok((count, status & vcon::READ_STAT_DONE == 0))
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
    let mut most = 0;
    loop {
        let mut buffer = [0; vcon::READ_SIZE + 100];
        // Who only sends takes nothing.
        Message::new(protocol::LOG).with(vcon::OP_READ | (buffer.len() as u64) << 16).send(console.index())?;
        let (count, more) = read(&mut buffer)?;
        most = count.max(most);
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
                b"end" => {
                    println!("devices: at most {most} bytes at once");
                    return Ok(());
                }
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
