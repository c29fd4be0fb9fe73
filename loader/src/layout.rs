//! Where things lie in a new task: addresses that the starter of a program chooses (L4Re's `libloader`).
//!
//! Data only. The program itself learns all of this from its environment (`l4re_env_t`) and its auxiliary
//! vector, never from these constants; capability slots and the default stack are `abi`'s.

use abi::PAGE_SIZE;

/// Rounds `value` up to a whole page; `None` when that leaves the address space.
pub const fn round_page(value: u64) -> Option<u64> {
    match value.checked_add(PAGE_SIZE as u64 - 1) {
        Some(sum) => Some(trunc_page(sum)),
        None => None,
    }
}

/// Rounds `value` down to the page it lies in.
pub const fn trunc_page(value: u64) -> u64 {
    value & !(PAGE_SIZE as u64 - 1)
}

/// First address tried for a position-independent program that is not given a base.
pub const PROGRAM_RELOCATION_BASE: u64 = 0x20_0000;
/// First address tried for a position-independent `l4re` image (`proc_default_reloc`).
pub const SERVICE_RELOCATION_BASE: u64 = 0xa000_0000;
/// Lowest address of the service's stack, where its image asks for no other.
pub const SERVICE_STACK_ADDRESS: u64 = 0xb100_0000;
/// Bytes of the service's stack, where its image asks for no other.
pub const SERVICE_STACK_SIZE: u64 = 0x1_0000;
/// Where the task's UTCB area starts.
pub const UTCB_AREA: u64 = 0xb300_0000;
/// log2 of the bytes of the UTCB area: four threads; more are added by `Task::add_ku_mem`.
pub const UTCB_AREA_ORDER: u8 = 12;
/// Where the kernel info page is attached, where the image's ELF file asks for no other place.
pub const KIP_ADDRESS: u64 = 0xb3f0_0000;
