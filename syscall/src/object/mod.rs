//! Kernel objects: one file per object, named as in `abi` and in the kernel. Each defines a marker
//! type for [`Cap`](crate::Cap) and the object's operations as methods of that capability.

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
