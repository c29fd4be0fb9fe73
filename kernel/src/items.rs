//! The typed items of a message on their way from the sender's task to the receiver's windows.
//!
//! The point of no return is per page: what was mapped before an item failed stays, and both sides learn of
//! the failure. A transfer that takes long is preempted and resumed by [`crate::ipc`].

use crate::map::{Mapped, Mapping};
use crate::message::UtcbPointer;
use crate::object::Object;
use crate::task::Task;
use crate::thread::Thread;
use abi::item::{MAP, Received};
use abi::{BufferItem, CapIndex, Flexpage, FlexpageKind, IpcError, MapItem, Rights, Tag};
use kernel::space::{Budget, Progress};

/// What it costs to look at an item, beside a unit.
const ITEM_UNITS: u32 = 1;

/// The items of a message, and how far they have come. The tasks and the UTCBs' tasks are kept by whoever has this.
pub struct Items {
    source: &'static Task,
    destination: &'static Task,
    from: UtcbPointer,
    to: UtcbPointer,
    tag: Tag,
    /// Rights of the capability that the sender used.
    rights: Rights,
    index: usize,
    /// The next receive item for memory, I/O ports and capabilities.
    buffers: [Buffers; 3],
    current: Option<Current>,
}

/// An item that is being mapped.
struct Current {
    mapping: Mapping,
    into: &'static Task,
    /// What the receiver's message will say of it, but for what became of it.
    header: u64,
}

/// The receive items of one kind, taken in order.
struct Buffers {
    utcb: UtcbPointer,
    position: usize,
}

/// One receive item.
#[derive(Clone, Copy)]
pub struct Buffer {
    item: BufferItem,
    /// Where mappings go.
    pub window: Flexpage,
    /// The task they go to, if not the receiver's.
    task: Option<CapIndex>,
    words: usize,
}

impl Buffers {
    fn current(&self) -> Option<Buffer> {
        let item = BufferItem(self.utcb.br(self.position));
        if item.is_void() || item.0 & MAP == 0 {
            return None;
        }
        if item.is_single_cap() {
            return Some(Buffer { item, window: Flexpage::object(item.cap(), 0, Rights::NONE), task: None, words: 1 });
        }
        let window = Flexpage::from_raw(self.utcb.br(self.position + 1));
        let task = item.forwards().then(|| CapIndex::from_raw(self.utcb.br(self.position + 2)));
        Some(Buffer { item, window, task, words: if item.forwards() { 3 } else { 2 } })
    }

    fn next(&mut self) {
        if let Some(buffer) = self.current() {
            self.position += buffer.words;
        }
    }
}

/// The first receive window for capabilities: where a factory puts what it makes.
pub fn object_window(utcb: UtcbPointer) -> Option<Flexpage> {
    let position = (utcb.bdr() >> 10 & 0x1f) as usize;
    let window = Buffers { utcb, position }.current()?.window;
    (window.kind() == FlexpageKind::Object).then_some(window)
}

impl Items {
    /// The items of the message of `sender` to `receiver`.
    pub fn new(sender: &'static Thread, receiver: &'static Thread, tag: Tag) -> Result<Self, IpcError> {
        let (Some(source), Some(destination)) = (sender.task.get(), receiver.task.get()) else {
            return Err(IpcError::SendAborted);
        };
        let (Some(from), Some(to)) = (sender.utcb.get(), receiver.utcb.get()) else {
            return Err(IpcError::SendAborted);
        };
        let bdr = to.bdr();
        let buffers = [0, 5, 10].map(|shift| Buffers { utcb: to, position: (bdr >> shift & 0x1f) as usize });
        let rights = sender.pending.rights.get();
        Ok(Self { source, destination, from, to, tag, rights, index: 0, buffers, current: None })
    }

    /// The tasks concerned: source, destination, and the one that is mapped into now.
    pub fn tasks(&self) -> [&'static Task; 3] {
        let into = self.current.as_ref().map_or(self.destination, |current| current.into);
        [self.source, self.destination, into]
    }

    /// Whether pages are being taken back to make room.
    pub fn makes_room(&self) -> bool {
        self.current.as_ref().is_some_and(|current| current.mapping.makes_room())
    }

    /// Goes on until done or until the budget is used up.
    pub fn step(&mut self, budget: &Budget) -> Result<Progress, IpcError> {
        while self.index < self.tag.items() {
            let position = self.tag.words() + 2 * self.index;
            let item = self.from.item(self.tag, self.index).ok_or(IpcError::SendCut)?;
            if self.current.is_none() {
                self.current = self.begin(item, position)?;
            }
            if let Some(begun) = &mut self.current {
                if begun.mapping.step(budget)? == Progress::Preempted {
                    return Ok(Progress::Preempted);
                }
                let how =
                    if begun.mapping.mapped() == Mapped::Something { Received::Mapped } else { Received::Nothing };
                self.to.set_mr(position, begun.header | how as u64);
                self.current = None;
            }
            if !item.is_void() && !item.is_compound() {
                self.buffers[kind(item)?].next();
            }
            self.index += 1;
            budget.take(ITEM_UNITS);
            if !budget.spend() && self.index < self.tag.items() {
                return Ok(Progress::Preempted);
            }
        }
        Ok(Progress::Done)
    }

    /// Looks at an item: a void one, or one that arrives as the name of a local object, needs no mapping.
    fn begin(&self, item: MapItem, position: usize) -> Result<Option<Current>, IpcError> {
        if item.is_void() {
            self.to.set_mr(position, 0);
            return Ok(None);
        }
        let buffer = self.buffers[kind(item)?].current().ok_or(IpcError::SendCut)?;
        let mut flexpage = item.flexpage;
        let header = (item.control & !0xff6) | (flexpage.raw() & 0xff0);
        if flexpage.kind() == FlexpageKind::Object {
            // Through a gate without the special right, capabilities arrive without it.
            flexpage = flexpage.with_rights(flexpage.rights() & (self.rights | Rights::CAP_RWD));
        }
        if buffer.item.accepts_local_id()
            && let Some((how, word)) = self.local(flexpage)
        {
            self.to.set_mr(position, header | how as u64);
            self.to.set_mr(position + 1, word);
            return Ok(None);
        }
        let into = self.target(buffer)?;
        let mapping = Mapping::new(self.source, MapItem { flexpage, ..item }, into, buffer.window);
        Ok(Some(Current { mapping, into, header }))
    }

    /// How an item arrives that needs no mapping, and the word that says it: within one task, or a gate that the
    /// receiver's task serves.
    fn local(&self, flexpage: Flexpage) -> Option<(Received, u64)> {
        if core::ptr::eq(self.source, self.destination) {
            return Some((Received::LocalFlexpage, flexpage.raw()));
        }
        let (label, attributes) = local_gate(self.source, self.destination, flexpage)?;
        let rights = u64::from(attributes) & flexpage.rights().0 as u64 & abi::gate::LABEL_RIGHTS_MASK;
        Some((Received::LocalId, label | rights))
    }

    /// The task to map into: the receiver's, or the one that its receive item names.
    fn target(&self, buffer: Buffer) -> Result<&'static Task, IpcError> {
        let Some(cap) = buffer.task else { return Ok(self.destination) };
        match self.destination.caps.lookup(cap.index()) {
            Some((header, attributes)) if Rights(attributes & 0xf).contains(Rights::CAP_W) => match header.object() {
                Object::Task(task) => Ok(task),
                _ => Err(IpcError::SendCut),
            },
            _ => Err(IpcError::SendCut),
        }
    }
}

/// Which receive items an item goes to.
fn kind(item: MapItem) -> Result<usize, IpcError> {
    match item.flexpage.kind() {
        FlexpageKind::Memory if item.is_map() => Ok(0),
        FlexpageKind::Io if item.is_map() => Ok(1),
        FlexpageKind::Object if item.is_map() => Ok(2),
        _ => Err(IpcError::SendCut),
    }
}

/// The label and the sender's attributes, if the flexpage is a capability to a gate that a thread of the receiving task serves.
fn local_gate(source: &'static Task, destination: &'static Task, flexpage: Flexpage) -> Option<(u64, u8)> {
    if flexpage.kind() != FlexpageKind::Object {
        return None;
    }
    let (header, attributes) = source.caps.lookup(flexpage.page())?;
    let Object::Gate(gate) = header.object() else { return None };
    let server = gate.thread.get()?.task.get()?;
    core::ptr::eq(server, destination).then(|| (gate.label.get(), attributes))
}
