//! What holds of all objects: who refers to whom, which capabilities name whom, and what everything costs.

use super::{Header, KernelObject, Object, REAP, RefSlot};
use crate::factory::Factory;
use crate::gate::Gate;
use crate::irq::Irq;
use crate::locked::Locked;
use crate::memory::{machine, memory};
use crate::semaphore::Semaphore;
use crate::task::Task;
use crate::thread::Thread;
use crate::watch;
use core::cell::Cell;
use kernel::cap_space::COUNTED;
use kernel::changes;
use kernel::invariant::{Check, address, ensure};
use kernel::mem::Slab;
use kernel::queue::{Linked, Links, List};
use kernel::space::{Inventory, Ledger, Machine};

/// What a header has for the checks.
pub struct Audit {
    all: Links<Header>,
    /// References found.
    references: Cell<u32>,
    /// Bytes found that a factory pays for, or threads that are bound to a task.
    bytes: Cell<u64>,
    /// Somebody changed the count of capabilities that count.
    pub recounted: Cell<bool>,
    /// The object is still being made.
    pub unnamed: Cell<bool>,
}

impl Audit {
    /// Nothing found yet.
    pub const fn new() -> Self {
        Self {
            all: Links::new(),
            references: Cell::new(0),
            bytes: Cell::new(0),
            recounted: Cell::new(false),
            unnamed: Cell::new(false),
        }
    }
}

/// Tag of the links for the list of all objects.
pub struct All;

impl Linked<All> for Header {
    fn links(&self) -> &Links<Self> {
        &self.audit.all
    }
}

static ALL: Locked<List<Header, All>> = Locked::new(List::new());

/// All objects, from creation to the end of their memory.
pub fn all() -> impl Iterator<Item = &'static Header> {
    ALL.iter()
}

/// An object was created.
pub fn created(header: &'static Header) {
    ALL.push_back(header);
}

/// An object's memory is about to be freed.
pub fn freed(header: &'static Header) {
    ALL.remove(header);
}

/// What an object is called, and its size in bytes.
pub fn kind(header: &Header) -> (&'static str, u64) {
    match header.object() {
        Object::Task(_) => ("task", Slab::<Task>::OBJECT_BYTES),
        Object::Thread(_) => ("thread", Slab::<Thread>::OBJECT_BYTES),
        Object::Gate(_) => ("gate", Slab::<Gate>::OBJECT_BYTES),
        Object::Irq(_) => ("irq", Slab::<Irq>::OBJECT_BYTES),
        Object::Semaphore(_) => ("semaphore", Slab::<Semaphore>::OBJECT_BYTES),
        Object::Factory(_) => ("factory", Slab::<Factory>::OBJECT_BYTES),
        Object::Icu(_) => ("icu", size_of::<crate::icu::Icu>() as u64),
        Object::Scheduler(_) => ("scheduler", size_of::<crate::scheduler::Scheduler>() as u64),
        Object::Vcon(_) => ("vcon", size_of::<crate::vcon::Vcon>() as u64),
        Object::Debugger(_) => ("debugger", size_of::<crate::debugger::Debugger>() as u64),
    }
}

/// Where an object begins.
pub fn start(header: &Header) -> u64 {
    match header.object() {
        Object::Task(object) => address(object),
        Object::Thread(object) => address(object),
        Object::Gate(object) => address(object),
        Object::Irq(object) => address(object),
        Object::Semaphore(object) => address(object),
        Object::Factory(object) => address(object),
        Object::Icu(object) => address(object),
        Object::Scheduler(object) => address(object),
        Object::Vcon(object) => address(object),
        Object::Debugger(object) => address(object),
    }
}

/// The capabilities to an object name it, and those that count are counted.
pub fn one(header: &'static Header) -> Check {
    let of = [address(header), header.counted.get() as u64];
    header.capabilities.check()?;
    let (mut counted, mut any) = (0, false);
    for slot in header.capabilities.iter() {
        any = true;
        let names = slot.object().is_some_and(|named| core::ptr::eq(named, header));
        ensure(names, "a capability on an object's list names it", [address(header), address(slot)])?;
        counted += i64::from(slot.attributes() & COUNTED != 0);
    }
    let is_nameless = !any && header.payer.get().is_some() && !header.audit.unnamed.get();
    ensure(!is_nameless || header.is_deleted(), "an object that nobody can name is deleted", of)?;
    let right = header.is_deleted() || header.audit.recounted.get() || counted == header.counted.get();
    ensure(right, "capabilities that count are counted", of)
}

static LEDGER: Locked<Ledger> = Locked::new(Ledger::new());

/// Everything: references, capabilities, quotas, spaces, frames. `anew` as [`Ledger::check`] has it.
pub fn all_of_it(anew: bool) -> Check {
    REAP.check()?;
    ALL.check()?;
    for header in all() {
        header.audit.references.set(0);
        header.audit.bytes.set(0);
    }
    LEDGER.check(machine().database(), || all().filter_map(task).flat_map(Task::spaces), anew)?;
    let have_changed = changes::take_capabilities() || anew;
    let (mut spaces, mut slots, mut frames) = (Inventory::default(), (0, 0), 0);
    watch::watched().into_iter().flatten().map(KernelObject::header).for_each(refer);
    for header in all() {
        references_of(header.object());
        let mut bytes = kind(header).1;
        match header.object() {
            Object::Task(task) => {
                let found = task.check(have_changed)?;
                spaces += found.spaces;
                slots.0 += found.capabilities;
                frames += found.frames + found.spaces.frames;
                bytes += found.bytes + found.spaces.bytes();
            }
            Object::Factory(factory) => bytes += factory.reserved(),
            _ => {}
        }
        if let Some(payer) = header.payer() {
            refer(payer.header());
            payer.header().audit.bytes.set(payer.header().audit.bytes.get() + bytes);
        }
    }
    for header in all() {
        one(header)?;
        slots.1 += header.capabilities.iter().count() as u64;
        counts(header)?;
    }
    ensure(slots.0 == slots.1, "full slots are on the lists of objects", [slots.0, slots.1])?;
    ensure(
        spaces.made == spaces.children,
        "pages hang below those they were made from",
        [spaces.made, spaces.children],
    )?;
    frames += machine().database().check(anew)? + slabs()?;
    memory().frames().check()?;
    let all = memory().frames().total_frames();
    ensure(memory().frames().free_frames() + frames == all, "frames in use are known", [frames, all])
}

fn task(header: &'static Header) -> Option<&'static Task> {
    match header.object() {
        Object::Task(task) => Some(task),
        _ => None,
    }
}

/// The object is kept by its existence and by what refers to it; a factory is charged for what there is.
fn counts(header: &'static Header) -> Check {
    let references = header.references.get();
    let in_reap = Linked::<()>::links(header).is_linked();
    ensure(in_reap || references > 0, "what nobody refers to is to be freed", [address(header), 0])?;
    ensure(
        in_reap <= (header.is_deleted() || references == 0),
        "what is to be freed was deleted",
        [address(header), 0],
    )?;
    let exists = !header.is_deleted() || in_reap && references > 0;
    let found = header.audit.references.get() + u32::from(exists);
    let of = [address(header), u64::from(references) << 32 | u64::from(found)];
    ensure(references == found, "an object counts those who refer to it", of)?;
    if let Object::Factory(factory) = header.object() {
        let (used, found) = (factory.quota.used(), header.audit.bytes.get());
        ensure(used == found, "a quota is charged for what there is", [address(header), used.wrapping_sub(found)])?;
        ensure(used <= factory.quota.limit(), "a quota is not exceeded", [address(header), used])?;
    }
    if let Object::Task(task) = header.object() {
        let (bound, found) = (u64::from(task.threads.get()), header.audit.bytes.get());
        ensure(bound == found, "a task counts the threads that are bound to it", [address(header), bound])?;
    }
    Ok(())
}

fn refer(header: &'static Header) {
    let references = &header.audit.references;
    references.set(references.get() + 1);
}

fn refers<T: KernelObject, With: Copy>(slot: &RefSlot<T, With>) {
    if let Some(object) = slot.get() {
        refer(object.header());
    }
}

fn references_of(object: Object) {
    match object {
        Object::Thread(thread) => {
            refers(&thread.task);
            if let Some(task) = thread.task.get() {
                let threads = &task.header().audit.bytes;
                threads.set(threads.get() + 1);
            }
            refers(thread.vcpu.user_task());
            thread.with_work(|work| work.each_reference(refer));
        }
        Object::Gate(gate) => refers(&gate.thread),
        Object::Irq(irq) => refers(&irq.thread),
        _ => {}
    }
}

/// Frames of all slabs of objects.
fn slabs() -> Result<u64, kernel::invariant::Broken> {
    fn of<T: KernelObject>() -> Result<u64, kernel::invariant::Broken> {
        T::slab().check()?;
        Ok(T::slab().frames())
    }
    let objects =
        of::<Task>()? + of::<Thread>()? + of::<Gate>()? + of::<Irq>()? + of::<Semaphore>()? + of::<Factory>()?;
    Ok(objects + crate::kernel_user_memory::area_frames()?)
}
