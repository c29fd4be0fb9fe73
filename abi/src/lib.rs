//! The numbers and layouts of the kernel interface and of L4Re's user-level protocols.
//!
//! Data only: no system calls, no `unsafe`, no knowledge of kernel or user land, which both build on
//! it. Every number is written once, here; each file names the L4Re header that specifies it
//! (kernkonzept/l4re-core at b6f7495bb). One object, one file, the same name in `kernel` and `syscall`.
#![cfg_attr(not(test), no_std)]

pub mod cap;
mod codes;
pub mod debugger;
pub mod error;
pub mod exc_regs;
pub mod factory;
pub mod flexpage;
pub mod gate;
pub mod icu;
pub mod ipc;
pub mod irq;
pub mod item;
pub mod kip;
pub mod kobject;
pub mod l4re;
pub mod meta;
pub mod pf_trampoline;
pub mod platform_control;
pub mod protocol;
pub mod scheduler;
pub mod semaphore;
pub mod shared;
pub mod tag;
pub mod task;
pub mod thread;
pub mod timeout;
pub mod utcb;
pub mod vcon;
pub mod vcpu;

pub use cap::CapIndex;
pub use error::Error;
pub use flexpage::{Flexpage, FlexpageKind, Rights};
pub use ipc::IpcError;
pub use item::{BufferItem, MapItem};
pub use tag::Tag;
pub use timeout::{Timeout, Timeouts};
pub use utcb::Utcb;

/// Logarithm of the size of a page in bytes (`arch/consts.h`).
pub const PAGE_SHIFT: u8 = 12;
/// Size of a page in bytes.
pub const PAGE_SIZE: usize = 1 << PAGE_SHIFT;
/// Logarithm of the size of a superpage in bytes.
pub const SUPERPAGE_SHIFT: u8 = 21;
/// Size of a superpage in bytes.
pub const SUPERPAGE_SIZE: usize = 1 << SUPERPAGE_SHIFT;
