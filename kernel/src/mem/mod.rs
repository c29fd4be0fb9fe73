//! The kernel's own memory: physical frames, who pays for them, and typed slabs made of them.
//!
//! [`FrameAllocator`] hands out frames by physical address, [`KernelMemory`] says where the kernel
//! sees them, [`Slab`] cuts them into objects, and [`Quota`] keeps account of both.

mod frame;
mod kernel_memory;
mod quota;
mod slab;

pub use frame::{FrameAllocator, FrameInfo, MAX_ORDER};
pub use kernel_memory::KernelMemory;
pub use quota::{OutOfQuota, Quota};
pub use slab::Slab;

/// Bytes in a frame, the unit of physical memory.
pub const FRAME_SIZE: u64 = 1 << FRAME_SHIFT;
/// Binary logarithm of [`FRAME_SIZE`].
pub const FRAME_SHIFT: u32 = 12;

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
mod tests;
