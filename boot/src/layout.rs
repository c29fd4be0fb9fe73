//! The plan of what goes where in physical memory.
//!
//! Kernel, sigma0 and moe go where their program headers say (position independent ones to a free
//! place), the module files to the top of the largest RAM below 4 GiB, KIP, start page tables, module
//! list and the screen's text to the lowest free pages. Nothing is written before the whole plan stands; two things never
//! overlap in it, and everything lies in RAM.

use crate::{
    Failure, PAGE_SIZE, REACHABLE_END, files,
    information::{Information, MAX_MODULES},
    memory_map::{Entry, Kind, total_ram},
    modules::{IMAGES, Image},
    page_down, page_up,
    region::{AddError, Owner, RegionList},
};
use abi::Rights;
use arrayvec::ArrayVec;
use core::ops::Range;
use furore_elf::Elf;

/// Pages for the page tables, descriptor table and stack that the kernel starts with.
pub const START_PAGES: u64 = 8;
/// The least memory that kernel and servers need beside what bootstrap loads, in bytes.
pub const WORKING_MEMORY: u64 = 1 << 20;
/// Position independent images go above this address, which leaves the first MiB to small things.
const RELOCATED_START: u64 = 0x20_0000;

/// Where an image goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Placement {
    /// What to add (wrapping) to the addresses in the file; 0 for an image with fixed addresses.
    pub distance: u64,
    /// The address to start it at.
    pub entry: u64,
}

/// The plan.
#[derive(Debug)]
pub struct Layout<'a> {
    /// All that will be taken when the kernel starts.
    pub regions: RegionList<'a>,
    /// Kernel, sigma0, moe.
    pub images: [Placement; IMAGES],
    /// For each module of the menu the address to move its file to.
    pub destinations: ArrayVec<u64, MAX_MODULES>,
    /// The page of the kernel info page.
    pub kip: u64,
    /// The first of [`START_PAGES`] pages.
    pub start_pages: u64,
    /// The pages of the module list.
    pub module_list: Range<u64>,
    /// The page for the copy of the ACPI root pointer, if it is to be copied.
    pub root_pointer: Option<u64>,
    /// The first page for what is on the screen.
    pub screen: u64,
}

/// What a plan is made from.
pub struct Request<'m, 'a> {
    /// The modules and their names.
    pub information: &'a Information,
    /// The memory map, in order.
    pub map: &'m [Entry],
    /// Where bootstrap itself lies.
    pub bootstrap: Range<u64>,
    /// Kernel, sigma0, moe.
    pub images: [Elf<'a>; IMAGES],
    /// Where the module files are to go, if not to the top of RAM.
    pub module_address: Option<u64>,
    /// Size in bytes of the module list with its strings.
    pub module_list_size: u64,
    /// Whether the ACPI root pointer is to be copied to a page of its own.
    pub copy_root_pointer: bool,
    /// Bytes of what is on the screen: the console's state with its cells.
    pub screen_size: u64,
}

impl<'a> Request<'_, 'a> {
    /// Makes the plan.
    ///
    /// # Errors
    /// If something overlaps something else, is not RAM, or there is too little memory.
    pub fn plan(&self) -> Result<Layout<'a>, Failure<'a>> {
        let mut layout = Layout {
            regions: RegionList::default(),
            images: [Placement::default(); IMAGES],
            destinations: ArrayVec::new(),
            kip: 0,
            start_pages: 0,
            module_list: 0..0,
            root_pointer: None,
            screen: 0,
        };
        self.add_firmware(&mut layout)?;
        // First what cannot go elsewhere, so that what can does not take its place.
        for kind in [furore_elf::Kind::Fixed, furore_elf::Kind::Relocatable] {
            for image in Image::ALL.into_iter().filter(|&i| self.images[i as usize].kind() == kind) {
                layout.images[image as usize] = self.place(image, &mut layout)?;
            }
        }
        layout.kip = self.allocate(&mut layout, PAGE_SIZE, Owner::Kernel, "kernel info page")?.start;
        layout.start_pages =
            self.allocate(&mut layout, START_PAGES * PAGE_SIZE, Owner::Kernel, "start page tables")?.start;
        layout.module_list =
            self.allocate(&mut layout, page_up(self.module_list_size), Owner::Moe(Rights::RWX), "module list")?;
        if self.copy_root_pointer {
            layout.root_pointer =
                Some(self.allocate(&mut layout, PAGE_SIZE, Owner::RootPointer, "ACPI root pointer")?.start);
        }
        layout.screen =
            self.allocate(&mut layout, page_up(self.screen_size), Owner::Kernel, "text on the screen")?.start;
        self.place_modules(&mut layout)?;
        Ok(layout)
    }

    /// The least memory that the menu needs, in bytes: up to the end of the highest image, then the modules.
    pub fn needed_memory(&self) -> u64 {
        let images = self.images.iter().map(|elf| elf.physical_range().end).max().unwrap_or(0);
        // An image may ask for the end of the address space.
        let images = page_up(images.max(self.bootstrap.end));
        images.saturating_add(files::total_size(&self.information.modules) + WORKING_MEMORY)
    }

    fn too_little_memory(&self) -> Failure<'a> {
        let available = total_ram(self.map);
        // The least is more than there is, even where the pieces of memory are in the way.
        Failure::TooLittleMemory { needed: self.needed_memory().max(available + PAGE_SIZE), available }
    }

    fn ram(&self) -> impl Iterator<Item = Range<u64>> {
        self.map.iter().filter(|e| e.kind == Kind::Ram).map(|e| page_up(e.start)..page_down(e.end))
    }

    fn add_firmware(&self, layout: &mut Layout<'a>) -> Result<(), Failure<'a>> {
        add(layout, 0..PAGE_SIZE, Owner::Firmware(0), "BIOS data")?;
        for entry in self.map.iter().filter(|e| e.kind != Kind::Ram) {
            let owner = match entry.kind {
                Kind::AcpiTables => Owner::Firmware(abi::kip::ARCH_ACPI_TABLES),
                Kind::AcpiStorage => Owner::Firmware(abi::kip::ARCH_ACPI_NVS),
                Kind::Defective => Owner::Defective,
                // E820's number for reserved memory, as L4Re's bootstrap hands it on.
                Kind::Ram | Kind::Reserved => Owner::Firmware(2),
            };
            add(layout, entry.start.max(PAGE_SIZE)..entry.end, owner, entry.kind.name())?;
        }
        add(layout, self.bootstrap.clone(), Owner::Bootstrap, "until the kernel runs")
    }

    /// Adds an image's regions to the plan.
    fn place(&self, image: Image, layout: &mut Layout<'a>) -> Result<Placement, Failure<'a>> {
        let (elf, module) = (&self.images[image as usize], self.information.name(image as usize));
        let distance = match (elf.kind(), image) {
            (furore_elf::Kind::Fixed, _) => 0,
            (furore_elf::Kind::Relocatable, Image::Kernel) => return Err(Failure::NotFixed { module }),
            (furore_elf::Kind::Relocatable, _) => {
                let wanted = elf.physical_range();
                let start = page_down(wanted.start);
                let bounds = RELOCATED_START..REACHABLE_END;
                let alignment = elf.alignment().clamp(PAGE_SIZE, 1 << 30);
                let place = layout.regions.find_free(page_up(wanted.end) - start, alignment, self.ram(), &bounds);
                place.ok_or_else(|| self.too_little_memory())?.start.wrapping_sub(start)
            }
        };
        for (range, rights) in pages(elf, distance) {
            let owner = match image {
                Image::Kernel => Owner::Kernel,
                Image::Sigma0 => Owner::Sigma0,
                Image::Moe => Owner::Moe(rights),
            };
            if !self.ram().any(|ram| ram.start <= range.start && range.end <= ram.end) {
                let beyond = self.ram().filter(|r| r.end <= REACHABLE_END).all(|ram| ram.end < range.end);
                return Err(if beyond && range.end <= REACHABLE_END {
                    self.too_little_memory()
                } else {
                    Failure::NotRam { module, range }
                });
            }
            layout.regions.add(range.clone(), owner, image.name()).map_err(|error| match error {
                AddError::Full => Failure::TooManyRegions,
                AddError::Overlaps(other) => {
                    let name = if other.owner == Owner::Bootstrap { "bootstrap" } else { other.name };
                    Failure::Overlap { module, range, other: name, other_range: other.range }
                }
            })?;
        }
        Ok(Placement { distance, entry: elf.entry().wrapping_add(distance) })
    }

    fn allocate(
        &self,
        layout: &mut Layout<'a>,
        size: u64,
        owner: Owner,
        name: &'static str,
    ) -> Result<Range<u64>, Failure<'a>> {
        let place = layout.regions.find_free(size, PAGE_SIZE, self.ram(), &(PAGE_SIZE..REACHABLE_END));
        let place = place.ok_or_else(|| self.too_little_memory())?;
        add(layout, place.clone(), owner, name)?;
        Ok(place)
    }

    /// All module files, at the top of the largest RAM or where the user wants them; the first three only until they are loaded.
    fn place_modules(&self, layout: &mut Layout<'a>) -> Result<(), Failure<'a>> {
        let modules = &self.information.modules;
        if let Some(address) = self.module_address {
            return self.put_modules(self.place_at(layout, address)?, layout);
        }
        let reachable = self.ram().map(|r| r.start..r.end.min(REACHABLE_END)).filter(|r| r.start < r.end);
        let home = reachable.max_by_key(|r| r.end - r.start).ok_or(Failure::NoMemory)?;
        let start = home.end.checked_sub(files::total_size(modules)).filter(|&start| start >= home.start);
        let start = start.ok_or_else(|| self.too_little_memory())?;
        let working_memory = start.saturating_sub(WORKING_MEMORY)..home.end;
        if layout.regions.overlapping(&working_memory).is_some() || working_memory.start < home.start {
            return Err(self.too_little_memory());
        }
        self.put_modules(start, layout)
    }

    /// The address for all module files that `-modaddr=` names, if there is room.
    fn place_at(&self, layout: &Layout<'a>, address: u64) -> Result<u64, Failure<'a>> {
        let start = page_up(address);
        let range = start..start.saturating_add(files::total_size(&self.information.modules));
        let is_ram = self.ram().any(|ram| ram.start <= range.start && range.end <= ram.end.min(REACHABLE_END));
        if is_ram && layout.regions.overlapping(&range).is_none() {
            Ok(start)
        } else {
            Err(Failure::ModuleAddress { range })
        }
    }

    /// Plans all module files from `start` on, in the order of their addresses.
    fn put_modules(&self, start: u64, layout: &mut Layout<'a>) -> Result<(), Failure<'a>> {
        let modules = &self.information.modules;
        layout.destinations.extend(modules.iter().map(|_| 0));
        let mut destination = start;
        for index in files::by_address(modules) {
            let size = modules[index].size;
            layout.destinations[index] = destination;
            if index >= IMAGES {
                let name = self.information.name(index);
                add(layout, destination..destination + page_up(size), Owner::Moe(Rights::RWX), name)?;
            }
            destination += page_up(size);
        }
        Ok(())
    }
}

/// Adds what can only be in the way of another when the plan itself is wrong or the map absurd.
fn add<'a>(layout: &mut Layout<'a>, range: Range<u64>, owner: Owner, name: &'a str) -> Result<(), Failure<'a>> {
    let module = if owner == Owner::Bootstrap { "bootstrap" } else { name };
    layout.regions.add(range.clone(), owner, name).map_err(|error| match error {
        AddError::Full => Failure::TooManyRegions,
        AddError::Overlaps(other) => Failure::Overlap { module, range, other: other.name, other_range: other.range },
    })
}

/// The pages that an image takes, sorted; segments that share a page become one piece with the rights of both.
fn pages(elf: &Elf<'_>, distance: u64) -> ArrayVec<(Range<u64>, Rights), { furore_elf::MAX_LOAD_SEGMENTS }> {
    let mut pieces: ArrayVec<(Range<u64>, Rights), { furore_elf::MAX_LOAD_SEGMENTS }> = ArrayVec::new();
    for segment in elf.load_segments() {
        let range = segment.physical_range();
        let start = page_down(range.start.wrapping_add(distance));
        let bits =
            [(segment.rights.read, Rights::R), (segment.rights.write, Rights::W), (segment.rights.execute, Rights::X)];
        let rights = bits.iter().filter(|(has, _)| *has).fold(0, |sum, (_, right)| sum | right.0);
        pieces.push((start..page_up(start.saturating_add(range.end - page_down(range.start))), Rights(rights)));
    }
    pieces.sort_unstable_by_key(|(range, _)| range.start);
    let mut joined: ArrayVec<(Range<u64>, Rights), { furore_elf::MAX_LOAD_SEGMENTS }> = ArrayVec::new();
    for (range, rights) in pieces {
        match joined.last_mut() {
            Some((last, of_both)) if range.start < last.end => {
                last.end = last.end.max(range.end);
                of_both.0 |= rights.0;
            }
            _ => joined.push((range, rights)),
        }
    }
    joined
}
