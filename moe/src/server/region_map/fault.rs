//! What comes with being the pager and exception handler of a thread (`l4sys/include/pager`,
//! `l4sys/include/exception`).

use abi::exc_regs::{ExcRegs, PAGE_FAULT_TRAP};
use abi::l4re::rm::flags;
use abi::{Error as Code, MapItem, Rights};
use loader::region::Region;
use moe::dataspace::{Access, Window};
use moe::store::PAGE;
use syscall::message::Writer;
use syscall::{Result, println};

use super::super::Words;
use super::super::dataspace::caching;
use super::super::request::Request;
use super::{AddressSpace, Backing};

/// Bits of a page fault's address word.
const FAULT_WRITE: u64 = 2;
const FAULT_FETCH: u64 = 4;
const FAULT_FLAGS: u64 = 7;
impl AddressSpace {
    /// Resolves a page fault of a thread in this address space.
    pub fn page_fault(&self, request: &mut Request<'_>, output: &mut Writer<&mut Words>) -> Result<i64> {
        let (fault, ip): (u64, u64) = (request.reader.get()?, request.reader.get()?);
        match self.resolve(fault) {
            Ok(item) => {
                output.item(item);
                Ok(0)
            }
            Err((error, _)) if self.rescue.target(ip).is_some() => Err(error.into()),
            Err((error, why)) => {
                let kind = match (fault & FAULT_WRITE != 0, fault & FAULT_FETCH != 0) {
                    (true, _) => "write",
                    (_, true) => "instruction",
                    _ => "read",
                };
                println!(
                    "moe: no page for the {kind} fault of a service at {:#x}, ip {ip:#x}: {why}",
                    fault & !FAULT_FLAGS
                );
                Err(error.into())
            }
        }
    }

    fn resolve(&self, fault: u64) -> Result<MapItem, (Code, &'static str)> {
        let page = fault & !(PAGE - 1);
        let (write, fetch) = (fault & FAULT_WRITE != 0, fault & FAULT_FETCH != 0);
        let region = self.map.find(page).ok_or((Code::NoMem, "nothing is there"))?;
        if write && region.flags & flags::W == 0 {
            return Err((Code::Access, "the region is read-only"));
        }
        if fetch && region.flags & flags::X == 0 {
            return Err((Code::Access, "the region is not executable"));
        }
        if region.flags & (flags::KERNEL | flags::RESERVED) != 0 {
            return Err((Code::NoDev, "the region is the kernel's, or reserved"));
        }
        map(region, page, write).map_err(|error| match error {
            Code::NoMem => (Code::NoMem, "no memory is left"),
            _ => (Code::NoMem, "the dataspace has nothing there"),
        })
    }

    /// Lets a thread go on where its rescue jump says. Any other exception is reported, and its thread stops.
    pub fn exception(&self, request: &Request<'_>, output: &mut Writer<&mut Words>) -> Result<i64> {
        let word = |field: usize| request.reader.word(field / 8).unwrap_or(0);
        let trap = word(core::mem::offset_of!(ExcRegs, trapno));
        let ip = word(core::mem::offset_of!(ExcRegs, ip));
        let address = word(core::mem::offset_of!(ExcRegs, pfa));
        if let Some(target) = self.rescue.target(ip) {
            const IP: usize = core::mem::offset_of!(ExcRegs, ip) / 8;
            for register in 0..abi::exc_regs::WORDS {
                output.put(if register == IP { target } else { request.reader.word(register)? });
            }
            return Ok(0);
        }
        if trap == PAGE_FAULT_TRAP {
            println!("moe: the service at ip {ip:#x} stops after its page fault at {address:#x}");
        } else {
            println!("moe: a service raises exception {trap} at ip {ip:#x} and stops");
        }
        Err(Code::NoReply.into())
    }

    /// Refuses an access to I/O ports, which makes an exception of it.
    pub fn port_fault(&self, request: &mut Request<'_>) -> Result<i64> {
        let (ports, ip): (u64, u64) = (request.reader.get()?, request.reader.get()?);
        let ports = abi::Flexpage::from_raw(ports);
        println!("moe: fault on I/O port {:#x} at ip {ip:#x}", ports.page());
        Err(Code::NoMem.into())
    }
}

/// The item that maps the page at `page` of a region.
pub(super) fn map(region: &Region<Backing>, page: u64, write: bool) -> Result<MapItem, Code> {
    let space = region.backing.space.as_ref().ok_or(Code::AddrNotAvail)?;
    let allowed = Rights((region.flags & flags::RWX) as u8);
    let window = Window { spot: page, first: region.start, last: region.end };
    let memory = space.map(region.offset_of(page), Access { allowed, write }, window)?;
    let caching = caching(space, u64::from(region.flags & flags::CACHING_MASK));
    Ok(MapItem::map_at(memory, page).with_flags(caching))
}
