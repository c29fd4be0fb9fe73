//! The factory protocol (`l4sys/include/factory.h`, `l4re/include/mem_alloc`): moe's objects are made
//! here, those of the kernel by the kernel's factory.

use alloc::boxed::Box;
use alloc::rc::Rc;

use abi::l4re::mem_alloc::{OP_INFO, flags};
use abi::l4re::{PROTO_DATASPACE, PROTO_DMA_SPACE, PROTO_NAMESPACE, PROTO_RM};
use abi::{CapIndex, Error as Code, PAGE_SHIFT, Rights, SUPERPAGE_SHIFT, factory::IPC_GATE, protocol};
use moe::limits::Limits;
use moe::line::{Colour, Line};
use moe::names::Names;
use moe::object_table::ObjectId;
use moe::quota::Quota;
use syscall::cap::Anything;
use syscall::message::{Argument, Writer};
use syscall::{Cap, Factory, Owned, Result, println};

use super::object::Kind;
use super::region_map::AddressSpace;
use super::request::{Given, Request};
use super::{Server, Space, Words};

/// Longest string among the arguments.
const STRING_MAX: usize = 128;
/// Most arguments that are handed on to the kernel's factory.
const ARGUMENTS_MAX: usize = 8;
/// Bytes of heap that have to be left so that a request which makes something is taken on: of a program, and of the system.
const HEAP_RESERVE: usize = 48 * 1024;
const HEAP_LEAST: usize = 16 * 1024;

impl Server {
    /// Makes an object for a client of the factory `id`, which pays with `quota`.
    pub(super) fn create(
        &mut self,
        id: ObjectId,
        quota: &Rc<Quota>,
        request: &mut Request<'_>,
        output: &mut Writer<&mut Words>,
    ) -> Result<i64> {
        request.require(Rights::CAP_S)?;
        self.collect_pending();
        ensure_heap(quota)?;
        let wanted: i64 = request.reader.get()?;
        let kind = match wanted {
            PROTO_NAMESPACE => Kind::Namespace(Names::default()),
            PROTO_RM => {
                let space = AddressSpace::new(&self.store, quota, self.address_limits);
                Kind::RegionMap(space)
            }
            protocol::FACTORY => {
                let limit = integer(request)?.filter(|&limit| limit > 0).ok_or(Code::Inval)?;
                Kind::Factory(Quota::within(quota, limit as u64)?)
            }
            protocol::LOG => Kind::Log(Box::new(line(request)?)),
            protocol::SCHEDULER if id != self.root => return Err(Code::NoDev.into()),
            protocol::SCHEDULER => Kind::Scheduler(limits(request)?),
            PROTO_DATASPACE => Kind::Dataspace(Rc::new(self.dataspace(quota, request)?)),
            PROTO_DMA_SPACE => {
                println!("moe: there are no DMA spaces here");
                return Err(Code::NoSys.into());
            }
            IPC_GATE | protocol::TASK | protocol::THREAD | protocol::IRQ_SENDER | protocol::SEMAPHORE => {
                return kernel_object(self.kernel_factory(quota), wanted, request, output);
            }
            _ => return Err(Code::NoDev.into()),
        };
        let (_, gate) = self.add_for_clients(kind, id, quota)?;
        output.item(gate.item(Rights::CAP_RWSD));
        Ok(0)
    }

    /// Answers how much memory there is within `quota`.
    pub(super) fn factory_info(
        &mut self,
        quota: &Quota,
        request: &mut Request<'_>,
        output: &mut Writer<&mut Words>,
    ) -> Result<i64> {
        if request.opcode()? != OP_INFO {
            return Err(Code::NoSys.into());
        }
        self.collect_pending();
        let (fetched, free) = self.store.totals();
        let reserve = if quota.is_root() { 0 } else { self.store.reserve() };
        let left = self.memory_size.saturating_sub(fetched) + free - reserve;
        let used = if quota.limit() == u64::MAX { fetched - free } else { quota.used() };
        for value in [quota.limit(), quota.used(), quota.limit().min(self.memory_size), used, quota.left().min(left)] {
            output.put(value);
        }
        Ok(0)
    }

    fn dataspace(&self, quota: &Rc<Quota>, request: &mut Request<'_>) -> Result<Space> {
        let size = integer(request)?.ok_or(Code::Inval)?;
        let wanted = integer(request)?.unwrap_or(0) as u64;
        let align = integer(request)?.unwrap_or(0);
        if integer(request)?.is_some() {
            // Where memory lies is moe's business.
            return Err(Code::Inval.into());
        }
        if wanted & (flags::CONTINUOUS | flags::PINNED) == 0 {
            let size = u64::try_from(size).map_err(|_| Code::Range)?;
            return Ok(Space::anonymous(&self.store, quota, size)?);
        }
        let least = if wanted & flags::SUPER_PAGES != 0 { SUPERPAGE_SHIFT } else { PAGE_SHIFT };
        let align = u8::try_from(align).ok().filter(|&align| align < 64).ok_or(Code::Range)?.max(least);
        if size >= 0 {
            return Ok(Space::contiguous(&self.store, quota, size as u64, align)?);
        }
        // A negative size asks for as much as there is in one piece, leaving that many bytes.
        let left = quota.left().min(self.memory_size).checked_sub(size.unsigned_abs());
        let mut size = left.filter(|&size| size > 0).ok_or(Code::NoMem)? & (!0 << align);
        while size > 0 {
            match Space::contiguous(&self.store, quota, size, align) {
                Ok(space) => return Ok(space),
                Err(_) => size = (size / 2) & (!0 << align),
            }
        }
        Err(Code::NoMem.into())
    }
}

/// Has the kernel's factory make an object and grants it to the client.
fn kernel_object(
    factory: Cap<Factory>,
    wanted: i64,
    request: &mut Request<'_>,
    output: &mut Writer<&mut Words>,
) -> Result<i64> {
    let mut arguments = [Argument::Nil; ARGUMENTS_MAX];
    let mut count = 0;
    while let Some(argument) = request.reader.get_argument(&mut [])? {
        let argument = match argument {
            Argument::Nil => Argument::Nil,
            Argument::Unsigned(value) => Argument::Unsigned(value),
            Argument::Signed(value) => Argument::Signed(value),
            Argument::Flexpage(page) => Argument::Flexpage(page),
            Argument::Str(_) => return Err(Code::Inval.into()),
        };
        *arguments.get_mut(count).ok_or(Code::MsgTooLong)? = argument;
        count += 1;
    }
    let item = match request.given {
        Given::Foreign(slot) => Some(Cap::<Anything>::new(slot).item_full()),
        _ => None,
    };
    let slot = transfer_slot()?;
    let reply = factory.create_in(slot, wanted, &arguments[..count], item)?;
    for at in 0..reply.tag().words() {
        output.put(reply.word(at)?);
    }
    // Granted, so that moe keeps no reference.
    output.item(Cap::<Anything>::new(slot).item_full().granting());
    Ok(0)
}

/// The slot in which an object of the kernel waits until its client has it.
fn transfer_slot() -> Result<CapIndex> {
    use core::sync::atomic::{AtomicU64, Ordering};
    static SLOT: AtomicU64 = AtomicU64::new(0);
    let index = SLOT.load(Ordering::Relaxed);
    if index != 0 {
        let slot: Cap<Anything> = Cap::new(CapIndex::new(index));
        // Empty, unless the last client did not take its object.
        slot.release()?;
        return Ok(slot.index());
    }
    let slot = Owned::<Anything>::empty()?.leak().index();
    SLOT.store(slot.index(), Ordering::Relaxed);
    Ok(slot)
}

/// Sees to it that making small things cannot run out of heap.
pub(super) fn ensure_heap(quota: &Quota) -> Result {
    let least = if quota.is_root() { HEAP_LEAST } else { HEAP_RESERVE };
    if syscall::heap::available_bytes() >= least {
        return Ok(());
    }
    // The heap grows when it is asked for more than it has.
    let mut probe = alloc::vec::Vec::<u8>::new();
    probe.try_reserve_exact(least).map_err(|_| Code::NoMem)?;
    Ok(())
}

/// The next argument as an integer; none where it is left out.
fn integer(request: &mut Request<'_>) -> Result<Option<i64>> {
    match request.reader.get_argument(&mut [])? {
        None | Some(Argument::Nil) => Ok(None),
        Some(argument) => argument.integer().map(Some).ok_or(Code::Inval.into()),
    }
}

/// Arguments tag and colour.
fn line(request: &mut Request<'_>) -> Result<Line> {
    let mut buffer = [0; STRING_MAX];
    let Some(Argument::Str(tag)) = request.reader.get_argument(&mut buffer)? else {
        return Err(Code::Inval.into());
    };
    let mut buffer = [0; STRING_MAX];
    let colour = match request.reader.get_argument(&mut buffer)? {
        Some(Argument::Str(name)) => Colour::from_name(name),
        Some(argument) => argument.integer().map_or(Colour::WHITE, |number| Colour::from_number(number as u64)),
        None => Colour::WHITE,
    };
    Ok(Line::new(tag, colour))
}

/// Arguments highest priority, base priority, and CPUs as words of a bit map.
fn limits(request: &mut Request<'_>) -> Result<Limits> {
    let max = integer(request)?.ok_or(Code::Inval)?;
    let base = integer(request)?.ok_or(Code::Inval)?;
    let cpus = integer(request)?.map_or(u64::MAX, |map| map as u64);
    Ok(Limits::new(max, base, cpus)?)
}
