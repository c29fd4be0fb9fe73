//! A message to a kernel object, as the object sees it, and its answer.
//!
//! Words and items stand in the sender's UTCB; an answer is written there only if the sender waits for one.
#![allow(unsafe_code)] // UTCBs are memory that user programs write to

use crate::object::{Header, Object};
use crate::task::Task;
use crate::thread::Thread;
use abi::ipc::Operation;
use abi::utcb::{MESSAGE_REGISTERS, Utcb};
use abi::{Error, FlexpageKind, IpcError, MapItem, Rights, Tag, Timeouts};
use core::cell::Cell;
use core::ptr::{NonNull, addr_of, addr_of_mut};
use kernel::cap_space::Attributes;

/// A UTCB as the kernel sees it. The program that owns it can change it at any time, so every access is
/// one volatile load or store, and nothing is assumed to stay.
#[derive(Clone, Copy)]
pub struct UtcbPointer(NonNull<Utcb>);

/// One volatile access of a field.
macro_rules! field {
    ($utcb:expr, $field:ident) => {
        // SAFETY: see `UtcbPointer::new`.
        unsafe { addr_of!((*$utcb.0.as_ptr()).$field).read_volatile() }
    };
    ($utcb:expr, $field:ident, $value:expr) => {
        // SAFETY: see `UtcbPointer::new`.
        unsafe { addr_of_mut!((*$utcb.0.as_ptr()).$field).write_volatile($value) }
    };
}

impl UtcbPointer {
    /// A UTCB in kernel-user memory.
    ///
    /// # Safety
    /// `utcb` points to a whole UTCB in kernel-user memory of a task that is kept as long as this
    /// pointer is used: that memory is freed only with its task.
    pub unsafe fn new(utcb: NonNull<Utcb>) -> Self {
        Self(utcb)
    }

    /// Writes the address that the GS base points to.
    pub fn set_address(self, address: u64) {
        field!(self, address, address);
    }

    /// The buffer descriptor register.
    #[inline]
    pub fn bdr(self) -> u64 {
        field!(self, bdr)
    }

    /// Sets the buffer descriptor register.
    pub fn set_bdr(self, bdr: u64) {
        field!(self, bdr, bdr);
    }

    /// The error register.
    pub fn error(self) -> u64 {
        field!(self, error)
    }

    /// Sets the error register.
    pub fn set_error(self, error: u64) {
        field!(self, error, error);
    }

    /// Tells the program that the kernel no longer uses this UTCB.
    pub fn set_free(self) {
        field!(self, free_marker, 0);
    }

    /// Message register `index`.
    #[inline]
    pub fn mr(self, index: usize) -> u64 {
        assert!(index < MESSAGE_REGISTERS);
        // SAFETY: see `new`; the index is in range.
        unsafe { addr_of!((*self.0.as_ptr()).mr[index]).read_volatile() }
    }

    /// Sets message register `index`.
    #[inline]
    pub fn set_mr(self, index: usize, value: u64) {
        assert!(index < MESSAGE_REGISTERS);
        // SAFETY: see `new`; the index is in range.
        unsafe { addr_of_mut!((*self.0.as_ptr()).mr[index]).write_volatile(value) }
    }

    /// Buffer register `index`; one behind the last reads as an empty item.
    pub fn br(self, index: usize) -> u64 {
        if index >= abi::utcb::BUFFER_REGISTERS {
            return 0;
        }
        // SAFETY: see `new`; the index is in range.
        unsafe { addr_of!((*self.0.as_ptr()).br[index]).read_volatile() }
    }

    /// Sets buffer register `index`.
    pub fn set_br(self, index: usize, value: u64) {
        assert!(index < abi::utcb::BUFFER_REGISTERS);
        // SAFETY: see `new`; the index is in range.
        unsafe { addr_of_mut!((*self.0.as_ptr()).br[index]).write_volatile(value) }
    }

    /// Copies the first `words` message registers (at most all) from `source`.
    #[inline(always)]
    pub fn copy_words(self, source: Self, words: usize) {
        /// Up to here a loop is shorter than a call of the general copy.
        const FEW: usize = 8;
        if words <= FEW {
            for index in 0..words {
                self.set_mr(index, source.mr(index));
            }
            return;
        }
        let words = words.min(MESSAGE_REGISTERS);
        // SAFETY: see `new`. Message registers are plain numbers, for which a torn copy is as good as any
        // other; the two UTCBs may be the same one, which `copy` allows.
        unsafe {
            let (from, to) = (addr_of!((*source.0.as_ptr()).mr), addr_of_mut!((*self.0.as_ptr()).mr));
            core::ptr::copy(from.cast::<u64>(), to.cast::<u64>(), words);
        }
    }

    /// The item at position `item` of a message with tag `tag`.
    pub fn item(self, tag: Tag, item: usize) -> Option<MapItem> {
        if let Some(position) = Utcb::item_position(tag, item) {
            return Some(MapItem::from_words(self.mr(position), self.mr(position + 1)));
        }
        // Of a void item the second word may be missing, as in Fiasco.
        let last = MapItem::from_words(self.mr(MESSAGE_REGISTERS - 1), 0);
        (tag.words() + 2 * item == MESSAGE_REGISTERS - 1 && last.is_void()).then_some(last)
    }
}

/// How an invocation of a kernel object ends.
pub enum Outcome {
    /// The answer's tag; its words are in the UTCB.
    Reply(Tag),
    /// There is no answer: a receive phase waits for a message.
    NoReply,
    /// The invocation itself failed, as an IPC does.
    Failed(IpcError),
    /// All is done already: the thread waits, or its registers are set.
    Done,
    /// The operation takes long: it goes on after a preemption point, with the [`crate::work::Work`] in its thread.
    Preempted,
}

/// An [`Outcome`], or an error code for the answer's label.
pub type Answer = Result<Outcome, Error>;

/// The answer with this label and no words.
pub fn ok(label: i64) -> Answer {
    ok_words(label, 0)
}

/// The answer with this label and the first `words` message registers.
pub fn ok_words(label: i64, words: usize) -> Answer {
    Ok(Outcome::Reply(Tag::new(label, words, 0, 0)))
}

/// An invocation of a kernel object.
pub struct Message {
    /// Who sends it.
    pub sender: &'static Thread,
    /// The sender's task.
    pub task: &'static Task,
    /// The sender's UTCB.
    pub utcb: UtcbPointer,
    /// The message's tag.
    pub tag: Tag,
    /// What kind of IPC.
    pub operation: Operation,
    /// The timeouts of its phases.
    pub timeouts: Timeouts,
    /// Rights and other attributes of the capability that was invoked.
    pub attributes: Attributes,
    /// The invocation itself failed, whatever the object answers.
    pub failure: Cell<Option<IpcError>>,
}

impl Message {
    /// The rights of the capability that was invoked.
    #[inline]
    pub fn rights(&self) -> Rights {
        Rights(self.attributes & 0xf)
    }

    /// Checks that the capability has all of `rights`.
    pub fn require(&self, rights: Rights) -> Result<(), Error> {
        if self.rights().contains(rights) { Ok(()) } else { Err(Error::Perm) }
    }

    /// Checks the label of a message to an object that speaks `protocol`, and that there is an opcode.
    pub fn expect(&self, protocol: i64) -> Result<u64, Error> {
        if self.tag.label() != protocol {
            return Err(Error::BadProto);
        }
        self.opcode()
    }

    /// The first word.
    pub fn opcode(&self) -> Result<u64, Error> {
        self.word(0)
    }

    /// Word `index`, or that the message is too short.
    pub fn word(&self, index: usize) -> Result<u64, Error> {
        if index < self.tag.words() { Ok(self.utcb.mr(index)) } else { Err(Error::MsgTooShort) }
    }

    /// Whether the sender waits for an answer.
    pub fn wants_reply(&self) -> bool {
        self.operation.contains(Operation::RECEIVE)
    }

    /// Sets word `index` of the answer, if there is one.
    pub fn answer(&self, index: usize, value: u64) {
        if self.wants_reply() {
            self.utcb.set_mr(index, value);
        }
    }

    /// The object that item `item` names, and the attributes of the capability to it. An item that is no
    /// capability fails the invocation.
    pub fn object(&self, item: usize) -> Result<(Object, Attributes), Error> {
        if item >= self.tag.items() {
            return Err(Error::Inval);
        }
        let item = self.utcb.item(self.tag, item).filter(|item| !item.is_void()).ok_or(Error::Inval)?;
        if item.flexpage.kind() != FlexpageKind::Object {
            self.failure.set(Some(IpcError::SendCut));
            return Err(Error::Inval);
        }
        let (header, attributes): (&'static Header, _) =
            self.task.caps.lookup(item.flexpage.page()).ok_or(Error::Inval)?;
        Ok((header.object(), attributes))
    }
}

/// Like [`Message::object`], for one kind of object: `object!(message, 0, Thread)`.
macro_rules! expect_object {
    ($message:expr, $item:expr, $kind:ident) => {
        match $message.object($item)? {
            ($crate::object::Object::$kind(object), attributes) => (object, abi::Rights(attributes & 0xf)),
            _ => return Err(abi::Error::Inval),
        }
    };
}
pub(crate) use expect_object;
