//! Typed items of messages: what is mapped where, with which rights, and what each side learns.

use crate::make::{self, note, noted};
use crate::probe::Probe;
use harness::call::{no_buffers, outcome, write};
use harness::child::PAGES;
use harness::worker::{bare_task, spawn, spawn_in, task};
use harness::{Check, IPC, same};
use syscall::abi::item::{FORWARD_MAPPINGS, LOCAL_ID};
use syscall::abi::{BufferItem, CapIndex, Flexpage, MapItem, Rights, Tag, Timeout, Timeouts, ipc::Operation};
use syscall::arch::{invoke, utcb};
use syscall::{Cap, Task};

crate::group!("items":
    capability_arrives, capability_with_fewer_rights, capability_through_gate_without_special, empty_slot_maps_nothing, void_item, two_capabilities,
    compound_items_share_a_window, no_buffer_cuts, buffer_of_other_kind_cuts, special_flexpage_cuts, second_item_without_buffer,
    words_arrive_with_a_cut, items_beyond_the_registers, void_item_in_the_last_register, item_that_is_no_map_cuts, window_of_several_slots, window_smaller_than_flexpage,
    memory_arrives, memory_masked, memory_granted, memory_into_deleted_task, map_failed_by_quota, forwarded_to_another_task,
    forwarded_without_write_right, forwarded_to_nothing, forwarded_to_another_kind, local_id_in_same_task, local_id_of_own_gate,
    local_id_of_other_object, buffers_start_where_the_descriptor_says, absent_ports_map_nothing, ports_into_memory_window_cut, items_in_a_reply,
    items_in_call, granted_capability, failed_item_keeps_earlier_ones, receiver_header);

const HIGH: u64 = 120;

fn timeouts() -> Timeouts {
    Timeouts { send: Timeout::from_microseconds(500_000), receive: Timeout::from_microseconds(500_000) }
}

/// What a sender sends, in static memory that tasks share: protocol words first.
static SENT: [core::sync::atomic::AtomicU64; 16] = [const { core::sync::atomic::AtomicU64::new(0) }; 16];
use core::sync::atomic::Ordering::Relaxed;

/// Sends what `send` laid down to its parent's gate, in slot 0x40; notes the outcome in place 0.
fn sender(tag: u64) {
    no_buffers();
    for (index, word) in SENT.iter().enumerate() {
        utcb().set_mr(index, word.load(Relaxed));
    }
    note(0, outcome(invoke(CapIndex::new(0x40), Operation::SEND, 0, Tag::from_raw(tag), Timeouts::NEVER).0));
}

/// Has a thread of `task` send words and items to the test.
pub fn send_from(task: Cap<Task>, words: &[u64], items: &[MapItem]) -> Check {
    task.map_cap(make::gate(0x30)?, Rights::ALL, CapIndex::new(0x40))?;
    send_as_it_is(task, words, items)
}

fn send_as_it_is(task: Cap<Task>, words: &[u64], items: &[MapItem]) -> Check {
    let parts = words.iter().copied().chain(items.iter().flat_map(|item| [item.control, item.flexpage.raw()]));
    for (place, word) in SENT.iter().zip(parts) {
        place.store(word, Relaxed);
    }
    spawn_in(task, HIGH, sender, Tag::new(0, words.len(), items.len(), 0).raw())?;
    Ok(())
}

/// Receives with these buffers; returns the outcome.
pub fn receive(buffers: &[u64]) -> i64 {
    receive_described(0, buffers)
}

pub fn receive_described(descriptor: u64, buffers: &[u64]) -> i64 {
    utcb().set_bdr(descriptor);
    for (index, &buffer) in buffers.iter().enumerate() {
        utcb().set_br(index, buffer);
    }
    utcb().set_br(buffers.len(), 0);
    let (tag, _) = invoke(CapIndex::INVALID, Operation::WAIT, 0, Tag::new(0, 0, 0, 0), timeouts());
    let received = outcome(tag);
    let_sender_finish();
    received
}

fn let_sender_finish() {
    let words: [u64; 16] = core::array::from_fn(|index| utcb().mr(index));
    make::rest(1);
    for (index, word) in words.into_iter().enumerate() {
        utcb().set_mr(index, word);
    }
}

/// Sends an IRQ's capability, in slot 0x50 of another task.
pub fn send_irq_with(rights: Rights) -> Check {
    let task = task()?;
    task.map_cap(make::irq()?, Rights::ALL, CapIndex::new(0x50))?;
    let item = MapItem::map(Flexpage::object(CapIndex::new(0x50), 0, rights));
    send_from(*task, &[], &[item])?;
    task.leak();
    Ok(())
}

pub const SLOT: CapIndex = CapIndex::new(0x200);

pub const fn slot(index: u64) -> u64 {
    BufferItem::single_cap(CapIndex::new(0x200 + index)).0
}

pub fn present(index: u64) -> bool {
    Cap::<Task>::new(CapIndex::new(0x200 + index)).is_present()
}

fn capability_arrives() -> Check {
    send_irq_with(Rights::CAP_RWSD)?;
    same((receive(&[slot(0)]), noted(0)), (0, 0))?;
    same(Cap::<syscall::Irq>::new(SLOT).detach(), Err(syscall::Code::NoEnt.into()))
}

fn capability_with_fewer_rights() -> Check {
    send_irq_with(Rights::CAP_RW)?;
    receive(&[slot(0)]);
    same(Cap::<syscall::Irq>::new(SLOT).detach(), Err(syscall::Code::Perm.into()))
}

fn capability_through_gate_without_special() -> Check {
    let task = task()?;
    task.map_cap(make::irq()?, Rights::ALL, CapIndex::new(0x50))?;
    task.map_cap(make::gate(0x30)?, Rights::CAP_RW, CapIndex::new(0x40))?;
    let item = MapItem::map(Flexpage::object(CapIndex::new(0x50), 0, Rights::CAP_RWS));
    send_as_it_is(*task, &[], &[item])?;
    same(receive(&[slot(0)]), 0)?;
    same(Cap::<syscall::Irq>::new(SLOT).detach(), Err(syscall::Code::Perm.into()))
}

fn empty_slot_maps_nothing() -> Check {
    let task = task()?;
    send_from(*task, &[], &[make::EMPTY_SLOT])?;
    same((receive(&[slot(0)]), noted(0)), (0, 0))?;
    same((utcb().mr(0) & 6, present(0)), (2, false))
}

fn void_item() -> Check {
    let task = task()?;
    let void = MapItem { control: 0, flexpage: Flexpage::INVALID };
    send_from(*task, &[7], &[void])?;
    same((receive(&[]), noted(0)), (0, 0))?;
    same((utcb().mr(0), utcb().mr(1)), (7, 0))
}

pub fn caps(task: Cap<Task>, count: u64) -> Check {
    for index in 0..count {
        task.map_cap(make::irq()?, Rights::ALL, CapIndex::new(0x50 + index))?;
    }
    Ok(())
}

pub fn cap_item(index: u64) -> MapItem {
    MapItem::map(Flexpage::object(CapIndex::new(0x50 + index), 0, Rights::CAP_RWS))
}

fn two_capabilities() -> Check {
    let task = task()?;
    caps(*task, 2)?;
    send_from(*task, &[1, 2], &[cap_item(0), cap_item(1)])?;
    same(receive(&[slot(0), slot(1)]), 0)?;
    same((utcb().mr(1), present(0), present(1)), (2, true, true))
}

fn compound_items_share_a_window() -> Check {
    let task = task()?;
    caps(*task, 2)?;
    let first = MapItem { control: cap_item(0).control | 1, ..cap_item(0) };
    let second = MapItem { control: cap_item(1).control | 0x3000, ..cap_item(1) };
    send_from(*task, &[], &[first, second])?;
    let window = Flexpage::object(SLOT, 2, Rights::ALL).raw();
    same(receive(&[BufferItem::WINDOW.0, window]), 0)?;
    // That they do is told.
    same((utcb().mr(0) & 1, utcb().mr(2) & 1), (1, 0))?;
    same((present(0), present(3)), (true, true))
}

pub const CUT: (i64, i64) = (IPC + 9, IPC + 8);

fn no_buffer_cuts() -> Check {
    send_irq_with(Rights::CAP_RWS)?;
    same((receive(&[]), noted(0)), CUT)
}

fn buffer_of_other_kind_cuts() -> Check {
    send_irq_with(Rights::CAP_RWS)?;
    let window = Flexpage::memory(PAGES, 12, Rights::RWX).raw();
    // The descriptor says that capabilities come into the first buffer, which is for memory: nothing fits.
    same((receive(&[BufferItem::WINDOW.0, window]), noted(0)), (0, 0))?;
    same(utcb().mr(0) & 6, 2)
}

fn special_flexpage_cuts() -> Check {
    let task = task()?;
    send_from(*task, &[], &[MapItem::map(Flexpage::ALL)])?;
    same((receive(&[slot(0)]), noted(0)), CUT)
}

fn second_item_without_buffer() -> Check {
    let task = task()?;
    caps(*task, 2)?;
    send_from(*task, &[], &[cap_item(0), cap_item(1)])?;
    same((receive(&[slot(0)]), noted(0)), CUT)
}

fn words_arrive_with_a_cut() -> Check {
    let task = task()?;
    caps(*task, 1)?;
    send_from(*task, &[0x1234], &[cap_item(0)])?;
    same((receive(&[]), utcb().mr(0)), (IPC + 9, 0x1234))
}

fn many(tag: u64) {
    note(0, outcome(invoke(CapIndex::new(0x40), Operation::SEND, 0, Tag::from_raw(tag), Timeouts::NEVER).0));
}

fn many_and_an_item(tag: u64) {
    utcb().set_mr(62, cap_item(0).control);
    many(tag);
}

/// 62 words leave no room for an item.
fn items_beyond_the_registers() -> Check {
    let task = task()?;
    task.map_cap(make::gate(0x30)?, Rights::ALL, CapIndex::new(0x40))?;
    spawn_in(*task, HIGH, many_and_an_item, Tag::new(0, 62, 1, 0).raw())?;
    same((receive(&[slot(0)]), noted(0)), CUT)?;
    spawn_in(*task, HIGH, many_and_an_item, Tag::new(0, 63, 1, 0).raw())?;
    same((receive(&[slot(0)]), noted(0)), CUT)
}

/// Only the first word of a void item counts.
fn void_item_in_the_last_register() -> Check {
    let task = task()?;
    task.map_cap(make::gate(0x30)?, Rights::ALL, CapIndex::new(0x40))?;
    spawn_in(*task, HIGH, many, Tag::new(0, 62, 1, 0).raw())?;
    same((receive(&[slot(0)]), noted(0)), (0, 0))
}

fn item_that_is_no_map_cuts() -> Check {
    let task = task()?;
    caps(*task, 1)?;
    send_from(*task, &[], &[MapItem { control: 0x10, ..cap_item(0) }])?;
    same((receive(&[slot(0)]), noted(0)), CUT)
}

fn window_of_several_slots() -> Check {
    let task = task()?;
    caps(*task, 4)?;
    let item = MapItem::map(Flexpage::object(CapIndex::new(0x50), 2, Rights::CAP_RWS));
    send_from(*task, &[], &[item])?;
    let window = Flexpage::object(SLOT, 3, Rights::ALL).raw();
    same(receive(&[BufferItem::WINDOW.0, window]), 0)?;
    same([0, 1, 2, 3, 4].map(present), [true, true, true, true, false])
}

/// The send base says which part of a larger flexpage goes into the window.
fn window_smaller_than_flexpage() -> Check {
    let task = task()?;
    caps(*task, 4)?;
    let item = MapItem { control: 0x2008, flexpage: Flexpage::object(CapIndex::new(0x50), 2, Rights::CAP_RWS) };
    send_from(*task, &[], &[item])?;
    same(receive(&[slot(0)]), 0)?;
    let numbers = syscall::Debugger::boot();
    let own = numbers.global_id(Cap::<Task>::new(SLOT))?;
    same(present(1), false)?;
    // Capabilities were made in order, so their numbers are.
    let first = send_number(*task, 0)?;
    same(own - first, 2)
}

/// The number of the object in slot 0x50 + `index` of a task.
fn send_number(task: Cap<Task>, index: u64) -> Check<u64> {
    let place = make::slot();
    let item = MapItem::map_at(Flexpage::object(CapIndex::new(0x50 + index), 0, Rights::CAP_RWS), place.raw());
    Task::this().map_item(task, item)?;
    Ok(syscall::Debugger::boot().global_id(Cap::<Task>::new(place))?)
}

pub const PLACE: u64 = 0x2_0000_0000;
const WINDOW: u64 = Flexpage::memory(PLACE, 16, Rights::RWX).raw();

/// Another task sends a page of the test's back to it.
fn send_page(rights: Rights, flags: u64) -> Check<Probe> {
    let task = task()?;
    task.map(Task::this(), Flexpage::memory(PAGES, 12, Rights::RW), PLACE)?;
    let item = MapItem::map(Flexpage::memory(PLACE, 12, rights)).with_flags(flags);
    send_from(*task, &[], &[item])?;
    task.leak();
    Probe::new(Task::this())
}

fn memory_arrives() -> Check {
    let probe = send_page(Rights::RW, 0)?;
    same((receive(&[BufferItem::WINDOW.0, WINDOW]), noted(0)), (0, 0))?;
    same(probe.writes(PLACE, 5)?, true)
}

fn memory_masked() -> Check {
    let probe = send_page(Rights::R, 0)?;
    receive(&[BufferItem::WINDOW.0, WINDOW]);
    same((probe.read(PLACE)?.is_some(), probe.writes(PLACE, 5)?), (true, false))
}

fn memory_granted() -> Check {
    let probe = send_page(Rights::RW, syscall::abi::item::GRANT)?;
    receive(&[BufferItem::WINDOW.0, WINDOW]);
    same(probe.read(PLACE)?.is_some(), true)
}

fn memory_into_deleted_task() -> Check {
    let target = bare_task()?.leak();
    send_page(Rights::RW, 0)?;
    target.delete()?;
    let buffers = [BufferItem::WINDOW.0 | FORWARD_MAPPINGS, WINDOW, target.index().raw()];
    same((receive(&buffers), noted(0)), CUT)
}

fn map_failed_by_quota() -> Check {
    let small = make::factory().create_factory(32 * 1024)?;
    let (target, _) = small.create_task(Flexpage::INVALID)?;
    while small.create_semaphore().map(syscall::Owned::leak).is_ok() {}
    send_page(Rights::RW, 0)?;
    let buffers = [BufferItem::WINDOW.0 | FORWARD_MAPPINGS, WINDOW, target.index().raw()];
    same((receive(&buffers), noted(0)), (IPC + 0x11, IPC + 0x10))
}

fn forwarded_to_another_task() -> Check {
    let target = task()?;
    let probe = Probe::new(*target)?;
    send_page(Rights::RW, 0)?;
    let buffers = [BufferItem::WINDOW.0 | FORWARD_MAPPINGS, WINDOW, target.index().raw()];
    same((receive(&buffers), noted(0)), (0, 0))?;
    same(probe.read(PLACE)?.is_some(), true)
}

fn forwarded_without_write_right() -> Check {
    let target = make::with_rights(*bare_task()?, Rights::CAP_RS)?;
    send_page(Rights::RW, 0)?;
    let buffers = [BufferItem::WINDOW.0 | FORWARD_MAPPINGS, WINDOW, target.index().raw()];
    same((receive(&buffers), noted(0)), CUT)
}

fn forwarded_to_nothing() -> Check {
    send_page(Rights::RW, 0)?;
    let buffers = [BufferItem::WINDOW.0 | FORWARD_MAPPINGS, WINDOW, make::slot().raw()];
    same((receive(&buffers), noted(0)), CUT)
}

fn forwarded_to_another_kind() -> Check {
    send_page(Rights::RW, 0)?;
    let buffers = [BufferItem::WINDOW.0 | FORWARD_MAPPINGS, WINDOW, make::irq()?.index().raw()];
    same((receive(&buffers), noted(0)), CUT)
}

/// A sender in the same task: the flexpage itself arrives.
fn local_id_in_same_task() -> Check {
    let irq = make::irq()?;
    let gate = make::gate(0x30)?;
    Task::this().map_cap(gate, Rights::ALL, CapIndex::new(0x40))?;
    let flexpage = irq.flexpage(Rights::CAP_RWS);
    let item = MapItem::map(flexpage);
    for (place, word) in SENT.iter().zip([item.control, flexpage.raw()]) {
        place.store(word, Relaxed);
    }
    spawn(HIGH, sender, Tag::new(0, 0, 1, 0).raw())?;
    same(receive(&[slot(0) | LOCAL_ID]), 0)?;
    same((utcb().mr(0) & 6, utcb().mr(1), present(0)), (6, flexpage.raw(), false))
}

/// A gate that leads to the receiver's task: its label arrives.
fn local_id_of_own_gate() -> Check {
    for (sender_has, sends, label) in
        [(Rights::CAP_RW, Rights::CAP_RWS, 0x7771), (Rights::CAP_RWS, Rights::CAP_RW, 0x7771)]
    {
        let sender = task()?;
        sender.map_cap(make::gate(0x7770)?, sender_has, CapIndex::new(0x50))?;
        send_from(*sender, &[], &[MapItem::map(Flexpage::object(CapIndex::new(0x50), 0, sends))])?;
        same(receive(&[slot(0) | LOCAL_ID]), 0)?;
        same((utcb().mr(0) & 6, utcb().mr(1), present(0)), (4, label, false))?;
    }
    Ok(())
}

fn local_id_of_other_object() -> Check {
    send_irq_with(Rights::CAP_RWS)?;
    same(receive(&[slot(0) | LOCAL_ID]), 0)?;
    same((utcb().mr(0) & 6, present(0)), (0, true))
}

fn buffers_start_where_the_descriptor_says() -> Check {
    send_irq_with(Rights::CAP_RWS)?;
    same(receive_described(3 << 10, &[slot(5), 0, 0, slot(1)]), 0)?;
    same((present(5), present(1)), (false, true))
}

fn absent_ports_map_nothing() -> Check {
    let task = task()?;
    // The test has no ports, so none arrive; the item is taken all the same.
    send_from(*task, &[], &[MapItem::map(Flexpage::io(0x80, 0))])?;
    let window = Flexpage::io(0, 16).raw();
    same((receive(&[BufferItem::WINDOW.0, window]), noted(0)), (0, 0))?;
    same(utcb().mr(0) & 6, 2)
}

fn ports_into_memory_window_cut() -> Check {
    let task = task()?;
    send_from(*task, &[], &[MapItem::map(Flexpage::io(0x80, 0))])?;
    same((receive(&[]), noted(0)), CUT)
}

/// A server that answers with a capability of its own.
fn generous(cap: u64) {
    no_buffers();
    let _ = invoke(CapIndex::INVALID, Operation::WAIT, 0, Tag::new(0, 0, 0, 0), Timeouts::NEVER);
    let tag = write(0, &[9], &[MapItem::map(Flexpage::object(CapIndex::from_raw(cap), 0, Rights::CAP_RWS))]);
    note(0, outcome(invoke(CapIndex::INVALID, Operation::REPLY_AND_WAIT, 0, tag, Timeouts::NEVER).0));
}

fn items_in_a_reply() -> Check {
    let irq = make::irq()?;
    let server = spawn(HIGH, generous, irq.index().raw())?;
    let tag = harness::ask_into(SLOT, server.thread.index(), 0x11, &[1], &[]);
    same((tag, utcb().mr(0), present(0)), (0, 9, true))
}

/// Takes a capability and answers.
fn taker(_: u64) {
    utcb().set_bdr(0);
    utcb().set_br(0, slot(0));
    utcb().set_br(1, 0);
    let (tag, _) = invoke(CapIndex::INVALID, Operation::WAIT, 0, Tag::new(0, 0, 0, 0), Timeouts::NEVER);
    let _ =
        invoke(CapIndex::INVALID, Operation::REPLY_AND_WAIT, 0, Tag::new(tag.items() as i64, 0, 0, 0), Timeouts::NEVER);
}

fn items_in_call() -> Check {
    let server = spawn(HIGH, taker, 0)?;
    same(harness::ask(server.thread.index(), 0, &[], &[make::item(make::irq()?)]), 1)?;
    same(present(0), true)
}

fn granted_capability() -> Check {
    let irq = make::irq()?;
    let server = spawn(HIGH, taker, 0)?;
    same(harness::ask(server.thread.index(), 0, &[], &[make::item(irq).granting()]), 1)?;
    same((present(0), irq.is_present()), (true, false))
}

fn failed_item_keeps_earlier_ones() -> Check {
    let task = task()?;
    caps(*task, 2)?;
    send_from(*task, &[], &[cap_item(0), cap_item(1)])?;
    same((receive(&[slot(0)]), present(0)), (IPC + 9, true))
}

/// The first word of a received item: the sender's base and flags, and what was sent as the flexpage says.
fn receiver_header() -> Check {
    let task = task()?;
    caps(*task, 1)?;
    send_from(*task, &[], &[MapItem { control: 0x5008, ..cap_item(0) }])?;
    let window = Flexpage::object(SLOT, 4, Rights::ALL).raw();
    same(receive(&[BufferItem::WINDOW.0, window]), 0)?;
    same((utcb().mr(0) & !0xfff, utcb().mr(0) & 0x38, present(5)), (0x5000, 0x38, true))
}
