//! L4Re's user-level protocols: numbers and layouts of the messages that programs and servers
//! exchange. Data only. Facts from `l4re/include/protocols.h`, `consts.h` and the RPC framework in
//! `l4sys/include/cxx/ipc_*`. The kernel's own protocols are the siblings of this module.
//!
//! # Framing of an L4Re RPC
//!
//! A request is an IPC call whose tag label is the protocol number. Its untyped words are a byte
//! stream in the message registers: first the opcode as [`Opcode`] (4 bytes; the kernel's protocols
//! use a whole word instead, the page-fault, factory and debug protocols none), then each input
//! argument in declaration order, aligned to its own size. The stream is padded to whole words.
//!
//! - An array or string is its length as a word (in elements; a string counts its terminating 0),
//!   then the elements, aligned to theirs.
//! - A capability or flexpage argument is a typed item (two words) behind the untyped words.
//! - A receive window goes to the buffer registers, in order, with a 0 word behind the last.
//! - Optional arguments that are absent take no room.
//!
//! The reply's label is the return value: negative means an error (`-L4_E…`) and nothing else is to
//! be read. Otherwise the output arguments start at byte 0 of the message registers, packed by the
//! same rules and without an opcode, and the items follow them.

pub mod aux_vector;
pub mod dataspace;
pub mod dma_space;
pub mod env;
pub mod goos;
pub mod l4mod;
pub mod mem_alloc;
pub mod namespace;
pub mod parent;
pub mod rm;
pub mod sigma0;
pub mod vbe;

/// The integer type of an opcode in L4Re's user-level protocols (`L4::Opcode`).
pub type Opcode = i32;

/// Protocol (tag label) of [`dataspace`].
pub const PROTO_DATASPACE: i64 = 0x4000;
/// Protocol of [`namespace`].
pub const PROTO_NAMESPACE: i64 = 0x4001;
/// Protocol of [`parent`].
pub const PROTO_PARENT: i64 = 0x4002;
/// Protocol of [`goos`], a framebuffer.
pub const PROTO_GOOS: i64 = 0x4003;
/// Protocol of [`rm`], the region map.
pub const PROTO_RM: i64 = 0x4005;
/// Protocol of input event sources.
pub const PROTO_EVENT: i64 = 0x4006;
/// Protocol of inhibitor locks.
pub const PROTO_INHIBITOR: i64 = 0x4007;
/// Protocol of [`dma_space`].
pub const PROTO_DMA_SPACE: i64 = 0x4008;
/// Protocol of MMIO spaces.
pub const PROTO_MMIO_SPACE: i64 = 0x4009;
/// Protocol of the in-task service (signals and threads).
pub const PROTO_ITAS: i64 = 0x400a;
/// Protocol of [`mem_alloc`].
pub const PROTO_MEM_ALLOC: i64 = 0x400b;
/// Protocol of remote memory access.
pub const PROTO_REMOTE_ACCESS: i64 = 0x400c;
/// Protocol of the debug interface that servers offer.
pub const PROTO_DEBUG: i64 = !0x7fff;

/// Priority of a program's first thread unless its loader says otherwise (`L4RE_MAIN_THREAD_PRIO`).
pub const MAIN_THREAD_PRIO: u64 = 2;

/// Capability slots (indices, not selectors) in which the loader places a program's first
/// capabilities (`libloader/include/remote_app_model`).
pub mod slots {
    /// The program's own task.
    pub const TASK: u64 = 1;
    /// Kernel (or proxy) factory.
    pub const FACTORY: u64 = 2;
    /// The thread that the loader starts; in the end the program's main thread.
    pub const MAIN_THREAD: u64 = 3;
    /// Log.
    pub const LOG: u64 = 5;
    /// Scheduler or scheduler proxy.
    pub const SCHEDULER: u64 = 7;
    /// The region map outside the program that serves its l4re image.
    pub const EXTERNAL_RM: u64 = 0x10;
    /// Memory allocator: the user factory.
    pub const ALLOCATOR: u64 = 0x11;
    /// Historical name space slot.
    pub const NAMES: u64 = 0x12;
    /// Parent, which hears of the program's exit.
    pub const PARENT: u64 = 0x13;
    /// Dataspace of the kernel info page.
    pub const KIP: u64 = 0x14;
    /// Debugger events.
    pub const DEBUG_EVENTS: u64 = 0x15;
    /// First slot for the named capabilities of the environment.
    pub const FIRST_FREE: u64 = 0x16;
}
