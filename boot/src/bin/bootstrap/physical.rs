//! Physical memory as bootstrap sees it: the first 4 GiB, mapped one to one.
#![allow(unsafe_code)] // addresses become references here, and nowhere else in bootstrap

use boot::{PhysicalMemory, REACHABLE_END};

/// Reads anywhere below 4 GiB. What is read this way must not be written while it is borrowed, which
/// `main` sees to: it copies what loaders left before it moves the first byte.
pub struct Identity;

impl PhysicalMemory for Identity {
    fn bytes(&self, address: u64, size: u64) -> Option<&[u8]> {
        let end = address.checked_add(size)?;
        if address == 0 || end > REACHABLE_END {
            return None;
        }
        // SAFETY: the first 4 GiB are mapped (entry.s), and any bytes are valid u8.
        Some(unsafe { core::slice::from_raw_parts(address as *const u8, size as usize) })
    }
}

/// How many bits a physical address has on this processor.
pub fn address_bits() -> u32 {
    const LONG_MODE_ADDRESSES: u32 = 0x8000_0008;
    // Processors that do not say it have the first ones' 36.
    match core::arch::x86_64::__cpuid(0x8000_0000).eax {
        LONG_MODE_ADDRESSES.. => core::arch::x86_64::__cpuid(LONG_MODE_ADDRESSES).eax & 0xff,
        _ => 36,
    }
}

/// The memory at `address`, to be filled.
///
/// # Safety
/// The range is RAM below 4 GiB that the layout has set aside and no other reference covers.
pub unsafe fn claim<'a>(address: u64, size: u64) -> &'a mut [u8] {
    // SAFETY: mapped (entry.s); exclusive by the caller's promise.
    unsafe { core::slice::from_raw_parts_mut(address as *mut u8, size as usize) }
}

/// Copies `size` bytes, which may overlap, and fills the rest of the last page with zeros.
///
/// # Safety
/// Both ranges are RAM below 4 GiB, the destination in whole pages set aside by the layout; no reference
/// covers it.
pub unsafe fn move_to_pages(from: u64, to: u64, size: u64) {
    let padding = boot::page_up(size) - size;
    // SAFETY: mapped (entry.s); the caller has set the destination aside.
    unsafe {
        core::ptr::copy(from as *const u8, to as *mut u8, size as usize);
        core::ptr::write_bytes((to + size) as *mut u8, 0, padding as usize);
    }
}

/// The tags that a Multiboot 2 loader left at `address`, if they are whole.
pub fn multiboot2_tags<'a>(address: u32) -> Option<multiboot2::BootInformation<'a>> {
    let total_size = Identity.u32(address.into())?;
    Identity.bytes(address.into(), total_size.into())?;
    // SAFETY: the structure lies below 4 GiB, which is mapped; it is only read until it has been copied.
    unsafe { multiboot2::BootInformation::load(address as *const _) }.ok()
}
