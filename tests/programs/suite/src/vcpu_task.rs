//! The user task of a virtual CPU: naming it, mapping to it, and what becomes of one that is deleted.
#![allow(unsafe_code)] // writes words for the user task to find

use crate::make::{self, note, noted, with_rights};
use crate::vcpu::{done, failed, is_counting, run, stay, tell, tell_and_stay, told};
use crate::vcpu_user::{
    CODE, LOW, USER, USER_TASK, aim, count, load, note_and_trap, prepare, tell_address, user, work,
};
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};
use harness::child::PAGES;
use harness::worker::task;
use harness::{Check, IPC, holds, same};
use syscall::abi::exc_regs::PAGE_FAULT_TRAP;
use syscall::abi::vcpu::{USER_TASK_RELEASE, USER_TASK_TAKEN};
use syscall::abi::{CapIndex, Flexpage, MapItem, Rights};
use syscall::vcpu::{Register, Vcpu};
use syscall::{Cap, Code, Error, Task};

crate::group!("vcpu_task":
    resume_without_user_task, resume_user_task_needs_special, resume_other_kind, resume_empty_slot, resume_takes_user_task_once,
    resume_releases_user_task, resume_maps_memory, resume_maps_many_capabilities, resume_cannot_map, resume_items_into_deleted_task,
    user_task_deleted_under_it, user_task_is_own_task);

/// What resuming to this user task returns.
fn refused(user_task: CapIndex) -> Check<i64> {
    prepare(user_task, count, 0);
    run(LOW, work, tell_and_stay)?;
    done()?;
    Ok(noted(8))
}

const NO_ENT: i64 = -(Code::NoEnt as i64);

fn resume_without_user_task() -> Check {
    same(refused(CapIndex::INVALID)?, NO_ENT)
}

fn resume_user_task_needs_special() -> Check {
    let task = with_rights(*task()?, Rights::CAP_RW);
    same(refused(task?.index())?, -(Code::Perm as i64))
}

fn resume_other_kind() -> Check {
    same(refused(make::irq()?.index())?, NO_ENT)
}

fn resume_empty_slot() -> Check {
    same(refused(CapIndex::new(0x7f))?, NO_ENT)
}

fn resume_takes_user_task_once() -> Check {
    fn handler(vcpu: Vcpu) -> ! {
        tell(vcpu);
        note(6, (vcpu.state().user_task.get() ^ USER_TASK.load(Relaxed)) as i64);
        vcpu.set_register(Register::Ip, CODE.load(Relaxed));
        note(9, noted(9).max(0) + 1);
        if noted(9) == 3 { stay() } else { failed(vcpu) }
    }
    let task = task()?;
    prepare(task.index(), note_and_trap, 1);
    run(LOW, work, handler)?;
    done()?;
    same((noted(6), noted(9), noted(8)), (USER_TASK_TAKEN as i64, 3, make::UNSET))
}

fn resume_releases_user_task() -> Check {
    fn handler(vcpu: Vcpu) -> ! {
        tell(vcpu);
        vcpu.state().user_task.set(CapIndex::INVALID.raw() | USER_TASK_RELEASE);
        failed(vcpu)
    }
    let _vcpu = user(note_and_trap, 1, handler)?;
    done()?;
    same((noted(1), noted(8)), (6, NO_ENT))
}

static ITEM: [AtomicU64; 2] = [const { AtomicU64::new(0) }; 2];

fn work_with_item(vcpu: Vcpu) {
    aim(vcpu, 0);
    let [control, flexpage] = [0, 1].map(|index| ITEM[index].load(Relaxed));
    let error = vcpu.resume(&[MapItem::from_words(control, flexpage)]);
    note(8, if let Error::Code(code) = error { -(code as i64) } else { IPC });
    stay()
}

fn set_item(item: MapItem) {
    ITEM[0].store(item.control, Relaxed);
    ITEM[1].store(item.flexpage.raw(), Relaxed);
}

fn resume_maps_memory() -> Check {
    let task = task()?;
    let word = PAGES as *mut u64;
    // SAFETY: memory of the test's that nobody else uses.
    unsafe { word.write_volatile(0xfeed) };
    set_item(MapItem::map_at(Flexpage::memory(PAGES, 12, Rights::RW), 0x6000_0000));
    prepare(task.index(), load, 0x6000_0000);
    run(LOW, work_with_item, tell_and_stay)?;
    done()?;
    same((noted(1), noted(5)), (6, 0xfeed))
}

/// So many that the kernel stops on the way.
fn resume_maps_many_capabilities() -> Check {
    const FIRST: CapIndex = CapIndex::new(0x1000);
    const ORDER: u8 = 8;
    let irq = make::irq()?;
    for index in 0..1 << ORDER {
        Task::this().map_cap(irq, Rights::ALL, FIRST.offset(index))?;
    }
    let task = task()?;
    set_item(MapItem::map_at(Flexpage::object(FIRST, ORDER, Rights::ALL), FIRST.raw()));
    prepare(task.index(), note_and_trap, 1);
    run(LOW, work_with_item, tell_and_stay)?;
    done()?;
    for index in 0..1 << ORDER {
        same(task.cap_valid(Cap::<Task>::new(FIRST.offset(index))), Ok(true))?;
    }
    same((noted(1), noted(8)), (6, make::UNSET))
}

/// The user task's quota does not suffice.
fn resume_cannot_map() -> Check {
    let small = make::factory().create_factory(40 * 1024)?;
    let (task, _) = small.create_task(Flexpage::INVALID)?;
    let irq = make::irq()?;
    for index in 0..1 << 10 {
        Task::this().map_cap(irq, Rights::ALL, CapIndex::new(0x1000).offset(index))?;
    }
    set_item(MapItem::map_at(Flexpage::object(CapIndex::new(0x1000), 10, Rights::ALL), 0x1000 << 12));
    prepare(task.index(), note_and_trap, 1);
    run(LOW, work_with_item, tell_and_stay)?;
    done()?;
    same((noted(1), noted(8)), (make::UNSET, IPC))
}

fn resume_items_into_deleted_task() -> Check {
    fn handler(vcpu: Vcpu) -> ! {
        tell(vcpu);
        while noted(0) != 1 {}
        work_with_item(vcpu);
        stay()
    }
    set_item(MapItem::map_at(Flexpage::memory(PAGES, 12, Rights::RW), 0x6000_0000));
    let (_worker, task) = user(note_and_trap, 1, handler)?;
    // The state says that the task was taken over: the empty slot is not looked at.
    make::until(|| noted(1) != make::UNSET)?;
    USER_TASK.store(task.index().raw() | USER_TASK_TAKEN, Relaxed);
    task.delete()?;
    note(0, 1);
    done()?;
    same((noted(1), noted(8)), (6, NO_ENT))
}

/// All of its memory goes away.
fn user_task_deleted_under_it() -> Check {
    let (_worker, task) = user(count, 0, tell_address)?;
    is_counting()?;
    task.delete()?;
    done()?;
    same((noted(1), noted(3), noted(4)), (PAGE_FAULT_TRAP as i64, USER, 0))?;
    let (start, end) = harness::child::data();
    let (low, high) = harness::child::code();
    let at = noted(6) as u64;
    holds((start..end).contains(&at) || (low..high).contains(&at))
}

fn user_task_is_own_task() -> Check {
    prepare(CapIndex::TASK, note_and_trap, 12);
    run(LOW, work, tell_and_stay)?;
    done()?;
    same((told(), noted(5)), ((6, 0, USER, 0), 12))
}
