//! What an IPC carries from sender to receiver: words, items, register states of exceptions, FPU state.
//!
//! The point of no return is per item: what was mapped before an item failed stays, and both sides learn
//! of the failure.

use crate::arch;
use crate::ipc::Purpose;
use crate::map::{Mapped, Mapping};
use crate::message::UtcbPointer;
use crate::object::Object;
use crate::sched;
use crate::task::Task;
use crate::thread::Thread;
use crate::work;
use abi::item::{MAP, Received};
use abi::utcb::INHERIT_FPU;
use abi::{BufferItem, CapIndex, Flexpage, FlexpageKind, IpcError, MapItem, Rights, Tag, exc_regs};
use kernel::space::Progress;

/// Copies the message of `sender` to `receiver`. If it fails, both UTCBs say why.
pub fn message(sender: &'static Thread, receiver: &'static Thread, tag: Tag) -> Result<(), ()> {
    let (Some(from), Some(to)) = (sender.utcb.get(), receiver.utcb.get()) else { return Err(()) };
    let result = if sender.pending.purpose.get() == Purpose::Exception {
        registers_to_message(sender, to);
        Ok(())
    } else if receiver.pending.purpose.get() == Purpose::Exception {
        message_to_registers(from, receiver, tag);
        items(sender, receiver, from, to, tag)
    } else {
        to.copy_words(from, tag.words());
        items(sender, receiver, from, to, tag)
    };
    if let Err(error) = result {
        from.set_error(error.code());
        to.set_error(error.receiver_side());
        return Err(());
    }
    let may_transfer = sender.pending.rights.get().contains(Rights::CAP_S);
    if tag.flags() & Tag::TRANSFER_FPU != 0 && may_transfer && to.bdr() & INHERIT_FPU != 0 {
        transfer_fpu(sender, receiver);
    }
    Ok(())
}

fn registers_to_message(sender: &'static Thread, to: UtcbPointer) {
    for (index, word) in sender.frame.to_exc_regs().into_iter().enumerate() {
        to.set_mr(index, word);
    }
}

fn message_to_registers(from: UtcbPointer, receiver: &'static Thread, tag: Tag) {
    if tag.words() < exc_regs::WORDS {
        return;
    }
    let registers: [u64; exc_regs::WORDS] = core::array::from_fn(|index| from.mr(index));
    receiver.frame.set_from_exc_regs(&registers);
}

fn transfer_fpu(sender: &'static Thread, receiver: &'static Thread) {
    if sched::is_current(sender) {
        arch::fpu_save(&sender.fpu);
    }
    receiver.fpu.copy_from(&sender.fpu);
    if sched::is_current(receiver) {
        arch::fpu_restore(&receiver.fpu);
    }
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

/// Maps the items of a message into the receive windows.
fn items(
    sender: &'static Thread,
    receiver: &'static Thread,
    from: UtcbPointer,
    to: UtcbPointer,
    tag: Tag,
) -> Result<(), IpcError> {
    if tag.items() == 0 {
        return Ok(());
    }
    let (Some(source), Some(destination)) = (sender.task.get(), receiver.task.get()) else {
        return Err(IpcError::SendCut);
    };
    let bdr = to.bdr();
    let mut buffers = [0, 5, 10].map(|shift| Buffers { utcb: to, position: (bdr >> shift & 0x1f) as usize });
    for index in 0..tag.items() {
        let item = from.item(tag, index).ok_or(IpcError::SendCut)?;
        let position = tag.words() + 2 * index;
        if item.is_void() {
            to.set_mr(position, 0);
            continue;
        }
        let buffers = match item.flexpage.kind() {
            FlexpageKind::Memory if item.is_map() => &mut buffers[0],
            FlexpageKind::Io if item.is_map() => &mut buffers[1],
            FlexpageKind::Object if item.is_map() => &mut buffers[2],
            _ => return Err(IpcError::SendCut),
        };
        let buffer = buffers.current().ok_or(IpcError::SendCut)?;
        one_item(source, destination, sender.pending.rights.get(), item, buffer, to, position)?;
        if !item.is_compound() {
            buffers.next();
        }
    }
    Ok(())
}

/// Maps one item, and writes to the receiver's message how it arrived.
fn one_item(
    source: &'static Task,
    destination: &'static Task,
    rights: Rights,
    item: MapItem,
    buffer: Buffer,
    to: UtcbPointer,
    position: usize,
) -> Result<(), IpcError> {
    let mut flexpage = item.flexpage;
    let header = (item.control & !0xff6) | (flexpage.raw() & 0xff0);
    if flexpage.kind() == FlexpageKind::Object {
        // Through a gate without the special right, capabilities arrive without it.
        flexpage = flexpage.with_rights(flexpage.rights() & (rights | Rights::CAP_RWD));
    }
    if buffer.item.accepts_local_id() {
        if core::ptr::eq(source, destination) {
            to.set_mr(position, header | Received::LocalFlexpage as u64);
            to.set_mr(position + 1, flexpage.raw());
            return Ok(());
        }
        if let Some((label, attributes)) = local_gate(source, destination, flexpage) {
            let rights = u64::from(attributes) & flexpage.rights().0 as u64 & abi::gate::LABEL_RIGHTS_MASK;
            to.set_mr(position, header | Received::LocalId as u64);
            to.set_mr(position + 1, label | rights);
            return Ok(());
        }
    }
    let into = match buffer.task {
        None => destination,
        Some(cap) => match destination.caps.lookup(cap.index()) {
            Some((header, attributes)) if Rights(attributes & 0xf).contains(Rights::CAP_W) => match header.object() {
                Object::Task(task) => task,
                _ => return Err(IpcError::SendCut),
            },
            _ => return Err(IpcError::SendCut),
        },
    };
    let mut mapping = Mapping::new(source, MapItem { flexpage, ..item }, into, buffer.window);
    while mapping.step(&mut work::step())? == Progress::Preempted {}
    let mapped = mapping.mapped();
    let how = if mapped == Mapped::Something { Received::Mapped } else { Received::Nothing };
    to.set_mr(position, header | how as u64);
    Ok(())
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
