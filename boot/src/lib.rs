//! The pure half of bootstrap: everything that can be decided without touching the machine.
//!
//! The order of use is the order of the modules below: a boot loader's information is gathered into one
//! [`information::Information`], whoever the loader was; the memory map is put in order; the boot modules
//! are checked; a [`layout::Layout`] is planned that says what goes where. The binary (`main.rs`) then
//! only carries the plan out. All of this is tested on the host.
#![cfg_attr(not(test), no_std)]

pub mod contents;
pub mod failure;
pub mod files;
pub mod gzip;
pub mod information;
pub mod kip;
pub mod layout;
pub mod memory_map;
pub mod module_list;
pub mod modules;
pub mod multiboot1;
pub mod multiboot2;
pub mod options;
pub mod picture;
pub mod region;
pub mod rsdp;

#[cfg(test)]
mod tests;

pub use failure::Failure;

/// Size of a page in bytes.
pub const PAGE_SIZE: u64 = abi::PAGE_SIZE as u64;
/// The first address that bootstrap cannot reach: it maps, and loads into, the lowest 4 GiB.
pub const REACHABLE_END: u64 = 1 << 32;

/// Read access to physical memory. The machine implements it on its one-to-one mapping, tests on a vector.
pub trait PhysicalMemory {
    /// The `size` bytes at `address`, or `None` if they cannot be read.
    fn bytes(&self, address: u64, size: u64) -> Option<&[u8]>;

    /// The little-endian 32-bit word at `address`.
    fn u32(&self, address: u64) -> Option<u32> {
        self.bytes(address, 4)?.try_into().ok().map(u32::from_le_bytes)
    }

    /// The little-endian 64-bit word at `address`.
    fn u64(&self, address: u64) -> Option<u64> {
        self.bytes(address, 8)?.try_into().ok().map(u64::from_le_bytes)
    }
}

/// `address` rounded down to a page.
pub const fn page_down(address: u64) -> u64 {
    address & !(PAGE_SIZE - 1)
}

/// `address` rounded up to a page; saturates at the last page of the address space.
pub const fn page_up(address: u64) -> u64 {
    page_down(address.saturating_add(PAGE_SIZE - 1))
}
