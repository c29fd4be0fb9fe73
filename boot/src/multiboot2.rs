//! Multiboot 2: the tags of GRUB's `multiboot2`/`module2`, read by crate `multiboot2`.

use crate::{
    Failure,
    information::{Information, Protocol},
    memory_map::{Entry, Kind},
    rsdp,
};
use arrayvec::ArrayVec;
use multiboot2::{BootInformation, MaybeDynSized, MemoryAreaType};

/// What EAX holds when a Multiboot 2 loader starts us.
pub const MAGIC: u32 = multiboot2::MAGIC;

/// Gathers what the tags tell.
///
/// # Errors
/// When they hold more than we have room for, or no string where there should be one.
pub fn gather(tags: &BootInformation<'_>) -> Result<Information, Failure<'static>> {
    const NO_STRING: Failure<'static> = Failure::LoaderInformation("a command line that is not text");
    let mut result = Information::new(Protocol::Multiboot2);

    if let Some(tag) = tags.boot_loader_name_tag() {
        result.loader_name = result.keep(tag.name().map_err(|_| NO_STRING)?.as_bytes())?;
    }
    if let Some(tag) = tags.command_line_tag() {
        result.command_line = result.keep(tag.cmdline().map_err(|_| NO_STRING)?.as_bytes())?;
    }
    for tag in tags.module_tags() {
        let line = tag.cmdline().map_err(|_| NO_STRING)?;
        result.add_module(tag.start_address().into(), tag.end_address().into(), line.as_bytes())?;
    }
    for area in tags.memory_map_tag().map(|tag| tag.memory_areas()).unwrap_or_default() {
        let kind = match area.typ() {
            MemoryAreaType::Available => Kind::Ram,
            MemoryAreaType::AcpiAvailable => Kind::AcpiTables,
            MemoryAreaType::ReservedHibernate => Kind::AcpiStorage,
            MemoryAreaType::Defective => Kind::Defective,
            MemoryAreaType::Reserved | MemoryAreaType::Custom(_) => Kind::Reserved,
        };
        result.add_memory(Entry::new(area.start_address(), area.size(), kind))?;
    }
    result.rsdp = root_pointer(tags);
    Ok(result)
}

/// The ACPI root pointer that a tag carries a copy of: the newer one if there are two.
fn root_pointer(tags: &BootInformation<'_>) -> Option<ArrayVec<u8, 36>> {
    let payload = match (tags.rsdp_v2_tag(), tags.rsdp_v1_tag()) {
        (Some(tag), _) => tag.payload(),
        (None, Some(tag)) => tag.payload(),
        (None, None) => return None,
    };
    payload.get(..rsdp::size(payload)?)?.try_into().ok()
}
