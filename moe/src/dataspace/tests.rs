//! Host tests of dataspaces on a machine that is an array of bytes.

use super::*;
use alloc::vec::Vec;
use proptest::prelude::*;

/// What the table of a small dataspace costs when one page has been there.
const TABLE: u64 = 24 + LEAF_COST;
/// Memory of the fake machine starts here.
const BASE: u64 = 0x20_0000;

struct Fake {
    bytes: RefCell<Vec<u8>>,
    given: core::cell::Cell<u64>,
    unmapped: RefCell<Vec<Flexpage>>,
}

impl Fake {
    fn store(pages: u64) -> Rc<Store<Fake>> {
        Rc::new(Store::new(Fake {
            bytes: RefCell::new(std::vec![0xaa; (pages * PAGE) as usize]),
            given: core::cell::Cell::new(0),
            unmapped: RefCell::default(),
        }))
    }

    fn at(&self, address: u64, size: u64) -> core::ops::Range<usize> {
        let start = (address - BASE) as usize;
        start..start + size as usize
    }
}

impl Machine for Fake {
    fn more(&self, order: u8) -> Option<u64> {
        let start = (self.given.get() + BASE).next_multiple_of(1 << order);
        let end = start - BASE + (1 << order);
        (end <= self.bytes.borrow().len() as u64).then(|| {
            self.given.set(end);
            start
        })
    }
    fn clear(&self, address: u64, size: u64) {
        self.bytes.borrow_mut()[self.at(address, size)].fill(0);
    }
    fn copy(&self, to: u64, from: u64, size: u64) {
        self.bytes.borrow_mut().copy_within(self.at(from, size), self.at(to, 0).start);
    }
    fn read(&self, from: u64, buffer: &mut [u8]) {
        buffer.copy_from_slice(&self.bytes.borrow()[self.at(from, buffer.len() as u64)]);
    }
    fn write(&self, to: u64, bytes: &[u8]) {
        self.bytes.borrow_mut()[self.at(to, bytes.len() as u64)].copy_from_slice(bytes);
    }
    fn unmap(&self, pages: &[Flexpage]) {
        self.unmapped.borrow_mut().extend_from_slice(pages);
    }
}

type Space = Dataspace<Fake>;

const READ: Access = Access { allowed: Rights::RWX, write: false };
const WRITE: Access = Access { allowed: Rights::RWX, write: true };

fn window(spot: u64) -> Window {
    Window { spot, first: 0, last: u64::MAX }
}

fn bytes(space: &Space, offset: u64, length: usize) -> Vec<u8> {
    let mut buffer = std::vec![0x55; length];
    space.read(offset, &mut buffer).unwrap();
    buffer
}

/// A boot module of one page and a half, in memory that the store does not own.
fn module(store: &Rc<Store<Fake>>, rights: Rights) -> Space {
    let start = store.machine.more(13).unwrap();
    store.machine.write(start, &[7; 0x1800]);
    Space::fixed(store, start, 0x1800, rights)
}

#[test]
fn pages_come_zeroed_when_touched_and_go() {
    let store = Fake::store(64);
    let quota = Quota::within(&Quota::unlimited(), TABLE + 3 * PAGE).unwrap();
    let space = Space::anonymous(&store, &quota, 0x4800).unwrap();
    assert_eq!(quota.used(), TABLE - LEAF_COST);
    let page = space.map(0x4fff, WRITE, window(0x1000)).unwrap();
    assert_eq!((page.order(), page.rights()), (12, Rights::RWX));
    assert_eq!(bytes(&space, 0x4000, 0x800), [0; 0x800]);
    assert_eq!(space.map(0x4fff, READ, window(0x1000)), Ok(page));
    assert_eq!(space.map(0x5000, READ, window(0)), Err(Error::Range));
    assert_eq!(space.allocate(0, 0x3000, true), Err(Error::NoMem), "quota");
    assert_eq!(quota.used(), TABLE + 3 * PAGE);
    space.clear(0, 0x4800).unwrap();
    assert_eq!(quota.used(), TABLE + PAGE, "the half page stays");
    drop(space);
    assert_eq!(quota.used(), 0);
    let (total, free) = store.totals();
    assert_eq!(total, free);
}

#[test]
fn copies_share_until_written() {
    let store = Fake::store(64);
    let quota = Quota::unlimited();
    let first = Space::anonymous(&store, &quota, 0x3000).unwrap();
    first.write(0x1000, b"original").unwrap();
    let writable = first.map(0x1000, WRITE, window(0)).unwrap();
    let second = Space::anonymous(&store, &quota, 0x3000).unwrap();
    second.copy_from(0, &first, 0, 0x3000).unwrap();
    let revoked = Flexpage::memory(writable.address(), 12, Rights::W);
    assert_eq!(store.machine.unmapped.take(), [revoked]);
    let read = second.map(0x1000, READ, window(0)).unwrap();
    assert_eq!((read.address(), read.rights()), (writable.address(), Rights::RX));
    second.write(0x1000, b"x").unwrap();
    assert_eq!(bytes(&first, 0x1000, 8), b"original");
    assert_eq!(bytes(&second, 0x1000, 8), b"xriginal");
    assert_eq!(first.map(0x1000, READ, window(0)), Ok(writable), "used by one again");
    assert!(first.present(0).is_none() && second.present(0).is_none(), "zeros cost nothing");
}

#[test]
fn modules_are_shared_and_never_written() {
    let store = Fake::store(64);
    let quota = Quota::unlimited();
    let file = module(&store, Rights::RX);
    let copy = Space::anonymous(&store, &quota, 0x2000).unwrap();
    copy.copy_from(0, &file, 0, 0x1800).unwrap();
    let text = copy.map(0, READ, window(0)).unwrap();
    assert_eq!((text.address(), text.rights()), (BASE, Rights::RX));
    copy.write(0, b"data").unwrap();
    assert_eq!(bytes(&file, 0, 4), [7; 4]);
    assert_eq!(bytes(&copy, 0, 6), *b"data\x07\x07");
    assert_eq!(bytes(&copy, 0x17ff, 2), [7, 0]);
    assert_eq!(file.map(0, WRITE, window(0)), Err(Error::Perm));
    drop(copy);
    assert_eq!(bytes(&file, 0, 2), [7; 2]);
}

#[test]
fn blocks_map_as_large_as_fits() {
    let store = Fake::store(2048);
    let quota = Quota::unlimited();
    let block = Space::contiguous(&store, &quota, 0x30_0000, 21).unwrap();
    let map = |offset, window| block.map(offset, READ, window).unwrap();
    assert_eq!(map(0x1000, window(0x4000_1000)).order(), 21);
    assert_eq!(map(0x1000, window(0x4000_2000)).order(), 12);
    assert_eq!(map(0x20_0000, window(0x4020_0000)).order(), 20);
    let narrow = Window { spot: 0x4000_1000, first: 0x4000_0000, last: 0x4000_3fff };
    assert_eq!(map(0x1000, narrow).order(), 14);
    assert_eq!(bytes(&block, 0x2f_fff0, 16), [0; 16]);
    assert_eq!(quota.used(), 0x30_0000);
    drop(block);
    let total: u64 = store.machine.unmapped.borrow().iter().map(|page| 1u64 << page.order()).sum();
    assert_eq!((total, quota.used()), (0x30_0000, 0));
    let (total, free) = store.totals();
    assert_eq!(total, free);
}

#[test]
fn too_much_is_an_error() {
    let store = Fake::store(16);
    let quota = Quota::unlimited();
    assert_eq!(Space::anonymous(&store, &quota, 0).err(), Some(Error::Inval));
    assert_eq!(Space::anonymous(&store, &quota, u64::MAX).err(), Some(Error::NoMem));
    assert_eq!(Space::contiguous(&store, &quota, 0x10_0000, 12).err(), Some(Error::NoMem));
    assert_eq!(quota.used(), 0);
    let space = Space::anonymous(&store, &quota, 0x100_0000).unwrap();
    assert_eq!(space.allocate(0, 0x100_0000, true), Err(Error::NoMem));
    assert_eq!(store.totals(), (0x1_0000, 0));
    assert_eq!(space.write(0xff_ffff, b"ab"), Err(Error::Range));
}

#[test]
fn empty_space_costs_little_time() {
    let store = Fake::store(64);
    let quota = Quota::unlimited();
    let spaces = [(); 2].map(|()| Space::anonymous(&store, &quota, 1 << 40).unwrap());
    spaces[0].write((1 << 40) - 3, b"end").unwrap();
    spaces[1].write(7 << 30, b"middle").unwrap();
    spaces[1].copy_from(0, &spaces[0], 0, 1 << 40).unwrap();
    assert_eq!(bytes(&spaces[1], 7 << 30, 6), [0; 6]);
    assert_eq!(bytes(&spaces[1], (1 << 40) - 3, 3), b"end");
    spaces[1].clear(0, 1 << 40).unwrap();
    assert_eq!(bytes(&spaces[1], (1 << 40) - 3, 3), [0; 3]);
}

proptest! {
    #[test]
    fn agrees_with_arrays(
        steps in prop::collection::vec((0usize..3, 0usize..3, 0u8..4, 0u64..0x4800, 0u64..0x4800, 0u64..0x3000), 1..60)
    ) {
        let store = Fake::store(128);
        let quota = Quota::unlimited();
        let file = module(&store, Rights::RX);
        let mut models = [std::vec![0u8; 0x4800], std::vec![0u8; 0x4800], std::vec![7u8; 0x1800]];
        let spaces = [
            Space::anonymous(&store, &quota, 0x4800).unwrap(),
            Space::anonymous(&store, &quota, 0x4800).unwrap(),
            file,
        ];
        for (number, (to, from, kind, offset, other, size)) in steps.into_iter().enumerate() {
            let to = to % 2;
            let space = &spaces[to];
            let room = size.min(0x4800 - offset) as usize;
            let range = offset as usize..offset as usize + room;
            match kind {
                0 => {
                    let data = std::vec![number as u8; room];
                    prop_assert!(space.write(offset, &data).is_ok());
                    models[to][range].copy_from_slice(&data);
                }
                1 => {
                    prop_assert!(space.clear(offset, room as u64).is_ok());
                    models[to][range].fill(0);
                }
                _ if from != to => {
                    let room = room.min((models[from].len() as u64).saturating_sub(other) as usize);
                    prop_assert!(space.copy_from(offset, &spaces[from], other, room as u64).is_ok());
                    let data = models[from][other.min(models[from].len() as u64) as usize..][..room].to_vec();
                    models[to][offset as usize..][..room].copy_from_slice(&data);
                }
                _ => { let _ = space.map(offset, if size % 2 == 0 { READ } else { WRITE }, window(0)); }
            }
            for (space, model) in spaces.iter().zip(&models) {
                prop_assert_eq!(&bytes(space, 0, model.len()), model);
            }
        }
        drop(spaces);
        let (total, free) = store.totals();
        prop_assert_eq!((total, quota.used()), (free, 0));
    }
}

#[test]
fn programs_leave_the_reserve_to_the_system() {
    let store = Fake::store(64);
    let root = Quota::unlimited();
    let limited = Quota::within(&root, 1 << 30).unwrap();
    store.set_reserve(0x1_0000);
    assert_eq!(store.reserve(), 0x1_0000);
    let hungry = Space::anonymous(&store, &limited, 0x10_0000).unwrap();
    assert_eq!(hungry.allocate(0, 0x10_0000, true), Err(Error::NoMem));
    assert_eq!((limited.used() >> 12, store.totals().1), (48 + 1, 0x1_0000), "48 pages and a leaf");
    assert!(Space::contiguous(&store, &limited, 0x1000, 12).is_err());
    let system = Space::anonymous(&store, &root, 0x2_0000).unwrap();
    assert_eq!(system.allocate(0, 0x1_0000, true), Ok(()));
    assert_eq!(system.allocate(0x1_0000, 0x1000, true), Err(Error::NoMem));
    drop(hungry);
    assert_eq!(system.allocate(0x1_0000, 0x1000, true), Ok(()));
}

#[test]
fn copies_of_sparse_dataspaces_find_what_lies_far_apart() {
    let (store, quota) = (Fake::store(64), Quota::unlimited());
    let size = 4 << 30;
    let (source, target) = (Space::anonymous(&store, &quota, size), Space::anonymous(&store, &quota, size));
    let (source, target) = (source.unwrap(), target.unwrap());
    source.write(size - 8, b"far away").unwrap();
    target.write(0, b"goes").unwrap();
    target.copy_from(0, &source, 0, size).unwrap();
    let mut seen = [1; 8];
    target.read(size - 8, &mut seen).unwrap();
    assert_eq!(&seen, b"far away");
    target.read(0, &mut seen).unwrap();
    assert_eq!(seen, [0; 8]);
}
