//! Where everything is: slots, memory, UTCBs; and the calls that rows are made of, which are errors when they fail.

use core::sync::atomic::{AtomicU64, Ordering::Relaxed};
use harness::call::{no_buffers, outcome, write};
use harness::child::KIP;
use harness::{Check, ask, ask_into, same};
use syscall::abi::ipc::Operation;
use syscall::abi::{CapIndex, Flexpage, MapItem, Rights, Timeouts, protocol, task};
use syscall::arch::invoke;
use syscall::l4re::sigma0::Sigma0;
use syscall::{Cap, Factory, Scheduler, Task, Thread, boot};

/// The capabilities of threads, by number.
pub const THREADS: CapIndex = CapIndex::new(0x1_0000);
/// Capabilities of objects of rows: no row leaves one there.
pub const OBJECTS: CapIndex = CapIndex::new(0x2_0000);
/// Slots that many capabilities are mapped to.
pub const TARGET: CapIndex = CapIndex::new(0x4_0000);
/// Where UTCBs begin.
pub const UTCBS: u64 = 0x10_0000_0000;
/// Free room in every task, aligned to all that is mapped there.
pub const ROOM: u64 = 0x40_0000_0000;

static SUPERPAGES: AtomicU64 = AtomicU64::new(0);

/// Prepares this task: the first thread has the highest priority, and there is memory.
pub fn set_up() -> Check {
    Scheduler::boot().run_thread(Thread::main(), Scheduler::any_cpu(), 255, 0)?;
    boot::map_kip(KIP)?;
    SUPERPAGES.store(Sigma0::boot().any_memory(22)?, Relaxed);
    Ok(())
}

/// Two superpages of memory.
pub fn superpages() -> u64 {
    SUPERPAGES.load(Relaxed)
}

/// A slot that has been empty so far.
pub fn slot() -> CapIndex {
    static NEXT: AtomicU64 = AtomicU64::new(0x1000);
    CapIndex::new(NEXT.fetch_add(1, Relaxed))
}

/// Makes an object of this kind in the slot.
pub fn make(slot: CapIndex, words: &[u64]) -> Check {
    same(ask_into(slot, CapIndex::FACTORY, protocol::FACTORY, words, &[]), 0)
}

/// Makes an object without arguments.
pub fn make_plain<T>(kind: i64) -> Check<Cap<T>> {
    let slot = slot();
    make(slot, &[kind as u64])?;
    Ok(Cap::new(slot))
}

/// Makes an empty task.
pub fn make_task() -> Check<Cap<Task>> {
    let slot = slot();
    make(slot, &[protocol::TASK as u64, 0, 0])?;
    Ok(Cap::new(slot))
}

/// Maps from one task into another.
pub fn map(from: Cap<Task>, into: Cap<Task>, flexpage: Flexpage, to: u64) -> Check {
    let item = MapItem::map_at(flexpage, to);
    let words = [task::OP_MAP, item.control, flexpage.raw()];
    same(forever(into.index(), protocol::TASK, &words, &[from.item(Rights::CAP_RWS)]), 0)
}

/// Unmaps a flexpage of a task with this mask.
pub fn unmap(from: Cap<Task>, flexpage: Flexpage, mask: u64) -> Check {
    same(forever(from.index(), protocol::TASK, &[task::OP_UNMAP, mask, flexpage.raw()], &[]), 0)
}

/// Deletes what is in the slot.
pub fn delete(slot: CapIndex) -> Check {
    unmap(Task::this(), Flexpage::object(slot, 0, Rights::CAP_RWSD), task::UNMAP_DELETE_OBJECT)
}

/// Deletes what is in `2^order` slots.
pub fn delete_all(slots: CapIndex, order: u8) -> Check {
    unmap(Task::this(), Flexpage::object(slots, order, Rights::CAP_RWSD), task::UNMAP_DELETE_OBJECT)
}

/// A call that may take as long as it wants.
pub fn forever(cap: CapIndex, protocol: i64, words: &[u64], items: &[MapItem]) -> i64 {
    no_buffers();
    let tag = write(protocol, words, items);
    outcome(invoke(cap, Operation::CALL, 0, tag, Timeouts::NEVER).0)
}

/// A short call that has to succeed.
pub fn call(cap: CapIndex, protocol: i64, words: &[u64], items: &[MapItem]) -> Check {
    same(ask(cap, protocol, words, items), 0)
}

/// The factory that has all memory.
pub fn factory() -> Cap<Factory> {
    Factory::boot()
}

/// Pages of 4 KiB at an address.
pub const fn pages(address: u64, order: u8) -> Flexpage {
    Flexpage::memory(address, order, Rights::RWX)
}
