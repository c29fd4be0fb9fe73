//! What moe serves: one variant per kind of object, each with a file of its own beside this one.

use alloc::boxed::Box;
use alloc::rc::Rc;

use abi::Rights;
use moe::limits::Limits;
use moe::line::Line;
use moe::names::Names;
use moe::object_table::ObjectId;
use moe::quota::{Charge, Quota};
use syscall::cap::Anything;
use syscall::{Cap, Gate, Owned};

use super::Space;
use super::goos::Goos;
use super::parent::FirstProgram;
use super::region_map::AddressSpace;

/// Bytes that every object costs its factory, beside its memory.
pub const OBJECT_COST: u64 = 1024;

/// An object with its gate.
pub struct Object {
    /// What it is.
    pub kind: Kind,
    /// Its gate; the object goes when all capabilities to it but this one are gone.
    pub gate: Owned<Gate>,
    /// The factory that made it, and takes it along when it goes.
    pub factory: ObjectId,
    /// What the factory pays for it.
    pub charge: Charge,
    /// It stays without clients.
    pub permanent: bool,
}

/// The kinds.
pub enum Kind {
    /// A directory of capabilities.
    Namespace(Names<Named>),
    /// Memory.
    Dataspace(Rc<Space>),
    /// An address space, and pager of its threads.
    RegionMap(AddressSpace),
    /// A program's output.
    Log(Box<Line>),
    /// A maker of objects, who pays with this quota.
    Factory(Rc<Quota>),
    /// A scheduler proxy.
    Scheduler(Limits),
    /// The screen.
    Goos(Goos),
    /// Who hears of the end of the first program.
    Parent(FirstProgram),
}

impl Kind {
    /// The protocols that the object speaks, the most special first.
    pub fn protocols(&self) -> &'static [(i64, &'static str)] {
        use abi::l4re::*;
        use abi::protocol;
        match self {
            Kind::Namespace(_) => &[(PROTO_NAMESPACE, "L4Re::Namespace")],
            Kind::Dataspace(_) => &[(PROTO_DATASPACE, "L4Re::Dataspace")],
            Kind::RegionMap(_) => &[
                (PROTO_RM, "L4Re::Rm"),
                (protocol::PAGE_FAULT, "L4::Pager"),
                (protocol::IO_PAGE_FAULT, "L4::Io_pager"),
                (protocol::EXCEPTION, "L4::Exception"),
            ],
            Kind::Log(_) => &[(protocol::LOG, "L4::Vcon")],
            Kind::Factory(_) => &[(PROTO_MEM_ALLOC, "L4Re::Mem_alloc"), (protocol::FACTORY, "L4::Factory")],
            Kind::Scheduler(_) => &[(protocol::SCHEDULER, "L4::Scheduler")],
            Kind::Goos(_) => &[(PROTO_GOOS, "L4Re::Video::Goos")],
            Kind::Parent(_) => &[(PROTO_PARENT, "L4Re::Parent")],
        }
    }
}

/// A capability in a name space.
pub struct Named {
    cap: Holding,
    /// Rights that go to those who ask.
    pub rights: Rights,
}

enum Holding {
    /// moe's own.
    Borrowed(Cap<Anything>),
    /// A copy that the entry keeps.
    Owned(Owned<Anything>),
}

impl Named {
    /// An entry for a capability that stays.
    pub fn borrowed<T>(cap: Cap<T>, writable: bool) -> Named {
        let rights = if writable { Rights::CAP_RW } else { Rights::CAP_R };
        Named { cap: Holding::Borrowed(cap.cast()), rights }
    }

    /// An entry that keeps a capability.
    pub fn owned(cap: Owned<Anything>, rights: Rights) -> Named {
        Named { cap: Holding::Owned(cap), rights }
    }

    /// The capability.
    pub fn cap(&self) -> Cap<Anything> {
        match &self.cap {
            Holding::Borrowed(cap) => *cap,
            Holding::Owned(owned) => owned.cap(),
        }
    }

    /// Whether the object is still there.
    pub fn is_alive(&self) -> bool {
        match &self.cap {
            Holding::Borrowed(_) => true,
            Holding::Owned(owned) => owned.is_present(),
        }
    }
}
