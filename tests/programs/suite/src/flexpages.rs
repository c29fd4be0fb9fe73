//! What a flexpage names at its edges: less than a page, a block that its index does not begin, everything; and which receive
//! item an item goes to.

use crate::items::{CUT, cap_item, caps, present, receive, send_from, slot};
use crate::make::{self, noted, with_rights};
use crate::probe::Probe;
use harness::child::{PAGES, PORTS};
use harness::worker::{bare_task, task};
use harness::{Check, ask, holds, same};
use syscall::abi::item::{FORWARD_MAPPINGS, GRANT, Received};
use syscall::abi::task::{OP_UNMAP, UNMAP_ALL_SPACES};
use syscall::abi::{BufferItem, CapIndex, Flexpage, MapItem, Rights, protocol};
use syscall::arch::utcb;
use syscall::{Cap, Code, Irq, Task};

crate::group!("flexpages":
    unmap_less_than_a_page, unmap_takes_an_aligned_block, unmap_everything_of_each_kind, unmap_reports_access_to_several_pages,
    map_through_task_without_special, item_behind_a_forwarded_one, receive_item_that_is_none, ports_that_are_no_map_cut,
    grant_is_not_in_the_header);

const PLACE: u64 = 0x5000_0000;
const FIRST: CapIndex = CapIndex::new(0x1000);

/// A task with pages of the test's, and one that looks at them.
fn with_pages(order: u8) -> Check<(syscall::Owned<Task>, Probe)> {
    let task = task()?;
    task.map(Task::this(), Flexpage::memory(PAGES, order, Rights::RW), PLACE)?;
    let probe = Probe::new(*task)?;
    Ok((task, probe))
}

fn unmap_less_than_a_page() -> Check {
    let (task, probe) = with_pages(12)?;
    for order in [0, 3, 11] {
        let words = [OP_UNMAP, UNMAP_ALL_SPACES, Flexpage::memory(PLACE, order, Rights::RWX).raw()];
        same(ask(task.index(), protocol::TASK, &words, &[]), 0)?;
    }
    holds(probe.read(PLACE)?.is_some())
}

/// Of four capabilities, whichever of them is named.
fn unmap_takes_an_aligned_block() -> Check {
    let irq = make::irq()?;
    for index in 3..9 {
        Task::this().map_cap(irq, Rights::ALL, FIRST.offset(index))?;
    }
    Task::this().unmap(Flexpage::object(FIRST.offset(6), 2, Rights::CAP_RWSD), true)?;
    let left = [3, 4, 5, 6, 7, 8].map(|index| Cap::<Irq>::new(FIRST.offset(index)).is_present());
    same(left, [true, false, false, false, false, true])
}

fn unmap_everything_of_each_kind() -> Check {
    let (task, probe) = with_pages(12)?;
    task.map(Task::this(), Flexpage::io(PORTS, 0), 0)?;
    task.map_cap(make::irq()?, Rights::ALL, FIRST)?;
    same((probe.inputs(PORTS)?, task.cap_valid(Cap::<Task>::new(FIRST))), (true, Ok(true)))?;
    task.unmap(Flexpage::ALL.with_rights(Rights::ALL), true)?;
    same(task.cap_valid(Cap::<Task>::new(FIRST)), Ok(false))
}

fn unmap_reports_access_to_several_pages() -> Check {
    let (_task, probe) = with_pages(13)?;
    probe.writes(PLACE + 4096, 1)?;
    let words = [OP_UNMAP, 0, Flexpage::memory(PAGES, 13, Rights::RWX).raw()];
    same(ask(CapIndex::TASK, protocol::TASK, &words, &[]), 0)?;
    same(utcb().mr(2) & 7, 3)
}

/// Both tasks must be able to hand the right on.
fn map_through_task_without_special() -> Check {
    let (irq, place) = (make::irq()?, make::slot());
    let target = with_rights(Task::this(), Rights::CAP_RW)?;
    target.map_item(Task::this(), MapItem::map_at(irq.flexpage(Rights::CAP_RWS), place.raw()))?;
    same(Cap::<Irq>::new(place).detach(), Err(Code::Perm.into()))
}

fn item_behind_a_forwarded_one() -> Check {
    let (sender, target) = (task()?, bare_task()?);
    caps(*sender, 2)?;
    send_from(*sender, &[], &[cap_item(0), cap_item(1)])?;
    let window = Flexpage::object(FIRST, 0, Rights::ALL).raw();
    let forwarding = [BufferItem::WINDOW.0 | FORWARD_MAPPINGS, window, target.index().raw()];
    same(receive(&[forwarding[0], forwarding[1], forwarding[2], slot(0)]), 0)?;
    same((target.cap_valid(Cap::<Task>::new(FIRST)), present(0)), (Ok(true), true))
}

/// It is neither void nor for mappings: there is none.
fn receive_item_that_is_none() -> Check {
    let sender = task()?;
    caps(*sender, 1)?;
    send_from(*sender, &[], &[cap_item(0)])?;
    let window = Flexpage::object(FIRST, 0, Rights::ALL).raw();
    same((receive(&[0x20, window]), noted(0)), CUT)
}

fn ports_that_are_no_map_cut() -> Check {
    let sender = task()?;
    sender.map(Task::this(), Flexpage::io(PORTS, 0), 0)?;
    send_from(*sender, &[], &[MapItem { control: 0x10, flexpage: Flexpage::io(PORTS, 0) }])?;
    let window = Flexpage::io(0, Flexpage::WHOLE_IO_SPACE).raw();
    same((receive(&[BufferItem::WINDOW.0, window]), noted(0)), CUT)
}

/// How it was sent does not tell how it arrived.
fn grant_is_not_in_the_header() -> Check {
    let sender = task()?;
    caps(*sender, 1)?;
    send_from(*sender, &[], &[cap_item(0).with_flags(GRANT)])?;
    same((receive(&[slot(0)]), utcb().mr(0) & 6), (0, Received::Mapped as u64))
}
