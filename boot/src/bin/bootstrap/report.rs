//! What bootstrap tells while it works: memory, modules, and the picture of what lies where.

use crate::console::{print, println};
use boot::{
    information::{Information, Protocol},
    layout::Layout,
    memory_map::{Entry, total_ram},
    modules::{self, Image},
    picture::{self, Size},
};

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
    match information.framebuffer {
        Some(mode) => {
            let ((columns, rows), bits) = (mode.text_size(), mode.pixels.bytes_per_pixel * 8);
            print!("  screen: {} x {} pixels of {bits} bits at {:#x}, ", mode.width, mode.height, mode.address);
            println!("{columns} x {rows} characters");
        }
        None => println!("  screen: VGA text"),
    }
}

/// The memory map.
pub fn memory(map: &[Entry]) {
    println!("Memory map:");
    for entry in map {
        let Entry { start, end, kind } = entry;
        println!("{start:>11x} - {:<10x} {}  {}", end - 1, Size(end - start), kind.name());
    }
    println!("  RAM in all {:>24}", Size(total_ram(map)));
}

/// The menu's modules as the loader left them.
pub fn modules(information: &Information) {
    println!("Boot modules:");
    for (index, module) in information.modules.iter().enumerate() {
        print!("  {:3} {:>8x} {}  {}", index + 1, module.start, Size(module.size), information.name(index));
        let arguments = information.arguments(index);
        if !arguments.is_empty() {
            print!(" {arguments}");
        }
        println!();
    }
    for position in modules::nameless(information) {
        println!("  note: module {position} has no name; with Multiboot 2 write it twice: module2 /hello hello");
    }
    for (position, later) in modules::shadowed(information) {
        println!("  note: modules {position} and {later} have the same name; in rom/ it is the latter's");
    }
}

/// A module that was compressed.
pub fn unpacked(name: &str, packed: u64, unpacked: u64) {
    println!("  unpacked {name}: {} to {}", Size(packed), Size(unpacked));
}

/// Modules among the first three that go by another name.
pub fn unusual_names(information: &Information) {
    for (image, name) in modules::unusual_names(information) {
        println!("  note: \"{name}\" is taken for {}, by its position in the menu", image.name());
    }
}

/// What lies where when the kernel starts.
pub fn layout(map: &[Entry], layout: &Layout<'_>) {
    println!("What lies where when the kernel starts:");
    println!("    address |   owner   |     size");
    picture::rows(map, &layout.regions, |row| println!("{row}"));
}

/// The last words; `rsdp` is the ACPI root pointer's address, or 0.
pub fn departure(information: &Information, layout: &Layout<'_>, rsdp: u64) {
    print!("Kernel info page at {:#x}, ", layout.kip);
    match rsdp {
        0 => {
            println!("no ACPI root pointer");
            println!("  note: power-off needs one, and all UEFI machines have it: put the commands");
            println!("  insmod loadbios, fakebios before multiboot in grub.cfg, or take multiboot2");
        }
        address => println!("ACPI root pointer at {address:#x}"),
    }
    for image in [Image::Sigma0, Image::Moe] {
        let placement = layout.images[image as usize];
        print!("Loaded {} with entry {:#x}", image.name(), placement.entry);
        match placement.distance {
            0 => println!(),
            distance => println!(" (moved by {distance:#x})"),
        }
    }
    let entry = layout.images[Image::Kernel as usize].entry;
    println!("Starting {} at {entry:#x}", information.name(Image::Kernel as usize));
}
