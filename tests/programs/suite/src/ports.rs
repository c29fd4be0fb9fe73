//! I/O ports: mapped between tasks and by IPC, in part, and revoked from all who have them through whom.

use crate::items::{receive, send_from};
use crate::make::{self, note, noted};
use crate::probe::{Probe, input};
use harness::child::{PORTS, PORTS_ORDER};
use harness::worker::{Worker, bare_task, task};
use harness::{Check, same};
use syscall::abi::item::{FORWARD_MAPPINGS, GRANT, Received};
use syscall::abi::{BufferItem, CapIndex, Flexpage, MapItem, Rights, protocol};
use syscall::arch::utcb;
use syscall::object::thread::Control;
use syscall::{Cap, Owned, Task};

crate::group!("ports":
    ports_are_mapped, ports_of_others_fault, ports_in_part, ports_arrive, ports_arrive_in_part, ports_window_elsewhere, ports_forwarded,
    ports_granted, ports_revoked_from_all, ports_revoked_in_part, ports_revoked_from_children_only, ports_go_with_their_task,
    ports_survive_their_middleman, ports_with_everything, ports_of_the_whole_space,
    ports_come_and_go_at_once);

/// All the ports that tests have.
const ALL: Flexpage = Flexpage::io(PORTS, PORTS_ORDER);

const fn port(number: u64) -> Flexpage {
    Flexpage::io(PORTS + number, 0)
}

/// A task with a probe, and with these ports of `source`.
struct Place {
    task: Owned<Task>,
    probe: Probe,
}

fn place(source: Cap<Task>, ports: Flexpage) -> Check<Place> {
    let task = task()?;
    task.map(source, ports, 0)?;
    let probe = Probe::new(*task)?;
    Ok(Place { task, probe })
}

impl Place {
    /// Which of the first ports can be used, one bit each.
    fn usable(&self, count: u64) -> Check<u64> {
        (0..count).try_fold(0, |bits, number| Ok(bits | u64::from(self.probe.inputs(PORTS + number)?) << number))
    }
}

fn ports_are_mapped() -> Check {
    same(place(Task::this(), ALL)?.usable(16)?, 0xffff)
}

fn ports_of_others_fault() -> Check {
    let other = place(Task::this(), ALL)?;
    same((other.probe.inputs(PORTS - 1)?, other.probe.inputs(PORTS + 16)?), (false, false))?;
    same(Probe::new(*task()?)?.inputs(PORTS)?, false)
}

fn ports_in_part() -> Check {
    let other = place(Task::this(), Flexpage::io(PORTS + 4, 2))?;
    other.task.map(Task::this(), port(9), 0)?;
    same(other.usable(12)?, 0b0010_1111_0000)
}

/// Another task sends ports to the test's other task by way of the test, which has none of its own any more.
fn send_ports(ports: Flexpage, window: Flexpage, flags: u64) -> Check<(Place, Place, Received)> {
    let sender = place(Task::this(), ALL)?;
    let target = place(*bare_task()?, ALL)?;
    send_from(*sender.task, &[], &[MapItem::map(ports).with_flags(flags)])?;
    let buffers = [BufferItem::WINDOW.0 | FORWARD_MAPPINGS, window.raw(), target.task.index().raw()];
    // The first receive item for ports.
    same((receive(&buffers), noted(0)), (0, 0))?;
    let how = if utcb().mr(0) & 6 == 0 { Received::Mapped } else { Received::Nothing };
    Ok((sender, target, how))
}

const WINDOW: Flexpage = Flexpage::io(0, Flexpage::WHOLE_IO_SPACE);

fn ports_arrive() -> Check {
    let (_sender, target, how) = send_ports(ALL, WINDOW, 0)?;
    same((how, target.usable(16)?), (Received::Mapped, 0xffff))
}

fn ports_arrive_in_part() -> Check {
    let (_sender, target, how) = send_ports(ALL, Flexpage::io(PORTS + 8, 1), 0)?;
    same((how, target.usable(16)?), (Received::Mapped, 0x300))
}

/// Ports are mapped one to one: what is not in the window does not arrive.
fn ports_window_elsewhere() -> Check {
    let (_sender, target, how) = send_ports(ALL, Flexpage::io(0x100, 4), 0)?;
    same((how, target.usable(16)?, target.probe.inputs(0x100)?), (Received::Nothing, 0, false))
}

fn ports_forwarded() -> Check {
    let (_sender, target, _) = send_ports(port(5), WINDOW, 0)?;
    same(target.usable(16)?, 1 << 5)
}

fn ports_granted() -> Check {
    let (sender, target, _) = send_ports(Flexpage::io(PORTS, 2), WINDOW, GRANT)?;
    same((sender.usable(6)?, target.usable(6)?), (0b11_0000, 0b1111))
}

/// The test's ports in one task, through it in a second, through that in a third.
fn chain() -> Check<[Place; 3]> {
    let first = place(Task::this(), ALL)?;
    let second = place(*first.task, ALL)?;
    let third = place(*second.task, ALL)?;
    Ok([first, second, third])
}

fn all_usable(places: &[Place; 3], count: u64) -> Check<[u64; 3]> {
    Ok([places[0].usable(count)?, places[1].usable(count)?, places[2].usable(count)?])
}

fn ports_revoked_from_all() -> Check {
    let places = chain()?;
    same(all_usable(&places, 2)?, [3; 3])?;
    Task::this().unmap(ALL, false)?;
    same(all_usable(&places, 2)?, [0; 3])?;
    same(Probe::new(Task::this())?.inputs(PORTS)?, true)
}

fn ports_revoked_in_part() -> Check {
    let places = chain()?;
    Task::this().unmap(port(1), false)?;
    same(all_usable(&places, 4)?, [0b1101; 3])
}

fn ports_revoked_from_children_only() -> Check {
    let places = chain()?;
    places[1].task.unmap(Flexpage::io(PORTS, 1), false)?;
    same(all_usable(&places, 4)?, [0b1111, 0b1111, 0b1100])?;
    places[0].task.unmap(Flexpage::io(PORTS + 2, 1), true)?;
    same(all_usable(&places, 4)?, [0b0011, 0b0011, 0])
}

fn ports_go_with_their_task() -> Check {
    let [first, second, third] = chain()?;
    drop(first);
    same((second.usable(2)?, third.usable(2)?), (0, 0))
}

/// A grant leaves the chain as it was, without its middle.
fn ports_survive_their_middleman() -> Check {
    let [first, second, third] = chain()?;
    let other = place(*bare_task()?, ALL)?;
    other.task.map_item(*second.task, MapItem::map(Flexpage::io(PORTS, 1)).with_flags(GRANT))?;
    same((second.usable(3)?, other.usable(3)?, third.usable(3)?), (0b100, 0b11, 0b111))?;
    first.task.unmap(Flexpage::io(PORTS, 0), false)?;
    same((other.usable(3)?, third.usable(3)?), (0b10, 0b110))
}

fn ports_with_everything() -> Check {
    let places = chain()?;
    places[0].task.unmap(Flexpage::ALL.with_rights(Rights::RWX), false)?;
    same((places[0].usable(2)?, places[1].usable(2)?), (3, 0))
}

fn ports_of_the_whole_space() -> Check {
    let other = place(Task::this(), Flexpage::io(0, Flexpage::WHOLE_IO_SPACE))?;
    same((other.usable(16)?, other.probe.inputs(0x80)?), (0xffff, false))
}

/// Another task's slot of a task that gives it ports.
const MIDDLE: Cap<Task> = Cap::new(CapIndex::new(0x40));

/// Takes ports, uses one, and uses it again after `lose`, a function, without anybody else running in between.
#[allow(unsafe_code)] // calls what the test put there
fn use_ports(lose: u64) {
    // SAFETY: the test put a function of this type there.
    let lose: fn() = unsafe { core::mem::transmute(lose as *const ()) };
    let _ = Task::this().map(MIDDLE, ALL, 0);
    note(1, i64::from(input(PORTS)));
    lose();
    note(2, i64::from(input(PORTS)));
}

fn ports_come_and_go_at_once() -> Check {
    let ways: [fn(); 2] = [|| _ = MIDDLE.delete(), || _ = MIDDLE.unmap(port(0), false)];
    for (round, lose) in (1..).zip(ways) {
        let (middle, user) = (bare_task()?, task()?);
        middle.map(Task::this(), ALL, 0)?;
        user.map_cap(*middle, Rights::ALL, MIDDLE.index())?;
        let gate = make::gate(crate::threads::FAULTS)?;
        user.map_cap(gate, Rights::ALL, gate.index())?;
        let worker = Worker::create_in(*user)?;
        let handler = Some(gate.index());
        worker.thread.control(Control { pager: handler, exception_handler: handler, ..Control::default() })?;
        note(1, make::UNSET);
        worker.start(crate::threads::HIGH, use_ports, lose as usize as u64)?;
        let (tag, _) = crate::threads::wait()?;
        same((round, tag.label(), utcb().mr(16)), (round, protocol::EXCEPTION, 13))?;
        same((noted(1), noted(2)), (0xff, make::UNSET))?;
    }
    Ok(())
}
