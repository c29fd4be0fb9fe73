//! Everything that there is is made and deleted, a thousand times: after the last round the kernel and the factory have as
//! much free memory as after the first.

use crate::crowd::{self, EMPTY};
use crate::measure::rest;
use crate::place::{OBJECTS, ROOM, delete, delete_all, map, pages, superpages};
use harness::quota::left;
use harness::{Check, ask, same};
use syscall::abi::ipc::Operation;
use syscall::abi::{CapIndex, Flexpage, PAGE_SIZE, Rights, Timeouts, debugger, factory::IPC_GATE, protocol, task};
use syscall::arch::utcb;
use syscall::message::Argument;
use syscall::{Cap, Factory, Gate, Icu, Irq, Task, Thread, println};

/// How often.
const ROUNDS: usize = 1000;
/// What a round can use.
const QUOTA: u64 = 4 << 20;
/// Slots of a round, from [`OBJECTS`] on, as a logarithm.
const SLOTS: u8 = 4;

/// Bytes of the kernel's memory that are free.
pub fn free() -> Check<u64> {
    same(ask(CapIndex::DEBUGGER, protocol::DEBUGGER, &[debugger::OP_FREE_MEMORY], &[]), 0)?;
    Ok(utcb().mr(0))
}

/// All rounds; prints what is free after the first and after the last.
pub fn rows() -> Check {
    let payer = crate::place::factory().create_factory(QUOTA)?;
    let whole = left(*payer);
    let mut first = None;
    for number in 0..ROUNDS {
        round(*payer)?;
        same(left(*payer), whole)?;
        let now = free()?;
        same(now, *first.get_or_insert(now))?;
        if [0, ROUNDS - 1].contains(&number) {
            println!("bounds: round {}: {now} bytes of kernel memory are free, {whole} bytes of the quota", number + 1);
        }
    }
    Ok(())
}

/// Gives a thread and a task all that can be set about them, and the thread an interrupt that waits, at a line of the machine's.
fn furnish(thread: Cap<Thread>, task: Cap<Task>) -> Check {
    const LINE: u64 = 3;
    /// A writable data segment of user mode.
    const SEGMENT: u64 = 0x0040_f200_0000_0fff;
    let (gate, irq) = (Cap::<Gate>::new(OBJECTS.offset(1)), Cap::<Irq>::new(OBJECTS.offset(2)));
    // Two pages for states, behind all UTCBs that are in use.
    let state = (crowd::utcb(crowd::EXTRA + 4)).next_multiple_of(PAGE_SIZE as u64);
    thread.vcpu_control(state)?;
    thread.pf_trampoline_setup(state + PAGE_SIZE as u64)?;
    thread.set_gdt(0, &[SEGMENT])?;
    thread.register_delete_irq(irq)?;
    gate.bind_thread(thread, 0)?;
    task.set_ldt(0, &[0, SEGMENT])?;
    task.add_ku_mem(Flexpage::memory(ROOM + (2 << 30), 14, Rights::RW))?;
    Icu::boot().bind(LINE, irq)?;
    irq.bind_thread(thread, 0)?;
    Ok(irq.trigger()?)
}

/// Makes one of everything, uses it, and deletes it.
fn round(payer: Cap<Factory>) -> Check {
    let slot = |number| OBJECTS.offset(number);
    let kinds = [protocol::THREAD, IPC_GATE, protocol::IRQ, protocol::SEMAPHORE];
    for (number, kind) in kinds.into_iter().enumerate() {
        payer.create_in(slot(number as u64), kind, &[], None)?;
    }
    payer.create_in(slot(4), protocol::FACTORY, &[Argument::Unsigned(64 << 10)], None)?;
    let area = Flexpage::memory(crowd::utcb(0), 14, Rights::RW);
    for number in 5..8 {
        payer.create_in(slot(number), protocol::TASK, &[Argument::Flexpage(area)], None)?;
    }
    let [a, b, c] = [5, 6, 7].map(|number| Cap::<Task>::new(slot(number)));
    for (from, into) in [(Task::this(), a), (a, b), (b, c)] {
        let at = if from == Task::this() { superpages() } else { ROOM };
        map(from, into, pages(at, 21), ROOM)?;
        let piece = if from == Task::this() { superpages() } else { ROOM } + 0x7000;
        map(from, into, pages(piece, 12), ROOM + (1 << 30))?;
        map(from, into, Flexpage::io(0x60, 0), 0)?;
        map(Task::this(), into, Flexpage::object(slot(2), 0, Rights::CAP_RWS), CapIndex::new(0x7000).raw())?;
    }
    crate::place::unmap(b, pages(ROOM, 12), task::UNMAP_ALL_SPACES)?;
    // Threads that wait for each other, one that is in a task that goes.
    let (here, there) = (crowd::EXTRA, crowd::EXTRA + 1);
    crowd::make_here_by(payer, here)?;
    furnish(crowd::thread(here), a)?;
    crowd::start(here, CapIndex::reply(5), Operation::WAIT, EMPTY, Timeouts::NEVER)?;
    let pager = CapIndex::new(0x7001);
    map(Task::this(), a, crowd::thread(here).flexpage(Rights::CAP_RWS), pager.raw())?;
    crowd::make_in_by(payer, there, a, crowd::utcb(0), pager)?;
    crowd::thread(there).ex_regs(0x1000, 0, 0)?;
    crowd::run(there, 100)?;
    rest(1);
    delete(slot(5))?;
    delete(crowd::thread(there).index())?;
    delete(crowd::thread(here).index())?;
    delete_all(OBJECTS, SLOTS)?;
    rest(1);
    Ok(())
}
