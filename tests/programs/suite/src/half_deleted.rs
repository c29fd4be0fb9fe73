//! Objects that are being deleted: the kernel takes their many capabilities away in steps, and in between others still have some.

use crate::interrupted::rest_us;
use crate::ipc::sent;
use crate::items::{cap_item, caps, receive, send_from};
use crate::make::{self, code, item, note, noted};
use crate::threads::control;
use harness::worker::{UTCBS, bare_task, spawn, task};
use harness::{Check, IPC, ask, fail, same};
use syscall::abi::item::FORWARD_MAPPINGS;
use syscall::abi::thread::CONTROL_BIND_TASK;
use syscall::abi::{BufferItem, CapIndex, Error, Flexpage, MapItem, Rights, Timeouts, protocol, task::*};
use syscall::{Cap, Task};

crate::group!("half_deleted": task_that_is_going, task_that_is_going_gets_no_items, gate_that_is_going);

const LOW: u64 = 50;
const FIRST: CapIndex = CapIndex::new(0x1000);
const COPIES: u64 = 1000;

/// Has a thread delete what the capability names, and looks at it by the last of many copies when that has begun and is not done.
fn meet<T>(object: Cap<T>, look: impl Fn(Cap<T>) -> Check) -> Check {
    for copy in 0..COPIES {
        Task::this().map_cap(object, Rights::ALL, FIRST.offset(copy))?;
    }
    let last = Cap::<T>::new(FIRST.offset(COPIES - 1));
    spawn(LOW, |cap| note(15, Cap::<T>::new(CapIndex::from_raw(cap)).delete().is_ok().into()), object.index().raw())?;
    let mut pause_us = 3;
    while noted(15) == make::UNSET {
        rest_us(pause_us);
        // A kernel that checks itself may need longer than that for a single step.
        pause_us += pause_us / 2;
        if !object.is_present() && last.is_present() {
            return look(last);
        }
    }
    fail("it was deleted at once")
}

fn task_that_is_going() -> Check {
    let (other, thread) = (make::task()?, make::thread()?);
    meet(bare_task()?.leak(), |task| {
        let bind = [CONTROL_BIND_TASK, 0, 0, 0, 0, UTCBS];
        same(control(thread.index(), &bind, &[item(task)]), code(Error::Inval))?;
        let map = [OP_MAP, 8, Flexpage::memory(harness::child::PAGES, 12, Rights::R).raw()];
        same(ask(task.index(), protocol::TASK, &map, &[item(Task::this())]), code(Error::Inval))?;
        same(ask(other.index(), protocol::TASK, &map, &[item(task)]), code(Error::Inval))?;
        let area = Flexpage::memory(0x7100_0000, 12, Rights::RW).raw();
        same(ask(task.index(), protocol::TASK, &[OP_ADD_KU_MEM, area], &[]), code(Error::NoEnt))?;
        // It cannot be given to anybody any more.
        let place = make::slot();
        Task::this().map_item(Task::this(), MapItem::map_at(task.flexpage(Rights::ALL), place.raw()))?;
        same((task.is_present(), Cap::<Task>::new(place).is_present()), (true, false))
    })
}

fn task_that_is_going_gets_no_items() -> Check {
    let sender = task()?;
    caps(*sender, 1)?;
    send_from(*sender, &[], &[cap_item(0)])?;
    meet(bare_task()?.leak(), |task| {
        let window = Flexpage::object(FIRST, 0, Rights::ALL).raw();
        let buffers = [BufferItem::WINDOW.0 | FORWARD_MAPPINGS, window, task.index().raw()];
        same(receive(&buffers), IPC + 0x11)
    })
}

fn gate_that_is_going() -> Check {
    meet(make::unbound_gate()?, |gate| same(sent(gate.index(), Timeouts::ZERO), IPC + 4))
}
