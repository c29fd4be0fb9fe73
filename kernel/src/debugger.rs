//! The debugger object: `l4sys/debugger.h`. Names and numbers of objects.

use crate::invoke;
use crate::locked::Locked;
use crate::message::{self, Answer, Message};
use crate::object::{Header, KernelObject, Object};
use abi::debugger::*;
use abi::{Error, protocol};
use kernel::mem::Slab;

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
    pub fn invoke(&'static self, message: &Message) -> Answer {
        match message.tag.label() {
            protocol::DEBUGGER => {}
            protocol::KOBJECT => return invoke::any_object(message, Object::Debugger(self)),
            _ => return Err(Error::BadProto),
        }
        match message.opcode()?.wrapping_sub(GROUP_KOBJECT) {
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
                for (index, part) in object.header().name().chunks_exact(8).enumerate() {
                    let mut raw = [0; 8];
                    raw.copy_from_slice(part);
                    message.answer(index, u64::from_le_bytes(raw));
                }
                message.answer(2, 0);
                message::ok_words(0, 3)
            }
            _ => Err(Error::NoSys),
        }
    }
}
