//! What many tests need: slots, objects, capabilities with fewer rights.

use core::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use harness::Check;
use syscall::abi::{CapIndex, Error, Flexpage, MapItem, Rights};
use syscall::{Cap, Factory, Gate, Irq, Semaphore, Task, Thread};

/// The label by which an object reports an error.
pub const fn code(error: Error) -> i64 {
    -error.code()
}

/// An item that names a capability with the usual rights.
pub fn item<T>(cap: Cap<T>) -> MapItem {
    cap.item(Rights::CAP_RWS)
}

/// An item that names no capability, but memory.
pub const NO_CAPABILITY: MapItem = MapItem::map(Flexpage::memory(0x1000, 12, Rights::RW));

/// An item that names an empty slot.
pub const EMPTY_SLOT: MapItem = MapItem::map(Flexpage::object(CapIndex::new(0x7f), 0, Rights::CAP_RWS));

/// The test's factory.
pub fn factory() -> Cap<Factory> {
    Factory::boot()
}

/// The test's first thread.
pub fn me() -> Cap<Thread> {
    Thread::main()
}

/// An empty slot, a new one each time.
pub fn slot() -> CapIndex {
    static NEXT: AtomicU64 = AtomicU64::new(0x80);
    CapIndex::new(NEXT.fetch_add(1, Relaxed))
}

/// The same object with these rights only, in another slot.
///
/// # Errors
/// Those of the mapping.
pub fn with_rights<T>(cap: Cap<T>, rights: Rights) -> Check<Cap<T>> {
    let place = slot();
    let item = MapItem::map_at(cap.flexpage(rights), place.raw());
    Task::this().map_item(Task::this(), item)?;
    Ok(Cap::new(place))
}

/// A gate to the first thread with this label.
///
/// # Errors
/// Those of the factory.
pub fn gate(label: u64) -> Check<Cap<Gate>> {
    Ok(factory().create_gate(Some(me()), label)?.leak())
}

/// A gate that leads nowhere.
///
/// # Errors
/// Those of the factory.
pub fn unbound_gate() -> Check<Cap<Gate>> {
    Ok(factory().create_gate(None, 0)?.leak())
}

/// An IRQ object.
///
/// # Errors
/// Those of the factory.
pub fn irq() -> Check<Cap<Irq>> {
    Ok(factory().create_irq()?.leak())
}

/// A semaphore.
///
/// # Errors
/// Those of the factory.
pub fn semaphore() -> Check<Cap<Semaphore>> {
    Ok(factory().create_semaphore()?.leak())
}

/// A thread that has nothing.
///
/// # Errors
/// Those of the factory.
pub fn thread() -> Check<Cap<Thread>> {
    Ok(factory().create_thread()?.leak())
}

/// A task without anything.
///
/// # Errors
/// Those of the factory.
pub fn task() -> Check<Cap<Task>> {
    Ok(factory().create_task(Flexpage::INVALID)?.0.leak())
}

/// What workers leave for the test: numbers, by place.
static NOTES: [AtomicI64; 16] = [const { AtomicI64::new(UNSET) }; 16];

/// A place where no worker has left anything.
pub const UNSET: i64 = i64::MIN;

/// A worker leaves a number.
pub fn note(place: u64, value: i64) {
    NOTES[place as usize].store(value, Relaxed);
}

/// What a worker left.
pub fn noted(place: u64) -> i64 {
    NOTES[place as usize].load(Relaxed)
}

/// Lets all other threads run for some milliseconds.
pub fn rest(milliseconds: u64) {
    let receive = syscall::abi::Timeout::from_microseconds(milliseconds * 1000);
    let timeouts = syscall::abi::Timeouts { send: syscall::abi::Timeout::ZERO, receive };
    let _ = syscall::ipc::receive(CapIndex::INVALID, timeouts);
}

/// Lets all other threads run until this holds.
///
/// # Errors
/// When that takes longer than two seconds.
#[track_caller]
pub fn until(condition: impl Fn() -> bool) -> Check {
    for tries in 0..1000 {
        if condition() {
            return Ok(());
        }
        // Not always as long: what others do again and again could be over at each look.
        rest(1 + tries % 3);
    }
    harness::fail("did not happen")
}
