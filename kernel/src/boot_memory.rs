//! The kernel's share of the machine's memory: chosen at boot, from the kernel info page's descriptors.
#![allow(unsafe_code)] // takes free memory

use crate::arch::{self, println};
use crate::kip::KernelInfoPage;
use crate::memory::{self, KEPT, PhysicalMap};
use abi::kip::{MEM_DESCS_MAX, MemDesc, MemType, RESERVED_HEAP, RESERVED_MMIO};
use core::cell::Cell;
use kernel::mem::{FRAME_SIZE, FrameAllocator, FrameInfo, KernelMemory};

/// The kernel takes this share of the RAM …
const SHARE: u64 = 8;
/// … but at least and at most so much.
const LEAST: u64 = 1 << 20;
const MOST: u64 = 256 << 20;
const ALIGNMENT: u64 = 4096;

type Ranges = [(u64, u64); MEM_DESCS_MAX];

/// Takes the kernel's memory, `wanted` bytes if the user says so, tells sigma0 by a descriptor, and sets up page tables and allocators.
pub fn initialise(kip: &mut KernelInfoPage, wanted: Option<u64>) {
    let ram = ranges(kip, |kind| kind == MemType::Conventional);
    let taken = ranges(kip, |kind| !matches!(kind, MemType::Conventional | MemType::Undefined));
    let total: u64 = ram.iter().map(|range| range.1 - range.0).sum();
    let size = wanted.unwrap_or((total / SHARE).min(MOST)).max(LEAST) & !(ALIGNMENT - 1);
    let Some((start, size)) = choose(&ram, &taken, size) else {
        panic!(
            "no memory for the kernel: it needs {} KiB in one piece, and the machine has {} KiB in all; give it more",
            LEAST >> 10,
            total >> 10
        );
    };
    kip.add_descriptor(MemDesc::new(start, start + size - 1, MemType::Reserved, RESERVED_HEAP));
    for page in arch::irq::register_pages() {
        kip.add_descriptor(MemDesc::new(page, page + FRAME_SIZE - 1, MemType::Reserved, RESERVED_MMIO));
    }
    if let Some(page) = low_page(&ram, &taken) {
        kip.add_descriptor(MemDesc::new(page, page + FRAME_SIZE - 1, MemType::Reserved, RESERVED_HEAP));
        arch::sleep::set_wake_page(page);
    }
    println!("Kernel memory: {:#x} to {:#x}, {} KiB of {} KiB RAM", start, start + size, size >> 10, total >> 10);

    let next = Cell::new(start);
    arch::init_paging(&ram, &mut || next.replace(next.get() + FRAME_SIZE));
    let tables_end = next.get();
    let count = ((start + size - tables_end) / FRAME_SIZE) as usize;
    let infos_size = (count * size_of::<FrameInfo>()).next_multiple_of(FRAME_SIZE as usize) as u64;
    let heap = tables_end + infos_size;
    let count = ((start + size - heap) / FRAME_SIZE) as usize;
    let infos = arch::phys_to_virt(tables_end).cast::<FrameInfo>();
    // SAFETY: `choose` found this memory free, the descriptor keeps others from it, and the direct map has it.
    let infos = unsafe {
        for index in 0..count {
            infos.add(index).write(FrameInfo::default());
        }
        core::slice::from_raw_parts_mut(infos, count)
    };
    let frames = FrameAllocator::new(heap, infos);
    frames.release(heap, start + size);
    // SAFETY: the frames are in the direct map, which stays, and belong to the kernel alone.
    let kernel_memory = unsafe { KernelMemory::new(frames, arch::paging::DIRECT_MAP as usize) };
    memory::initialise(kernel_memory, physical_map(kip, (start, start + size)));
}

/// The highest free page that a processor can start in, in real mode; nothing if there is none.
fn low_page(ram: &Ranges, taken: &Ranges) -> Option<u64> {
    /// What lies above may be the firmware's, whatever it says.
    const END: u64 = 0x9_0000;
    let within =
        |ranges: &Ranges, page: u64| ranges.iter().any(|range| range.0 <= page && page + FRAME_SIZE <= range.1);
    let touched = |page: u64| taken.iter().any(|range| range.0 < page + FRAME_SIZE && page < range.1);
    (1..END / FRAME_SIZE).rev().map(|number| number * FRAME_SIZE).find(|&page| within(ram, page) && !touched(page))
}

fn physical_map(kip: &KernelInfoPage, heap: (u64, u64)) -> PhysicalMap {
    let image = arch::image_phys_range();
    let mut kept = [(0, 0); KEPT];
    kept[..2].copy_from_slice(&[heap, image]);
    for (place, page) in kept[2..].iter_mut().zip(arch::irq::register_pages()) {
        *place = (page, page + FRAME_SIZE);
    }
    let ram = ranges(kip, |kind| !matches!(kind, MemType::Undefined | MemType::Info));
    PhysicalMap { kept, ram }
}

/// The ranges of the descriptors whose type `wanted` says.
fn ranges(kip: &KernelInfoPage, wanted: impl Fn(MemType) -> bool) -> Ranges {
    let mut ranges = [(0, 0); MEM_DESCS_MAX];
    let descriptors =
        kip.descriptors().iter().filter(|descriptor| !descriptor.is_virtual() && wanted(descriptor.kind()));
    for (range, descriptor) in ranges.iter_mut().zip(descriptors) {
        *range = (descriptor.start(), descriptor.last() + 1);
    }
    ranges
}

/// The highest free piece of `size` bytes, or else the largest free piece that is large enough.
/// Below 4 GiB: that is where page tables can be made before the direct map is complete.
fn choose(ram: &Ranges, taken: &Ranges, size: u64) -> Option<(u64, u64)> {
    let mut best: Option<(u64, u64)> = None;
    for &(ram_start, ram_end) in ram {
        let mut at = ram_start.next_multiple_of(ALIGNMENT);
        let ram_end = ram_end.min(1 << 32);
        while at < ram_end {
            let inside = taken.iter().filter(|range| range.0 <= at && at < range.1).map(|range| range.1).max();
            if let Some(end) = inside {
                at = end.next_multiple_of(ALIGNMENT);
                continue;
            }
            let end =
                taken.iter().map(|range| range.0).filter(|&start| start > at).min().unwrap_or(ram_end).min(ram_end);
            let piece = (end & !(ALIGNMENT - 1)).saturating_sub(at);
            let better = best.is_none_or(|(start, length)| piece.min(size) > length || piece >= size && at > start);
            if piece >= LEAST.min(size) && better {
                let length = piece.min(size);
                best = Some(((end & !(ALIGNMENT - 1)) - length, length));
            }
            at = end.max(at + 1);
        }
    }
    best
}
