//! Host tests: sigma0's maps against a page-by-page model, and its answers.

use abi::kip::{MemDesc, MemType};
use abi::l4re::sigma0 as request;
use abi::{Error, Flexpage, Rights, protocol};
use proptest::prelude::*;

use crate::region::{FREE, ROOT_TASK, Region};
use crate::region_map::RegionMap;
use crate::resources::{NoRoom, Resources};
use crate::service::{Answer, Caching, answer};

const CLIENT: u16 = 13;

fn machine() -> Vec<MemDesc> {
    vec![
        MemDesc::new(0, 0x9_fbff, MemType::Conventional, 0),
        MemDesc::new(0x10_0000, 0x7fd_ffff, MemType::Conventional, 0),
        MemDesc::new(0, 0xfff, MemType::Arch, 0),
        MemDesc::new(0x30_0000, 0x30_ffff, MemType::Dedicated, 0),
        MemDesc::new(0x20_0000, 0x2f_ffff, MemType::Reserved, 0),
        MemDesc::new(0x34_0000, 0x34_7fff, MemType::Bootloader, 5),
        MemDesc::new(0x34_8000, 0x34_ffff, MemType::Bootloader, 6),
        MemDesc::new(0x700_0000, 0x7fd_ffff, MemType::Bootloader, 0),
        MemDesc::new(0, 0x7fff_ffff_f3ff, MemType::Conventional, 0).with_virtual(),
        MemDesc::new(0x7fe_0000, 0x7ff_ffff, MemType::Arch, 0),
    ]
}

fn with_machine(run: impl FnOnce(&mut Resources<'_>)) {
    let mut slots = [[RegionMap::VACANT; 32]; 3];
    let [ram, iomem, ports] = &mut slots;
    run(&mut Resources::new(machine().into_iter(), [ram, iomem, ports]).unwrap());
}

fn ask(all: &mut Resources<'_>, client: u16, request: u64, page: Flexpage) -> Answer {
    answer(all, client, false, protocol::SIGMA0, [request, page.raw()])
}

fn page_of(answer: Answer) -> Flexpage {
    match answer {
        Answer::Memory(page, _) => page,
        other => panic!("no memory: {other:?}"),
    }
}

#[test]
fn each_byte_has_its_place() {
    with_machine(|all| {
        let mut free = all.ram.regions().iter().filter(|region| region.owner == crate::region::FREE);
        assert_eq!((free.next().unwrap().start, free.next_back().unwrap().end), (0x1000, 0x6ff_ffff));
        assert!(all.ram.find(0, 0xfff).is_none(), "firmware is no RAM");
        assert!(all.ram.find(0x20_0000, 0x20_0fff).is_none(), "the kernel is nobody's");
        assert!(all.iomem.find(0x20_0000, 0x20_0fff).is_none());
        assert!(all.iomem.find(0x10_0000, 0x10_0fff).is_none(), "RAM is no device");
        assert_eq!(all.iomem.find(0xb8000, 0xb8fff).map(|found| found.rights), Some(Rights::RW));
        assert_eq!(all.ram.find(0x34_0000, 0x34_7fff).unwrap().owner, ROOT_TASK);
    });
}

#[test]
fn too_many_descriptors_are_refused() {
    let mut slots = [[RegionMap::VACANT; 4]; 3];
    let [ram, iomem, ports] = &mut slots;
    let result = Resources::new(machine().into_iter(), [ram, iomem, ports]);
    assert_eq!(result.err(), Some(NoRoom));
}

#[test]
fn page_faults_are_one_to_one_with_the_rights_of_the_segment() {
    with_machine(|all| {
        let fault = |all: &mut Resources<'_>, client, word| answer(all, client, false, protocol::PAGE_FAULT, [word, 0]);
        let text = page_of(fault(all, ROOT_TASK, 0x34_1235 | 4));
        assert_eq!((text.address(), text.order(), text.rights()), (0x34_1000, 12, Rights::RX));
        assert_eq!(fault(all, ROOT_TASK, 0x34_1000 | 2), Answer::Fail(Error::NoMem));
        assert_eq!(fault(all, CLIENT, 0x34_1000), Answer::Fail(Error::NoMem));
        assert_eq!(page_of(fault(all, CLIENT, 0x50_0000 | 2)).rights(), Rights::RWX);
        assert_eq!(fault(all, ROOT_TASK, 0x50_0000), Answer::Fail(Error::NoMem));
        assert_eq!(fault(all, CLIENT, u64::MAX), Answer::Fail(Error::NoMem));
    });
}

#[test]
fn ram_is_given_once() {
    with_machine(|all| {
        let wanted = Flexpage::memory(0x60_0000, 21, Rights::NONE);
        let given = ask(all, CLIENT, request::REQ_FPAGE_RAM, wanted);
        assert_eq!(given, Answer::Memory(wanted.with_rights(Rights::RWX), Caching::Cached));
        assert_eq!(ask(all, CLIENT, request::REQ_FPAGE_RAM, wanted), given);
        assert_eq!(ask(all, 14, request::REQ_FPAGE_RAM, wanted), Answer::Fail(Error::NoMem));
        let module = Flexpage::memory(0x700_0000, 20, Rights::RWX);
        assert_eq!(page_of(ask(all, ROOT_TASK, request::REQ_FPAGE_RAM, module)).order(), 20);
        let odd = Flexpage::memory(0x60_1000, 13, Rights::RWX);
        assert_eq!(ask(all, CLIENT, request::REQ_FPAGE_RAM, odd), Answer::Fail(Error::Inval));
        let small = Flexpage::memory(0x60_1000, 11, Rights::RWX);
        assert_eq!(ask(all, CLIENT, request::REQ_FPAGE_RAM, small), Answer::Fail(Error::Inval));
    });
}

#[test]
fn any_ram_is_all_ram_and_nothing_twice() {
    with_machine(|all| {
        let free = all.free_ram();
        let mut pages = std::collections::BTreeSet::new();
        for order in (12..=30).rev() {
            let wanted = Flexpage::memory(0, order, Rights::NONE);
            while let Answer::Memory(given, _) = ask(all, CLIENT, request::REQ_FPAGE_ANY, wanted) {
                assert_eq!(given.order(), order);
                for page in given.page()..given.page() + (1 << (order - 12)) {
                    assert!(pages.insert(page), "page {page:x} twice");
                }
            }
        }
        assert_eq!((pages.len() as u64) << 12, free);
        assert_eq!(all.free_ram(), 0);
    });
}

#[test]
fn device_memory_is_shared_and_ports_are_not() {
    with_machine(|all| {
        let screen = Flexpage::memory(0xb8000, 12, Rights::NONE);
        for client in [CLIENT, 14] {
            let given = ask(all, client, request::REQ_FPAGE_IOMEM, screen);
            assert_eq!(given, Answer::Memory(screen.with_rights(Rights::RW), Caching::Uncached));
        }
        let ram = Flexpage::memory(0x40_0000, 12, Rights::NONE);
        assert_eq!(ask(all, CLIENT, request::REQ_FPAGE_IOMEM_CACHED, ram), Answer::Fail(Error::NoMem));
        let serial = [Flexpage::io(0x3f8, 3).raw(), 0];
        let first = answer(all, CLIENT, false, protocol::IO_PAGE_FAULT, serial);
        assert_eq!(first, Answer::Ports(Flexpage::io(0x3f8, 3)));
        let second = answer(all, 14, false, protocol::IO_PAGE_FAULT, serial);
        assert_eq!(second, Answer::Fail(Error::NoMem));
    });
}

#[test]
fn errors_are_those_of_l4re() {
    with_machine(|all| {
        let mut error = |may_create, label, word| answer(all, CLIENT, may_create, label, [word, 0]);
        assert_eq!(error(true, protocol::LOG, 0), Answer::Fail(Error::BadProto));
        assert_eq!(error(true, protocol::SIGMA0, 0x60), Answer::Fail(Error::NoSys));
        assert_eq!(error(true, protocol::SIGMA0, !0xff | 0x10), Answer::Fail(Error::NoSys));
        assert_eq!(error(false, protocol::FACTORY, -6i64 as u64), Answer::Fail(Error::Perm));
        assert_eq!(error(true, protocol::FACTORY, 0), Answer::Fail(Error::NoDev));
        assert_eq!(error(true, protocol::FACTORY, -6i64 as u64), Answer::NewClient);
        assert_eq!(error(false, protocol::SIGMA0, request::REQ_KIP), Answer::Kip);
        assert_eq!(error(false, protocol::SIGMA0, request::REQ_DEBUG_DUMP), Answer::Dump);
    });
}

/// Addresses of the model below.
const SPAN: usize = 64;

/// The map as an array, after a check of its invariant.
fn flatten(map: &RegionMap<'_>) -> [Option<(u16, Rights)>; SPAN] {
    let mut cells = [None; SPAN];
    for pair in map.regions().windows(2) {
        assert!(pair[0].end < pair[1].start, "regions out of order or overlapping");
        assert!(!pair[0].continues_with(&pair[1]), "neighbours not joined");
    }
    for region in map.regions() {
        cells[region.start as usize..=region.end as usize].fill(Some((region.owner, region.rights)));
    }
    cells
}

proptest! {
    #[test]
    fn map_agrees_with_an_array(
        steps in prop::collection::vec((0u8..4, 0u64..64, 0u64..16, 0u16..3, 4u8..8), 1..80)
    ) {
        let mut slots = [RegionMap::VACANT; 70];
        let mut map = RegionMap::new(&mut slots);
        let mut model = [None; SPAN];
        for (kind, start, length, owner, rights) in steps {
            let end = (start + length).min(SPAN as u64 - 1);
            let rights = Rights(rights);
            let region = Region { start, end, owner, rights };
            let cells = start as usize..=end as usize;
            match kind {
                0 => {
                    prop_assert!(map.set(region));
                    model[cells].fill(Some((owner, rights)));
                }
                1 => {
                    prop_assert!(map.remove(start, end));
                    model[cells].fill(None);
                }
                2 if owner != FREE => {
                    let first = model[start as usize];
                    let uniform = model[cells.clone()].iter().all(|cell| *cell == first);
                    let fits = uniform && first.is_some_and(|(o, _)| o == FREE || o == owner);
                    prop_assert_eq!(map.allocate(region), fits);
                    if fits {
                        model[cells].fill(Some((owner, rights)));
                    }
                }
                _ => {
                    let order = (length % 5) as u32;
                    let fit = (0..SPAN).step_by(1 << order).find(|&at| {
                        let block = &model[at..(at + (1 << order)).min(SPAN)];
                        let first = block[0];
                        first.is_some_and(|(o, _)| o == FREE) && block.iter().all(|c| *c == first)
                    });
                    let given = map.allocate_lowest(order, 9, rights);
                    prop_assert_eq!(given, fit.map(|at| at as u64));
                    if let Some(at) = fit {
                        model[at..at + (1 << order)].fill(Some((9, rights)));
                    }
                }
            }
            prop_assert_eq!(flatten(&map), model);
        }
    }

    #[test]
    fn a_larger_slice_holds_the_same(count in 1usize..10) {
        let (mut small, mut large) = ([RegionMap::VACANT; 12], [RegionMap::VACANT; 24]);
        let mut map = RegionMap::new(&mut small);
        for index in 0..count as u64 {
            prop_assert!(map.set(Region::free(index * 10, index * 10 + 5, Rights::RWX)));
        }
        let before = map.regions().to_vec();
        prop_assert_eq!(map.move_to(&mut large).len(), 12);
        prop_assert_eq!(map.regions(), &before[..]);
        prop_assert_eq!(map.capacity(), 24);
    }
}
