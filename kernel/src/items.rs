//! The typed items of a message on their way from the sender's task to the receiver's windows.
//!
//! The point of no return is per page: what was mapped before an item failed stays, and both sides learn of
//! the failure. A transfer that takes long is preempted and resumed by [`crate::ipc`].

use crate::map::{Mapped, Mapping};
use crate::message::UtcbPointer;
use crate::object::Object;
use crate::task::Task;
use crate::thread::Thread;
use crate::work;
use abi::item::{MAP, Received};
use abi::utcb::BUFFER_REGISTERS;
use abi::{BufferItem, CapIndex, Flexpage, FlexpageKind, IpcError, MapItem, Rights, Tag, Utcb};
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
    /// Where the next receive items for memory, I/O ports and capabilities stand in the buffer registers.
    positions: [u8; 3],
    current: Option<Current>,
}

/// An item that is being mapped.
struct Current {
    mapping: Mapping,
    into: &'static Task,
    /// See [`header`].
    header: u64,
}

/// One receive item.
#[derive(Clone, Copy)]
struct Buffer {
    item: BufferItem,
    /// Where mappings go.
    window: Flexpage,
    /// The task they go to, if not the receiver's.
    task: Option<CapIndex>,
    words: u8,
}

/// The receive item at this position of the buffer registers.
#[inline]
fn buffer(utcb: UtcbPointer, position: u8) -> Option<Buffer> {
    let word = |offset| utcb.br(usize::from(position) + offset);
    let item = BufferItem(word(0));
    if item.is_void() || item.0 & MAP == 0 {
        return None;
    }
    let (window, behind) = match item.is_single_cap() {
        true => (Flexpage::object(item.cap(), 0, Rights::NONE), 1),
        false => (Flexpage::from_raw(word(1)), 2),
    };
    let task = item.forwards().then(|| CapIndex::from_raw(word(behind)));
    let words = behind + usize::from(item.forwards());
    let fits = usize::from(position) + words <= BUFFER_REGISTERS;
    fits.then_some(Buffer { item, window, task, words: words as u8 })
}

/// Where the receive items for memory, I/O ports and capabilities begin.
#[inline]
fn first_positions(utcb: UtcbPointer) -> [u8; 3] {
    let bdr = utcb.bdr();
    [0, 5, 10].map(|shift| (bdr >> shift & 0x1f) as u8)
}

/// The first receive window for capabilities: where a factory puts what it makes.
pub fn object_window(utcb: UtcbPointer) -> Option<Flexpage> {
    let [.., position] = first_positions(utcb);
    let window = buffer(utcb, position)?.window;
    (window.kind() == FlexpageKind::Object).then_some(window)
}

/// Maps the one item of a message if that takes a moment only: a page, to a window of the receiver's own. Whether it did;
/// if not, the item is for [`Items`]. `from` and `to` are the tasks and UTCBs of sender and receiver.
#[inline(always)]
pub fn map_page(from: (&'static Task, UtcbPointer), to: (&'static Task, UtcbPointer), tag: Tag) -> bool {
    let ((source, from), (into, to)) = (from, to);
    let Some(position) = Utcb::item_position(tag, 0) else { return false };
    let item = MapItem::from_words(from.mr(position), from.mr(position + 1));
    let [first, ..] = first_positions(to);
    let Some(buffer) = buffer(to, first) else { return false };
    let fits = item.is_map() && buffer.task.is_none() && !buffer.item.accepts_local_id();
    let is_mapped = fits && Mapping::at_once(source, item, into, buffer.window, work::budget()) == Ok(true);
    if is_mapped {
        to.set_mr(position, header(item) | Received::Mapped as u64);
    }
    is_mapped
}

/// What the receiver's message says of an item, but for what became of it.
#[inline]
fn header(item: MapItem) -> u64 {
    (item.control & !0xff6) | (item.flexpage.raw() & 0xff0)
}

impl Items {
    /// The items of the message of `sender` to `receiver`.
    #[inline]
    pub fn new(sender: &'static Thread, receiver: &'static Thread, tag: Tag) -> Result<Self, IpcError> {
        let (Some((source, from)), Some((destination, to))) = (sender.task.get_with(), receiver.task.get_with()) else {
            return Err(IpcError::SendAborted);
        };
        let (rights, positions) = (sender.pending.rights.get(), first_positions(to));
        Ok(Self { source, destination, from, to, tag, rights, index: 0, positions, current: None })
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
    #[inline]
    pub fn step(&mut self, budget: &Budget) -> Result<Progress, IpcError> {
        loop {
            let position = self.tag.words() + 2 * self.index;
            let item = self.from.item(self.tag, self.index).ok_or(IpcError::SendCut)?;
            if self.current.is_none() {
                self.begin(item, position)?;
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
            self.index += 1;
            if self.index == self.tag.items() {
                return Ok(Progress::Done);
            }
            if !item.is_void() && !item.is_compound() {
                self.pass_buffer(kind(item)?);
            }
            budget.take(ITEM_UNITS);
            if !budget.spend() {
                return Ok(Progress::Preempted);
            }
        }
    }

    /// The next item of this kind goes to the next receive item.
    fn pass_buffer(&mut self, kind: usize) {
        if let Some(buffer) = buffer(self.to, self.positions[kind]) {
            self.positions[kind] += buffer.words;
        }
    }

    /// Looks at an item, and begins to map it: a void one, or one that arrives as the name of a local object, needs no
    /// mapping.
    #[inline]
    fn begin(&mut self, item: MapItem, position: usize) -> Result<(), IpcError> {
        if item.is_void() {
            self.to.set_mr(position, 0);
            return Ok(());
        }
        let buffer = buffer(self.to, self.positions[kind(item)?]).ok_or(IpcError::SendCut)?;
        let header = header(item);
        let mut flexpage = item.flexpage;
        if flexpage.kind() == FlexpageKind::Object {
            // Through a gate without the special right, capabilities arrive without it.
            flexpage = flexpage.with_rights(flexpage.rights() & (self.rights | Rights::CAP_RWD));
        }
        if buffer.item.accepts_local_id()
            && let Some((how, word)) = self.local(flexpage)
        {
            self.to.set_mr(position, header | how as u64);
            self.to.set_mr(position + 1, word);
            return Ok(());
        }
        let into = self.target(buffer)?;
        let item = MapItem { flexpage, ..item };
        let mapping = Mapping::new(self.source, item, into, buffer.window);
        self.current = Some(Current { mapping, into, header });
        Ok(())
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
