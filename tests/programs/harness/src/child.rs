//! The task of a test, made as `fork` would: the runner's code, a copy of its data, some pages and
//! capabilities at fixed places.
#![allow(unsafe_code)] // the image's bounds, copies of the image's data

use crate::check::Check;
use crate::given::Given;
use crate::worker::{UTCBS, UTCBS_ORDER, prepare};
use syscall::abi::{CapIndex, Flexpage, MapItem, PAGE_SIZE, Rights, SUPERPAGE_SHIFT};
use syscall::object::thread::Control;
use syscall::{Cap, Factory, Gate, Owned, Result, Scheduler, Task, Thread, env};

/// In a test: the gate to the runner, which is pager, exception handler, and takes the outcome.
pub const PAGER: CapIndex = CapIndex::PAGER;
/// In a task that a test made: the test's task.
pub const PARENT: CapIndex = CapIndex::new(12);
/// In a test: memory of superpages lie here, mapped as superpages.
pub const SUPERPAGES: u64 = 0x1_0000_0000;
/// How many superpages: two.
pub const SUPERPAGES_ORDER: u8 = SUPERPAGE_SHIFT + 1;
/// In a test: memory of small pages.
pub const PAGES: u64 = 0x9000_0000;
/// How many small pages there are, as a logarithm of bytes.
pub const PAGES_ORDER: u8 = 16;
/// In a test: I/O ports behind which a PC has nothing, from this one on.
pub const PORTS: u64 = 0xe0;
/// How many ports there are, as a logarithm.
pub const PORTS_ORDER: u8 = 4;
/// Bytes of kernel memory that a test may use.
pub const QUOTA: u64 = 4 << 20;
/// Priority of a test's first thread.
pub const PRIORITY: u64 = 100;

unsafe extern "C" {
    static __image_start: u8;
    static __text_end: u8;
    static __image_end: u8;
}

const PAGE: u64 = PAGE_SIZE as u64;

/// The pages of code and constants: start and end.
pub fn code() -> (u64, u64) {
    ((&raw const __image_start) as u64, ((&raw const __text_end) as u64).next_multiple_of(PAGE))
}

/// The pages of data: start and end.
pub fn data() -> (u64, u64) {
    (code().1, ((&raw const __image_end) as u64).next_multiple_of(PAGE))
}

/// Maps `[start, end)` of this task to `target` in another one, in as large flexpages as there can be.
///
/// # Errors
/// Those of the system calls.
pub fn map_range(task: Cap<Task>, (mut start, end): (u64, u64), mut target: u64, rights: Rights) -> Result {
    while start < end {
        let size = (end - start).ilog2().min((start | target).trailing_zeros());
        task.map(Task::this(), Flexpage::memory(start, size as u8, rights), target)?;
        start += 1 << size;
        target += 1 << size;
    }
    Ok(())
}

/// Maps the image of this task into another one at the same place, data shared.
///
/// # Errors
/// Those of the system calls.
pub fn share_image(task: Cap<Task>) -> Result {
    map_range(task, code(), code().0, Rights::RX)?;
    map_range(task, data(), data().0, Rights::RW)?;
    map_range(task, (KIP, KIP + PAGE), KIP, Rights::RX)
}

/// Where the kernel info page is in every task.
pub const KIP: u64 = 0x7ff0_0000_0000;

/// The runner's memory for tests; it has the ports, too.
pub struct Memory {
    copy: u64,
    superpages: u64,
    pages: u64,
}

impl Memory {
    /// Takes it from who has it.
    ///
    /// # Errors
    /// Theirs.
    pub fn take(given: &Given) -> Result<Self> {
        let (start, end) = data();
        let copy = given.memory((end - start).next_power_of_two().ilog2() as u8)?;
        let superpages = given.memory(SUPERPAGES_ORDER)?;
        let pages = given.memory(PAGES_ORDER)?;
        given.sigma0.ports(Flexpage::io(PORTS, PORTS_ORDER))?;
        Ok(Self { copy, superpages, pages })
    }

    /// Copies the data of the image, and clears the rest.
    fn refresh(&self) {
        let (start, end) = data();
        // SAFETY: the first range is the image's data, in which nothing changes meanwhile but this stack; the
        // others were given for good and are used by nobody else: the last test's task is gone.
        unsafe {
            core::ptr::copy_nonoverlapping(start as *const u8, self.copy as *mut u8, (end - start) as usize);
            (self.pages as *mut u8).write_bytes(0, 1 << PAGES_ORDER);
            (self.superpages as *mut u64).write_volatile(0);
        }
    }
}

/// A task with a test in it. Dropping it ends the test.
pub struct Child {
    /// Its task.
    pub task: Owned<Task>,
    /// Its first thread.
    pub thread: Owned<Thread>,
    /// The factory that pays for all it does.
    pub factory: Owned<Factory>,
}

impl Child {
    /// Makes the task, and starts `work(argument)` there; it has `gate` for its runner.
    ///
    /// # Errors
    /// Those of the system calls.
    pub fn start(
        given: &Given,
        memory: &Memory,
        factory: Owned<Factory>,
        gate: Cap<Gate>,
        work: fn(u64),
        argument: u64,
    ) -> Check<Self> {
        let (ip, sp) = prepare(0, work, argument);
        memory.refresh();
        let (task, _) = factory.create_task(Flexpage::memory(UTCBS, UTCBS_ORDER, Rights::RW))?;
        map_range(*task, code(), code().0, Rights::RX)?;
        let (start, end) = data();
        map_range(*task, (memory.copy, memory.copy + (end - start)), start, Rights::RW)?;
        map_range(*task, (KIP, KIP + PAGE), KIP, Rights::RX)?;
        task.map(Task::this(), Flexpage::memory(memory.superpages, SUPERPAGES_ORDER, Rights::RWX), SUPERPAGES)?;
        for page in (0..1 << PAGES_ORDER).step_by(PAGE_SIZE) {
            task.map(Task::this(), Flexpage::memory(memory.pages + page, 12, Rights::RWX), PAGES + page)?;
        }
        task.map(Task::this(), Flexpage::io(PORTS, PORTS_ORDER), 0)?;
        let thread = factory.create_thread()?;
        give(*task, *task, CapIndex::TASK)?;
        give(*task, *factory, CapIndex::FACTORY)?;
        give(*task, *thread, CapIndex::THREAD)?;
        give(*task, gate, PAGER)?;
        give(*task, env::log(), CapIndex::LOG)?;
        give(*task, given.icu, CapIndex::ICU)?;
        give(*task, env::scheduler(), CapIndex::SCHEDULER)?;
        give(*task, given.debugger, CapIndex::DEBUGGER)?;
        let handler = Some(PAGER);
        thread.control(Control {
            pager: handler,
            exception_handler: handler,
            bind: Some((*task, UTCBS)),
            alien: None,
        })?;
        thread.ex_regs(ip, sp, 0)?;
        env::scheduler().run_thread(*thread, Scheduler::any_cpu(), PRIORITY, 0)?;
        Ok(Self { task, thread, factory })
    }

    /// Ends the test and everything it made; returns the factory.
    pub fn end(self) -> Owned<Factory> {
        let _ = self.thread.delete();
        let _ = self.task.delete();
        self.factory
    }
}

/// Maps a capability with all rights. It does not count as a reference, so that what is dropped here is gone.
///
/// # Errors
/// Those of the system call.
pub fn give<T>(task: Cap<Task>, cap: Cap<T>, slot: CapIndex) -> Result {
    let flags = syscall::abi::item::OBJECT_RIGHTS | syscall::abi::item::NO_REFERENCE_COUNT;
    let item = MapItem {
        control: MapItem::map_at(cap.flexpage(Rights::ALL), slot.raw()).control | flags,
        flexpage: cap.flexpage(Rights::CAP_RWS),
    };
    task.map_item(Task::this(), item)
}
