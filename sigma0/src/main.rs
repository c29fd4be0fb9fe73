//! sigma0, the root pager: owns all memory that the kernel does not use, one to one, and the I/O ports,
//! and hands out both to moe and to every other client that is given a gate to it.
//!
//! This file receives messages and sends what `sigma0::service` answers. Neighbours: the kernel, which
//! starts sigma0 with the address of the kernel info page; moe, whose pager sigma0 is.
#![no_std]
#![no_main]

mod machine;

use abi::{CapIndex, Error, Flexpage, MapItem, Rights, Tag, item::Cacheability};
use sigma0::region::{Owner, Region};
use sigma0::region_map::RegionMap;
use sigma0::resources::Resources;
use sigma0::service::{Answer, Caching, answer};
use syscall::ipc::{self, Timeout, Timeouts};
use syscall::{Cap, Debugger, Factory, Scheduler, Task, Thread, arch, println};

syscall::boot_main!(main);

/// Priority of sigma0's thread: it serves everyone, and briefly.
const PRIORITY: u64 = 255;
/// Entries that RAM and device memory have room for from the start; more room comes from the RAM.
const FIRST_ENTRIES: usize = 160;
/// First slot for a client's gate. A client's number is the slot of its gate, so that it is never 4.
const FIRST_CLIENT: Owner = 0x10;
/// Client numbers are shorter than a page's address.
const LAST_CLIENT: Owner = 0xfff;
/// Lowest bits of a label that are no part of the client's number.
const LABEL_SHIFT: u32 = 4;

fn main() -> ! {
    let kip = syscall::env::kip();
    let kip_address = core::ptr::from_ref(kip) as u64;
    println!("sigma0: root pager; kernel info page at {kip_address:#x}");
    let mut ram = [RegionMap::VACANT; FIRST_ENTRIES];
    let mut iomem = [RegionMap::VACANT; FIRST_ENTRIES];
    let mut ports = [RegionMap::VACANT; 32];
    let descriptors = syscall::boot::memory_descriptors(kip);
    let slots: [&mut [Region]; 3] = [&mut ram, &mut iomem, &mut ports];
    let resources = match Resources::new(descriptors.iter().copied(), slots) {
        Ok(resources) => resources,
        Err(_) => panic!("{} memory descriptors are too many", descriptors.len()),
    };
    println!("sigma0: {} KiB of RAM are free", resources.free_ram() >> 10);

    let me = Thread::main();
    if let Err(error) = Scheduler::boot().run_thread(me, Scheduler::any_cpu(), PRIORITY, 0) {
        println!("sigma0: could not set my priority: {error}");
    }
    // Names are for a debugger only, which need not be there.
    let _ = Debugger::boot().set_name(Task::this(), "sigma0");
    let _ = Debugger::boot().set_name(me, "sigma0");
    let mut server = Server { resources, kip_address, next_client: FIRST_CLIENT };
    server.dump();
    println!("sigma0: moe and its clients get of this what they ask for or touch");
    server.run()
}

struct Server<'m> {
    resources: Resources<'m>,
    kip_address: u64,
    next_client: Owner,
}

impl Server<'_> {
    fn run(&mut self) -> ! {
        let timeouts = Timeouts { send: Timeout::ZERO, receive: Timeout::NEVER };
        let utcb = arch::utcb();
        utcb.set_bdr(0);
        utcb.set_br(0, 0);
        let mut received = ipc::wait(Timeouts::NEVER);
        loop {
            received = match received {
                Ok((tag, label)) => {
                    let reply = self.serve(tag, label);
                    ipc::reply_and_wait(reply, timeouts)
                }
                // The client did not wait for its answer.
                Err(_) => ipc::wait(Timeouts::NEVER),
            };
        }
    }

    /// Carries out a request; the reply's message is in the UTCB.
    fn serve(&mut self, tag: Tag, label: u64) -> Tag {
        let utcb = arch::utcb();
        let word = |index| if index < tag.words() { utcb.mr(index) } else { 0 };
        let words = [word(0), word(1)];
        if !self.make_room() {
            return error(Error::NoMem);
        }
        let client = (label >> LABEL_SHIFT) as Owner;
        let may_create = label & u64::from(Rights::CAP_S.0) != 0;
        match answer(&mut self.resources, client, may_create, tag.label(), words) {
            Answer::Memory(page, caching) => memory(page, caching),
            Answer::Ports(ports) => map(MapItem::map(ports)),
            Answer::Kip => {
                let kip = Flexpage::memory(self.kip_address, abi::PAGE_SHIFT, Rights::RX);
                memory(kip, Caching::Cached)
            }
            Answer::NewClient => self.new_client(),
            Answer::Dump => {
                self.dump();
                Tag::new(0, 0, 0, 0)
            }
            Answer::Fail(code) => error(code),
        }
    }

    /// Sees to it that one more operation fits into each map.
    fn make_room(&mut self) -> bool {
        // Growing takes a page of RAM out of the RAM's own map, which has to be the first to grow.
        machine::grow(&mut self.resources, |all| &mut all.ram)
            && machine::grow(&mut self.resources, |all| &mut all.ports)
    }

    fn new_client(&mut self) -> Tag {
        if self.next_client > LAST_CLIENT {
            return error(Error::NoMem);
        }
        let slot = CapIndex::new(self.next_client.into());
        let label = u64::from(self.next_client) << LABEL_SHIFT;
        let thread = Thread::main().item(Rights::CAP_RWS);
        let arguments = [syscall::message::Argument::Unsigned(label)];
        let gate = abi::factory::IPC_GATE;
        if let Err(failed) = Factory::boot().create_in(slot, gate, &arguments, Some(thread)) {
            return Tag::new(failed.to_label(), 0, 0, 0);
        }
        self.next_client += 1;
        map(Cap::<syscall::Gate>::new(slot).item(Rights::CAP_RWS))
    }

    fn dump(&self) {
        let Resources { ram, iomem, ports } = &self.resources;
        for (name, map) in [("RAM", ram), ("device memory", iomem), ("I/O ports", ports)] {
            println!("sigma0: ranges of {name}: {}", map.regions().len());
            for region in map.regions() {
                println!("  {region}");
            }
        }
    }
}

fn error(code: Error) -> Tag {
    Tag::new(-code.code(), 0, 0, 0)
}

fn memory(page: Flexpage, caching: Caching) -> Tag {
    let caching = match caching {
        Caching::Cached => Cacheability::Cacheable,
        Caching::Uncached => Cacheability::Uncacheable,
    };
    map(MapItem::map_at(page, page.address()).with_flags((caching as u64) << 4))
}

/// A reply that maps one item.
fn map(item: MapItem) -> Tag {
    let utcb = arch::utcb();
    utcb.set_mr(0, item.control);
    utcb.set_mr(1, item.flexpage.raw());
    Tag::new(0, 0, 1, 0)
}
