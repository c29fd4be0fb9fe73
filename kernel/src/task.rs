//! Task objects: `l4sys/task.h`. A task is a memory space, an I/O space and a capability space.

use crate::arch::{self, Frame, Ldt};
use crate::factory::Factory;
use crate::kernel_user_memory::{self, Adding, Area};
use crate::locked::Locked;
use crate::memory::{machine, memory};
use crate::message::{self, Answer, Message, Outcome, UtcbPointer};
use crate::object::{self, CapSlot, Header, KernelObject, Object};
use crate::reply;
use crate::sched;
use crate::unmap::CapabilityUnmapping;
use crate::work::{self, Work};
use abi::cap::{INVALID_BIT, REPLY_BIT};
use abi::task::*;
use abi::{CapIndex, Error, Flexpage, PAGE_SHIFT, Rights, Utcb, protocol};
use core::cell::Cell;
use core::ptr::NonNull;
use kernel::cap_space::CapSpace;
use kernel::mem::{Quota, Slab};
use kernel::queue::List;
use kernel::space::{Budget, IoSpace, MemSpace, Progress};

#[cfg(feature = "invariants")]
pub mod check;

/// A task.
pub struct Task {
    header: Header,
    payer: &'static Factory,
    pub memory: MemSpace,
    pub io: IoSpace,
    pub caps: CapSpace<Header>,
    pub replies: reply::Space,
    /// How many threads are bound to the task.
    pub threads: Cell<u32>,
    /// Where UTCBs are.
    pub kernel_user_memory: List<Area>,
    /// Descriptors of segments of the program's own.
    pub ldt: Ldt,
    is_sigma0: bool,
    /// Physical address of the root page table; that without user pages once the task is destroyed.
    root: Cell<u64>,
    /// How far the task's end has come: its capabilities are going, and all of them are gone.
    ending: Cell<Option<CapabilityUnmapping>>,
    has_no_capabilities: Cell<bool>,
}

static SLAB: Locked<Slab<Task>> = Locked::new(Slab::new());

impl KernelObject for Task {
    fn header(&self) -> &Header {
        &self.header
    }

    fn slab() -> &'static Slab<Self> {
        &SLAB
    }

    fn wrap(&'static self) -> Object {
        Object::Task(self)
    }
}

impl Task {
    /// A task without memory, ports and capabilities, charged to `payer`.
    pub fn create(payer: &'static Factory) -> Result<&'static Self, Error> {
        Self::create_with(payer, MemSpace::new(&payer.quota), IoSpace::new(&payer.quota), false)
    }

    /// Sigma0's task, which has all memory and ports that the kernel does not keep.
    pub fn create_sigma0(payer: &'static Factory) -> Result<&'static Self, Error> {
        Self::create_with(payer, MemSpace::new_root(&payer.quota), IoSpace::new_root(&payer.quota), true)
    }

    fn create_with(
        payer: &'static Factory,
        memory: MemSpace,
        io: IoSpace,
        is_sigma0: bool,
    ) -> Result<&'static Self, Error> {
        let task = object::create(payer, || Self {
            header: Header::new(),
            payer,
            memory,
            io,
            caps: CapSpace::new(),
            replies: reply::Space::new(),
            threads: Cell::new(0),
            kernel_user_memory: List::new(),
            ldt: Ldt::new(),
            is_sigma0,
            root: Cell::new(0),
            ending: Cell::new(None),
            has_no_capabilities: Cell::new(false),
        })?;
        match task.memory.root(machine(), work::budget()) {
            Ok(root) => task.root.set(root),
            Err(_) => {
                object::discard(task);
                return Err(Error::NoMem);
            }
        }
        Ok(task)
    }

    /// Whether this is sigma0's task.
    pub fn is_sigma0(&self) -> bool {
        self.is_sigma0
    }

    /// Makes the CPU run in this task, at this frame.
    #[inline(always)]
    pub fn activate(&'static self, frame: NonNull<Frame>) {
        arch::switch_to(frame, self.root.get(), || self.io.bitmap());
    }

    /// The kernel's view of kernel-user memory at `address` in this task, if there is so much there.
    pub fn kernel_user_memory(&self, address: u64, size: usize, align: usize) -> Option<NonNull<u8>> {
        if !address.is_multiple_of(align as u64) {
            return None;
        }
        let phys = self.memory.kernel_page(machine(), address)?;
        let last = size as u64 - 1;
        let end = address.checked_add(last)?;
        // In one page, or in two that lie behind each other.
        let is_whole =
            address >> PAGE_SHIFT == end >> PAGE_SHIFT || self.memory.kernel_page(machine(), end)? == phys + last;
        is_whole.then(|| memory().pointer(phys))
    }

    /// The kernel's view of the UTCB at `address` in this task, if there is kernel-user memory for a whole one.
    #[allow(unsafe_code)] // vouches for kernel-user memory
    pub fn utcb_at(&self, address: u64) -> Option<UtcbPointer> {
        let memory = self.kernel_user_memory(address, abi::utcb::SIZE, align_of::<Utcb>())?;
        // SAFETY: there is memory for a UTCB; threads keep the task they are bound to, and areas are freed with the task.
        Some(unsafe { UtcbPointer::new(memory.cast()) })
    }

    /// The slot with this index, for a new capability. None if the index is out of range, memory or quota
    /// are out, or the task was deleted: its table goes while others may still run operations of its threads.
    #[inline]
    pub fn slot_for(&self, index: u64) -> Option<&'static CapSlot> {
        if self.is_deleted() { None } else { self.caps.make_slot(index, memory(), self.quota(), work::budget()) }
    }

    /// The reply slot with this index, to receive into. None if the index is out of range, or memory or quota are out.
    pub fn reply_slot_for(&self, index: u64) -> Option<&'static reply::Slot> {
        self.replies.make_slot(index, memory(), self.quota())
    }

    /// What pays for the task's tables.
    pub fn quota(&self) -> &'static Quota {
        &self.payer.quota
    }

    /// Whether the task was deleted.
    pub fn is_deleted(&self) -> bool {
        self.header.is_deleted()
    }

    /// Ends the task, step by step: everything is unmapped, and what its capabilities may delete is deleted.
    #[allow(unsafe_code)] // gives the capability table back
    pub fn destroy(&'static self, budget: &Budget) -> Progress {
        if arch::paging::current_root() == self.root.replace(arch::kernel_root()) {
            arch::switch_to_kernel_address_space();
        }
        if !self.has_no_capabilities.get() {
            let mut unmapping = self.ending.take().unwrap_or_else(|| CapabilityUnmapping::of_all(self));
            if unmapping.step(budget) == Progress::Preempted {
                self.ending.set(Some(unmapping));
                return Progress::Preempted;
            }
            self.has_no_capabilities.set(true);
        }
        // SAFETY: all slots are empty, nothing is mapped into a deleted task any more, and nobody holds a
        // slot beyond a kernel entry's own work; what this entry does from here on is only to free.
        if unsafe { self.caps.clear_tables(memory(), self.quota(), budget) } == Progress::Preempted {
            return Progress::Preempted;
        }
        if self.memory.destroy(machine(), budget) == Progress::Preempted {
            return Progress::Preempted;
        }
        let progress = self.io.destroy(machine(), budget);
        sched::ports_changed();
        progress
    }

    /// Gives back what threads of the task may have used until now: called when nobody refers to it any more.
    pub fn free_memory(&self, budget: &Budget) -> Progress {
        self.free_ldt();
        kernel_user_memory::free_all(&self.kernel_user_memory, self.quota(), budget)
    }

    /// A message to the object.
    #[inline(never)]
    pub fn invoke(&'static self, message: &Message) -> Answer {
        if message.tag.label() != protocol::TASK {
            return Err(Error::BadProto);
        }
        match message.opcode()? {
            OP_MAP => self.map(message),
            OP_UNMAP => self.unmap(message),
            OP_CAP_INFO => self.cap_info(message),
            OP_ADD_KU_MEM => self.add_kernel_user_memory(message),
            OP_LDT_SET => self.set_ldt(message),
            _ => Err(Error::NoSys),
        }
    }

    /// Adds the areas that the message names, one after the other.
    fn add_kernel_user_memory(&'static self, message: &Message) -> Answer {
        let mut begun = message.sender.take_work();
        let first = if let Some(Work::AddMemory { word, .. }) = &begun { *word } else { 1 };
        for word in first..message.tag.words() {
            let mut adding = match begun.take() {
                Some(Work::AddMemory { adding, .. }) => adding,
                _ => Adding::new(self, Flexpage::from_raw(message.word(word)?))?,
            };
            if adding.step(work::budget())? == Progress::Preempted {
                message.sender.continue_later(Work::AddMemory { word, adding });
                return Ok(Outcome::Preempted);
            }
        }
        for word in 1..message.tag.words() {
            message.answer(word - 1, Flexpage::from_raw(message.word(word)?).with_rights(Rights::NONE).raw());
        }
        message::ok_words(0, message.tag.words() - 1)
    }

    fn cap_info(&'static self, message: &Message) -> Answer {
        let object = |raw: u64| {
            let cap = CapIndex::from_raw(raw);
            (raw & (INVALID_BIT | REPLY_BIT) == 0).then(|| self.caps.lookup(cap.index())).flatten()
        };
        match message.tag.words() {
            2 => message::ok(object(message.word(1)?).is_some() as i64),
            3 => {
                let (a, b) = (message.word(1)?, message.word(2)?);
                // What names no slot is compared as it stands, but for the bits that say how to send.
                if (a | b) & (INVALID_BIT | REPLY_BIT) != 0 {
                    return message::ok((a & REPLY_BIT.wrapping_neg() == b & REPLY_BIT.wrapping_neg()) as i64);
                }
                let same = match (object(a), object(b)) {
                    (Some((a, a_rights)), Some((b, b_rights))) => core::ptr::eq(a, b) && a_rights & 3 == b_rights & 3,
                    (None, None) => true,
                    _ => false,
                };
                message::ok((a == b || same) as i64)
            }
            _ => Err(Error::Inval),
        }
    }
}
