//! Kernel objects: what they have in common, how they come, are kept and go.
//!
//! An object starts with a [`Header`], lives in the slab of its type, and is paid for by a factory. It
//! is kept by references: one for its existence, which deletion gives up, and one for each [`RefSlot`]
//! in another object. Deleting an object takes all its capabilities away at once; destroying it and
//! freeing its memory are left to [`reap`], so that chains of objects need no kernel stack.
//! Invariant: an object's slot is freed only when no reference is left and it is on no list.
#![allow(unsafe_code)] // gives objects back to their slabs

use crate::debugger::Debugger;
use crate::factory::Factory;
use crate::gate::Gate;
use crate::icu::Icu;
use crate::irq::Irq;
use crate::locked::Locked;
use crate::memory::memory;
use crate::scheduler::Scheduler;
use crate::semaphore::Semaphore;
use crate::task::Task;
use crate::thread::Thread;
use crate::upkeep;
use crate::vcon::Vcon;
use crate::work;
use abi::{Error, Rights};
use core::cell::Cell;
use kernel::cap_space::{self, Attributes, Named};
use kernel::mem::Slab;
use kernel::planted::{Bug, is_planted};
use kernel::queue::{Linked, Links, List};
use kernel::space::{Budget, Progress};

#[cfg(feature = "invariants")]
pub mod check;

/// A kernel object of any kind.
#[derive(Clone, Copy)]
pub enum Object {
    /// An address space and a capability space.
    Task(&'static Task),
    /// A thread of execution.
    Thread(&'static Thread),
    /// A door to a thread, with a label.
    Gate(&'static Gate),
    /// An interrupt that sends messages.
    Irq(&'static Irq),
    /// A counting semaphore.
    Semaphore(&'static Semaphore),
    /// A maker of objects, with a quota.
    Factory(&'static Factory),
    /// The interrupt controller and platform control.
    Icu(&'static Icu),
    /// The scheduler.
    Scheduler(&'static Scheduler),
    /// The kernel's console.
    Vcon(&'static Vcon),
    /// Names and numbers of objects.
    Debugger(&'static Debugger),
}

/// A slot for a capability to a kernel object.
pub type CapSlot = cap_space::CapSlot<Header>;

/// What all kernel objects have.
pub struct Header {
    object: Cell<Option<Object>>,
    references: Cell<u32>,
    /// How many capabilities count as references: when the last of them goes, the object is deleted.
    counted: Cell<i64>,
    deleted: Cell<bool>,
    capabilities: List<CapSlot>,
    payer: Cell<Option<&'static Factory>>,
    reap: Links<Header>,
    name: Cell<[u8; 16]>,
    id: Cell<u64>,
    #[cfg(feature = "invariants")]
    audit: check::Audit,
}

impl Named for Header {
    fn capabilities(&self) -> &List<CapSlot> {
        &self.capabilities
    }
}

impl Linked for Header {
    fn links(&self) -> &Links<Self> {
        &self.reap
    }
}

/// A type of kernel objects.
pub trait KernelObject: Sized + 'static {
    /// The object's header.
    fn header(&self) -> &Header;
    /// Where objects of the type live.
    fn slab() -> &'static Slab<Self>;
    /// The object as one of any kind.
    fn wrap(&'static self) -> Object;
}

static NEXT_ID: Locked<Cell<u64>> = Locked::new(Cell::new(1));
static REAP: Locked<List<Header>> = Locked::new(List::new());

impl Header {
    /// The header of an object that is about to be created.
    pub const fn new() -> Self {
        Self {
            object: Cell::new(None),
            references: Cell::new(1),
            counted: Cell::new(0),
            deleted: Cell::new(false),
            capabilities: List::new(),
            payer: Cell::new(None),
            reap: Links::new(),
            name: Cell::new([0; 16]),
            id: Cell::new(0),
            #[cfg(feature = "invariants")]
            audit: check::Audit::new(),
        }
    }

    /// The object that the header belongs to.
    #[inline]
    pub fn object(&self) -> Object {
        self.object.get().expect("an object has its header set when it is created")
    }

    /// Whether the object was deleted.
    #[inline]
    pub fn is_deleted(&self) -> bool {
        self.deleted.get()
    }

    /// The object's number, unique since boot.
    pub fn id(&self) -> u64 {
        self.id.get()
    }

    /// The object's name for people, zero-padded.
    pub fn name(&self) -> [u8; 16] {
        self.name.get()
    }

    /// Names the object.
    pub fn set_name(&self, name: [u8; 16]) {
        self.name.set(name);
    }

    /// The factory that pays for the object; the root factory pays for itself.
    pub fn payer(&self) -> Option<&'static Factory> {
        self.payer.get()
    }

    /// Puts a capability to the object into the empty slot.
    #[inline]
    pub fn insert_capability(&'static self, slot: &'static CapSlot, attributes: Attributes) {
        slot.fill(self, attributes);
        if attributes & cap_space::COUNTED != 0 {
            self.counted.set(self.counted.get().saturating_add(1));
        }
    }

    /// Subtracts from the count of references that capabilities are, as `dec_refcnt` asks, and returns it. The
    /// object is not deleted at zero: a server does that to learn when only its own capability is left.
    pub fn subtract_counted(&self, difference: i64) -> i64 {
        #[cfg(feature = "invariants")]
        self.audit.recounted.set(true);
        self.give_up_counted(difference)
    }

    fn give_up_counted(&self, difference: i64) -> i64 {
        let left = self.counted.get().wrapping_sub(difference);
        self.counted.set(left);
        left
    }

    /// Takes all capabilities to the object away and destroys it soon. A second call does nothing.
    pub fn delete(&'static self) {
        if !self.deleted.replace(true) {
            self.counted.set(0);
            let _ = self.clear_capabilities(work::budget()); // what is left is left to `reap`
            self.enqueue();
        }
    }

    fn clear_capabilities(&self, budget: &Budget) -> Progress {
        while let Some(slot) = self.capabilities.first() {
            if !budget.spend() {
                return Progress::Preempted;
            }
            slot.clear();
        }
        Progress::Done
    }

    fn enqueue(&'static self) {
        REAP.push_back(self);
        upkeep::ask();
    }

    fn retain(&self) {
        self.references.set(self.references.get() + 1);
    }

    fn release(&'static self) {
        let left = self.references.get() - 1;
        self.references.set(left);
        if left == 0 {
            self.enqueue();
        }
    }
}

/// Empties a slot; deletes the object if this was the last capability that counted.
pub fn remove_capability(slot: &'static CapSlot) {
    let attributes = slot.attributes();
    let Some(header) = slot.clear() else { return };
    let is_last_counted = attributes & cap_space::COUNTED != 0
        && header.give_up_counted(1 - i64::from(is_planted(Bug::CapabilityCounted))) <= 0;
    // Without any capability nobody can ask for it any more, whatever the count was changed to.
    if is_last_counted || header.capabilities.is_empty() {
        header.delete();
    }
}

/// Empties a slot as a mapping over it does: an object whose capability may delete it is deleted.
pub fn delete_capability(slot: &'static CapSlot) {
    let Some(header) = slot.object() else { return };
    let may_delete = slot.attributes() & abi::Rights::CAP_D.0 != 0;
    remove_capability(slot);
    if may_delete {
        header.delete();
    }
}

/// Takes rights of the capability in a full slot away; with the right to read, the capability itself.
pub fn unmap_capability(slot: &'static CapSlot, rights: Rights, delete: bool) {
    if !rights.contains(Rights::CAP_R) {
        slot.set_attributes(slot.attributes() & (!rights.0 | cap_space::FROM_ITEM));
    } else if delete {
        delete_capability(slot);
    } else {
        remove_capability(slot);
    }
}

/// Creates an object, charged to `payer`. It has no capabilities yet: if none is made, [`discard`] it.
#[inline]
pub fn create<T: KernelObject>(payer: &'static Factory, make: impl FnOnce() -> T) -> Result<&'static T, Error> {
    payer.quota.charge(Slab::<T>::OBJECT_BYTES).map_err(|_| Error::NoMem)?;
    let Some(object) = T::slab().create(memory(), make) else {
        payer.quota.release(Slab::<T>::OBJECT_BYTES);
        return Err(Error::NoMem);
    };
    adopt(object, Some(payer));
    payer.header().retain();
    Ok(object)
}

/// Completes the header of a new object, which `payer` has paid for; nobody has for the root factory and the kernel's own
/// objects, which always stay.
pub fn adopt<T: KernelObject>(object: &'static T, payer: Option<&'static Factory>) {
    let header = object.header();
    header.object.set(Some(object.wrap()));
    header.payer.set(payer);
    header.id.set(NEXT_ID.replace(NEXT_ID.get() + 1));
    #[cfg(feature = "invariants")]
    check::created(header);
}

/// Deletes an object that never got a capability.
pub fn discard<T: KernelObject>(object: &'static T) {
    object.header().delete();
}

/// An object that has no capability yet, because it is still being made: it goes with this value.
pub struct Unnamed<T: KernelObject>(&'static T);

impl<T: KernelObject> Unnamed<T> {
    /// Takes care of an object that was just created.
    pub fn new(object: &'static T) -> Self {
        #[cfg(feature = "invariants")]
        object.header().audit.unnamed.set(true);
        Self(object)
    }

    /// The object.
    pub fn object(&self) -> &'static T {
        self.0
    }

    /// The object, which gets a capability now.
    pub fn finish(self) -> &'static T {
        let object = self.0;
        #[cfg(feature = "invariants")]
        object.header().audit.unnamed.set(false);
        core::mem::forget(self);
        object
    }
}

impl<T: KernelObject> Drop for Unnamed<T> {
    fn drop(&mut self) {
        discard(self.0);
    }
}

/// Destroys what was deleted and frees what nobody refers to any more, as far as the budget goes.
pub fn reap(budget: &Budget) -> Progress {
    while let Some(header) = REAP.first() {
        if !budget.spend() {
            return Progress::Preempted;
        }
        let object = header.object();
        if header.references.get() > 0 {
            let begun = header.clear_capabilities(budget);
            if begun == Progress::Preempted || object.destroy(budget) == Progress::Preempted {
                return Progress::Preempted;
            }
            // The reference for its existence, which kept it on the list.
            header.references.set(header.references.get() - 1);
            if header.references.get() > 0 {
                REAP.remove(header);
                continue;
            }
        }
        if let Object::Task(task) = object
            && task.free_memory(budget) == Progress::Preempted
        {
            return Progress::Preempted;
        }
        REAP.remove(header);
        if header.payer.get().is_some() {
            object.free();
        }
    }
    Progress::Done
}

fn free<T: KernelObject>(object: &'static T) {
    let payer = object.header().payer.get();
    #[cfg(feature = "invariants")]
    check::freed(object.wrap().header());
    // SAFETY: the object has a payer, so it came from its slab by `create`; its count of references is
    // zero, so no other object refers to it; it was deleted, so no capability names it; and the current
    // thread, if it is this one, is kept by the reference that kernel entries hold.
    unsafe { T::slab().destroy(memory(), object) };
    if let Some(payer) = payer {
        payer.quota.release(Slab::<T>::OBJECT_BYTES);
        payer.header().release();
    }
}

/// Gives back what the slabs of objects keep for reuse.
#[cfg(feature = "measure")]
pub fn trim_slabs() {
    fn trim<T: KernelObject>() {
        T::slab().trim(memory());
    }
    trim::<Task>();
    trim::<Thread>();
    trim::<Gate>();
    trim::<Irq>();
    trim::<Semaphore>();
    trim::<Factory>();
    crate::kernel_user_memory::trim();
}

impl Object {
    /// The object's header.
    #[inline]
    pub fn header(self) -> &'static Header {
        match self {
            Self::Task(object) => object.header(),
            Self::Thread(object) => object.header(),
            Self::Gate(object) => object.header(),
            Self::Irq(object) => object.header(),
            Self::Semaphore(object) => object.header(),
            Self::Factory(object) => object.header(),
            Self::Icu(object) => object.header(),
            Self::Scheduler(object) => object.header(),
            Self::Vcon(object) => object.header(),
            Self::Debugger(object) => object.header(),
        }
    }

    /// Ends what the object does, after all its capabilities are gone.
    fn destroy(self, budget: &Budget) -> Progress {
        match self {
            Self::Task(task) => return task.destroy(budget),
            Self::Thread(thread) => return thread.destroy(budget),
            Self::Gate(gate) => return gate.destroy(budget),
            Self::Semaphore(semaphore) => return semaphore.destroy(budget),
            Self::Irq(irq) => irq.destroy(),
            Self::Factory(factory) => factory.quota.close(),
            Self::Icu(_) | Self::Scheduler(_) | Self::Vcon(_) | Self::Debugger(_) => {}
        }
        Progress::Done
    }

    /// Gives the memory of an object back that a factory pays for.
    fn free(self) {
        match self {
            Self::Task(task) => free(task),
            Self::Thread(thread) => free(thread),
            Self::Gate(gate) => free(gate),
            Self::Irq(irq) => free(irq),
            Self::Semaphore(semaphore) => free(semaphore),
            Self::Factory(factory) => free(factory),
            Self::Icu(icu) => free(icu),
            Self::Scheduler(scheduler) => free(scheduler),
            Self::Vcon(vcon) => free(vcon),
            Self::Debugger(debugger) => free(debugger),
        }
    }
}

/// A field that refers to another object and keeps it, with what is only true as long as it does.
pub struct RefSlot<T: KernelObject, With: Copy = ()>(Cell<Option<(&'static T, With)>>);

impl<T: KernelObject> RefSlot<T> {
    /// Refers to `object`.
    pub fn to(object: &'static T) -> Self {
        let slot = Self::empty();
        slot.set(Some(object));
        slot
    }

    /// Refers to `object` from now on.
    pub fn set(&self, object: Option<&'static T>) {
        self.set_with(object.map(|object| (object, ())));
    }
}

impl<T: KernelObject, With: Copy> RefSlot<T, With> {
    /// Refers to nothing.
    pub const fn empty() -> Self {
        Self(Cell::new(None))
    }

    /// What it refers to.
    #[inline]
    pub fn get(&self) -> Option<&'static T> {
        self.0.get().map(|(object, _)| object)
    }

    /// The same, with what stands beside it.
    #[inline]
    pub fn get_with(&self) -> Option<(&'static T, With)> {
        self.0.get()
    }

    /// Refers to this object from now on.
    pub fn set_with(&self, object: Option<(&'static T, With)>) {
        if let Some((object, _)) = object {
            object.header().retain();
        }
        let keeps = object.is_some() && is_planted(Bug::ReferenceKept);
        if let Some((old, _)) = self.0.replace(object)
            && !keeps
        {
            old.wrap().header().release();
        }
    }
}

impl<T: KernelObject, With: Copy> Drop for RefSlot<T, With> {
    fn drop(&mut self) {
        self.set_with(None);
    }
}

/// Keeps an object while a kernel entry works with it.
pub struct Guard<T: KernelObject>(&'static T);

impl<T: KernelObject> Guard<T> {
    /// Keeps `object`.
    pub fn new(object: &'static T) -> Self {
        object.header().retain();
        Self(object)
    }
}

impl<T: KernelObject> Drop for Guard<T> {
    fn drop(&mut self) {
        self.0.wrap().header().release();
    }
}
