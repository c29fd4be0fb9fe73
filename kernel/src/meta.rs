//! Questions about the protocols that an object speaks: `l4sys/meta`.

use crate::message::{self, Answer, Message};
use crate::object::Object;
use abi::meta::*;
use abi::{Error, protocol};

/// The protocols of an object, besides the one of these questions, with L4Re's names for them.
fn protocols(object: Object) -> &'static [(i64, &'static str)] {
    match object {
        Object::Task(_) => &[(protocol::TASK, "L4::Task")],
        Object::Thread(_) => &[(protocol::THREAD, "L4::Thread")],
        Object::Gate(_) => &[(protocol::KOBJECT, "L4::Ipc_gate")],
        Object::Irq(_) => &[(protocol::IRQ_SENDER, "L4::Irq"), (protocol::IRQ, "L4::Triggerable")],
        Object::Semaphore(_) => &[(protocol::SEMAPHORE, "L4::Semaphore"), (protocol::IRQ, "L4::Triggerable")],
        Object::Factory(_) => &[(protocol::FACTORY, "L4::Factory")],
        Object::Icu(_) => &[(protocol::IRQ, "L4::Icu"), (protocol::PLATFORM_CONTROL, "L4::Platform_control")],
        Object::Scheduler(_) => &[(protocol::SCHEDULER, "L4::Scheduler"), (protocol::IRQ, "L4::Icu")],
        Object::Vcon(_) => &[(protocol::LOG, "L4::Vcon")],
        Object::Debugger(_) => &[(protocol::DEBUGGER, "L4::Debugger")],
    }
}

/// Answers a message under the protocol [`protocol::META`].
pub fn invoke(message: &Message, object: Object) -> Answer {
    let protocols = protocols(object);
    match message.opcode()? {
        OP_NUM_INTERFACES => message::ok(1 + protocols.len() as i64),
        OP_INTERFACE => {
            let index = usize::try_from(message.word(1)?).map_err(|_| Error::Inval)?;
            let (number, name) = match index.checked_sub(1) {
                None => (protocol::META, "L4::Meta"),
                Some(index) => *protocols.get(index).ok_or(Error::Inval)?,
            };
            message.answer(0, number as u64);
            let length = name.len() + 1;
            message.answer(1, length as u64);
            for (index, part) in name.as_bytes().chunks(8).enumerate() {
                let mut raw = [0; 8];
                raw[..part.len()].copy_from_slice(part);
                message.answer(2 + index, u64::from_le_bytes(raw));
            }
            message::ok_words(0, 2 + length.div_ceil(8))
        }
        OP_SUPPORTS => {
            let asked = message.word(1)? as i64;
            let known = [protocol::META, protocol::KOBJECT].contains(&asked);
            message::ok((known || protocols.iter().any(|&(number, _)| number == asked)) as i64)
        }
        _ => Err(Error::NoSys),
    }
}
