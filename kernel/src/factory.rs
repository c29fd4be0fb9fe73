//! Factories: `l4sys/factory.h`. A factory makes kernel objects and pays for them out of its quota.

use crate::gate::{self, Gate};
use crate::irq::Irq;
use crate::items;
use crate::kernel_user_memory::Adding;
use crate::locked::Locked;
use crate::message::{Answer, Message, Outcome, UtcbPointer};
use crate::object::{self, Header, KernelObject, Object, Unnamed};
use crate::semaphore::Semaphore;
use crate::task::Task;
use crate::thread::Thread;
use crate::work::{self, Work};
use abi::factory::{ArgumentType, IPC_GATE};
use abi::{Error, Flexpage, FlexpageKind, IpcError, Rights, Tag, protocol};
use kernel::mem::{Quota, Slab};
use kernel::space::Progress;

/// A factory.
pub struct Factory {
    header: Header,
    /// What its objects cost.
    pub quota: Quota,
    /// What the factory above was charged for this one's limit, in bytes.
    reserved: u64,
}

static SLAB: Locked<Slab<Factory>> = Locked::new(Slab::new());
static ROOT: Locked<Factory> = Locked::new(Factory { header: Header::new(), quota: Quota::new(u64::MAX), reserved: 0 });

impl KernelObject for Factory {
    fn header(&self) -> &Header {
        &self.header
    }

    fn slab() -> &'static Slab<Self> {
        &SLAB
    }

    fn wrap(&'static self) -> Object {
        Object::Factory(self)
    }
}

impl Drop for Factory {
    fn drop(&mut self) {
        if let Some(parent) = self.header.payer() {
            parent.quota.release(self.reserved);
        }
    }
}

/// The factory that has all of the kernel's memory.
pub fn root() -> &'static Factory {
    &ROOT
}

impl Factory {
    /// What the factory above was charged for this one's limit, in bytes.
    #[cfg(feature = "invariants")]
    pub fn reserved(&self) -> u64 {
        self.reserved
    }

    /// A message to the object.
    #[inline(never)]
    pub fn invoke(&'static self, message: &Message) -> Answer {
        if message.tag.label() != protocol::FACTORY {
            return Err(Error::BadProto);
        }
        message.require(Rights::CAP_S)?;
        let kind = message.opcode()? as i64;
        if !message.wants_reply() {
            return crate::message::ok(0);
        }
        let Some(window) = items::object_window(message.utcb) else {
            return Ok(Outcome::Failed(IpcError::ReceiveCut));
        };
        let Some((object, words)) = self.make(kind, message)? else { return Ok(Outcome::Preempted) };
        let header = object.header();
        let Some(slot) = message.task.slot_for(window.page()) else {
            header.delete();
            return Err(Error::NoMem);
        };
        object::delete_capability(slot);
        header.insert_capability(slot, 0xff);
        message.answer(words, (FlexpageKind::Object as u64) << 4 | abi::item::MAP);
        Ok(Outcome::Reply(Tag::new(0, words, 1, 0)))
    }

    /// Makes an object. Returns it and how many words the answer has, or nothing if that goes on after a preemption point.
    fn make(&'static self, kind: i64, message: &Message) -> Result<Option<(Object, usize)>, Error> {
        let object = match kind {
            protocol::TASK => return self.make_task(message),
            protocol::THREAD => {
                let thread = object::create(self, || const { Thread::new() })?;
                thread.created();
                Object::Thread(thread)
            }
            protocol::FACTORY => Object::Factory(self.make_factory(message)?),
            IPC_GATE | protocol::KOBJECT => Object::Gate(self.make_gate(message)?),
            protocol::IRQ_SENDER | protocol::IRQ => {
                let irq = object::create(self, Irq::new)?;
                irq.created();
                Object::Irq(irq)
            }
            protocol::SEMAPHORE => Object::Semaphore(object::create(self, Semaphore::new)?),
            // Virtual machines, DMA spaces and thread groups: as a Fiasco that was built without them.
            _ => return Err(Error::NoDev),
        };
        Ok(Some((object, 0)))
    }

    /// Makes a task and, if the message names an area, adds that.
    fn make_task(&'static self, message: &Message) -> Result<Option<(Object, usize)>, Error> {
        let area = message.word(2).map(Flexpage::from_raw).map_err(|_| Error::Inval)?;
        let (mut adding, task) = match message.sender.take_work() {
            Some(Work::MakeTask { adding, task }) => (adding, task),
            _ => {
                let task = Unnamed::new(Task::create(self)?);
                if !area.is_valid() {
                    return Ok(Some((Object::Task(task.finish()), 0)));
                }
                (Adding::new(task.object(), area)?, task)
            }
        };
        if adding.step(work::budget())? == Progress::Preempted {
            message.sender.continue_later(Work::MakeTask { adding, task });
            return Ok(None);
        }
        message.answer(0, area.with_rights(Rights::NONE).raw());
        Ok(Some((Object::Task(task.finish()), 1)))
    }

    fn make_factory(&'static self, message: &Message) -> Result<&'static Factory, Error> {
        match (message.tag.words(), message.tag.items()) {
            (..3, _) => return Err(Error::MsgTooShort),
            (3, 0) => {}
            _ => return Err(Error::MsgTooLong),
        }
        let limit = argument(message.utcb, 1)?;
        if limit == 0 {
            return Err(Error::NoMem);
        }
        self.quota.charge(limit).map_err(|_| Error::NoMem)?;
        let new = || Factory { header: Header::new(), quota: Quota::new(limit), reserved: limit };
        object::create(self, new).inspect_err(|_| self.quota.release(limit))
    }

    fn make_gate(&'static self, message: &Message) -> Result<&'static Gate, Error> {
        if message.tag.items() == 0 {
            return object::create(self, || Gate::new(0));
        }
        let named = message.object(0);
        // Here, unlike elsewhere, an item that is no capability is an invalid argument.
        message.failure.set(None);
        let (Object::Thread(thread), attributes) = named? else { return Err(Error::Inval) };
        if !Rights(attributes).contains(Rights::CAP_S) {
            return Err(Error::Perm);
        }
        let label = gate::checked_label(message.word(2)?)?;
        let gate = object::create(self, || Gate::new(label))?;
        gate.thread.set(Some(thread));
        Ok(gate)
    }
}

/// The value of the numeric argument whose header is word `position`.
fn argument(utcb: UtcbPointer, position: usize) -> Result<u64, Error> {
    match ArgumentType::from_header(utcb.mr(position)) {
        Some(ArgumentType::Unsigned | ArgumentType::Signed) => Ok(utcb.mr(position + 1)),
        _ => Err(Error::Inval),
    }
}
