//! Starting the first program: the crate `loader` with moe's own objects in place of IPC.

use alloc::rc::Rc;
use alloc::vec::Vec;

use abi::l4re::MAIN_THREAD_PRIO;
use abi::{CapIndex, PAGE_SHIFT};
use loader::region::Attach;
use loader::{AppModel, BaseCaps, During, Grant, NamedCap, Program, RegionFlags, Slots};
use moe::object_table::ObjectId;
use moe::options::{Options, Words as Arguments};
use syscall::l4re::sigma0::Sigma0;
use syscall::{Code, Debugger, Error, Owned, Task, Thread, println};

use super::object::Kind;
use super::parent::FirstProgram;
use super::region_map::AddressSpace;
use super::{Server, Space};
use crate::boot_fs::BootFs;

/// Service code that is put into the first program's task.
const SERVICE: &str = "rom/l4re";

/// Says that the service code, which is to load the first program, has asked for nothing since it was started.
pub fn report_silence(seconds: u64) {
    println!(
        "moe: still waiting for {SERVICE}, which loads the first program: {seconds} s after its start it has done nothing but compute"
    );
    println!("  Is the right file behind `module /l4re` in the menu?");
}

impl Server {
    /// Starts the first program, through the service code, with moe's own arguments.
    ///
    /// # Errors
    /// What went wrong and while doing what.
    pub fn start(&mut self, files: &BootFs, options: &Options<'_>) -> loader::Result<()> {
        let blank = if options.arguments.is_empty() { "" } else { " " };
        println!("moe: starting {}{blank}{} (loaded by {SERVICE})", options.init, options.arguments);
        files.open(options.init).map_err(Error::from).during(format_args!("opening {}", options.init))?;
        let prepared = self.prepare(files).during("making its objects")?;
        let mut args: Vec<&str> = alloc::vec![options.init];
        args.extend(Arguments(options.arguments));
        let grant = |cap: CapIndex| Grant::full(cap);
        let caps = self.offered.iter().map(|&(name, cap)| NamedCap { name, grant: grant(cap.index()) });
        let caps: Vec<NamedCap> = caps.collect();
        let program = Program {
            service: SERVICE,
            args: &args,
            environment: &[],
            base: BaseCaps {
                factory: grant(CapIndex::FACTORY),
                scheduler: grant(CapIndex::SCHEDULER),
                mem_alloc: grant(prepared.allocator),
                parent: grant(prepared.parent),
                region_map: grant(prepared.region_map_gate),
                log: Some(grant(CapIndex::LOG)),
                dbg_events: None,
                kip: grant(prepared.kip),
            },
            caps: &caps,
            loader_flags: options.loader_flags,
            debug_level: options.debug_level,
            load_base: u64::MAX,
            priority: MAIN_THREAD_PRIO as u8,
        };
        let Prepared { parent_id, region_map, task, thread, .. } = prepared;
        if let Some(object) = self.objects.get_mut(parent_id)
            && let Kind::Parent(first) = &mut object.kind
        {
            first.name = options.init.into();
        }
        loader::start(&mut Model { server: self, files, region_map }, &program, Slots { task, thread })?;
        let named = |name| Debugger::boot().set_name(syscall::Cap::<Task>::new(task), name);
        // Names are for a debugger only, which need not be there.
        let _ = named(options.init);
        Ok(())
    }

    /// Makes the objects that the first program is given.
    fn prepare(&mut self, files: &BootFs) -> syscall::Result<Prepared> {
        let sigma0 = Sigma0::boot().new_client()?.leak();
        self.offer("sigma0", sigma0.cast());
        for (name, cap) in [("log", CapIndex::LOG), ("icu", CapIndex::ICU)] {
            self.offer(name, syscall::Cap::new(cap));
        }
        if Debugger::boot().is_present() {
            self.offer("jdb", Debugger::boot().cast());
        }
        let kip = self.add_permanent(Kind::Dataspace(files.kip.clone()))?;
        self.offer("kip", kip.cast());
        let quota = self.root_quota.clone();
        let space = AddressSpace::new(&self.store, &quota, self.address_limits);
        let (region_map, region_map_gate) = self.add(Kind::RegionMap(space), self.root, &quota, true)?;
        let (task, thread) = (Owned::<Task>::empty()?, Owned::<Thread>::empty()?);
        let (task_slot, thread_slot) = (task.index(), thread.index());
        let first = FirstProgram { name: "".into(), task, thread, region_map };
        let (parent_id, parent) = self.add(Kind::Parent(first), self.root, &quota, true)?;
        let allocator = self.objects.get(self.root).map_or(CapIndex::INVALID, |root| root.gate.index());
        Ok(Prepared {
            allocator,
            parent_id,
            parent: parent.index(),
            region_map,
            region_map_gate: region_map_gate.index(),
            kip: kip.index(),
            task: task_slot,
            thread: thread_slot,
        })
    }
}

struct Prepared {
    allocator: CapIndex,
    parent_id: ObjectId,
    parent: CapIndex,
    region_map: ObjectId,
    region_map_gate: CapIndex,
    kip: CapIndex,
    task: CapIndex,
    thread: CapIndex,
}

/// moe as the starter of a program.
struct Model<'a> {
    server: &'a mut Server,
    files: &'a BootFs,
    region_map: ObjectId,
}

impl AppModel for Model<'_> {
    type Dataspace = Rc<Space>;
    type Bytes = Vec<u8>;

    fn open_file(&mut self, name: &str) -> loader::Result<Rc<Space>> {
        self.files.open(name).map_err(Error::from).during(format_args!("opening {name}"))
    }

    fn bytes(&mut self, file: &Rc<Space>) -> loader::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        let size = file.size() as usize;
        bytes.try_reserve_exact(size).map_err(|_| Error::from(Code::NoMem)).during("reading it")?;
        bytes.resize(size, 0);
        file.read(0, &mut bytes).map_err(Error::from).during("reading it")?;
        Ok(bytes)
    }

    fn allocate(&mut self, size: u64) -> loader::Result<Rc<Space>> {
        let space = Space::anonymous(self.server.store(), self.server.quota(), size);
        space.map(Rc::new).map_err(Error::from).during("allocating memory")
    }

    fn write(&mut self, to: &Rc<Space>, offset: u64, bytes: &[u8]) -> loader::Result<()> {
        to.write(offset, bytes).map_err(Error::from).during("writing memory")
    }

    fn copy(
        &mut self,
        to: &Rc<Space>,
        offset: u64,
        from: &Rc<Space>,
        from_offset: u64,
        size: u64,
    ) -> loader::Result<()> {
        let copied = to.copy_from(offset, from, from_offset, size);
        copied.map_err(Error::from).during("copying memory")
    }

    fn attach(
        &mut self,
        start: u64,
        size: u64,
        dataspace: Option<&Rc<Space>>,
        offset: u64,
        flags: RegionFlags,
        name: &str,
    ) -> loader::Result<()> {
        let object = self.server.objects.get_mut(self.region_map).map(|object| &mut object.kind);
        let Some(Kind::RegionMap(map)) = object else {
            return Err(loader::Error::new("finding the region map", Code::NoEnt.into()));
        };
        let attach = Attach { start, size, flags, align: PAGE_SHIFT, offset, backing: () };
        let attached = map.attach(attach, dataspace.cloned(), CapIndex::INVALID.raw());
        attached.during(format_args!("attaching {name} at {start:#x}")).map(drop)
    }

    fn kip(&mut self) -> loader::Result<Rc<Space>> {
        Ok(self.files.kip.clone())
    }
}
