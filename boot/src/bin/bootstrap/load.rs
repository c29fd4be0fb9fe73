//! Carries the plan out: moves the module files, loads the images, writes what the kernel gets.
//!
//! The only writes to memory outside bootstrap, all of them to places that the layout has set aside.
#![allow(unsafe_code)] // fills the memory that the layout names

use crate::{console, physical, start};
use abi::kip::MemDesc;
use boot::{
    Failure, PAGE_SIZE, PhysicalMemory, REACHABLE_END,
    files::{self, move_order},
    gzip::Gzip,
    information::{Information, Module},
    kip,
    layout::{Layout, Request},
    memory_map::Entry,
    module_list,
    modules::Image,
    options::Options,
    picture,
    rsdp::RootPointer,
};
use core::ops::Range;
use furore_elf::Elf;
use physical::Identity;

/// What the layout is planned from: checks the ELF files where the loader left them.
pub fn request<'m, 'a>(
    information: &'a Information,
    map: &'m [Entry],
    options: &Options,
    bootstrap: Range<u64>,
    root_pointer: &RootPointer,
) -> Result<Request<'m, 'a>, Failure<'a>> {
    let file = |image: Image| {
        let module = information.modules[image as usize];
        let bytes = Identity.bytes(module.start, module.size).unwrap_or_default();
        Elf::parse(bytes).map_err(|error| Failure::Elf { module: information.name(image as usize), error })
    };
    Ok(Request {
        information,
        map,
        bootstrap,
        images: [file(Image::Kernel)?, file(Image::Sigma0)?, file(Image::Moe)?],
        module_address: options.module_address,
        module_list_size: module_list::size(information, options),
        screen_size: console::size() as u64,
        copy_root_pointer: matches!(root_pointer, RootPointer::Copied(_)),
    })
}

/// Unpacks module `index` if it is compressed; what there is in its place then.
pub fn unpack<'a>(
    information: &'a Information,
    map: &[Entry],
    bootstrap: Range<u64>,
    index: usize,
) -> Result<Option<Module>, Failure<'a>> {
    let module = information.modules[index];
    let file = Identity.bytes(module.start, module.size).unwrap_or_default();
    let Some(gzip) = Gzip::parse(file) else { return Ok(None) };
    let broken = |error| Failure::Gzip { module: information.name(index), error };
    let gzip = gzip.map_err(broken)?;
    let size = gzip.unpacked_size();
    let room = files::room(information, map, bootstrap, size)?;
    // SAFETY: free RAM, by `room`.
    let out = unsafe { physical::claim(room.start, size) };
    gzip.unpack(out).map_err(broken)?;
    Ok(Some(Module { start: room.start, size, ..module }))
}

/// Moves all module files, then loads the first three.
pub fn carry_out<'a>(information: &'a Information, layout: &Layout<'_>) -> Result<(), Failure<'a>> {
    for index in move_order(&information.modules, &layout.destinations) {
        let module = information.modules[index];
        // SAFETY: the layout has set the destination aside, in an order that overwrites nothing unmoved.
        unsafe { physical::move_to_pages(module.start, layout.destinations[index], module.size) };
    }
    for image in Image::ALL {
        let index = image as usize;
        let bytes = Identity.bytes(layout.destinations[index], information.modules[index].size).unwrap_or_default();
        let elf = Elf::parse(bytes).map_err(|error| Failure::Elf { module: information.name(index), error })?;
        for segment in elf.load_segments() {
            let address = segment.physical_address.wrapping_add(layout.images[index].distance);
            // SAFETY: the layout has set the segment's pages aside; the file lies elsewhere.
            let memory = unsafe { physical::claim(address, segment.memory_size) };
            let (data, rest) = memory.split_at_mut(segment.data.len());
            data.copy_from_slice(segment.data);
            rest.fill(0);
        }
    }
    Ok(())
}

/// Fills all RAM that nobody has, as far as it can be reached.
pub fn fill(map: &[Entry], layout: &Layout<'_>, byte: u8) {
    picture::free(map, &layout.regions, |free| {
        let end = free.end.min(REACHABLE_END);
        if free.start < end {
            // SAFETY: RAM that the layout has given to nobody.
            unsafe { physical::claim(free.start, end - free.start) }.fill(byte);
        }
    });
}

/// Writes module list and kernel info page, and moves the screen's text; returns the address of the ACPI root pointer, or 0.
pub fn hand_on(
    information: &Information,
    layout: &Layout<'_>,
    descriptors: &[MemDesc],
    root_pointer: &RootPointer,
    options: &Options,
) -> u64 {
    let list = &layout.module_list;
    // SAFETY: set aside by the layout.
    let list = unsafe { physical::claim(list.start, list.end - list.start) };
    module_list::write(list, information, layout, options);
    let rsdp = match (root_pointer, layout.root_pointer) {
        (RootPointer::Firmware(address), _) => *address,
        (RootPointer::Copied(copy), Some(address)) => {
            // SAFETY: set aside by the layout.
            let page = unsafe { physical::claim(address, PAGE_SIZE) };
            page.fill(0);
            page[..copy.len()].copy_from_slice(copy);
            address
        }
        _ => 0,
    };
    // SAFETY: set aside by the layout, in the size that the console asked for.
    unsafe { console::hand_on(layout.screen) };
    // SAFETY: set aside by the layout.
    let page = unsafe { physical::claim(layout.kip, PAGE_SIZE) };
    if let Ok(page) = page.try_into() {
        kip::write(page, layout, descriptors, rsdp);
    }
    rsdp
}

/// Leaves bootstrap.
pub fn enter_kernel(layout: &Layout<'_>) -> ! {
    // SAFETY: the layout has set the pages aside; kernel and KIP were written before.
    unsafe { start::kernel(layout.start_pages, layout.kip, layout.screen, layout.images[Image::Kernel as usize].entry) }
}
