//! What Furore's programs are written against.
#![cfg_attr(target_os = "none", no_std)]

extern crate alloc;

pub use abi;

pub mod arch;
pub mod boot;
pub mod cap;
pub mod env;
pub mod error;
pub mod heap;
pub mod interface;
pub mod io;
pub mod ipc;
pub mod l4re;
pub mod memory;
pub mod message;
pub mod object;
#[cfg(target_os = "none")]
mod panic;
pub mod process;
pub mod server;
pub mod stack;
#[cfg(target_os = "none")]
pub mod start;
pub mod sync;
pub mod thread;
pub mod time;

pub use cap::{Cap, Kobject, Owned};
pub use error::{Code, Error, Result};
pub use l4re::{dataspace::Dataspace, mem_alloc::MemAlloc, namespace::Namespace, parent::Parent, rm::Rm};
pub use object::{
    debugger::Debugger,
    factory::Factory,
    gate::Gate,
    icu::Icu,
    irq::Irq,
    platform_control::PlatformControl,
    scheduler::Scheduler,
    semaphore::Semaphore,
    task::Task,
    thread::Thread,
    vcon::{Log, Vcon},
};
