//! The server loop: page faults and exceptions of the program's threads, and the region map protocol.
//!
//! One gate serves all of it; the kernel's messages and the program's are told apart by their labels.
//! Requests are read from the UTCB before anything else is called, since each call overwrites it.

use abi::exc_regs::{EX_REGS_TRAP, WORDS};
use abi::l4re::parent::SIGNAL_SILENT;
use abi::l4re::{PROTO_RM, rm};
use abi::{CapIndex, IpcError, PAGE_SHIFT, PAGE_SIZE, Rights, Tag, meta, protocol};
use alloc::rc::Rc;
use l4re::cause::Access;
use loader::layout::round_page;
use loader::region::{Attach, Detached};
use syscall::arch::{UtcbRef, utcb};
use syscall::ipc::{self, Timeout, Timeouts};
use syscall::l4re::dataspace::Dataspace;
use syscall::message::{Reader, Writer};
use syscall::{Cap, Code, Error, Result, env};

use crate::crash::Crashes;
use crate::space::{Backing, Space};

/// The service of one task.
pub struct Service {
    /// The task's address space.
    pub space: Space,
    /// What is done about a crash.
    pub crashes: Crashes,
    /// Where dataspaces arrive that come from another task.
    pub window: CapIndex,
    /// A thread has crashed: the program does not go on.
    pub ended: bool,
}

/// What a program sends that does nothing but loop at its first instruction: the fault of the page that this is on.
const FIRST_FAULTS: u32 = 1;
/// For how long that may be all, in seconds.
const PATIENCE_S: u64 = 10;

impl Service {
    /// Serves for as long as the task lives. A program that sends nothing beyond its first page fault is reported to its parent, once.
    pub fn run(mut self) -> ! {
        let mut messages = 0;
        let mut receive = Timeout::from_microseconds(PATIENCE_S * 1_000_000);
        self.open_window();
        let mut received = ipc::wait(Timeouts { send: Timeout::ZERO, receive });
        loop {
            let reply = match received {
                Ok((tag, _gate)) => self.dispatch(tag),
                Err(Error::Ipc(IpcError::ReceiveTimeout)) => {
                    // What the parent makes of it is the parent's.
                    let _ = self.crashes.parent.signal(SIGNAL_SILENT, PATIENCE_S);
                    messages = FIRST_FAULTS;
                    None
                }
                // A reply that nobody waited for any more, or a message cut short: go on without it.
                Err(_) => None,
            };
            if messages < FIRST_FAULTS {
                messages += 1;
            } else {
                receive = Timeout::NEVER;
            }
            self.open_window();
            let timeouts = Timeouts { send: Timeout::ZERO, receive };
            received = match reply {
                Some(reply) => ipc::reply_and_wait(reply, timeouts),
                None => ipc::wait(timeouts),
            };
        }
    }

    /// Lets the next message bring a dataspace; one of the own task comes as its slot's number.
    fn open_window(&self) {
        let utcb = utcb();
        utcb.set_bdr(0);
        utcb.set_br(0, abi::BufferItem::single_cap(self.window).local_id().0);
        utcb.set_br(1, 0);
    }

    /// Handles a message; none is answered when the sender is to stay stopped.
    fn dispatch(&mut self, tag: Tag) -> Option<Tag> {
        match tag.label() {
            protocol::PAGE_FAULT | protocol::EXCEPTION if self.ended => None,
            protocol::PAGE_FAULT => {
                let fault = utcb().mr(0);
                Some(answer(self.space.page_in(fault & !7, Access::from_page_fault(fault))))
            }
            protocol::EXCEPTION => self.exception(),
            PROTO_RM => Some(self.region_map(Reader::new(utcb(), tag)).unwrap_or_else(failure)),
            protocol::META => Some(supports(&Reader::new(utcb(), tag)).unwrap_or_else(failure)),
            // A fault on an I/O port becomes an exception, which then is a crash.
            protocol::IO_PAGE_FAULT => Some(failure(Code::NoMem.into())),
            _ => Some(failure(Code::BadProto.into())),
        }
    }

    fn exception(&mut self) -> Option<Tag> {
        let registers = crate::registers::from_message(utcb());
        if registers.trapno == EX_REGS_TRAP {
            // Raised on request, by ex_regs: the thread goes on as it is.
            return Some(Tag::new(0, WORDS, 0, 0));
        }
        self.ended = true;
        self.space.stop();
        self.crashes.report(&self.space, &registers);
        None
    }

    fn region_map(&mut self, mut request: Reader<UtcbRef>) -> Result<Tag> {
        match request.get::<abi::l4re::Opcode>()? {
            rm::op::ATTACH => self.attach(request),
            rm::op::DETACH => self.detach(request),
            rm::op::FIND => self.find(request),
            rm::op::RESERVE_AREA => self.reserve(request),
            rm::op::FREE_AREA => {
                self.space.map.free_area(request.get()?).map_err(|error| error.error())?;
                done()
            }
            rm::op::GET_REGIONS => {
                let from = request.get()?;
                let regions = self.space.map.regions_from(from);
                listing(regions.map(|region| [region.start, region.end, region.flags.into()]))
            }
            rm::op::GET_AREAS => {
                let from = request.get()?;
                listing(self.space.map.areas_from(from).map(|area| [area.start, area.end, area.flags.into()]))
            }
            rm::op::PAGE_IN => self.page_in(request),
            _ => Err(Code::NoSys.into()),
        }
    }

    fn attach(&mut self, mut request: Reader<UtcbRef>) -> Result<Tag> {
        const KNOWN: u32 = rm::flags::ATTACH_MASK
            | rm::flags::RWX
            | rm::flags::CACHING_MASK
            | rm::flags::KERNEL
            | rm::flags::RESERVED
            | rm::flags::PRIVATE
            | rm::flags::ANONYMOUS;
        let start = request.get()?;
        let size = request.get::<u64>()?;
        let flags = request.get::<u32>()?;
        let offset = request.get()?;
        let align = request.get::<u8>()?;
        if flags & !KNOWN != 0 || (flags & rm::flags::SEARCH_ADDR != 0 && !(PAGE_SHIFT..64).contains(&align)) {
            return Err(Code::Inval.into());
        }
        let (backing, offset) = if flags & (rm::flags::RESERVED | rm::flags::KERNEL) != 0 {
            (Backing::Nothing, offset)
        } else if flags & rm::flags::ANONYMOUS != 0 {
            (fresh_memory(size, None)?, 0)
        } else {
            match self.dataspace(&request)? {
                Backing::Dataspace { memory, .. } if flags & rm::flags::PRIVATE != 0 => {
                    (fresh_memory(size, Some((memory.cap(), offset)))?, 0)
                }
                given => (given, offset),
            }
        };
        let start = self.space.attach(Attach { start, size, flags, align, offset, backing })?;
        let mut reply = Writer::new(utcb());
        reply.put(start);
        reply.tag(0, 0)
    }

    /// The dataspace that came with a request, in a slot of the service's own.
    fn dataspace(&self, request: &Reader<UtcbRef>) -> Result<Backing> {
        let item = request.item(0)?;
        const KIND: u64 = 0b110;
        let (client, arrived) = match item.control & KIND {
            kind if kind == abi::item::Received::LocalFlexpage as u64 => {
                let client = CapIndex::from_raw(item.flexpage.raw() & !0xfff);
                (client, client)
            }
            kind if kind == abi::item::Received::Mapped as u64 => (CapIndex::INVALID, self.window),
            _ => return Err(Code::NoEnt.into()),
        };
        let arrived: Cap<Dataspace> = Cap::new(arrived);
        let memory = self.space.keep(arrived, Rights::CAP_RWS)?;
        if client == CapIndex::INVALID {
            arrived.release()?;
        }
        Ok(Backing::Dataspace { memory, client })
    }

    fn detach(&mut self, mut request: Reader<UtcbRef>) -> Result<Tag> {
        let address = request.get::<u64>()?;
        let size = request.get::<u64>()?;
        let flags = request.get::<u32>()?;
        if size == 0 || flags & !(rm::detach::EXACT | rm::detach::OVERLAP) != 0 {
            return Err(Code::Inval.into());
        }
        let start = address & !(PAGE_SIZE as u64 - 1);
        let size = (address - start).checked_add(size).and_then(round_page).ok_or(Code::Inval)?;
        let Detached { kind, removed, again } = self.space.detach(start, size, flags & rm::detach::OVERLAP != 0)?;
        let mut reply = Writer::new(utcb());
        reply.put(removed.start);
        reply.put(removed.size());
        reply.put(removed.backing.client().raw());
        let again = if again { rm::detached::AGAIN } else { 0 };
        reply.tag(kind as i64 | again | rm::detached::UNMAPPED, 0)
    }

    fn find(&self, mut request: Reader<UtcbRef>) -> Result<Tag> {
        let address = request.get::<u64>()?;
        let size = request.get::<u64>()?;
        let last = size.checked_sub(1).and_then(|length| address.checked_add(length)).ok_or(Code::Inval)?;
        let map = &self.space.map;
        let (start, end, flags, offset, client) = match (map.overlapping(address, last), map.area(address, last)) {
            (Some(r), _) => (r.start, r.end, r.flags, r.offset, r.backing.client()),
            (None, Some(a)) => (a.start, a.end, a.flags | rm::flags::IN_AREA, 0, CapIndex::INVALID),
            (None, None) => return Err(Code::NoEnt.into()),
        };
        let mut reply = Writer::new(utcb());
        reply.put(start);
        reply.put(end - start + 1);
        reply.put(flags);
        reply.put(offset);
        reply.put(client.raw());
        reply.tag(0, 0)
    }

    fn reserve(&mut self, mut request: Reader<UtcbRef>) -> Result<Tag> {
        const KNOWN: u32 = rm::flags::SEARCH_ADDR | rm::flags::KERNEL | rm::flags::RESERVED;
        let start = request.get()?;
        let size = request.get()?;
        let flags = request.get::<u32>()?;
        let align = request.get()?;
        if flags & !KNOWN != 0 {
            return Err(Code::Inval.into());
        }
        let start = self.space.map.reserve(start, size, flags, align).map_err(|error| error.error())?;
        let mut reply = Writer::new(utcb());
        reply.put(start);
        reply.tag(0, 0)
    }

    /// Maps a range at once; the pages arrive in the task itself, so none are sent.
    fn page_in(&self, mut request: Reader<UtcbRef>) -> Result<Tag> {
        let first = request.get::<u64>()?;
        let last = request.get::<u64>()?;
        let rights = u32::from(request.get::<u16>()?);
        let access = if rights & rm::flags::W != 0 { Access::Write } else { Access::Read };
        for page in (first..=last).step_by(PAGE_SIZE) {
            self.space.page_in(page, access)?;
        }
        let mut reply = Writer::new(utcb());
        reply.put(0_u64);
        reply.item(abi::MapItem::map(abi::Flexpage::INVALID));
        reply.tag(0, 0)
    }
}

/// New memory, filled from a dataspace where one is given, from that offset on (dataspaces copy when written).
fn fresh_memory(size: u64, content: Option<(Cap<Dataspace>, u64)>) -> Result<Backing> {
    let size = round_page(size).filter(|&size| size != 0).ok_or(Code::Inval)?;
    let memory = env::mem_alloc().allocate(size as usize)?;
    if let Some((source, offset)) = content {
        memory.copy_in(0, source, offset, size)?;
    }
    Ok(Backing::Dataspace { memory: Rc::new(memory), client: CapIndex::INVALID })
}

/// The entries that fit into a message, as `rm::Region` lies there.
fn listing(entries: impl Iterator<Item = [u64; 3]>) -> Result<Tag> {
    let mut reply = Writer::new(utcb());
    let mut count = 0;
    for entry in entries.take(abi::utcb::MESSAGE_REGISTERS / 3) {
        entry.into_iter().for_each(|word| reply.put(word));
        count += 1;
    }
    reply.tag(count, 0)
}

fn supports(request: &Reader<UtcbRef>) -> Result<Tag> {
    if request.word(0)? != meta::OP_SUPPORTS {
        return Err(Code::NoSys.into());
    }
    let known = [PROTO_RM, protocol::PAGE_FAULT, protocol::EXCEPTION, protocol::META];
    Ok(Tag::new(known.contains(&(request.word(1)? as i64)).into(), 0, 0, 0))
}

fn done() -> Result<Tag> {
    Ok(Tag::new(0, 0, 0, 0))
}

fn failure(error: syscall::Error) -> Tag {
    Tag::new(error.to_label(), 0, 0, 0)
}

fn answer(result: Result) -> Tag {
    match result {
        Ok(()) => Tag::new(0, 0, 0, 0),
        Err(error) => failure(error),
    }
}
