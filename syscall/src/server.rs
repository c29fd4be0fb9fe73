//! Servers: objects behind gates, and the loop that dispatches requests to them.
//!
//! An [`Object`] handles the requests that come through its gate. Most servers describe their requests
//! with [`interface!`](crate::interface!), which writes the packing and unpacking for both sides;
//! objects with requests of another form implement [`Object`] themselves.
//!
//! ```no_run
//! use syscall::{Result, server::Server};
//!
//! syscall::interface! {
//!     /// A counter.
//!     pub mod counter = 0x6001 {
//!         /// Adds `difference` and returns the new value.
//!         0: fn add(difference: i64) -> i64;
//!     }
//! }
//!
//! struct Counter(i64);
//!
//! impl counter::Server for Counter {
//!     fn add(&mut self, difference: i64) -> Result<i64> {
//!         self.0 += difference;
//!         Ok(self.0)
//!     }
//! }
//!
//! fn main() -> Result {
//!     let mut server = Server::new()?;
//!     // The script has given this program the server's side of a channel.
//!     server.serve_on("counter", counter::Served(Counter(0)))?;
//!     server.run()
//! }
//! ```

use alloc::{boxed::Box, vec::Vec};

use abi::{BufferItem, CapIndex, Rights, Tag, gate::LABEL_RIGHTS_MASK, meta, protocol, utcb::MESSAGE_REGISTERS};

use crate::{
    Cap, Code, Error, Gate, Owned, Result, Thread,
    arch::{UtcbRef, utcb},
    env,
    ipc::{self, Timeout, Timeouts},
    message::{Reader, Scalar, Writer},
};

/// How many capabilities a request can bring.
pub const WINDOWS: usize = 2;

/// Something that is served.
pub trait Object {
    /// Handles a request and returns the (non-negative) value for the caller. The error
    /// [`Code::NoReply`] means that no answer is to be sent: for interrupts.
    ///
    /// # Errors
    /// What the caller is to be told; `BadProto` and `NoSys` for requests that are not known.
    fn handle(&mut self, call: &mut Call<'_>) -> Result<i64>;

    /// Whether it understands requests of `protocol`, for the meta protocol.
    fn supports(&self, _protocol: i64) -> bool {
        false
    }

    /// Handles the request with this tag where it lies, in the UTCB; the answer's tag, or `None` to have
    /// [`handle`](Self::handle) called. For objects that read all of a request before they do anything
    /// else, and then write all of the answer, as those of [`interface!`](crate::interface!) do.
    #[doc(hidden)]
    fn handle_in_place(&mut self, _registers: UtcbRef, _tag: Tag) -> Option<Tag> {
        None
    }
}

/// The tag of an answer that is nothing but an error.
#[doc(hidden)]
#[cold]
pub fn error_tag(error: Error) -> Tag {
    Tag::new(error.to_label(), 0, 0, 0)
}

type Words = [u64; MESSAGE_REGISTERS];

/// A request while it is handled: what it says, and what is to be answered. Both are copies, so that the
/// handler may print and call others.
pub struct Call<'a> {
    server: &'a mut Server,
    request: Reader<&'a mut Words>,
    answer: Writer<&'a mut Words>,
    rights: Rights,
    /// Capabilities to be kept until the answer is sent.
    windows_taken: usize,
}

impl Call<'_> {
    /// The protocol of the request.
    pub fn protocol(&self) -> i64 {
        self.request.tag().label()
    }

    /// Whether it is an interrupt, which takes no answer.
    pub fn is_interrupt(&self) -> bool {
        self.protocol() == protocol::IRQ
    }

    /// The write and special rights of the capability through which the request came.
    pub fn rights(&self) -> Rights {
        self.rights
    }

    /// The next value of the request; the first is usually the opcode.
    ///
    /// # Errors
    /// `MsgTooShort` when there is none.
    pub fn get<T: Scalar>(&mut self) -> Result<T> {
        self.request.get()
    }

    /// The request, for values of other forms.
    pub fn request(&mut self) -> &mut Reader<impl crate::message::Registers> {
        &mut self.request
    }

    /// Appends a value to the answer.
    pub fn put<T: Scalar>(&mut self, value: T) {
        self.answer.put(value);
    }

    /// The answer, for values of other forms.
    pub fn answer(&mut self) -> &mut Writer<impl crate::message::Registers> {
        &mut self.answer
    }

    /// The capability that the request brought as its item `index`.
    ///
    /// # Errors
    /// `MsgMissArg` when it brought none there; `NoMem` when there is no slot for the next one.
    pub fn take_cap<T>(&mut self, index: usize) -> Result<Owned<T>> {
        let item = self.request.item(index)?;
        let is_object = item.control & 0x30 == 0x30;
        let is_mapped = item.control & 0x6 == abi::item::Received::Mapped as u64;
        if index >= WINDOWS || !is_object || !is_mapped || self.windows_taken & 1 << index != 0 {
            return Err(Code::MsgMissArg.into());
        }
        let next = crate::cap::allocate()?;
        self.windows_taken |= 1 << index;
        Ok(Owned::from_cap(Cap::new(core::mem::replace(&mut self.server.windows[index], next))))
    }

    /// Hands a capability to the caller, in the answer's next item; the caller gets the rights at most.
    pub fn put_cap<T>(&mut self, cap: Cap<T>, rights: Rights) {
        self.answer.item(cap.item(rights));
    }

    /// The server, to register further objects.
    pub fn server(&mut self) -> &mut Server {
        self.server
    }
}

/// Objects and the thread that serves them.
pub struct Server {
    objects: Vec<Entry>,
    thread: Cap<Thread>,
    windows: [CapIndex; WINDOWS],
}

struct Entry {
    /// Counts how often the entry was used, so that messages to a former object are recognised.
    generation: u32,
    /// Taken out while the object handles a request.
    object: Option<Box<dyn Object>>,
    /// Whether the object was removed while it handled a request.
    removed: bool,
}

/// Names an object of a server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ObjectId {
    index: usize,
    generation: u32,
}

impl ObjectId {
    /// The label of the object's gate: generation, index, and two bits for the sender's rights.
    const fn label(self) -> u64 {
        (self.generation as u64) << 32 | (self.index as u64) << 2
    }

    const fn from_label(label: u64) -> Self {
        Self { index: ((label & 0xffff_ffff) >> 2) as usize, generation: (label >> 32) as u32 }
    }
}

impl Server {
    /// A server without objects, to be run by the calling thread.
    ///
    /// # Errors
    /// `NoMem` when there are no slots for what requests bring.
    pub fn new() -> Result<Self> {
        let windows = [crate::cap::allocate()?, crate::cap::allocate()?];
        Ok(Self { objects: Vec::new(), thread: crate::thread::current().cap(), windows })
    }

    fn add(&mut self, object: Box<dyn Object>) -> ObjectId {
        let free = self.objects.iter().position(|entry| entry.object.is_none() && entry.removed);
        let index = free.unwrap_or_else(|| {
            self.objects.push(Entry { generation: 0, object: None, removed: true });
            self.objects.len() - 1
        });
        let entry = &mut self.objects[index];
        entry.generation += 1;
        (entry.object, entry.removed) = (Some(object), false);
        ObjectId { index, generation: entry.generation }
    }

    /// Serves `object` on a new gate. Callers need the gate's capability; the object goes when
    /// [removed](Self::remove).
    ///
    /// # Errors
    /// Those of making a gate.
    pub fn serve(&mut self, object: impl Object + 'static) -> Result<(ObjectId, Owned<Gate>)> {
        let id = self.add(Box::new(object));
        match env::factory().create_gate(Some(self.thread), id.label()) {
            Ok(gate) => Ok((id, gate)),
            Err(error) => {
                self.remove(id);
                Err(error)
            }
        }
    }

    /// Serves `object` on the gate that the program was given as `name`, with the server's right.
    ///
    /// # Errors
    /// [`Error::Missing`] when there is no such capability; `Perm` when it lacks the server's right.
    pub fn serve_on(&mut self, name: &'static str, object: impl Object + 'static) -> Result<ObjectId> {
        let gate = env::cap::<Gate>(name)?;
        self.serve_at(gate, object)
    }

    /// Serves `object` on `gate`, of which this program has the server's right.
    ///
    /// # Errors
    /// `Perm` when it lacks the right.
    pub fn serve_at(&mut self, gate: Cap<Gate>, object: impl Object + 'static) -> Result<ObjectId> {
        let id = self.add(Box::new(object));
        gate.bind_thread(self.thread, id.label()).inspect_err(|_| self.remove(id))?;
        Ok(id)
    }

    /// Delivers `irq` to `object`.
    ///
    /// # Errors
    /// Those of binding it.
    pub fn serve_irq(&mut self, irq: Cap<crate::Irq>, object: impl Object + 'static) -> Result<ObjectId> {
        let id = self.add(Box::new(object));
        irq.bind_thread(self.thread, id.label()).inspect_err(|_| self.remove(id))?;
        Ok(id)
    }

    /// No longer serves an object, and drops it; at once, or when it has answered the request that it
    /// handles now. Requests that come later through its gate are answered with `NoEnt`.
    pub fn remove(&mut self, id: ObjectId) {
        if let Some(entry) = self.objects.get_mut(id.index).filter(|entry| entry.generation == id.generation) {
            entry.removed = true;
            entry.object = None;
        }
    }

    /// Serves for ever.
    pub fn run(&mut self) -> ! {
        let (mut request, mut answer) = ([0; MESSAGE_REGISTERS], [0; MESSAGE_REGISTERS]);
        let timeouts = Timeouts { send: Timeout::ZERO, receive: Timeout::NEVER };
        let mut reply = None;
        loop {
            self.open_windows();
            let received = match reply {
                Some(tag) => ipc::reply_and_wait(tag, timeouts),
                None => ipc::wait(timeouts),
            };
            // An error is that of a caller who did not wait for the answer, or of a request that did not
            // arrive as a whole. Neither is this server's business.
            reply = received.ok().and_then(|(tag, label)| self.dispatch(tag, label, &mut request, &mut answer));
        }
    }

    /// Lets the next request bring capabilities.
    fn open_windows(&self) {
        let registers = utcb();
        registers.set_bdr(0);
        for (index, &window) in self.windows.iter().enumerate() {
            registers.set_br(index, BufferItem::single_cap(window).0);
        }
        registers.set_br(WINDOWS, 0);
    }

    /// Has a request handled and puts the answer into the UTCB; none for interrupts.
    fn dispatch(&mut self, tag: Tag, label: u64, request: &mut Words, answer: &mut Words) -> Option<Tag> {
        let registers = utcb();
        let id = ObjectId::from_label(label);
        if let Some(entry) = self.objects.get_mut(id.index)
            && entry.generation == id.generation
            && let Some(object) = &mut entry.object
            && tag.items() == 0
            && let Some(answer_tag) = object.handle_in_place(registers, tag)
        {
            return Some(answer_tag);
        }
        let length = (tag.words() + 2 * tag.items()).min(MESSAGE_REGISTERS);
        for (index, word) in request[..length].iter_mut().enumerate() {
            *word = registers.mr(index);
        }
        let rights = Rights((label & LABEL_RIGHTS_MASK) as u8);
        let (result, answer_tag) = self.handle(id, rights, Reader::new(request, tag), answer);
        let answer_tag = answer_tag
            .and_then(|answer_tag| result.map(|value| Tag::new(value, answer_tag.words(), answer_tag.items(), 0)));
        let answer_tag = match answer_tag {
            Ok(answer_tag) => answer_tag,
            Err(Error::Code(Code::NoReply)) => return None,
            Err(error) => return Some(error_tag(error)),
        };
        for (index, &word) in answer[..answer_tag.words() + 2 * answer_tag.items()].iter().enumerate() {
            registers.set_mr(index, word);
        }
        Some(answer_tag)
    }

    fn handle(
        &mut self,
        id: ObjectId,
        rights: Rights,
        request: Reader<&mut Words>,
        answer: &mut Words,
    ) -> (Result<i64>, Result<Tag>) {
        let empty = Ok(Tag::new(0, 0, 0, 0));
        let entry = self.objects.get_mut(id.index).filter(|entry| entry.generation == id.generation);
        let Some(mut object) = entry.and_then(|entry| entry.object.take()) else {
            return (Err(Code::NoEnt.into()), empty);
        };
        let mut call = Call { server: self, request, answer: Writer::new(answer), rights, windows_taken: 0 };
        let result =
            if call.protocol() == protocol::META { answer_meta(&mut call, &*object) } else { object.handle(&mut call) };
        let tag = call.answer.tag(0, 0);
        // What the request brought and nobody took goes before the next one comes.
        for index in 0..WINDOWS.min(call.request.tag().items()) {
            if call.windows_taken & 1 << index == 0 {
                let _ = Cap::<crate::cap::Anything>::new(call.server.windows[index]).release();
            }
        }
        let entry = &mut self.objects[id.index];
        if !entry.removed {
            entry.object = Some(object);
        }
        (result, tag)
    }
}

/// Answers the meta protocol's question whether an object speaks a protocol.
fn answer_meta(call: &mut Call<'_>, object: &dyn Object) -> Result<i64> {
    // Objects of L4Re's framework use its opcodes here, the kernel's a whole word; small numbers are the same.
    match call.request.word(0)? & 0xffff_ffff {
        meta::OP_SUPPORTS => {
            let asked = call.request.word(1)? as i64;
            Ok(i64::from(asked == protocol::META || object.supports(asked)))
        }
        _ => Err(Code::NoSys.into()),
    }
}
