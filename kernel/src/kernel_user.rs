//! What lies in kernel-user memory beside UTCBs: states that a program and the kernel share.
#![allow(unsafe_code)] // vouches for what may lie in memory that programs write to

use crate::task::Task;
use abi::pf_trampoline::PfTrampoline;
use abi::vcpu::VcpuState;

/// A type that can lie in memory that a program changes at any time.
///
/// # Safety
/// It has atomic fields only, so that it is valid whatever is in the memory.
pub unsafe trait KernelUser: 'static {}

// SAFETY: it has atomic fields only.
unsafe impl KernelUser for VcpuState {}
// SAFETY: as above.
unsafe impl KernelUser for PfTrampoline {}

/// The state at `address` of the task's memory, if there is kernel-user memory for a whole one. It is to be used only
/// as long as the task is kept: the memory is freed with it.
pub fn at<T: KernelUser>(task: &Task, address: u64) -> Option<&'static T> {
    let memory = task.kernel_user_memory(address, size_of::<T>(), align_of::<T>())?;
    // SAFETY: there is memory for it, aligned, which is freed only with the task; what it holds is valid for the type.
    Some(unsafe { memory.cast().as_ref() })
}
