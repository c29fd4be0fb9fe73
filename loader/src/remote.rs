//! [`AppModel`] for programs that start programs, such as ned: memory comes from a memory allocator, and the
//! new task's region map is an object of the same server, reached by IPC.

use abi::l4re::rm::flags;
use core::ops::Deref;
use syscall::l4re::dataspace::Dataspace;
use syscall::l4re::mem_alloc::MemAlloc;
use syscall::l4re::rm::{Attach, Rm};
use syscall::memory::Mapping;
use syscall::{Cap, Owned, env};

use crate::error::During;
use crate::{AppModel, RegionFlags, Result};

/// The starter's side of one start.
pub struct Remote {
    mem_alloc: Cap<MemAlloc>,
    region_map: Cap<Rm>,
    kip: Cap<Dataspace>,
}

impl Remote {
    /// Takes memory from `mem_alloc`, keeps the new task's regions in `region_map`, which that server (or
    /// another that knows its dataspaces) has just made, and hands on the dataspace `kip` of the kernel info
    /// page, which a program knows from its auxiliary vector ([`own_kip`]).
    pub const fn new(mem_alloc: Cap<MemAlloc>, region_map: Cap<Rm>, kip: Cap<Dataspace>) -> Self {
        Self { mem_alloc, region_map, kip }
    }
}

/// A dataspace, owned or lent.
pub enum Memory {
    /// Freed with this.
    Own(Owned<Dataspace>),
    /// Someone else's.
    Lent(Cap<Dataspace>),
}

impl Memory {
    fn cap(&self) -> Cap<Dataspace> {
        match self {
            Self::Own(owned) => owned.cap(),
            Self::Lent(cap) => *cap,
        }
    }
}

/// The content of a file, attached for as long as this lives.
pub struct Bytes(Mapping);

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.0.as_slice()
    }
}

impl AppModel for Remote {
    type Dataspace = Memory;
    type Bytes = Bytes;

    fn open_file(&mut self, name: &str) -> Result<Memory> {
        env::open(name).map(Memory::Own).during(format_args!("opening '{name}'"))
    }

    fn bytes(&mut self, file: &Memory) -> Result<Bytes> {
        let size = file.cap().size().during("asking for the size of a file")?;
        Mapping::attach(file.cap(), size as usize, flags::R).map(Bytes).during("attaching a file")
    }

    fn allocate(&mut self, size: u64) -> Result<Memory> {
        let memory = self.mem_alloc.allocate(size as usize);
        memory.map(Memory::Own).during(format_args!("allocating {} KiB of memory", size / 1024))
    }

    fn copy(&mut self, to: &Memory, to_offset: u64, from: &Memory, from_offset: u64, size: u64) -> Result<()> {
        to.cap().copy_in(to_offset, from.cap(), from_offset, size).during("copying part of a file")
    }

    fn write(&mut self, to: &Memory, offset: u64, bytes: &[u8]) -> Result<()> {
        let size = to.cap().size().during("asking for the size of the stack")?;
        let mut mapping =
            Mapping::attach(to.cap(), size as usize, flags::RW).during("attaching the stack to fill it")?;
        mapping.write(offset as usize, bytes);
        Ok(())
    }

    fn attach(
        &mut self,
        start: u64,
        size: u64,
        dataspace: Option<&Memory>,
        offset: u64,
        region_flags: RegionFlags,
        name: &str,
    ) -> Result<()> {
        let dataspace = dataspace.map(Memory::cap);
        let what = Attach { start, size, flags: region_flags, dataspace, offset, align: abi::PAGE_SHIFT, name };
        let attached = self.region_map.attach(what);
        attached.map(drop).during(format_args!("laying out {name} at {start:#x}"))
    }

    fn kip(&mut self) -> Result<Memory> {
        Ok(Memory::Lent(self.kip))
    }
}

/// The dataspace of the kernel info page as the calling program got it from its own starter.
pub fn own_kip() -> Cap<Dataspace> {
    Cap::new(abi::CapIndex::new(abi::l4re::slots::KIP))
}
