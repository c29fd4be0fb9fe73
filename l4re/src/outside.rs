//! The region map outside of the task, which pages the service itself: what only a service asks of it.

use abi::l4re::{PROTO_RM, rm};
use abi::{Flexpage, protocol};
use syscall::ipc::Message;
use syscall::{Cap, Result, Rm};

/// Entries that fit into a message.
pub const MAX_ENTRIES: usize = abi::utcb::MESSAGE_REGISTERS / 3;

/// Copies the regions that end at or above `from` into `entries`.
///
/// # Errors
/// Those of the IPC.
pub fn regions(map: Cap<Rm>, from: u64, entries: &mut [rm::Region; MAX_ENTRIES]) -> Result<&[rm::Region]> {
    list(map, rm::op::GET_REGIONS, from, entries)
}

/// Copies the areas that end at or above `from` into `entries`.
///
/// # Errors
/// Those of the IPC.
pub fn areas(map: Cap<Rm>, from: u64, entries: &mut [rm::Region; MAX_ENTRIES]) -> Result<&[rm::Region]> {
    list(map, rm::op::GET_AREAS, from, entries)
}

fn list(
    map: Cap<Rm>,
    opcode: abi::l4re::Opcode,
    from: u64,
    entries: &mut [rm::Region; MAX_ENTRIES],
) -> Result<&[rm::Region]> {
    let mut reply = Message::new(PROTO_RM).with(opcode).with(from).call(map.index())?;
    let count = usize::try_from(reply.value()).unwrap_or(0).min(MAX_ENTRIES);
    for entry in &mut entries[..count] {
        *entry = rm::Region { start: reply.get()?, end: reply.get()?, flags: reply.get::<u64>()? as u16 };
    }
    Ok(&entries[..count])
}

/// Has threads that fault at an instruction from `start` to before `end` go on at `target`.
///
/// # Errors
/// Those of the region map.
pub fn add_rescue_jump(map: Cap<Rm>, start: u64, end: u64, target: u64) -> Result {
    let message = Message::new(PROTO_RM).with(rm::op::ADD_RESCUE_JUMP);
    message.with(start).with(end).with(target).call(map.index()).map(drop)
}

/// Has the region map resolve a page fault of another thread of the task: `fault` is the first word of
/// the kernel's message.
///
/// # Errors
/// Those of the IPC; the region map's where it has nothing for the address.
pub fn page_fault(map: Cap<Rm>, fault: u64) -> Result {
    const UNKNOWN_IP: u64 = u64::MAX;
    Message::new(protocol::PAGE_FAULT)
        .with(fault)
        .with(UNKNOWN_IP)
        .receive_window(Flexpage::ALL)
        .call(map.index())
        .map(drop)
}
