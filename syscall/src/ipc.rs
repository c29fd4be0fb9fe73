//! IPC: what the system call does, one function per operation, and [`Message`], which most code uses.
//!
//! A message is built directly in the calling thread's UTCB, so build and send it in one go: printing,
//! or calling something else in between, overwrites it.

use abi::{BufferItem, CapIndex, Flexpage, IpcError, MapItem, Tag, ipc::Operation};

pub use abi::{Timeout, Timeouts};

use crate::{
    Error, Result,
    arch::{UtcbRef, invoke, utcb},
    message::{Argument, Reader, Scalar, Writer},
};

/// Sends the message in the UTCB and waits for the answer.
#[inline(always)]
pub fn call(destination: CapIndex, tag: Tag, timeouts: Timeouts) -> Result<Tag> {
    check(invoke(destination, Operation::CALL, 0, tag, timeouts).0)
}

/// Sends the message in the UTCB.
#[inline(always)]
pub fn send(destination: CapIndex, tag: Tag, timeouts: Timeouts) -> Result {
    check(invoke(destination, Operation::SEND, 0, tag, timeouts).0).map(drop)
}

/// Receives a message from the thread or object `source` only.
#[inline(always)]
pub fn receive(source: CapIndex, timeouts: Timeouts) -> Result<Tag> {
    check(invoke(source, Operation::RECEIVE, 0, Tag::new(0, 0, 0, 0), timeouts).0)
}

/// Receives a message from anybody; the label tells through which gate or interrupt it came.
#[inline(always)]
pub fn wait(timeouts: Timeouts) -> Result<(Tag, u64)> {
    check_labelled(invoke(CapIndex::INVALID, Operation::WAIT, 0, Tag::new(0, 0, 0, 0), timeouts))
}

/// Answers the last caller with the message in the UTCB.
#[inline(always)]
pub fn reply(tag: Tag) -> Result {
    check(invoke(CapIndex::INVALID, Operation::REPLY_ONLY, 0, tag, AT_ONCE).0).map(drop)
}

/// Answers the last caller with the message in the UTCB, then receives from anybody.
#[inline(always)]
pub fn reply_and_wait(tag: Tag, timeouts: Timeouts) -> Result<(Tag, u64)> {
    check_labelled(invoke(CapIndex::INVALID, Operation::REPLY_AND_WAIT, 0, tag, timeouts))
}

/// Sends the message in the UTCB, then receives from anybody.
#[inline(always)]
pub fn send_and_wait(destination: CapIndex, tag: Tag, timeouts: Timeouts) -> Result<(Tag, u64)> {
    check_labelled(invoke(destination, Operation::SEND_AND_WAIT, 0, tag, timeouts))
}

/// The send timeout of replies: a caller that does not wait gets none.
const AT_ONCE: Timeouts = Timeouts { send: Timeout::ZERO, receive: Timeout::NEVER };

/// A place in the task's table of reply capabilities, for a server that answers later: while the caller stands in
/// such a slot, the thread takes other calls. It is the program that says which slots are free.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ReplySlot(CapIndex);

impl ReplySlot {
    /// Slot `index`; Fiasco and Furore have 2^18 of them. The kernel's tables for it come from the task's quota.
    pub const fn new(index: u64) -> Self {
        Self(CapIndex::reply(index))
    }

    /// Like [`wait`]; if the message is a call, the caller stands in this slot afterwards, in place of who stood there.
    ///
    /// # Errors
    /// Those of the IPC; [`IpcError::NoReplyCap`] when there is no such slot, or no memory for it.
    pub fn wait(self, timeouts: Timeouts) -> Result<(Tag, u64)> {
        check_labelled(invoke(self.0, Operation::WAIT, 0, Tag::new(0, 0, 0, 0), timeouts))
    }

    /// Answers the caller in this slot with the message in the UTCB; the slot is empty then. The thread that took
    /// the call does this: for the caller another one would be somebody else.
    ///
    /// # Errors
    /// Those of the IPC; [`IpcError::NotExistent`] when the slot is empty: the caller does not wait any more.
    pub fn reply(self, tag: Tag) -> Result {
        check(invoke(self.0, Operation::REPLY_ONLY, 0, tag, AT_ONCE).0).map(drop)
    }

    /// [`reply`](Self::reply), then [`wait`](Self::wait).
    ///
    /// # Errors
    /// Those of the two.
    pub fn reply_and_wait(self, tag: Tag, timeouts: Timeouts) -> Result<(Tag, u64)> {
        check_labelled(invoke(self.0, Operation::REPLY_AND_WAIT, 0, tag, timeouts))
    }
}

#[inline(always)]
fn check(tag: Tag) -> Result<Tag> {
    if tag.has_error() { Err(Error::last_ipc()) } else { Ok(tag) }
}

#[inline(always)]
fn check_labelled((tag, label): (Tag, u64)) -> Result<(Tag, u64)> {
    check(tag).map(|tag| (tag, label))
}

/// An answer, still in the UTCB: read it before the next IPC.
pub type Reply = Reader<UtcbRef>;

impl Reply {
    /// The (non-negative) return value of the call.
    #[inline(always)]
    pub fn value(&self) -> i64 {
        self.tag().label()
    }
}

/// A request under construction in the UTCB.
///
/// ```no_run
/// # use syscall::{Result, abi::CapIndex, ipc::Message};
/// fn shut_down(platform: CapIndex) -> Result {
///     use syscall::abi::{platform_control::OP_SHUTDOWN, protocol::PLATFORM_CONTROL};
///     Message::new(PLATFORM_CONTROL).with(OP_SHUTDOWN).with(0_u64).call(platform).map(drop)
/// }
/// ```
pub struct Message {
    writer: Writer<UtcbRef>,
    utcb: UtcbRef,
    protocol: i64,
    flags: u64,
    buffers: usize,
    timeouts: Timeouts,
}

impl Message {
    /// An empty request of this protocol.
    #[inline(always)]
    pub fn new(protocol: i64) -> Self {
        let utcb = utcb();
        Self { writer: Writer::new(utcb), utcb, protocol, flags: 0, buffers: 0, timeouts: Timeouts::NEVER }
    }

    /// Appends a value; the first is the opcode: `u64` for kernel objects, `i32` for L4Re's.
    #[inline(always)]
    pub fn with<T: Scalar>(mut self, value: T) -> Self {
        self.writer.put(value);
        self
    }

    /// Appends an array of bytes.
    pub fn with_bytes(mut self, bytes: &[u8]) -> Self {
        self.writer.put_bytes(bytes);
        self
    }

    /// Appends bytes without their length.
    pub fn with_raw(mut self, bytes: &[u8]) -> Self {
        self.writer.put_raw(bytes);
        self
    }

    /// Appends a string.
    pub fn with_str(mut self, string: &str) -> Self {
        self.writer.put_str(string);
        self
    }

    /// Appends arguments of a factory message.
    #[inline(always)]
    pub fn with_arguments(mut self, arguments: &[Argument<'_>]) -> Self {
        for &argument in arguments {
            self.writer.put_argument(argument);
        }
        self
    }

    /// Appends a value of any type that can stand in a message.
    #[inline(always)]
    pub fn with_wire(mut self, value: &impl crate::interface::Wire) -> Self {
        value.write(&mut self.writer);
        self
    }

    /// Appends a typed item; no value can follow.
    #[inline(always)]
    pub fn item(mut self, item: MapItem) -> Self {
        self.writer.item(item);
        self
    }

    /// Appends the flexpage as a map item.
    #[inline(always)]
    pub fn map(self, flexpage: Flexpage) -> Self {
        self.item(MapItem::map(flexpage))
    }

    /// Lets the answer bring a capability into `slot`.
    #[inline(always)]
    pub fn receive_cap(self, slot: CapIndex) -> Self {
        self.buffer(BufferItem::single_cap(slot).0)
    }

    /// Lets the answer bring memory, ports or capabilities into `window`.
    #[inline(always)]
    pub fn receive_window(self, window: Flexpage) -> Self {
        self.buffer(BufferItem::WINDOW.0).buffer(window.raw())
    }

    /// Lets the answer bring memory into `window` of another task.
    pub fn receive_window_in(self, window: Flexpage, task: CapIndex) -> Self {
        self.buffer(BufferItem::WINDOW.0 | abi::item::FORWARD_MAPPINGS).buffer(window.raw()).buffer(task.raw())
    }

    #[inline(always)]
    fn buffer(mut self, word: u64) -> Self {
        self.utcb.set_br(self.buffers, word);
        self.buffers += 1;
        self
    }

    /// Sets the timeouts (never, unless set).
    pub fn timeouts(mut self, timeouts: Timeouts) -> Self {
        self.timeouts = timeouts;
        self
    }

    /// Sets flags of the tag.
    #[inline(always)]
    pub fn flags(mut self, flags: u64) -> Self {
        self.flags = flags;
        self
    }

    /// Checks the destination too: the kernel takes the invalid capability for the calling thread itself,
    /// which would wait for its own answer.
    #[inline(always)]
    fn finish(&self, destination: CapIndex) -> Result<Tag> {
        if !destination.is_valid() {
            return Err(IpcError::NotExistent.into());
        }
        self.utcb.set_bdr(0);
        self.utcb.set_br(self.buffers, 0);
        self.writer.tag(self.protocol, self.flags)
    }

    /// Sends the request and waits for the answer.
    ///
    /// # Errors
    /// Those of the IPC, and the negative return value of the server.
    #[inline(always)]
    pub fn call(self, destination: CapIndex) -> Result<Reply> {
        let tag = self.finish(destination)?;
        let tag = call(destination, tag, self.timeouts)?;
        if tag.label() < 0 {
            return Err(Error::from_label(tag.label()));
        }
        Ok(Reader::new(self.utcb, tag))
    }

    /// Sends the request; there is no answer.
    ///
    /// # Errors
    /// Those of the IPC.
    #[inline(always)]
    pub fn send(self, destination: CapIndex) -> Result {
        let tag = self.finish(destination)?;
        send(destination, tag, self.timeouts)
    }
}
