//! Kernel objects: one file per object, named as in `abi` and in the kernel. Each defines a marker
//! type for [`Cap`](crate::Cap) and the object's operations as methods of that capability.
//!
//! ```no_run
//! use syscall::{Icu, Result, env, ipc::Timeouts, thread};
//!
//! /// Waits for a key of the keyboard, whose interrupt has line 1.
//! fn wait_for_a_key() -> Result {
//!     let irq = env::factory().create_irq()?;
//!     irq.bind_thread(thread::current().cap(), 0)?;
//!     env::cap::<Icu>("icu")?.bind(1, irq.cap())?;
//!     irq.receive(Timeouts::NEVER)
//! }
//! ```

pub mod debugger;
pub mod factory;
pub mod gate;
pub mod icu;
pub mod irq;
pub mod platform_control;
pub mod scheduler;
pub mod semaphore;
pub mod task;
pub mod thread;
pub mod vcon;
