//! What Furore's programs are written against: this page is the guide to it.
//!
//! # A program
//!
//! A program is a package that depends on this crate. Its `src/main.rs`:
//!
//! ```no_run
//! #![no_std]
//! #![no_main]
//! # extern crate std; // on the host, where this example is compiled
//! syscall::main!(main);
//!
//! fn main() {
//!     syscall::println!("Hello World!");
//! }
//! ```
//!
//! [`main!`] names the main function, which may return `()`, an exit code, or a [`Result`]; see
//! [`process`]. `alloc`'s collections work (`extern crate alloc;`), since there is a [`heap`]. What runs
//! before `main` is told in [`start`], what happens at a panic in [`process`].
//!
//! # Capabilities
//!
//! A program can do what it holds capabilities for, and nothing else. A capability is the number of a
//! slot, in the kernel's table for this task, that names an object. Here it is a [`Cap<T>`], where `T`
//! says what kind of object the program believes it to be; the object's operations are methods of that
//! type. [`Owned<T>`] is a capability that is given back when dropped.
//!
//! ```no_run
//! use syscall::{Result, env};
//!
//! fn interrupts() -> Result {
//!     // Made by the kernel, charged to the quota of this program's factory.
//!     let irq = env::factory().create_irq()?;
//!     irq.trigger()?;
//!     Ok(())
//! }
//! ```
//!
//! The first capabilities come from whoever started the program: [`env`](mod@env) has them by name, as the Lua
//! script gave them. Kernel objects are described in [`object`], those of L4Re's servers in [`l4re`].
//!
//! # Messages
//!
//! Every operation on an object is a message: protocol in the tag's label, opcode in the first word. Most
//! programs never see one. Those that need a request for which there is no method build an
//! [`ipc::Message`]; those that serve objects describe their requests once with [`interface!`], for both
//! sides, and run a [`server::Server`].
//!
//! # Threads, locks, time
//!
//! [`thread`], [`sync`] and [`time`] are as in Rust's standard library, except that making a thread can
//! fail by quota, and that a panic ends the program.
//!
//! # Errors
//!
//! What can fail returns [`Result`] with an [`Error`] that says which of L4Re's error codes it is, or how
//! the message failed. No function of this crate panics on what another program does.
//!
//! # Where what is
//!
//! | to do this | look at |
//! |---|---|
//! | print | [`println!`], [`io`] |
//! | find arguments, variables, capabilities | [`env`](mod@env) |
//! | share or map memory | [`memory`], [`l4re::dataspace`], [`l4re::rm`] |
//! | draw | [`framebuffer`], [`l4re::goos`] |
//! | start threads, wait, sleep | [`thread`], [`time`] |
//! | protect shared data, hand on values | [`sync`] |
//! | run code in another task, get interrupts as calls | [`vcpu`] |
//! | offer a service | [`server`], [`interface`](mod@interface) |
//! | make kernel objects | [`object::factory`] |
//! | handle interrupts | [`object::irq`], [`object::icu`] |
//! | write a boot server | [`boot`], [`boot_main!`] |
//! | know the bits | [`abi`], [`message`], [`arch`] |
//!
//! # Safety
//!
//! Methods of capabilities are safe functions, although an operation on the own task can take memory away
//! that Rust believes to be there. The task is what Rust runs on, as a process is for std: such operations
//! are outside of the language, like writing to `/proc/self/mem` there.
#![cfg_attr(target_os = "none", no_std)]

extern crate alloc;

pub use abi;

pub mod arch;
pub mod boot;
pub mod cap;
pub mod env;
pub mod error;
pub mod framebuffer;
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
pub mod start;
pub mod sync;
pub mod thread;
pub mod time;
pub mod vcpu;

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
