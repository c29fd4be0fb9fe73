//! L4Re's objects, as the servers moe, ned and l4re offer them: one file per object, named as in
//! [`abi::l4re`]. As with the kernel's objects, each is a marker type for [`Cap`](crate::Cap) and
//! methods of that capability.

pub mod dataspace;
pub mod mem_alloc;
pub mod namespace;
pub mod parent;
pub mod rm;
pub mod sigma0;
