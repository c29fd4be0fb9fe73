//! What a program is started with: arguments, environment, base and named capabilities.
//!
//! Plain data; [`crate::launch`] reads it, [`crate::stack`] writes the new task's view of it.

use abi::{CapIndex, Rights};

/// A capability of the caller that the new task shall get, and how much of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The caller's capability.
    pub cap: CapIndex,
    /// Rights that go along; [`Rights::CAP_R`] is always added.
    pub rights: Rights,
    /// Flags of the map item's first word: `abi::item::OBJECT_RIGHT_1` hands over the right to be a gate's
    /// server.
    pub item_flags: u64,
}

impl Grant {
    /// `cap` with rights `R|W|S` and no object specific ones, as L4Re maps what it does not restrict.
    pub const fn full(cap: CapIndex) -> Self {
        Self { cap, rights: Rights::CAP_RWS, item_flags: 0 }
    }
}

/// A capability the program finds by its name (`l4re_env_get_cap`).
#[derive(Clone, Copy, Debug)]
pub struct NamedCap<'a> {
    /// At most 16 bytes; `jdb` goes to its fixed slot.
    pub name: &'a str,
    /// What is handed over.
    pub grant: Grant,
}

/// The capabilities each program has, named or not.
#[derive(Clone, Copy, Debug)]
pub struct BaseCaps {
    /// Makes the task and its thread, and goes to the program.
    pub factory: Grant,
    /// Starts the thread, and goes to the program.
    pub scheduler: Grant,
    /// Memory and L4Re objects.
    pub mem_alloc: Grant,
    /// Served by the caller: receives `signal(0, exit code)`.
    pub parent: Grant,
    /// Region map of the new task: pager and exception handler of its first thread.
    pub region_map: Grant,
    /// Log of the program; none makes its output vanish.
    pub log: Option<Grant>,
    /// Debugging events, where there is such a service.
    pub dbg_events: Option<Grant>,
    /// Dataspace of the kernel info page.
    pub kip: Grant,
}

/// All that [`crate::start`] needs to know of a program.
#[derive(Clone, Copy, Debug)]
pub struct Program<'a> {
    /// Service image put into the task, `rom/l4re`.
    pub service: &'a str,
    /// `args[0]` is the program's file as the service finds it through its named capabilities, `rom/hello`.
    pub args: &'a [&'a str],
    /// `NAME`, value.
    pub environment: &'a [(&'a str, &'a str)],
    /// Capabilities every program has.
    pub base: BaseCaps,
    /// Capabilities of this program, in the order in which they take slots.
    pub caps: &'a [NamedCap<'a>],
    /// Flags for the service (`l4re_aux_ldr_flags_t`).
    pub loader_flags: u64,
    /// Debug levels of the service; 0 prints nothing but errors.
    pub debug_level: u64,
    /// Load offset of a position-independent program, `u64::MAX` lets the service choose.
    pub load_base: u64,
    /// Priority of the service's thread (2 in L4Re, raised by the service to its maximum).
    pub priority: u8,
}
