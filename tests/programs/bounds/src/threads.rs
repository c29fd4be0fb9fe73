//! Threads that go while a thousand wait for them, labels of a thousand senders, the clock, priorities.

use crate::crowd::{self, CROWD, EMPTY, EXTRA, deaf, make_here, make_in, run, set_buffer_register, start_at, thread};
use crate::measure::{rest, row};
use crate::place::{OBJECTS, call, delete, delete_all, forever, make, make_plain, slot};
use harness::{Check, same};
use syscall::abi::icu::FLAG_MSI;
use syscall::abi::ipc::Operation;
use syscall::abi::{CapIndex, Flexpage, Rights, Tag, Timeout, Timeouts, protocol, thread::OP_MODIFY_SENDER};
use syscall::object::thread::Control;
use syscall::time::kernel_clock_us;
use syscall::{Cap, Icu, Irq, Task};

/// All rows.
pub fn rows() -> Check {
    senders()?;
    faults()?;
    clock()?;
    priorities()?;
    interrupts()
}

/// A thread with the crowd in its line.
fn crowded() -> Check {
    let receiver = deaf(EXTRA)?;
    crowd::gather(receiver.index(), Operation::CALL, EMPTY, Timeouts::NEVER)
}

fn senders() -> Check {
    crowded()?;
    row("a thread deleted that 1,000 wait for", || delete(thread(EXTRA).index()))?;
    crowd::dismiss()?;

    crowded()?;
    let mut words = [OP_MODIFY_SENDER; 61];
    for rule in words[1..].as_chunks_mut::<4>().0 {
        *rule = [u64::MAX, 0x1234, 0, 0];
    }
    row("labels of 1,000 senders changed by 15 rules", || {
        same(forever(thread(EXTRA).index(), protocol::THREAD, &words, &[]), 0)
    })?;
    // It goes on, faults, and has no pager: that is its end.
    row("a thread killed that 1,000 wait for", || {
        thread(EXTRA).ex_regs(0x1000, 0, syscall::abi::thread::EX_REGS_CANCEL)?;
        Ok(())
    })?;
    delete(thread(EXTRA).index())?;
    crowd::dismiss()?;

    crowded()?;
    row("1,000 senders deleted", || (0..CROWD).try_for_each(|number| delete(thread(number).index())))?;
    delete(thread(EXTRA).index())
}

fn faults() -> Check {
    let pager = deaf(EXTRA)?;
    let task = slot();
    let area = |number: u64| Flexpage::memory(0x1_0000_0000 + (number << 17), 17, Rights::RW);
    make(task, &[protocol::TASK as u64, 0, area(0).raw()])?;
    for number in 1..8 {
        let words = [syscall::abi::task::OP_ADD_KU_MEM, area(number).raw()];
        call(task, protocol::TASK, &words, &[])?;
    }
    let task = Cap::<Task>::new(task);
    let pager_there = CapIndex::new(0x20);
    task.map_cap(pager, Rights::CAP_RWS, pager_there)?;
    for number in 0..CROWD {
        make_in(number, task, 0x1_0000_0000 + number as u64 * 1024, pager_there)?;
        thread(number).ex_regs(0x1000, 0, 0)?;
        run(number, 100)?;
    }
    rest(10);
    row("a task deleted whose 1,000 threads wait for their pager", || delete(task.index()))?;
    crowd::dismiss()?;
    delete(pager.index())
}

/// A thousand timeouts end at the same moment.
fn expire(to: CapIndex, operation: Operation) -> Check {
    let deadline = kernel_clock_us() + 200_000;
    let (never, at) = (Timeout::NEVER, Timeout::absolute(3));
    let timeouts =
        if to.is_valid() { Timeouts { send: at, receive: never } } else { Timeouts { send: never, receive: at } };
    for number in 0..CROWD {
        make_here(number)?;
        set_buffer_register(number, 3, deadline);
        crowd::start(number, to, operation, EMPTY, timeouts)?;
    }
    rest(1);
    same(kernel_clock_us() < deadline, true)?;
    row("1,000 timeouts end at one moment", || {
        rest(300);
        Ok(())
    })
}

fn clock() -> Check {
    expire(CapIndex::INVALID, Operation::WAIT)?;
    crowd::dismiss()?;
    let receiver = deaf(EXTRA)?;
    expire(receiver.index(), Operation::CALL)?;
    crowd::dismiss()?;
    delete(receiver.index())
}

fn priorities() -> Check {
    let receiver = deaf(EXTRA)?;
    row("senders of 254 priorities, the highest first", || {
        for number in 0..254 {
            make_here(number)?;
            start_at(number, 254 - number as u64, receiver.index(), Operation::CALL, EMPTY, Timeouts::NEVER)?;
        }
        Ok(())
    })?;
    row("a thread deleted that 254 priorities wait for", || delete(receiver.index()))?;
    (0..254).try_for_each(|number| delete(thread(number).index()))?;
    let receiver = deaf(EXTRA)?;
    crowd::gather(receiver.index(), Operation::CALL, EMPTY, Timeouts::NEVER)?;
    row("1,000 cancelled", || {
        (0..CROWD).try_for_each(|number| {
            thread(number).ex_regs(u64::MAX, u64::MAX, syscall::abi::thread::EX_REGS_CANCEL)?;
            Ok(())
        })
    })?;
    delete(receiver.index())?;
    crowd::dismiss()
}

fn interrupts() -> Check {
    let receiver = deaf(EXTRA)?;
    let mut irqs = [Cap::<Irq>::new(CapIndex::INVALID); 256];
    for irq in &mut irqs {
        *irq = make_plain(protocol::IRQ)?;
        irq.bind_thread(receiver, 0)?;
    }
    row("256 interrupts triggered that nobody takes", || irqs.iter().try_for_each(|irq| Ok(irq.trigger()?)))?;
    row("the thread deleted that 256 interrupts wait for", || delete(receiver.index()))?;
    irqs.iter().try_for_each(|irq| delete(irq.index()))?;
    for number in 0..128 {
        make(OBJECTS.offset(number), &[protocol::IRQ as u64])?;
        Icu::boot().bind(FLAG_MSI | number, Cap::new(OBJECTS.offset(number)))?;
    }
    row("128 interrupts bound elsewhere", || {
        (0..64).try_for_each(|number| {
            Icu::boot().bind(FLAG_MSI | (130 + number), Cap::new(OBJECTS.offset(number))).map(drop)
        })?;
        Ok(())
    })?;
    row("128 interrupts deleted that are bound", || delete_all(OBJECTS, 7))?;
    make_here(EXTRA)?;
    let handler = Some(CapIndex::INVALID);
    thread(EXTRA).control(Control { pager: handler, exception_handler: handler, bind: None, alien: Some(true) })?;
    row("a system call of an alien without a handler", || {
        start_at(EXTRA, 100, CapIndex::INVALID, Operation::CALL, Tag::new(0, 63, 0, 0), Timeouts::NEVER)
    })?;
    delete(thread(EXTRA).index())
}
