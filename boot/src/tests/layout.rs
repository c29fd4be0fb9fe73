//! Plans: what is refused and why, and that carrying a plan out loses nothing.

use super::memory::elf;
use crate::{
    Failure,
    files::{check_sources, move_order},
    information::{Information, Protocol},
    kip,
    layout::{Layout, Request},
    memory_map::{Entry, Kind, MemoryMap, normalise},
    module_list,
    modules::Image,
    options::Options,
    region::Owner,
};
use abi::kip::MemType;
use abi::l4re::goos::{Component, PixelInfo};
use abi::l4re::vbe::ModeInfo;
use furore_elf::Elf;
use proptest::prelude::*;

const HIGH: u64 = 0xffff_ffff_8000_0000;
const MIB: u64 = 1 << 20;

fn map(mebibytes: u64) -> MemoryMap {
    normalise(&[
        Entry::new(0, 0x9_fc00, Kind::Ram),
        Entry::new(0x9_fc00, 0x400, Kind::Reserved),
        Entry::new(MIB, (mebibytes - 1) * MIB, Kind::Ram),
    ])
}

/// A menu whose modules lie behind bootstrap one after the other, with the sizes given.
fn menu(sizes: &[u64]) -> Information {
    let mut information = Information::new(Protocol::Multiboot1);
    information.command_line = information.keep(b"/bootstrap -serial").unwrap();
    let mut start = 0x13_0000;
    for (index, size) in sizes.iter().enumerate() {
        let line = ["/kernel -x", "/sigma0", "/moe rom/a.lua", "/l4re", "/ned"].get(index).copied().unwrap_or("/more");
        information.add_module(start, start + size, line.as_bytes()).unwrap();
        start = crate::page_up(start + size);
    }
    information
}

/// The usual three images.
fn images() -> [Vec<u8>; 3] {
    [elf(2, HIGH, 0x20_0000, 0x1_2345), elf(2, 0, 0x30_0000, 0x5000), elf(2, 0, 0x34_0000, 0x2_0000)]
}

fn plan<'a>(information: &'a Information, map: &[Entry], files: &'a [Vec<u8>; 3]) -> Result<Layout<'a>, Failure<'a>> {
    plan_with(information, map, files, None)
}

fn plan_with<'a>(
    information: &'a Information,
    map: &[Entry],
    files: &'a [Vec<u8>; 3],
    module_address: Option<u64>,
) -> Result<Layout<'a>, Failure<'a>> {
    let options = Options::default();
    let request = Request {
        information,
        map,
        bootstrap: 0x10_0000..0x13_0000,
        images: files.each_ref().map(|bytes| Elf::parse(bytes).unwrap()),
        module_address,
        module_list_size: module_list::size(information, &options),
        screen_size: 0x1001,
        copy_root_pointer: information.rsdp.is_some(),
    };
    request.plan()
}

const SIZES: [u64; 5] = [0x8000, 0x2000, 0x9000, 0x1_0001, 0x7_0000];

#[test]
fn ordinary_plan() {
    let (information, map, files) = (menu(&SIZES), map(128), images());
    let layout = plan(&information, &map, &files).unwrap();
    assert_eq!(layout.images[0].entry, HIGH + 0x20_0000);
    assert_eq!(layout.images[2].entry, 0x34_0000);
    assert_eq!(layout.kip, 0x1000);
    assert_eq!(layout.module_list.start, 0xa000);
    assert_eq!(*layout.destinations.last().unwrap(), 128 * MIB - 0x7_0000);
    assert_eq!(layout.destinations[3], 128 * MIB - 0x7_0000 - 0x1_1000);
}

#[test]
fn position_independent_images_find_a_place() {
    let (information, map) = (menu(&SIZES), map(128));
    let files = [elf(2, HIGH, 0x20_0000, 0x1_2345), elf(3, 0, 0x1000, 0x5000), elf(3, 0, 0, 0x2_0000)];
    let layout = plan(&information, &map, &files).unwrap();
    let [_, sigma0, moe] = layout.images;
    assert_eq!((sigma0.distance, sigma0.entry), (0x21_2000, 0x21_3000));
    assert_eq!((moe.distance, moe.entry), (0x21_8000, 0x21_8000));
    let files = [elf(3, 0, 0x20_0000, 0x1000), images()[1].clone(), images()[2].clone()];
    assert_eq!(plan(&information, &map, &files).unwrap_err(), Failure::NotFixed { module: "kernel" });
}

#[test]
fn images_in_the_way_of_each_other_are_named() {
    let (information, map) = (menu(&SIZES), map(128));
    let mut files = images();
    files[2] = elf(2, 0, 0x30_4fff, 0x10);
    let text = plan(&information, &map, &files).unwrap_err().to_string();
    assert!(text.contains("\"moe\" wants 0x304000..0x306000, which overlaps sigma0 at 0x300000..0x305000"), "{text}");
    files[2] = elf(2, 0, 0x12_0000, 0x10);
    let text = plan(&information, &map, &files).unwrap_err().to_string();
    assert!(text.contains("overlaps bootstrap at 0x100000..0x130000"), "{text}");
    files[2] = elf(2, 0, 0, 0x10);
    assert!(plan(&information, &map, &files).unwrap_err().to_string().contains("overlaps BIOS data"));
}

#[test]
fn images_outside_ram_are_refused() {
    let (information, map) = (menu(&SIZES), map(128));
    let mut files = images();
    files[1] = elf(2, 0, 0xa_0000, 0x1000);
    assert_eq!(
        plan(&information, &map, &files).unwrap_err(),
        Failure::NotRam { module: "sigma0", range: 0xa_0000..0xa_1000 }
    );
    files[1] = elf(2, 0, 5 << 32, 0x1000);
    assert!(matches!(plan(&information, &map, &files), Err(Failure::NotRam { .. })));
    files[1] = elf(2, 0, 200 * MIB, 0x1000);
    match plan(&information, &map, &files).unwrap_err() {
        Failure::TooLittleMemory { needed, available } => assert!(needed > 200 * MIB && available < 128 * MIB),
        other => panic!("{other}"),
    }
}

#[test]
fn too_little_memory_says_how_much() {
    let (information, files) = (menu(&SIZES), images());
    assert!(plan(&information, &map(6), &files).is_ok());
    for mebibytes in [2, 3, 4] {
        match plan(&information, &map(mebibytes), &files) {
            Err(Failure::TooLittleMemory { needed, available }) => assert!(needed > available && needed < 6 * MIB),
            other => panic!("{other:?}"),
        }
    }
    let failure = check_sources(&menu(&[8 * MIB]), &map(4)).unwrap_err();
    assert!(matches!(failure, Failure::TooLittleMemory { needed, .. } if needed > 9 * MIB));
    assert_eq!(check_sources(&information, &map(4)), Ok(()));
}

#[test]
fn modules_go_where_the_option_says() {
    let (information, map, files) = (menu(&SIZES), map(128), images());
    let layout = plan_with(&information, &map, &files, Some(32 * MIB + 1)).unwrap();
    assert_eq!(layout.destinations[..2], [32 * MIB + 0x1000, 32 * MIB + 0x9000]);
    for taken in [0, 0x9_f000, 0x1f_0000, 0x34_0000, 128 * MIB - 0x8000, 5 << 30, u64::MAX] {
        let failure = plan_with(&information, &map, &files, Some(taken)).unwrap_err();
        assert!(matches!(failure, Failure::ModuleAddress { .. }), "{taken:#x}");
        assert!(failure.to_string().contains("-modaddr="));
    }
}

#[test]
fn descriptors_tell_the_kernel_everything() {
    let (information, map, files) = (menu(&SIZES), map(128), images());
    let layout = plan(&information, &map, &files).unwrap();
    let descriptors = kip::memory_descriptors(&map, &layout).unwrap();
    let of = |kind| descriptors.iter().filter(|d| d.kind() == kind).map(|d| (d.start(), d.last())).collect::<Vec<_>>();
    assert_eq!(of(MemType::Conventional), [(0, 0x9_efff), (MIB, 128 * MIB - 1)]);
    assert_eq!(of(MemType::Reserved), [(0x1000, 0x9fff), (0xb000, 0xcfff), (0x20_0000, 0x21_2fff)]);
    assert_eq!(of(MemType::Dedicated), [(0x30_0000, 0x30_4fff)]);
    let modules = (128 * MIB - 0x8_1000, 128 * MIB - 1);
    assert_eq!(of(MemType::Bootloader), [(0xa000, 0xafff), (0x34_0000, 0x35_ffff), modules]);

    let mut page = [0xff; 4096];
    kip::write(&mut page, &layout, &descriptors, 0xf_59d0);
    let word = |at: usize| u64::from_le_bytes(page[at..at + 8].try_into().unwrap());
    assert_eq!(word(0) as u32, abi::kip::MAGIC);
    assert_eq!((word(0x10), word(0x18)), (0x30_0000, 0x34_0000));
    assert_eq!((word(0x30), word(0x40)), (0xf_59d0, layout.module_list.start));
    assert_eq!(word(0x58) as u32 as usize, descriptors.len());
    assert_eq!([word(0x100), word(0x108)], descriptors[0].words());
}

#[test]
fn module_list_is_l4mod() {
    let (information, map, files) = (menu(&SIZES), map(128), images());
    let layout = plan(&information, &map, &files).unwrap();
    let base = layout.module_list.start;
    let mut out = vec![0xff; (layout.module_list.end - base) as usize];
    let options = Options::parse(["-serial", "-comport=2"].into_iter(), |word, _| panic!("{word}"));
    module_list::write(&mut out, &information, &layout, &options);
    let word = |address: u64| {
        let at = (address - base) as usize;
        u64::from_le_bytes(out[at..at + 8].try_into().unwrap())
    };
    let text = |address: u64| {
        let bytes = &out[(address - base) as usize..];
        str::from_utf8(&bytes[..bytes.iter().position(|b| *b == 0).unwrap()]).unwrap()
    };
    assert_eq!(text(word(base + 8)), "/bootstrap -serial");
    assert_eq!(word(base + 24), 5);
    let entries: Vec<_> = (0..5).map(|i| word(base + 16) + i * 32).collect();
    assert_eq!(entries.iter().map(|&e| word(e)).collect::<Vec<_>>(), [1, 2, 3, 0, 0]);
    assert_eq!(text(word(entries[0] + 24)), "/kernel -x -serial -comport=0x2f8");
    assert_eq!(text(word(entries[2] + 24)), "/moe rom/a.lua");
    assert_eq!(word(entries[3] + 8), layout.destinations[3]);
    assert_eq!(word(entries[3] + 16), layout.destinations[3] + SIZES[3]);
    assert_eq!(word(entries[0] + 8), 0, "the kernel's file is gone");
    assert_eq!((word(base + 32), word(base + 40)), (0, 0), "there is no framebuffer");
}

#[test]
fn module_list_describes_the_framebuffer() {
    let (mut information, map, files) = (menu(&SIZES), map(128), images());
    let part = |shift| Component { size: 8, shift };
    let pixels = PixelInfo { red: part(16), green: part(8), blue: part(0), bytes_per_pixel: 4, ..Default::default() };
    let mode = console::Mode { address: 0x40_c000_0000, pitch: 4096, width: 1024, height: 768, pixels };
    information.framebuffer = mode.usable();
    let layout = plan(&information, &map, &files).unwrap();
    let base = layout.module_list.start;
    let mut out = vec![0xff; (layout.module_list.end - base) as usize];
    module_list::write(&mut out, &information, &layout, &Options::default());
    let word = |at: usize| u64::from_le_bytes(out[at..at + 8].try_into().unwrap());
    let (controller, info) = ((word(32) - base) as usize, (word(40) - base) as usize);
    assert_eq!(&out[controller..controller + 4], b"VESA");
    assert_eq!(out[controller + 18..controller + 20], [48, 0], "three MiB in pieces of 64 KiB");
    let info = ModeInfo::from_bytes(out[info..info + 256].try_into().unwrap());
    assert_eq!(console::Mode::from_vbe(&info), Some(mode));
    let line = (word(8) - base) as usize;
    assert!(out[line..].starts_with(b"/bootstrap -serial\0"));
}

#[test]
fn copied_root_pointer_has_a_page_of_its_own() {
    let (mut information, map, files) = (menu(&SIZES), map(128), images());
    information.rsdp = Some((*b"RSD PTR .").into_iter().collect());
    let layout = plan(&information, &map, &files).unwrap();
    let page = layout.root_pointer.unwrap();
    let descriptors = kip::memory_descriptors(&map, &layout).unwrap();
    let info = descriptors.iter().find(|d| d.kind() == MemType::Info).unwrap();
    assert_eq!((info.start(), info.last(), info.sub_type()), (page, page + 0xfff, abi::kip::INFO_ACPI_RSDP));
}

proptest! {
    #[test]
    fn moving_loses_nothing(
        gaps in prop::collection::vec((0u64..3, 0u64..3 * 4096), 3..12),
        base in 0u64..6, shift in 0u64..40,
    ) {
        // Sources anywhere (even unaligned), destinations packed as the planner packs them, before or behind.
        let mut information = Information::new(Protocol::Multiboot1);
        let mut at = base * 4096 + shift;
        for (gap, size) in &gaps {
            at += gap * 1000;
            information.add_module(at, at + size, b"m").unwrap();
            at += size;
        }
        let modules = &information.modules;
        let mut memory = vec![0u8; 64 * 4096];
        for (index, module) in modules.iter().enumerate() {
            memory[module.start as usize..][..module.size as usize].fill(index as u8 + 1);
        }
        let mut destination = shift * 4096 / 4;
        destination -= destination % 4096;
        let destinations: Vec<u64> = modules.iter().map(|m| {
            let place = destination;
            destination += crate::page_up(m.size);
            place
        }).collect();
        for index in move_order(modules, &destinations) {
            let (from, size) = (modules[index].start as usize, modules[index].size as usize);
            memory.copy_within(from..from + size, destinations[index] as usize);
        }
        for (index, module) in modules.iter().enumerate() {
            let moved = &memory[destinations[index] as usize..][..module.size as usize];
            prop_assert!(moved.iter().all(|byte| *byte == index as u8 + 1));
        }
    }

    #[test]
    fn nothing_planned_overlaps_or_leaves_ram(
        sizes in prop::collection::vec(1u64..0x20_0000, 5..12), mebibytes in 4u64..40, reserved in 0u64..0x2000,
    ) {
        let mut entries = map(mebibytes).to_vec();
        entries.push(Entry::new(reserved << 12, 0x3000, Kind::Reserved));
        let (information, map, files) = (menu(&sizes), normalise(&entries), images());
        let Ok(layout) = plan(&information, &map, &files) else { return Ok(()) };
        let regions: Vec<_> = layout.regions.iter().collect();
        for pair in regions.windows(2) {
            prop_assert!(pair[0].range.end <= pair[1].range.start);
        }
        for region in regions.iter().filter(|r| !matches!(r.owner, Owner::Firmware(_))) {
            let in_ram = |e: &Entry| e.kind == Kind::Ram && e.start <= region.range.start && region.range.end <= e.end;
            prop_assert!(map.iter().any(in_ram), "{:?}", region);
        }
        for image in Image::ALL {
            let file = layout.destinations[image as usize]..layout.destinations[image as usize] + sizes[image as usize];
            prop_assert!(layout.regions.overlapping(&file).is_none(), "file of {:?}", image);
        }
    }
}
