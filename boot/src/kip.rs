//! Bootstrap's half of the kernel info page: memory descriptors, entry points, module list.

use crate::{
    Failure, PAGE_SIZE,
    layout::Layout,
    memory_map::{Entry, Kind},
    modules::Image,
    page_down, page_up,
};
use abi::kip::{Kip, MAGIC, MEM_DESCS_MAX, MEM_DESCS_OFFSET, MemDesc, MemType, VERSION_FIASCO};
use arrayvec::ArrayVec;
use core::mem::offset_of;

/// Descriptors that are left for the kernel to add.
const KEPT_FOR_KERNEL: usize = 16;

/// The memory descriptors: RAM first, then all that is taken of it. Neighbours of one kind become one.
///
/// # Errors
/// [`Failure::TooManyRegions`] if they do not fit.
pub fn memory_descriptors(
    map: &[Entry],
    layout: &Layout<'_>,
) -> Result<ArrayVec<MemDesc, MEM_DESCS_MAX>, Failure<'static>> {
    let mut result: ArrayVec<MemDesc, MEM_DESCS_MAX> = ArrayVec::new();
    let mut push = |desc: MemDesc| {
        if let Some(last) = result.last_mut() {
            let same = last.kind() == desc.kind() && last.sub_type() == desc.sub_type();
            if same && last.last().wrapping_add(1) == desc.start() {
                *last = MemDesc::new(last.start(), desc.last(), desc.kind(), desc.sub_type());
                return Ok(());
            }
        }
        if result.len() + KEPT_FOR_KERNEL >= MEM_DESCS_MAX {
            return Err(Failure::TooManyRegions);
        }
        result.push(desc);
        Ok(())
    };
    for entry in map.iter().filter(|e| e.kind == Kind::Ram) {
        let (start, end) = (page_up(entry.start), page_down(entry.end));
        if start < end {
            push(MemDesc::new(start, end - 1, MemType::Conventional, 0))?;
        }
    }
    for region in layout.regions.iter() {
        let Some((kind, sub_type)) = region.owner.descriptor() else { continue };
        push(MemDesc::new(page_down(region.range.start), region.range.end - 1, kind, sub_type))?;
    }
    Ok(result)
}

/// Writes the page that the kernel gets. `rsdp` is the address of the ACPI root pointer, or 0.
///
/// # Panics
/// Never: the page is larger than what is written, which the types fix.
pub fn write(page: &mut [u8; PAGE_SIZE as usize], layout: &Layout<'_>, descriptors: &[MemDesc], rsdp: u64) {
    page.fill(0);
    let mut put = |offset: usize, bytes: &[u8]| page[offset..offset + bytes.len()].copy_from_slice(bytes);
    put(offset_of!(Kip, magic), &MAGIC.to_le_bytes());
    put(offset_of!(Kip, version), &VERSION_FIASCO.to_le_bytes());
    put(offset_of!(Kip, sigma0_ip), &layout.images[Image::Sigma0 as usize].entry.to_le_bytes());
    put(offset_of!(Kip, root_ip), &layout.images[Image::Moe as usize].entry.to_le_bytes());
    put(offset_of!(Kip, acpi_rsdp_addr), &rsdp.to_le_bytes());
    put(offset_of!(Kip, user_ptr), &layout.module_list.start.to_le_bytes());
    put(offset_of!(Kip, mem_descs), &(MEM_DESCS_OFFSET as u32).to_le_bytes());
    put(offset_of!(Kip, mem_descs_num), &(descriptors.len() as u32).to_le_bytes());
    for (index, descriptor) in descriptors.iter().enumerate() {
        for (word, value) in descriptor.words().into_iter().enumerate() {
            put(MEM_DESCS_OFFSET + index * size_of::<MemDesc>() + word * 8, &value.to_le_bytes());
        }
    }
}
