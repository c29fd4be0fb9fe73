//! L4Re's objects, as the servers moe, ned and l4re offer them: one file per object, named as in
//! [`abi::l4re`]. As with the kernel's objects, each is a marker type for [`Cap`](crate::Cap) and
//! methods of that capability.
//!
//! ```no_run
//! use syscall::{Result, env, l4re::rm::{Attach, flags}};
//!
//! fn a_page_of_memory() -> Result<u64> {
//!     let dataspace = env::mem_alloc().allocate(4096)?;
//!     let address = env::rm().attach(Attach::new(dataspace.cap(), 4096, flags::RW))?;
//!     dataspace.leak(); // the region goes on to need it
//!     Ok(address)
//! }
//! ```

pub mod dataspace;
pub mod goos;
pub mod mem_alloc;
pub mod namespace;
pub mod parent;
pub mod rm;
pub mod sigma0;
