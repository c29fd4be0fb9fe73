//! The name space protocol (`l4re/include/namespace`).

use alloc::rc::Rc;

use abi::l4re::Opcode;
use abi::l4re::namespace::{PARTLY_RESOLVED, flags, op};
use abi::{Error as Code, Rights};
use moe::names::Names;
use moe::quota::{Charge, Quota};
use syscall::cap::Anything;
use syscall::message::Writer;
use syscall::{Cap, Owned, Result, Task};

use super::Words;
use super::factory::ensure_heap;
use super::object::Named;
use super::request::{Given, Request};

/// Longest path that a message can carry.
const PATH_MAX: usize = abi::utcb::MESSAGE_REGISTERS * 8;
/// Bytes that an entry costs, beside its name.
const ENTRY_COST: u64 = 256;

/// Carries out a request to `names`, whose entries `quota` pays for.
pub fn serve(
    names: &mut Names<Named>,
    quota: &Rc<Quota>,
    request: &mut Request<'_>,
    output: &mut Writer<&mut Words>,
) -> Result<i64> {
    let mut buffer = [0; PATH_MAX];
    match request.opcode()? {
        op::QUERY => {
            let path = request.reader.get_bytes(&mut buffer)?;
            query(names, path, output)
        }
        op::REGISTER => {
            request.require(Rights::CAP_W)?;
            ensure_heap(quota)?;
            let entry_flags: u32 = request.reader.get()?;
            let name = request.reader.get_bytes(&mut buffer)?;
            register(names, quota, name, entry_flags, &request.given)?;
            Ok(0)
        }
        op::UNLINK => {
            request.require(Rights::CAP_W)?;
            names.remove(request.reader.get_bytes(&mut buffer)?)?;
            Ok(0)
        }
        _ => Err(Code::NoSys.into()),
    }
}

fn query(names: &mut Names<Named>, path: &[u8], output: &mut Writer<&mut Words>) -> Result<i64> {
    let (name, rest) = Names::<Named>::split(path);
    let entry = names.find(name)?;
    if !entry.is_alive() {
        // A fixed entry of an object that is gone stays, and stays useless.
        let _ = names.remove(name);
        return Err(Code::NoEnt.into());
    }
    output.put(0 as Opcode);
    output.put_bytes(rest);
    output.item(entry.cap().item(entry.rights));
    // A trailing slash resolves to the directory itself.
    Ok(if rest.is_empty() { 0 } else { PARTLY_RESOLVED })
}

fn register(names: &mut Names<Named>, quota: &Rc<Quota>, name: &[u8], entry_flags: u32, given: &Given) -> Result {
    let overwrite = entry_flags & flags::OVERWRITE != 0;
    names.check(name, |there| overwrite || !there.is_alive())?;
    let wanted = Rights(entry_flags as u8) & Rights::CAP_RWS | Rights::CAP_R;
    let entry = match given {
        Given::Nothing => None,
        // A copy of the gate's capability, so that the object lives as long as the entry.
        Given::Own { gate, rights, .. } => Some((copy(gate.cast())?, wanted & (*rights | Rights::CAP_R))),
        Given::Foreign(slot) => Some((copy(Cap::new(*slot))?, wanted)),
        Given::Gone | Given::Unusable => return Err(Code::Inval.into()),
    };
    names.reserve_one()?;
    let charge = Charge::new(quota, ENTRY_COST + name.len() as u64)?;
    names.insert(name, entry.map(|(cap, rights)| Named::owned(cap, rights)), Some(charge));
    Ok(())
}

fn copy(cap: Cap<Anything>) -> Result<Owned<Anything>> {
    let slot = Owned::empty()?;
    Task::this().map_cap(cap, Rights::ALL, slot.index())?;
    Ok(slot)
}
