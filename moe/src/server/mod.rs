//! The server: one loop that receives a message, finds the object that it is for by the label of its
//! gate, carries the request out and answers.
//!
//! Invariant: while a request is carried out, its message and the answer are in `Server`'s own arrays,
//! not in the UTCB, so that handlers may print and make system calls as they like.

mod collect;
mod dataspace;
mod factory;
pub mod goos;
mod log;
mod meta;
mod namespace;
pub mod object;
pub mod parent;
pub mod region_map;
mod request;
mod scheduler;
mod start;

use alloc::rc::Rc;
use alloc::vec::Vec;

use abi::kip::{MemDesc, MemType};
use abi::l4re::vbe::ModeInfo;
use abi::l4re::{PROTO_DATASPACE, PROTO_GOOS, PROTO_NAMESPACE, PROTO_PARENT, PROTO_RM};
use abi::utcb::MESSAGE_REGISTERS;
use abi::{BufferItem, CapIndex, Error as Code, IpcError, Tag, protocol};
use console::Mode;
use moe::object_table::{ObjectId, ObjectTable};
use moe::quota::{Charge, Quota};
use moe::row::Row;
use moe::store::For;
use syscall::cap::Anything;
use syscall::ipc::{self, Timeout, Timeouts};
use syscall::message::{Reader, Writer};
use syscall::{Cap, Error, Factory, Gate, Irq, Owned, Result, Task, Thread, arch, println};

use crate::machine::Kernel;
use goos::Goos;
use object::{Kind, OBJECT_COST, Object};
use region_map::Limits;
use request::{Given, Request};

/// Memory as moe's clients know it.
pub type Space = moe::dataspace::Dataspace<Kernel>;
/// All memory.
pub type Store = moe::store::Store<Kernel>;

type Words = [u64; MESSAGE_REGISTERS];

/// The part of all memory that is kept for the system itself, and its least and greatest size in bytes.
const RESERVE_SHARE: u64 = 64;
const RESERVE: (u64, u64) = (128 << 10, 1 << 20);

/// The part of the kernel's memory that programs can use up by objects that moe makes for them.
const KERNEL_SHARE: u64 = 4;

/// What service code sends that does nothing but loop at its first instruction: the fault of the page that this is on.
const FIRST_FAULTS: u32 = 1;
/// For how long that may be all, in seconds.
const PATIENCE_S: u64 = 10;

/// Capabilities that one request can bring.
const RECEIVE_SLOTS: usize = 2;

/// moe.
pub struct Server {
    objects: ObjectTable<Object>,
    /// The factory that all others come from.
    root: ObjectId,
    root_quota: Rc<Quota>,
    store: Rc<Store>,
    /// Bytes of the machine's memory that programs may get in all.
    memory_size: u64,
    address_limits: Limits,
    receive_slots: [CapIndex; RECEIVE_SLOTS],
    /// What kernel objects for programs are made with, where the kernel's memory is known: a part of it.
    programs_factory: Option<Owned<Factory>>,
    /// Triggered when a gate has lost its last capability.
    deletion: Option<Owned<Irq>>,
    /// That has happened, and nobody has looked yet which gates it were.
    deletion_pending: bool,
    counts_references: bool,
    /// What is unfinished on the console.
    row: Row,
    /// Capabilities for the first program, in the order of their names.
    offered: Vec<(&'static str, Cap<Anything>)>,
}

impl Server {
    /// A server with the root factory as its only object.
    ///
    /// # Errors
    /// Those of the kernel's factory.
    pub fn new(store: Rc<Store>, descriptors: &'static [MemDesc]) -> Result<Server> {
        let root_quota = Quota::unlimited();
        let objects = ObjectTable::default();
        let root = objects.next_id();
        let mut server = Server {
            objects,
            root,
            root_quota: root_quota.clone(),
            store,
            memory_size: memory_size(descriptors),
            address_limits: Limits::new(descriptors),
            receive_slots: [syscall::cap::allocate()?, syscall::cap::allocate()?],
            programs_factory: programs_factory(descriptors)?,
            deletion: None,
            deletion_pending: false,
            counts_references: true,
            row: Row::new(),
            offered: Vec::new(),
        };
        server.store.set_reserve((server.memory_size / RESERVE_SHARE).clamp(RESERVE.0, RESERVE.1));
        let gate = server.add_permanent(Kind::Factory(root_quota))?;
        server.offer("mem", gate.cast());
        server.register_for_deletions();
        Ok(server)
    }

    /// Bytes of memory that programs can get, the system's own reserve among them, and bytes of that reserve.
    pub fn memory(&self) -> (u64, u64) {
        (self.memory_size, self.store.reserve())
    }

    /// All memory.
    pub fn store(&self) -> &Rc<Store> {
        &self.store
    }

    /// What moe's own objects are paid with.
    pub fn quota(&self) -> &Rc<Quota> {
        &self.root_quota
    }

    /// Has the first program get `cap` under `name`.
    pub fn offer(&mut self, name: &'static str, cap: Cap<Anything>) {
        let at = self.offered.partition_point(|(other, _)| *other < name);
        self.offered.insert(at, (name, cap));
    }

    /// Offers the framebuffer of `mode` as `vesa`.
    ///
    /// # Errors
    /// Those of the kernel's factory; `NoSys` for a mode that is none.
    pub fn offer_screen(&mut self, mode: &ModeInfo) -> Result {
        let mode = Mode::from_vbe(mode).ok_or(Code::NoSys)?;
        let pages = goos::pages(&mode);
        let buffer = Space::device(&self.store, pages.start, pages.end - pages.start);
        let buffer = self.add_permanent(Kind::Dataspace(Rc::new(buffer)))?;
        let gate = self.add_permanent(Kind::Goos(Goos::new(mode, buffer)))?;
        println!(
            "moe: screen of {} x {} pixels at {:x} - {:x}, capability {:x}",
            mode.width,
            mode.height,
            mode.address,
            mode.address + mode.size() - 1,
            gate.index().index()
        );
        self.offer("vesa", gate.cast());
        Ok(())
    }

    /// Adds an object that always stays.
    ///
    /// # Errors
    /// Those of the kernel's factory.
    pub fn add_permanent(&mut self, kind: Kind) -> Result<Cap<Gate>> {
        let quota = self.root_quota.clone();
        self.add(kind, self.root, &quota, true).map(|(_, gate)| gate)
    }

    /// Adds an object that goes when its clients' capabilities are gone.
    fn add_for_clients(&mut self, kind: Kind, factory: ObjectId, quota: &Rc<Quota>) -> Result<(ObjectId, Cap<Gate>)> {
        let (id, gate) = self.add(kind, factory, quota, false)?;
        if self.counts_references
            && let Err(error) = gate.decrease_reference_count(1)
        {
            println!("moe: the kernel does not count references ({error}): objects stay for ever");
            self.counts_references = false;
        }
        Ok((id, gate))
    }

    fn add(
        &mut self,
        kind: Kind,
        factory: ObjectId,
        quota: &Rc<Quota>,
        permanent: bool,
    ) -> Result<(ObjectId, Cap<Gate>)> {
        let charge = Charge::new(quota, OBJECT_COST)?;
        self.objects.reserve_one()?;
        let label = self.objects.next_id().label();
        let gate = self.kernel_factory(quota).create_gate(Some(Thread::main()), label)?;
        let cap = gate.cap();
        let id = self.objects.insert(Object { kind, gate, factory, charge, permanent });
        Ok((id, cap))
    }

    /// The kernel's factory for what `quota` pays for.
    fn kernel_factory(&self, quota: &Quota) -> Cap<Factory> {
        match &self.programs_factory {
            Some(factory) if quota.whom() == For::Program => factory.cap(),
            _ => Factory::boot(),
        }
    }

    /// Serves, for ever. If nothing comes beyond the first page fault of the first program's service code, that is said once.
    pub fn run(mut self) -> ! {
        let mut messages = 0;
        let mut receive = Timeout::from_microseconds(PATIENCE_S * 1_000_000);
        let mut input = [0; MESSAGE_REGISTERS];
        let mut output = [0; MESSAGE_REGISTERS];
        let mut reply = None;
        loop {
            self.prepare_to_receive();
            let receive_now = if self.deletion_pending { collect::patience() } else { receive };
            let timeouts = Timeouts { send: Timeout::ZERO, receive: receive_now };
            let received = match reply.take() {
                Some(tag) => ipc::reply_and_wait(tag, timeouts),
                None => ipc::wait(timeouts),
            };
            let (tag, label) = match received {
                Ok(message) => message,
                Err(Error::Ipc(IpcError::ReceiveTimeout)) if self.deletion_pending => {
                    self.collect();
                    continue;
                }
                Err(Error::Ipc(IpcError::ReceiveTimeout)) => {
                    start::report_silence(PATIENCE_S);
                    receive = Timeout::NEVER;
                    continue;
                }
                // The client did not wait for its answer.
                Err(_) => continue,
            };
            if messages < FIRST_FAULTS {
                messages += 1;
            } else {
                receive = Timeout::NEVER;
            }
            let utcb = arch::utcb();
            for (at, word) in input.iter_mut().enumerate().take(length(tag)) {
                *word = utcb.mr(at);
            }
            reply = self.handle(tag, label, &mut input, &mut output);
            if let Some(tag) = reply {
                for (at, word) in output.iter().enumerate().take(length(tag)) {
                    utcb.set_mr(at, *word);
                }
            }
        }
    }

    fn prepare_to_receive(&self) {
        let utcb = arch::utcb();
        utcb.set_bdr(0);
        for (at, slot) in self.receive_slots.iter().enumerate() {
            utcb.set_br(at, BufferItem::single_cap(*slot).local_id().0);
        }
        utcb.set_br(RECEIVE_SLOTS, 0);
    }

    /// Carries out a message. The answer, if there is to be one, is in `output`.
    fn handle(&mut self, tag: Tag, label: u64, input: &mut Words, output: &mut Words) -> Option<Tag> {
        if label == collect::DELETION_LABEL {
            self.deletion_pending = true;
            return None;
        }
        let id = ObjectId::from_label(label);
        let mut output = Writer::new(output);
        let given = self.given(&Reader::new(&mut *input, tag));
        let mut request = Request::new(Reader::new(&mut *input, tag), label, given.clone());
        let mut result = self.dispatch(id, &mut request, &mut output);
        if self.deletion_pending && matches!(result, Err(Error::Code(Code::NoMem))) {
            // What is no longer used may be all that is missing.
            self.collect();
            output.clear();
            request = Request::new(Reader::new(input, tag), label, given);
            result = self.dispatch(id, &mut request, &mut output);
        }
        for at in 0..tag.items().min(RECEIVE_SLOTS) {
            if request::is_mapped(&request.reader, at) {
                // An own slot: this cannot fail.
                let _ = Task::this().release_cap::<Anything>(Cap::new(self.receive_slots[at]));
            }
        }
        let failure = |error: Error| Tag::new(error.to_label(), 0, 0, 0);
        match result {
            Ok(value) => Some(output.tag(value, 0).unwrap_or_else(failure)),
            Err(error) if error.is(Code::NoReply) => None,
            Err(error) => Some(failure(error)),
        }
    }

    /// What capability came with a message: the first of its items.
    fn given(&self, reader: &Reader<&mut Words>) -> Given {
        let given = Given::from_message(reader, self.receive_slots[0]);
        let Given::Own { id, rights, .. } = given else { return given };
        let Some(object) = self.objects.get(id) else { return Given::Gone };
        let space = match &object.kind {
            Kind::Dataspace(space) => Some(space.clone()),
            _ => None,
        };
        Given::Own { id, rights, gate: object.gate.cap(), space }
    }

    fn dispatch(&mut self, id: ObjectId, request: &mut Request<'_>, output: &mut Writer<&mut Words>) -> Result<i64> {
        let object = self.objects.get_mut(id).ok_or(Code::NoEnt)?;
        let asked = request.reader.tag().label();
        if asked == protocol::META {
            return meta::serve(object.kind.protocols(), request, output);
        }
        match (&mut object.kind, asked) {
            (Kind::RegionMap(map), protocol::PAGE_FAULT) => map.page_fault(request, output),
            (Kind::RegionMap(map), protocol::EXCEPTION) => map.exception(request, output),
            (Kind::RegionMap(map), protocol::IO_PAGE_FAULT) => map.port_fault(request),
            (Kind::RegionMap(map), PROTO_RM) => map.serve(request, output),
            (Kind::Dataspace(space), PROTO_DATASPACE) => dataspace::serve(space, request, output),
            (Kind::Namespace(names), PROTO_NAMESPACE) => {
                namespace::serve(names, object.charge.quota(), request, output)
            }
            (Kind::Log(line), protocol::LOG) => log::serve(line, id, &mut self.row, request),
            (Kind::Goos(goos), PROTO_GOOS) => goos.serve(request, output),
            (Kind::Scheduler(limits), protocol::SCHEDULER) => scheduler::serve(limits, request, output),
            (Kind::Parent(_), PROTO_PARENT) => self.serve_parent(id, request),
            (Kind::Factory(quota), protocol::FACTORY) => {
                let quota = quota.clone();
                self.create(id, &quota, request, output)
            }
            (Kind::Factory(quota), abi::l4re::PROTO_MEM_ALLOC) => {
                let quota = quota.clone();
                self.factory_info(&quota, request, output)
            }
            _ => Err(Code::BadProto.into()),
        }
    }
}

/// A factory with a part of the kernel's memory.
fn programs_factory(descriptors: &[MemDesc]) -> Result<Option<Owned<Factory>>> {
    match syscall::boot::kernel_memory_bytes(descriptors) / KERNEL_SHARE {
        0 => Ok(None),
        share => Factory::boot().create_factory(share).map(Some),
    }
}

/// Registers that a message with this tag takes.
fn length(tag: Tag) -> usize {
    (tag.words() + 2 * tag.items()).min(MESSAGE_REGISTERS)
}

/// Bytes of ordinary memory that neither the kernel nor bootstrap has taken.
fn memory_size(descriptors: &[MemDesc]) -> u64 {
    let sum = |kinds: &[MemType]| {
        let physical = descriptors.iter().filter(|desc| !desc.is_virtual());
        let of_kind = physical.filter(|desc| kinds.contains(&desc.kind()));
        of_kind.map(|desc| desc.last().saturating_sub(desc.start())).sum::<u64>()
    };
    let taken = [MemType::Reserved, MemType::Dedicated, MemType::Bootloader];
    sum(&[MemType::Conventional]).saturating_sub(sum(&taken))
}
