//! What Furore's programs are written against.
#![cfg_attr(target_os = "none", no_std)]

pub use abi;

pub mod arch;
pub mod cap;
pub mod error;
pub mod io;
pub mod ipc;
pub mod message;
pub mod object;
#[cfg(target_os = "none")]
mod panic;
#[cfg(target_os = "none")]
pub mod start;

pub use cap::{Cap, Kobject, Owned};
pub use error::{Code, Error, Result};
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
