//! The debugger object: `l4sys/debugger.h`, `l4sys/kdebug.h`. Names and numbers of objects, and output to the console.

use crate::arch::{console, print, println};
use crate::locked::Locked;
use crate::message::{self, Answer, Message, Outcome};
use crate::object::{Header, KernelObject, Object};
use crate::output;
use crate::work;
use abi::debugger::*;
use abi::utcb::MESSAGE_REGISTERS;
use abi::{Error, protocol};
use kernel::mem::Slab;
use kernel::space::Progress;

/// The debugger object.
pub struct Debugger {
    header: Header,
}

static SLAB: Locked<Slab<Debugger>> = Locked::new(Slab::new());
static DEBUGGER: Locked<Debugger> = Locked::new(Debugger { header: Header::new() });

impl KernelObject for Debugger {
    fn header(&self) -> &Header {
        &self.header
    }

    fn slab() -> &'static Slab<Self> {
        &SLAB
    }

    fn wrap(&'static self) -> Object {
        Object::Debugger(self)
    }
}

/// The one debugger object.
pub fn debugger() -> &'static Debugger {
    &DEBUGGER
}

impl Debugger {
    /// A message to the object.
    #[inline(never)]
    pub fn invoke(&'static self, message: &Message) -> Answer {
        if message.tag.label() != protocol::DEBUGGER {
            return Err(Error::BadProto);
        }
        if message.tag.words() == 0 && message.tag.items() == 0 {
            return entered(message, &[]);
        }
        match message.opcode()? {
            OP_SET_NAME => {
                let (object, _) = message.object(0)?;
                let mut name = [0; 16];
                for (index, part) in name.chunks_exact_mut(8).enumerate() {
                    if let Ok(word) = message.word(1 + index) {
                        part.copy_from_slice(&word.to_le_bytes());
                    }
                }
                if let Some(end) = name.iter().position(|&byte| byte == 0) {
                    name[end..].fill(0);
                }
                object.header().set_name(name);
                message::ok(0)
            }
            OP_GLOBAL_ID => {
                let (object, _) = message.object(0)?;
                message.answer(0, object.header().id());
                message::ok_words(0, 1)
            }
            OP_GET_NAME => {
                let (object, _) = message.object(0)?;
                let name = object.header().name();
                if name[0] == 0 {
                    return Err(Error::NoEnt);
                }
                for (index, part) in name.chunks_exact(8).enumerate() {
                    let mut raw = [0; 8];
                    raw.copy_from_slice(part);
                    message.answer(index, u64::from_le_bytes(raw));
                }
                message.answer(2, 0);
                message::ok_words(0, 3)
            }
            #[cfg(feature = "measure")]
            opcode @ (OP_LONGEST_STRETCH | OP_FREE_MEMORY) => crate::measure::invoke(message, opcode),
            opcode => output(message, opcode),
        }
    }
}

/// Output to the kernel's console.
fn output(message: &Message, opcode: u64) -> Answer {
    let value = message.word(1)?;
    let mut bytes = [0; 8 * MESSAGE_REGISTERS];
    match opcode {
        OP_ENTER => return entered(message, text(message, &mut bytes)),
        OP_OUT_CHAR => console::write(&[value as u8]),
        OP_OUT_STRING => return written(message, text(message, &mut bytes), output::begun(message)),
        OP_OUT_HEX32 => print!("{:08x}", value as u32),
        OP_OUT_HEX20 => print!("{:05x}", value & 0xf_ffff),
        OP_OUT_HEX16 => print!("{:04x}", value as u16),
        OP_OUT_HEX12 => print!("{:03x}", value & 0xfff),
        OP_OUT_HEX8 => print!("{:02x}", value as u8),
        OP_OUT_DECIMAL => print!("{value}"),
        _ => return Err(Error::NoSys),
    }
    message::ok(0)
}

/// A program stops for the debugger, which is not there: its text is shown, and it goes on.
fn entered(message: &Message, text: &[u8]) -> Answer {
    let begun = output::begun(message);
    if begun == 0 {
        let (id, ip) = (message.sender.header.id(), message.sender.frame.ip());
        print!(
            "KERNEL: thread {id} asks for the kernel debugger, ip {ip:#x}{}",
            if text.is_empty() { "" } else { ": " }
        );
        work::reported();
    }
    let answer = written(message, text, begun);
    if let Ok(Outcome::Reply(_)) = answer {
        println!();
    }
    answer
}

fn written(message: &Message, text: &[u8], begun: usize) -> Answer {
    match output::go_on(message, text, begun) {
        Progress::Done => message::ok(0),
        Progress::Preempted => Ok(Outcome::Preempted),
    }
}

/// The text of a message: its length is word 1, at most what the message has from word 2 on.
fn text<'a>(message: &Message, bytes: &'a mut [u8; 8 * MESSAGE_REGISTERS]) -> &'a [u8] {
    let words = message.tag.words().saturating_sub(2);
    for (index, word) in bytes.chunks_exact_mut(8).enumerate().take(words) {
        word.copy_from_slice(&message.utcb.mr(2 + index).to_le_bytes());
    }
    let length = message.word(1).unwrap_or(0).min(8 * words as u64);
    &bytes[..length as usize]
}
