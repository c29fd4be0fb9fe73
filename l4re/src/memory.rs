//! The program's memory, which is also the service's: one task, one address space.
#![allow(unsafe_code)] // reads and writes the program's memory by its addresses

use abi::l4re::aux_vector::{self, L4Aux};

/// What the starter says about the program to load.
pub fn l4_aux() -> Option<&'static L4Aux> {
    let address = syscall::env::auxiliary(aux_vector::L4_AUX)?;
    // SAFETY: the starter has put it on the initial stack, which stays and is not written to.
    unsafe { core::ptr::with_exposed_provenance::<L4Aux>(address as usize).as_ref() }
}

/// The word at `address`, a multiple of 8 in a page that has just been mapped readable. A page that its
/// dataspace takes back in between faults to the region map outside, which stops this thread, no more.
pub fn word(address: u64) -> u64 {
    // SAFETY: the caller has mapped the page and checked the alignment; any bytes are a valid word.
    unsafe { core::ptr::with_exposed_provenance::<u64>(address as usize).read_volatile() }
}

/// Writes `bytes` at `address`, in pages that have just been mapped writable and that no thread uses yet.
pub fn write(address: u64, bytes: &[u8]) {
    let target = core::ptr::with_exposed_provenance_mut::<u8>(address as usize);
    // SAFETY: the caller has mapped the pages for the new program, which has no thread yet; `bytes` lies in
    // the service's own memory.
    unsafe { core::ptr::copy_nonoverlapping(bytes.as_ptr(), target, bytes.len()) }
}

/// The `size` bytes at `address`, attached read-only to the region map outside and never detached.
pub fn attached(address: u64, size: usize) -> &'static [u8] {
    let start = core::ptr::with_exposed_provenance::<u8>(address as usize);
    // SAFETY: the region stays, its pages come from the region map outside, and a file's dataspace is
    // read-only for everybody.
    unsafe { core::slice::from_raw_parts(start, size) }
}
