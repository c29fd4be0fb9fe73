//! A request as its handler sees it: a reader for its values, the rights of the capability by which it
//! came, and the capability that came with it.

use alloc::rc::Rc;

use abi::item::Received;
use abi::l4re::Opcode;
use abi::{CapIndex, Error as Code, Rights};
use moe::object_table::ObjectId;
use syscall::message::Reader;
use syscall::{Cap, Gate, Result};

use super::{Space, Words};

/// A request.
pub struct Request<'a> {
    /// The message.
    pub reader: Reader<&'a mut Words>,
    /// `CAP_W` and `CAP_S`, as far as the client's capability has them.
    pub rights: Rights,
    /// What came with it.
    pub given: Given,
}

/// The capability that came with a request.
#[derive(Clone)]
pub enum Given {
    /// None at all.
    Nothing,
    /// One of moe's own objects, with the rights that the client's capability has.
    Own {
        /// Which.
        id: ObjectId,
        /// `CAP_W` and `CAP_S`.
        rights: Rights,
        /// Its gate.
        gate: Cap<Gate>,
        /// The dataspace, if it is one.
        space: Option<Rc<Space>>,
    },
    /// One of moe's own objects that is no more.
    Gone,
    /// Somebody else's object, in this slot until the request is done.
    Foreign(CapIndex),
    /// Something that is no capability, or none that arrived.
    Unusable,
}

impl Given {
    /// What the first item of a message brought; what is moe's own is not looked up yet.
    pub fn from_message(reader: &Reader<&mut Words>, slot: CapIndex) -> Given {
        let Ok(item) = reader.item(0) else { return Given::Nothing };
        if item.is_void() {
            return Given::Nothing;
        }
        const HOW: u64 = 6;
        match item.control & HOW {
            how if how == Received::Mapped as u64 => Given::Foreign(slot),
            how if how == Received::LocalId as u64 => {
                let label = item.flexpage.raw();
                let rights = Rights((label & abi::gate::LABEL_RIGHTS_MASK) as u8);
                let id = ObjectId::from_label(label);
                Given::Own { id, rights, gate: Cap::INVALID, space: None }
            }
            _ => Given::Unusable,
        }
    }

    /// The dataspace, with the rights that go with it.
    ///
    /// # Errors
    /// `MsgMissArg` where no capability came, `NoEnt` for what is none of moe's dataspaces.
    pub fn dataspace(&self) -> Result<(&Rc<Space>, Rights)> {
        match self {
            Given::Nothing => Err(Code::MsgMissArg.into()),
            Given::Own { space: Some(space), rights, .. } => {
                let kept = if rights.contains(Rights::CAP_W) { Rights::RWX } else { Rights::RX };
                Ok((space, space.rights() & kept))
            }
            _ => Err(Code::NoEnt.into()),
        }
    }
}

/// Whether item `index` of a message filled a receive slot.
pub fn is_mapped(reader: &Reader<&mut Words>, index: usize) -> bool {
    const HOW: u64 = 6;
    reader.item(index).is_ok_and(|item| !item.is_void() && item.control & HOW == Received::Mapped as u64)
}

impl<'a> Request<'a> {
    /// The request in `reader` that came with `label`.
    pub fn new(reader: Reader<&'a mut Words>, label: u64, given: Given) -> Request<'a> {
        let rights = Rights((label & abi::gate::LABEL_RIGHTS_MASK) as u8);
        Request { reader, rights, given }
    }

    /// The opcode of one of L4Re's protocols.
    ///
    /// # Errors
    /// `MsgTooShort` for an empty message.
    pub fn opcode(&mut self) -> Result<Opcode> {
        self.reader.get()
    }

    /// Refuses clients whose capability lacks a right.
    ///
    /// # Errors
    /// `Perm`.
    pub fn require(&self, right: Rights) -> Result {
        if self.rights.contains(right) { Ok(()) } else { Err(Code::Perm.into()) }
    }
}
