//! What bootstrap tells while it works: memory, modules, and the picture of what lies where.

use crate::console::{print, println};
use boot::{
    information::{Information, Protocol},
    layout::Layout,
    memory_map::{Entry, Kind, total_ram},
    modules::{self, Image},
    region::Owner,
};
use core::fmt;

/// A size in bytes, shown in KiB or MiB.
struct Size(u64);

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let tenths = |unit: u64| (self.0 / unit, self.0 % unit * 10 / unit);
        let ((whole, part), unit) = match self.0 {
            0..1024 => return write!(f, "{:>8} B  ", self.0),
            1024..0x10_0000 => (tenths(1 << 10), "KiB"),
            0x10_0000..0x4000_0000 => (tenths(1 << 20), "MiB"),
            _ => (tenths(1 << 30), "GiB"),
        };
        write!(f, "{whole:>6}.{part} {unit}")
    }
}

/// Who speaks, and who started it.
pub fn greeting(information: &Information) {
    println!("Furore bootstrap {}", env!("CARGO_PKG_VERSION"));
    let protocol = match information.protocol {
        Protocol::Multiboot1 => "Multiboot 1",
        Protocol::Multiboot2 => "Multiboot 2",
    };
    let loader = information.text(information.loader_name);
    println!("  started by {} ({protocol})", if loader.is_empty() { "a boot loader" } else { loader });
    println!("  command line: {}", information.text(information.command_line));
}

/// The memory map.
pub fn memory(map: &[Entry]) {
    println!("Memory map:");
    for entry in map {
        let Entry { start, end, kind } = entry;
        println!("  {start:>12x} - {:<12x} {}  {}", end - 1, Size(end - start), kind.name());
    }
    println!("  RAM in all: {}", Size(total_ram(map)));
}

/// The menu's modules as the loader left them.
pub fn module_list(information: &Information) {
    println!("Boot modules:");
    for (index, module) in information.modules.iter().enumerate() {
        let end = (module.start + module.size).saturating_sub(1);
        print!("  {:2} {:>8x} - {end:<8x} {}  {}", index + 1, module.start, Size(module.size), information.name(index));
        println!(" {}", information.arguments(index));
    }
}

/// Modules among the first three that go by another name.
pub fn unusual_names(information: &Information) {
    for (image, name) in modules::unusual_names(information) {
        println!("  note: \"{name}\" is taken for {}, by its position in the menu", image.name());
    }
}

/// The picture of what lies where when the kernel starts, highest address first, as memory is drawn.
pub fn layout(map: &[Entry], layout: &Layout<'_>) {
    println!("Memory layout:");
    for region in layout.regions.iter() {
        let rights = match region.owner {
            Owner::Moe(rights) => Rights(rights.0),
            _ => Rights(0),
        };
        println!(
            "  {:>12x} - {:<12x} {} {:9} {rights} {}",
            region.range.start,
            region.range.end - 1,
            Size(region.range.end - region.range.start),
            region.owner.name(),
            region.name
        );
    }
    let _ = (map, Kind::Ram);
}

struct Rights(u8);

impl fmt::Display for Rights {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (bit, letter) in [(4, 'r'), (2, 'w'), (1, 'x')] {
            write!(f, "{}", if self.0 & bit != 0 { letter } else { ' ' })?;
        }
        Ok(())
    }
}

/// The last words.
pub fn departure(information: &Information, layout: &Layout<'_>, rsdp: u64) {
    for image in [Image::Sigma0, Image::Moe] {
        println!("  {:6} starts at {:#x}", image.name(), layout.images[image as usize].entry);
    }
    println!("  kernel info page at {:#x}, ACPI root pointer at {rsdp:#x}", layout.kip);
    let entry = layout.images[Image::Kernel as usize].entry;
    println!("Starting {} at {entry:#x}", information.name(Image::Kernel as usize));
}
