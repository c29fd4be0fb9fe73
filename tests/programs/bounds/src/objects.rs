//! Capabilities by the thousand, and objects that go.

use crate::crowd::{self, CROWD, EMPTY, make_here, make_thread, set_message_register, thread};
use crate::measure::row;
use crate::place::{
    OBJECTS, TARGET, THREADS, call, delete, delete_all, factory, forever, make, make_plain, make_task, map, slot, unmap,
};
use harness::{Check, same};
use syscall::abi::factory::{ArgumentType, IPC_GATE, argument_header};
use syscall::abi::ipc::Operation;
use syscall::abi::task::UNMAP_ALL_SPACES;
use syscall::abi::{CapIndex, Flexpage, MapItem, Rights, Tag, Timeouts, protocol};
use syscall::{Cap, Factory, Gate, Irq, Semaphore, Task};

const UNSIGNED: u64 = argument_header(ArgumentType::Unsigned, 8);
/// How many capabilities there are, as a logarithm: 8,192.
const ORDER: u8 = 13;

/// All rows.
pub fn rows() -> Check {
    capabilities()?;
    sparse_table()?;
    waiting()?;
    factories()?;
    many_objects()
}

/// All slots from `slots` on name one object.
fn copies(object: CapIndex, slots: CapIndex) -> Check {
    let flexpage = Flexpage::object(object, 0, Rights::CAP_RWS);
    (0..1 << ORDER).try_for_each(|index| map(Task::this(), Task::this(), flexpage, slots.offset(index).raw()))
}

fn capabilities() -> Check {
    let irq: Cap<Irq> = make_plain(protocol::IRQ)?;
    copies(irq.index(), OBJECTS)?;
    let all = Flexpage::object(OBJECTS, ORDER, Rights::CAP_RWS);
    let task = make_task()?;
    row("8,192 capabilities mapped", || map(Task::this(), task, all, TARGET.raw()))?;
    row("8,192 capabilities mapped over themselves", || map(Task::this(), task, all, TARGET.raw()))?;
    row("a right of 8,192 capabilities taken", || {
        unmap(task, Flexpage::object(TARGET, ORDER, Rights::CAP_S), UNMAP_ALL_SPACES)
    })?;
    row("a task with 8,192 capabilities deleted", || delete(task.index()))?;
    let task = make_task()?;
    map(Task::this(), task, all, TARGET.raw())?;
    row("8,192 capabilities unmapped", || {
        unmap(task, Flexpage::object(TARGET, ORDER, Rights::CAP_RWSD), UNMAP_ALL_SPACES)
    })?;
    let everything = Flexpage::object(CapIndex::new(0), 40, Rights::CAP_RWSD);
    row("an empty table of 8,192 capabilities looked through", || unmap(task, everything, UNMAP_ALL_SPACES))?;
    row("a task with an empty table of capabilities deleted", || delete(task.index()))?;
    row("an object with 8,192 capabilities deleted", || delete(irq.index()))
}

/// Capabilities far from each other: a frame for each.
fn sparse_table() -> Check {
    let irq: Cap<Irq> = make_plain(protocol::IRQ)?;
    let task = make_task()?;
    for leaf in 0..1000 {
        let flexpage = Flexpage::object(irq.index(), 0, Rights::CAP_RWS);
        map(Task::this(), task, flexpage, CapIndex::new(1000 + leaf * 700).raw())?;
    }
    let everything = Flexpage::object(CapIndex::new(0), 40, Rights::CAP_RWS);
    let other = make_task()?;
    row("1,000 capabilities mapped that are far from each other", || map(task, other, everything, 0))?;
    row("a task with 1,000 capabilities far from each other deleted", || delete(task.index()))?;
    row("an object deleted that is known far and wide", || delete(irq.index()))?;
    row("a task with a large table of capabilities deleted", || delete(other.index()))
}

fn waiting() -> Check {
    let gate: Cap<Gate> = make_plain(IPC_GATE)?;
    crowd::gather(gate.index(), Operation::CALL, EMPTY, Timeouts::NEVER)?;
    row("a gate deleted at which 1,000 wait", || delete(gate.index()))?;
    crowd::dismiss()?;

    let gate: Cap<Gate> = make_plain(IPC_GATE)?;
    crowd::gather(gate.index(), Operation::CALL, EMPTY, Timeouts::NEVER)?;
    let receiver = crowd::deaf(crowd::EXTRA)?;
    row("a gate bound at which 1,000 wait", || Ok(gate.bind_thread(receiver, 0)?))?;
    row("the gate deleted that they came through", || delete(gate.index()))?;
    row("the thread deleted that they wait for", || delete(receiver.index()))?;
    crowd::dismiss()?;

    // They wait at a gate under another name than the one that it has when they go on.
    let gate: Cap<Gate> = make_plain(IPC_GATE)?;
    let name = slot();
    map(Task::this(), Task::this(), gate.flexpage(Rights::CAP_RWS), name.raw())?;
    crowd::gather(name, Operation::CALL, EMPTY, Timeouts::NEVER)?;
    call(
        CapIndex::TASK,
        protocol::TASK,
        &[1, UNMAP_ALL_SPACES, Flexpage::object(name, 0, Rights::CAP_RWSD).raw()],
        &[],
    )?;
    row("a gate bound at which 1,000 waited whose capability is gone", || {
        Ok(gate.bind_thread(syscall::Thread::main(), 0)?)
    })?;
    delete(gate.index())?;
    crowd::dismiss()?;

    let semaphore: Cap<Semaphore> = make_plain(protocol::SEMAPHORE)?;
    for number in 0..CROWD {
        make_here(number)?;
        set_message_register(number, 0, syscall::abi::semaphore::OP_DOWN);
        let down = Tag::new(protocol::SEMAPHORE, 1, 0, 0);
        crowd::start(number, semaphore.index(), Operation::CALL, down, Timeouts::NEVER)?;
    }
    crate::measure::rest(10);
    row("a semaphore raised 10 times at which 1,000 wait", || (0..10).try_for_each(|_| Ok(semaphore.up()?)))?;
    row("a semaphore deleted at which 1,000 wait", || delete(semaphore.index()))?;
    crowd::dismiss()
}

fn factories() -> Check {
    let chain = [slot(), slot()];
    make(chain[0], &[protocol::FACTORY as u64, UNSIGNED, 8 << 20])?;
    // Each pays for the next, and only the last one is named in the end.
    for depth in 1..200u64 {
        let (from, into) = (chain[(depth as usize + 1) % 2], chain[depth as usize % 2]);
        let limit = (8 << 20) - depth * 4096;
        Cap::<Factory>::new(from).create_in(
            into,
            protocol::FACTORY,
            &[syscall::message::Argument::Unsigned(limit)],
            None,
        )?;
    }
    row("the last of 200 factories deleted, each of which was paid for by the next", || {
        delete(chain[0])?;
        delete(chain[1])
    })?;
    let payer = factory().create_factory(8 << 20)?;
    for index in 0..1000 {
        let kind = [protocol::IRQ, protocol::SEMAPHORE, IPC_GATE, protocol::THREAD][index as usize % 4];
        payer.create_in(OBJECTS.offset(index), kind, &[], None)?;
    }
    row("a factory deleted that paid for 1,000 objects", || Ok(payer.delete()?))?;
    row("1,000 objects deleted, the factory with the last", || delete_all(OBJECTS, 10))
}

fn many_objects() -> Check {
    for number in 0..1024 {
        make_thread(number)?;
    }
    row("1,024 threads deleted that have not started", || delete_all(THREADS, 10))?;
    crowd::gather(CapIndex::INVALID, Operation::RECEIVE, EMPTY, Timeouts::NEVER)?;
    row("512 threads deleted that wait", || delete_all(THREADS, 9))?;
    crowd::dismiss().or(Ok::<(), harness::Failure>(()))?;
    let main = MapItem::map(syscall::Thread::main().flexpage(Rights::CAP_RWS));
    for index in 0..1024 {
        let gate = OBJECTS.offset(index);
        let words = [IPC_GATE as u64, UNSIGNED, 0x40];
        same(harness::ask_into(gate, CapIndex::FACTORY, protocol::FACTORY, &words, &[main]), 0)?;
    }
    row("1,024 bound gates deleted", || delete_all(OBJECTS, 10))?;
    for index in 0..256 {
        make(OBJECTS.offset(index), &[protocol::TASK as u64, 0, Flexpage::memory(0x1000_0000, 14, Rights::RW).raw()])?;
    }
    row("256 tasks deleted", || delete_all(OBJECTS, 8))?;
    // Tasks that hold the last capability to each other's successor.
    let tasks: [CapIndex; 200] = core::array::from_fn(|index| OBJECTS.offset(index as u64));
    for task in tasks {
        make(task, &[protocol::TASK as u64, 0, 0])?;
    }
    for pair in tasks.windows(2) {
        let full = MapItem::map_at(Flexpage::object(pair[1], 0, Rights::CAP_RWS), CapIndex::new(5).raw());
        let control = full.control | syscall::abi::item::OBJECT_RIGHTS;
        let words = [syscall::abi::task::OP_MAP, control, full.flexpage.raw()];
        same(forever(pair[0], protocol::TASK, &words, &[Task::this().item(Rights::CAP_RWS)]), 0)?;
    }
    let rest = Flexpage::object(OBJECTS, 8, Rights::CAP_RWSD);
    row("the first of 200 tasks deleted, each of which holds the next", || {
        unmap(Task::this(), rest, UNMAP_ALL_SPACES)
    })?;
    same(thread(0).is_present(), false)
}
