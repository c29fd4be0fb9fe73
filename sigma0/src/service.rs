//! What sigma0 answers to a message: decoding of requests and their effect on the resources, without
//! sending anything. The protocol is that of `libsigma0/include/sigma0.h`, the errors are L4Re's.

use abi::l4re::sigma0 as request;
use abi::{Error, Flexpage, Rights, protocol};

use crate::region::{Owner, Region};
use crate::resources::Resources;

/// A page fault's address word: the access was an instruction fetch.
const FAULT_FETCH: u64 = 4;
/// A page fault's address word: the access was a write.
const FAULT_WRITE: u64 = 2;
/// Bits of the address word that are flags.
const FAULT_FLAGS: u64 = 7;

/// How a memory answer is to be cached.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Caching {
    /// Ordinary memory.
    Cached,
    /// Device registers.
    Uncached,
}

/// What is to be done with a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Answer {
    /// Map this memory, one to one.
    Memory(Flexpage, Caching),
    /// Map these ports.
    Ports(Flexpage),
    /// Map the kernel info page.
    Kip,
    /// Make a gate for a new client and map it.
    NewClient,
    /// Print all maps, then answer 0.
    Dump,
    /// Answer this error.
    Fail(Error),
}

/// Decides on the message of `client` with tag label `label` and first words `words`. `may_create`: the
/// client's capability has the special right, which making new clients needs.
pub fn answer(resources: &mut Resources<'_>, client: Owner, may_create: bool, label: i64, words: [u64; 2]) -> Answer {
    match label {
        protocol::SIGMA0 => requested(resources, client, words),
        protocol::PAGE_FAULT => page_fault(resources, client, words[0]),
        protocol::IO_PAGE_FAULT => ports(resources, client, Flexpage::from_raw(words[0])),
        protocol::FACTORY if !may_create => Answer::Fail(Error::Perm),
        protocol::FACTORY if words[0] as i64 != protocol::SIGMA0 => Answer::Fail(Error::NoDev),
        protocol::FACTORY => Answer::NewClient,
        _ => Answer::Fail(Error::BadProto),
    }
}

fn requested(resources: &mut Resources<'_>, client: Owner, words: [u64; 2]) -> Answer {
    if !request::is_request(words[0]) {
        return Answer::Fail(Error::NoSys);
    }
    let wanted = Flexpage::from_raw(words[1]);
    match request::REQ_MAGIC | words[0] & request::REQ_ID_MASK {
        request::REQ_FPAGE_RAM => ram(resources, client, wanted),
        request::REQ_FPAGE_IOMEM => iomem(resources, wanted, Caching::Uncached),
        request::REQ_FPAGE_IOMEM_CACHED => iomem(resources, wanted, Caching::Cached),
        request::REQ_FPAGE_ANY => any_ram(resources, client, wanted.order()),
        request::REQ_KIP => Answer::Kip,
        request::REQ_DEBUG_DUMP => Answer::Dump,
        _ => Answer::Fail(Error::NoSys),
    }
}

/// The block of memory that `wanted` names, if it is whole aligned pages.
fn memory_block(wanted: Flexpage, owner: Owner) -> Option<Region> {
    let order = wanted.order();
    (order >= abi::PAGE_SHIFT).then(|| Region::block(wanted.address(), order.into(), owner, Rights::RWX)).flatten()
}

fn ram(resources: &mut Resources<'_>, client: Owner, wanted: Flexpage) -> Answer {
    let Some(block) = memory_block(wanted, client) else { return Answer::Fail(Error::Inval) };
    if !resources.ram.allocate(block) {
        return Answer::Fail(Error::NoMem);
    }
    Answer::Memory(Flexpage::memory(block.start, wanted.order(), Rights::RWX), Caching::Cached)
}

fn any_ram(resources: &mut Resources<'_>, client: Owner, order: u8) -> Answer {
    if order < abi::PAGE_SHIFT {
        return Answer::Fail(Error::Inval);
    }
    match resources.ram.allocate_lowest(order.into(), client, Rights::RWX) {
        Some(start) => Answer::Memory(Flexpage::memory(start, order, Rights::RWX), Caching::Cached),
        None => Answer::Fail(Error::NoMem),
    }
}

fn iomem(resources: &Resources<'_>, wanted: Flexpage, caching: Caching) -> Answer {
    let Some(block) = memory_block(wanted, 0) else { return Answer::Fail(Error::Inval) };
    match resources.iomem.find(block.start, block.end) {
        Some(found) => Answer::Memory(Flexpage::memory(block.start, wanted.order(), found.rights), caching),
        None => Answer::Fail(Error::NoMem),
    }
}

fn page_fault(resources: &mut Resources<'_>, client: Owner, fault: u64) -> Answer {
    let page = fault & !FAULT_FLAGS & !(abi::PAGE_SIZE as u64 - 1);
    let write = if fault & FAULT_WRITE != 0 { Rights::W } else { Rights::NONE };
    let fetch = if fault & FAULT_FETCH != 0 { Rights::X } else { Rights::NONE };
    let needed = Rights::R | write | fetch;
    Region::block(page, abi::PAGE_SHIFT.into(), client, needed)
        .and_then(|block| resources.ram.allocate_keeping_rights(block))
        .map(|rights| Flexpage::memory(page, abi::PAGE_SHIFT, rights))
        .map_or(Answer::Fail(Error::NoMem), |page| Answer::Memory(page, Caching::Cached))
}

fn ports(resources: &mut Resources<'_>, client: Owner, wanted: Flexpage) -> Answer {
    let block = Region::block(wanted.page(), wanted.order().into(), client, Rights::RW);
    match block {
        Some(block) if resources.ports.allocate(block) => Answer::Ports(Flexpage::io(block.start, wanted.order())),
        _ => Answer::Fail(Error::NoMem),
    }
}
