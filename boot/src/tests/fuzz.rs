//! All that firmware, loaders and files can hand to bootstrap, mutated, all the way from the first byte that is read to the pages that the kernel
//! gets. Nothing panics, and what is planned lies in RAM and over nothing else. `corpus/` has the inputs to start from, and those
//! that something was wrong with.
#![allow(unsafe_code)] // crate multiboot2 reads through a pointer

use super::memory::{Memory, elf};
use crate::{
    Failure, PAGE_SIZE, contents, files,
    gzip::Gzip,
    information::Information,
    kip,
    layout::{Layout, Request},
    memory_map::{Entry, Kind, with_options},
    module_list, modules, multiboot1, multiboot2,
    options::Options,
    picture,
    region::Owner,
    rsdp,
};
use furore_elf::Elf;
use furore_mutate::fuzz;
use std::path::PathBuf;

/// Where bootstrap lies.
const BOOTSTRAP: std::ops::Range<u64> = 0x10_0000..0x16_2000;
/// Where a Multiboot 1 structure and all that it points to lie.
const STRUCTURE: u64 = 0x1000;

fn corpus(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name)
}

/// Everything that bootstrap does with what a loader told.
fn boot(information: &Information) {
    let mut text = String::new();
    for index in 0..information.modules.len() {
        text += information.name(index);
        text += information.arguments(index);
    }
    let options = Options::parse(information.options(), |word, advice| text.extend([word, advice]));
    let map = with_options(&information.memory, &options, 48);
    check_map(&map);
    let _ = modules::check(information);
    let _ = files::room(information, &map, BOOTSTRAP, 0x5000);
    if let Err(failure) = files::check_sources(information, &map) {
        text += &failure.to_string();
        return;
    }
    // The images come from elsewhere, so that plans get beyond their checks.
    let images =
        [elf(2, 0xffff_ffff_8000_0000, 0x20_0000, 0x1_2345), elf(3, 0, 0, 0x5000), elf(2, 0, 0x34_0000, 0x2_0000)];
    let request = Request {
        information,
        map: &map,
        bootstrap: BOOTSTRAP,
        images: images.each_ref().map(|bytes| Elf::parse(bytes).unwrap()),
        module_address: options.module_address,
        module_list_size: module_list::size(information, &options),
        copy_root_pointer: information.rsdp.is_some(),
        screen_size: 0x3000,
    };
    match request.plan() {
        Ok(layout) => check_layout(information, &options, &map, &layout),
        Err(failure) => text += &failure.to_string(),
    }
}

fn check_map(map: &[Entry]) {
    assert!(map.iter().all(|entry| entry.start < entry.end));
    assert!(map.windows(2).all(|pair| pair[0].end <= pair[1].start));
}

fn check_layout(information: &Information, options: &Options, map: &[Entry], layout: &Layout<'_>) {
    let regions: Vec<_> = layout.regions.iter().collect();
    assert!(regions.windows(2).all(|pair| pair[0].range.end <= pair[1].range.start));
    let in_ram = |range: &std::ops::Range<u64>| {
        map.iter().any(|e| e.kind == Kind::Ram && e.start <= range.start && range.end <= e.end)
    };
    for region in &regions {
        // Where bootstrap itself lies was the loader's choice.
        let is_planned = !matches!(region.owner, Owner::Firmware(_) | Owner::Defective | Owner::Bootstrap);
        assert!(!is_planned || in_ram(&region.range), "{region:?}");
    }
    let mut drawn = String::new();
    picture::rows(map, &layout.regions, |row| drawn += &row.to_string());
    picture::free(map, &layout.regions, |free| assert!(in_ram(&free) && layout.regions.overlapping(&free).is_none()));
    let mut list = vec![0; (layout.module_list.end - layout.module_list.start) as usize];
    module_list::write(&mut list, information, layout, options);
    assert_eq!(files::move_order(&information.modules, &layout.destinations).len(), information.modules.len());
    if let Ok(descriptors) = kip::memory_descriptors(map, layout) {
        kip::write(&mut [0; PAGE_SIZE as usize], layout, &descriptors, 0);
        assert!(descriptors.iter().all(|descriptor| descriptor.start() <= descriptor.last()));
    }
}

#[test]
fn multiboot1_structures() {
    fuzz(&corpus("multiboot1"), 6000, |input| {
        let memory = Memory { base: STRUCTURE, bytes: input.to_vec() };
        if let Ok(information) = multiboot1::gather(&memory, STRUCTURE) {
            boot(&information);
        }
    });
}

#[test]
fn multiboot2_tags() {
    fuzz(&corpus("multiboot2"), 6000, |input| {
        let mut words: Vec<u64> = input
            .chunks(8)
            .map(|c| u64::from_le_bytes(std::array::from_fn(|i| c.get(i).copied().unwrap_or(0))))
            .collect();
        if words.is_empty() {
            return;
        }
        // That there is as much as the first word says, `physical.rs` has checked.
        words[0] = words[0] & !0xffff_ffff | (words.len() * 8) as u64;
        // SAFETY: aligned, and as long as it says.
        if let Ok(tags) = unsafe { ::multiboot2::BootInformation::load(words.as_ptr().cast()) }
            && let Ok(information) = multiboot2::gather(&tags)
        {
            boot(&information);
        }
    });
}

#[test]
fn contents_of_images() {
    fuzz(&corpus("contents"), 10_000, |input| {
        let mut information = Information::new(crate::information::Protocol::Multiboot1);
        match contents::add(&mut information, BOOTSTRAP.end, input) {
            Ok(()) => boot(&information),
            Err(failure) => {
                assert!(matches!(failure, Failure::Contents | Failure::TextTooLong | Failure::TooManyModules))
            }
        }
    });
}

#[test]
fn gzip_files() {
    fuzz(&corpus("gzip"), 10_000, |input| {
        if let Some(Ok(gzip)) = Gzip::parse(input) {
            let mut out = vec![0; gzip.unpacked_size() as usize];
            let _ = gzip.unpack(&mut out);
        }
    });
}

#[test]
fn root_pointers() {
    fuzz(&corpus("rsdp"), 200, |input| {
        let mut memory = Memory::new(0x400, 0x10_0000);
        memory.put(0x40e, input.first_chunk::<2>().unwrap_or(&[0; 2]));
        memory.put(0xf_0000, &input[..input.len().min(0x400)]);
        let ram = [Entry::new(0, 0x9_f000, Kind::Ram)];
        let _ = rsdp::choose(&memory, &ram, rsdp::intact(input).as_ref());
    });
}

/// Writes the corpus to start from; the files are committed, and this is how they came to be.
#[test]
#[ignore = "writes files; run it when the corpus is to change"]
fn make_corpus() {
    use super::gather::{multiboot2 as tags, root_pointer, tag};
    use super::memory::multiboot1 as structure;
    let put = |folder: &str, name: &str, bytes: &[u8]| {
        std::fs::create_dir_all(corpus(folder)).unwrap();
        std::fs::write(corpus(folder).join(name), bytes).unwrap();
    };
    type Map<'a> = &'a [(u64, u64, u32)];
    let maps: [(&str, Map<'_>); 6] = [
        ("qemu", &[(0, 0x9_fc00, 1), (0x9_fc00, 0x400, 2), (0x10_0000, 0x7ee_0000, 1), (0x7fe_0000, 0x2_0000, 2)]),
        (
            "above-4g",
            &[(0, 0x9_fc00, 1), (0x10_0000, 0xbfed_0000, 1), (1 << 32, 5 << 30, 1), (0xfd_0000_0000, 3 << 32, 2)],
        ),
        // Unsorted, overlapping, of no length, to the end of the address space.
        (
            "unruly",
            &[
                (0x70_0000, 0x100_0000, 1),
                (0x10_0000, 0x700_0000, 1),
                (0x50_0000, 0, 2),
                (0, 0x9_f000, 1),
                (0x300_0000, 0x1000, 2),
                (u64::MAX - 0xfff, 0x1000, 2),
                (u64::MAX, u64::MAX, 1),
            ],
        ),
        // Reserved entries all over RAM, as laptops have them.
        (
            "laptop",
            &[
                (0, 0x5_8000, 1),
                (0x5_8000, 0x1000, 2),
                (0x5_9000, 0x4_5000, 1),
                (0x9_e000, 0x6_2000, 2),
                (0x10_0000, 0x3ff0_0000, 1),
                (0x4000_0000, 0x40_0000, 2),
                (0x4040_0000, 0x3000_0000, 1),
                (0x7040_0000, 0x9_0000, 4),
                (0x7049_0000, 0x1_0000, 3),
                (0x704a_0000, 0x1000, 5),
                (0x704a_1000, 0x1f_f000, 20),
                (1 << 32, 0x7e00_0000, 1),
            ],
        ),
        ("least", &[(0, 0x9_fc00, 1), (0x10_0000, 0x50_0000, 1)]),
        (
            "hole",
            &[(0, 0xa_0000, 1), (0x10_0000, 0xe0_0000, 1), (0xf0_0000, 0x10_0000, 2), (0x100_0000, 0x700_0000, 1)],
        ),
    ];
    let modules: [(u32, u32, &str); 7] = [
        (0x16_3000, 0x18_d000, "/kernel -wait"),
        (0x18_d000, 0x19_b000, "/sigma0"),
        (0x19_b000, 0x1c_e000, "/moe rom/hello.lua -x"),
        (0x1c_e000, 0x1f_b000, "/l4re"),
        (0x1f_b000, 0x28_9000, "/ned"),
        (0x28_9000, 0x28_9062, "/hello.lua"),
        (0x28_a000, 0x29_5000, "/hello.gz one two"),
    ];
    let options = "-serial -comport=2 -maxmem=96 -mem=64M@1M -mem=512K@0 -modaddr=0x2000000 -nonsense";
    for (name, map) in maps {
        put("multiboot1", name, &structure(&modules, map).bytes[..0x5400]);
        let mut mmap = [24u32.to_le_bytes(), [0; 4]].concat();
        for (start, length, kind) in map {
            mmap.extend([start.to_le_bytes(), length.to_le_bytes(), u64::from(*kind).to_le_bytes()].concat());
        }
        let mut all = vec![tag(1, options.as_bytes()), tag(2, b"GRUB 2.06\0"), tag(6, &mmap), tag(15, &root_pointer())];
        for (start, end, line) in modules {
            let line = [line.as_bytes(), b"\0"].concat();
            all.push(tag(3, &[&start.to_le_bytes()[..], &end.to_le_bytes(), &line].concat()));
        }
        let words = tags(&all);
        put("multiboot2", name, &words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>());
    }
    // The same as the first with a framebuffer.
    let (_, map) = maps[0];
    let mut with_framebuffer = structure(&modules, map);
    with_framebuffer.put_u32(STRUCTURE, 1 << 2 | 1 << 3 | 1 << 6 | 1 << 9 | 1 << 12);
    let numbers = [0xfd00_0000, 0, 4096, 1024, 768].map(u32::to_le_bytes).concat();
    with_framebuffer.put(STRUCTURE + 88, &[&numbers[..], &[32, 1, 16, 8, 8, 8, 0, 8]].concat());
    put("multiboot1", "framebuffer", &with_framebuffer.bytes[..0x5400]);
    let words =
        tags(&[tag(8, &[&numbers[..], &[32, 1, 0, 0, 16, 8, 8, 8, 0, 8]].concat()), tag(1, options.as_bytes())]);
    put("multiboot2", "framebuffer", &words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>());
    let mut image = Vec::new();
    let records = modules.iter().map(|(_, _, line)| (*line, &b"what is in it"[..]));
    contents::write(options, records, |piece| image.extend_from_slice(piece));
    put("contents", "image", &image);
    let text = b"This is no program, but a text of some length, of some length, of some length.".repeat(20);
    for level in [0, 1, 9] {
        put("gzip", &format!("level-{level}"), &super::gzip::gzip(&text, level));
    }
    put("rsdp", "version-2", &root_pointer());
}
