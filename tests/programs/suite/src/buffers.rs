//! Receive items with a word for another task, at the end of the buffer registers, and of more slots than there can be.

use crate::items::{CUT, SLOT, cap_item, caps, present, receive, receive_described, send_from, send_irq_with, slot};
use crate::make::{self, noted};
use harness::worker::{bare_task, task};
use harness::{Check, ask, same};
use syscall::abi::item::FORWARD_MAPPINGS;
use syscall::abi::task::OP_CAP_INFO;
use syscall::abi::utcb::BUFFER_REGISTERS;
use syscall::abi::{BufferItem, CapIndex, Flexpage, MapItem, Rights, protocol};
use syscall::arch::utcb;
use syscall::{Cap, Task};

crate::group!("buffers":
    single_capability_forwarded, single_capability_forwarded_to_nothing, buffer_behind_a_forwarded_one, last_buffer_is_cut_off, whole_object_space_whatever_the_slot, beyond_the_last_slot);

const FORWARDED: u64 = slot(0) | FORWARD_MAPPINGS;

/// Whether the task has a capability in slot `SLOT + index`.
fn has(task: Cap<Task>, index: u64) -> Check<bool> {
    Ok(ask(task.index(), protocol::TASK, &[OP_CAP_INFO, SLOT.offset(index).raw()], &[]) == 1)
}

fn single_capability_forwarded() -> Check {
    let target = bare_task()?;
    send_irq_with(Rights::CAP_RWS)?;
    same((receive(&[FORWARDED, target.index().raw()]), noted(0)), (0, 0))?;
    same((has(*target, 0)?, present(0)), (true, false))
}

fn single_capability_forwarded_to_nothing() -> Check {
    send_irq_with(Rights::CAP_RWS)?;
    same((receive(&[FORWARDED, make::slot().raw()]), noted(0)), CUT)?;
    same(present(0), false)
}

/// The word for the task belongs to the buffer: the next one is behind it.
fn buffer_behind_a_forwarded_one() -> Check {
    let (task, target) = (task()?, bare_task()?);
    caps(*task, 2)?;
    send_from(*task, &[], &[cap_item(0), cap_item(1)])?;
    same((receive(&[FORWARDED, target.index().raw(), slot(1)]), noted(0)), (0, 0))?;
    same((has(*target, 0)?, has(*target, 1)?, present(0), present(1)), (true, false, false, true))
}

/// A window of two words of which the second one would be behind the last register.
fn last_buffer_is_cut_off() -> Check {
    const LAST: u64 = BUFFER_REGISTERS as u64 - 1;
    send_irq_with(Rights::CAP_RWS)?;
    utcb().set_br(LAST as usize, BufferItem::WINDOW.0);
    same((receive_described(LAST << 10, &[]), noted(0)), CUT)
}

/// A flexpage of all slots begins with the first, whatever slot it names; what arrives is what the window has room for.
fn whole_object_space_whatever_the_slot() -> Check {
    let task = task()?;
    caps(*task, 1)?;
    let all = Flexpage::object(CapIndex::from_raw(!0xfff), 63, Rights::CAP_RWS);
    send_from(*task, &[], &[MapItem::map_at(all, CapIndex::new(0x50).raw())])?;
    same((receive(&[slot(0)]), noted(0)), (0, 0))?;
    same((utcb().mr(0) & 6, present(0)), (0, true))
}

/// The send base of an item names a slot that no task can have.
fn beyond_the_last_slot() -> Check {
    let task = task()?;
    caps(*task, 1)?;
    for place in [1 << 20, 1 << 40] {
        let item = MapItem { control: cap_item(0).control | CapIndex::new(place).raw(), ..cap_item(0) };
        send_from(*task, &[], &[item])?;
        same((receive(&[BufferItem::WINDOW.0, Flexpage::ALL.raw()]), noted(0)), (0, 0))?;
        same(utcb().mr(0) & 6, 2)?;
    }
    Ok(())
}
