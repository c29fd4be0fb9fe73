//! Random calls: most of them such as a program could make, some with parts changed, some of nothing but noise.

use crate::random::Random;
use crate::{registers, victim};
use harness::child::PAGES;
use harness::worker::UTCBS;
use syscall::abi::factory::{ArgumentType, argument_header};
use syscall::abi::item::NO_REFERENCE_COUNT;
use syscall::abi::{
    CapIndex, Flexpage, FlexpageKind, MapItem, Rights, Tag, Timeout, Timeouts, ipc::Operation, protocol, task, thread,
};
use syscall::arch::{UtcbRef, utcb};

/// Slots that calls play with.
const FIRST: u64 = 0x40;
const SLOTS: u64 = 24;
/// Slots that no call receives into, with what the supervisor put there: a gate and a thread that the task may not
/// change; the other task of the pair, its first thread and a gate to it; a gate to the handler.
pub const BYSTANDER_GATE: CapIndex = CapIndex::new(0x58);
pub const BYSTANDER_THREAD: CapIndex = CapIndex::new(0x59);
pub const PEER_GATE: CapIndex = CapIndex::new(0x5a);
pub const PEER_THREAD: CapIndex = CapIndex::new(0x5b);
pub const PEER_TASK: CapIndex = CapIndex::new(0x5c);
pub const HANDLER: CapIndex = CapIndex::new(0x5d);
const GIVEN: [CapIndex; 6] = [BYSTANDER_GATE, BYSTANDER_THREAD, PEER_GATE, PEER_THREAD, PEER_TASK, HANDLER];

/// Where memory is played with, besides the test's pages.
const PLACE: u64 = 0x2_0000_0000;

/// Where kernel-user memory is added.
const KERNEL_USER: u64 = 0x7100_0000;

/// A call under construction.
struct Call {
    cap: CapIndex,
    operation: Operation,
    label: i64,
    words: usize,
    items: usize,
    utcb: UtcbRef,
}

/// Makes one call; says whether it succeeded.
pub fn one(random: &mut Random) -> bool {
    let mut call = Call { cap: CapIndex::TASK, operation: Operation::CALL, label: 0, words: 0, items: 0, utcb: utcb() };
    buffers(random, call.utcb);
    match random.below(8000) {
        0 => self_destruction(random, &mut call),
        1..320 => noise(random, &mut call),
        _ => sensible(random, &mut call),
    }
    while random.once_in(20) {
        change(random, &mut call);
    }
    restrain(random, &mut call);
    let flags = if random.once_in(8) { random.odd() & Tag::FLAGS } else { 0 };
    let tag = Tag::new(call.label, call.words, call.items, flags);
    let received = registers::invoke(call.cap, call.operation, random.odd(), tag, timeouts(random));
    !received.has_error() && (received.label() >= 0 || call.operation == Operation::SEND)
}

fn slot(random: &mut Random) -> CapIndex {
    CapIndex::new(FIRST + random.below(SLOTS))
}

/// A slot, or one of those that are given.
fn named(random: &mut Random) -> CapIndex {
    if random.once_in(5) { random.one(&GIVEN) } else { slot(random) }
}

fn any_cap(random: &mut Random) -> CapIndex {
    match random.below(10) {
        3 => CapIndex::reply(random.below(4)),
        4 => random.one(&GIVEN),
        0 => CapIndex::new(random.below(16)),
        1 => CapIndex::from_raw(random.word()),
        2 => CapIndex::INVALID,
        _ => slot(random),
    }
}

fn timeouts(random: &mut Random) -> Timeouts {
    match random.below(16) {
        0 => Timeouts::from_raw(random.word() as u32),
        1..4 => Timeouts::from_raw(0x0001_0001 * (1 + random.below(40) as u32)),
        4 => Timeouts { send: Timeout::ZERO, receive: Timeout::absolute(random.below(64) as u8) },
        _ => Timeouts::ZERO,
    }
}

fn buffers(random: &mut Random, utcb: UtcbRef) {
    utcb.set_bdr(if random.once_in(20) { random.odd() } else { 0 });
    if random.once_in(10) {
        for index in 0..4 {
            utcb.set_br(index, random.odd());
        }
        return;
    }
    match random.below(4) {
        0 => {
            utcb.set_br(0, 8);
            utcb.set_br(1, memory(random).raw());
            utcb.set_br(2, 0);
        }
        1 => {
            utcb.set_br(0, 8);
            utcb.set_br(1, Flexpage::object(slot(random), random.below(4) as u8, Rights::ALL).raw());
            utcb.set_br(2, 0);
        }
        _ => {
            utcb.set_br(0, slot(random).raw() | 10 | random.below(2) << 2);
            utcb.set_br(1, slot(random).raw() | 10);
            utcb.set_br(2, 0);
        }
    }
}

fn memory(random: &mut Random) -> Flexpage {
    let rights = Rights(random.below(16) as u8);
    let order = 12 + random.one(&[0, 0, 0, 1, 2, 4, 9]);
    match random.below(4) {
        0 => Flexpage::memory(PLACE + (random.below(64) << 12), order, rights),
        1 => Flexpage::memory(PLACE + (random.below(8) << 21), 12 + random.below(12) as u8, rights),
        _ => Flexpage::memory(PAGES + (random.below(16) << 12), order.min(14), rights),
    }
}

impl Call {
    fn to(&mut self, cap: CapIndex, label: i64, words: &[u64]) {
        self.cap = cap;
        self.label = label;
        self.words = words.len();
        for (index, &word) in words.iter().enumerate() {
            self.utcb.set_mr(index, word);
        }
    }

    fn item(&mut self, item: MapItem) {
        let at = self.words + 2 * self.items;
        if at < 62 {
            self.utcb.set_mr(at, item.control);
            self.utcb.set_mr(at + 1, item.flexpage.raw());
            self.items += 1;
        }
    }

    fn cap_item(&mut self, random: &mut Random, cap: CapIndex) {
        let rights = if random.once_in(4) { Rights(random.below(16) as u8) } else { Rights::CAP_RWSD };
        let flags = if random.once_in(4) { random.below(256) } else { 0 };
        self.item(MapItem::map(Flexpage::object(cap, 0, rights)).with_flags(flags));
    }
}

const UNSIGNED: u64 = argument_header(ArgumentType::Unsigned, 8);

fn sensible(random: &mut Random, call: &mut Call) {
    let (here, there) = (named(random), named(random));
    match random.below(32) {
        0..7 | 30 => create(random, call),
        7 => {
            let mask = random.one(&[task::UNMAP_ALL_SPACES, task::UNMAP_DELETE_OBJECT, 0]);
            let page = Flexpage::object(slot(random), random.below(3) as u8, Rights(random.below(16) as u8)).raw();
            call.to(CapIndex::TASK, protocol::TASK, &[task::OP_UNMAP, mask, page]);
        }
        8 => {
            let place = slot(random).raw();
            let place = MapItem::map_at(Flexpage::object(here, random.below(3) as u8, Rights::ALL), place);
            let target = if random.once_in(3) { slot(random) } else { CapIndex::TASK };
            call.to(target, protocol::TASK, &[task::OP_MAP, place.control | random.below(256), place.flexpage.raw()]);
            call.cap_item(random, CapIndex::TASK);
        }
        9 | 10 => {
            let place = PLACE + (random.below(64) << 12) + (random.below(4) << 30);
            let item = MapItem::map_at(memory(random), place).with_flags(random.one(&[0, 0, 2, 0x30, 0x10]));
            let (to, from) = (random.one(&[CapIndex::TASK, here]), random.one(&[CapIndex::TASK, there]));
            call.to(to, protocol::TASK, &[task::OP_MAP, item.control, item.flexpage.raw()]);
            call.cap_item(random, from);
        }
        11 => {
            let mask = random.one(&[0, task::UNMAP_ALL_SPACES]);
            let pages = [memory(random).raw(), memory(random).raw()];
            call.to(random.one(&[CapIndex::TASK, here]), protocol::TASK, &[task::OP_UNMAP, mask, pages[0], pages[1]]);
        }
        12 | 31 => call.to(CapIndex::TASK, protocol::TASK, &[task::OP_CAP_INFO, here.raw(), there.raw()]),
        13 => call.to(here, protocol::IRQ, &[random.below(5)]),
        14 => {
            call.to(here, protocol::KOBJECT, &[random.one(&[0x10, 0x11, 0]), random.word() & !3]);
            let thread = random.one(&[CapIndex::THREAD, there]);
            call.cap_item(random, thread);
        }
        15 => call.to(here, protocol::SEMAPHORE, &[0]),
        16 => {
            call.to(here, protocol::IRQ, &[]);
            call.operation = Operation::SEND;
        }
        17 => {
            call.to(CapIndex::ICU, protocol::IRQ, &[random.below(7), 3 + random.below(5), random.below(8)]);
            call.cap_item(random, here);
        }
        18 => control(random, call, here),
        19 => threads(random, call, here, there),
        20 => {
            call.to(CapIndex::SCHEDULER, protocol::SCHEDULER, &[1, 0, 1, 1 + random.below(60), random.below(5000)]);
            call.cap_item(random, here);
        }
        21 => {
            let area = Flexpage::memory(KERNEL_USER + (random.below(64) << 12), 12 + random.below(2) as u8, Rights::RW);
            call.to(random.one(&[CapIndex::TASK, here]), protocol::TASK, &[task::OP_ADD_KU_MEM, area.raw()]);
        }
        22 => call.to(any_cap(random), protocol::META, &[random.below(3), random.below(4)]),
        24 => {
            // Virtual CPUs and trampolines have their state in kernel-user memory, if there is some.
            let opcodes = [4, 4, 7, 7, 8, 9, 9, 9, 0x10, 0x12, 0x13];
            let opcode = random.one(&opcodes) | if random.once_in(2) { 0 } else { random.below(5) << 16 };
            let states = [UTCBS + 0x3000, KERNEL_USER + (random.below(64) << 12), random.odd()];
            let thread = random.one(&[CapIndex::INVALID, CapIndex::THREAD, here]);
            call.to(thread, protocol::THREAD, &[opcode, random.one(&states), random.odd(), random.odd()]);
        }
        25 => call.to(here, protocol::TASK, &[task::OP_LDT_SET, random.below(4), random.odd(), random.odd()]),
        26 => call.to(here, protocol::KOBJECT, &[random.below(2), random.below(4).wrapping_sub(1)]),
        27..30 => to_peer(random, call, there),
        23 => {
            call.to(CapIndex::DEBUGGER, protocol::DEBUGGER, &[0x100 + random.one(&[0, 1, 8]), random.word(), 0]);
            call.cap_item(random, here);
        }
        _ => {
            call.to(any_cap(random), random.below(3) as i64, &[1, 2, 3, 4][..random.below(5) as usize]);
            call.operation = Operation::from_raw(random.below(16));
            if random.once_in(2) {
                call.cap_item(random, there);
            }
            if random.once_in(4) {
                call.item(MapItem::map(memory(random)));
            }
        }
    }
}

fn create(random: &mut Random, call: &mut Call) {
    let kinds = [protocol::THREAD, protocol::SEMAPHORE, protocol::IRQ_SENDER, protocol::TASK, protocol::FACTORY, 0, 0];
    let kind = random.one(&kinds);
    let factory = if random.once_in(6) { slot(random) } else { CapIndex::FACTORY };
    let argument = match kind {
        protocol::TASK if random.once_in(2) => Flexpage::memory(UTCBS, 12 + random.below(2) as u8, Rights::RW).raw(),
        protocol::FACTORY => random.below(50_000),
        _ => random.below(1 << 20) & !3,
    };
    call.to(
        factory,
        protocol::FACTORY,
        &[kind as u64, UNSIGNED, if kind == protocol::TASK && argument < UTCBS { 0 } else { argument }],
    );
    call.utcb.set_bdr(0);
    call.utcb.set_br(0, slot(random).raw() | 10);
    if kind == 0 {
        let other = slot(random);
        let thread = random.one(&[CapIndex::THREAD, other]);
        call.cap_item(random, thread);
    }
}

fn control(random: &mut Random, call: &mut Call, thread: CapIndex) {
    let flags = random.one(&[
        thread::CONTROL_BIND_TASK | thread::CONTROL_SET_PAGER | thread::CONTROL_SET_EXC_HANDLER,
        thread::CONTROL_BIND_TASK,
        thread::CONTROL_SET_PAGER,
        thread::CONTROL_ALIEN,
    ]);
    let utcb = UTCBS + 0x800 + (random.below(14) << 10);
    let handlers = [CapIndex::PAGER, HANDLER, HANDLER].map(CapIndex::raw);
    let (pager, handler) = (random.one(&handlers), random.one(&handlers));
    call.to(thread, protocol::THREAD, &[flags, pager, handler, 0, random.below(2) << 18, utcb]);
    call.cap_item(random, CapIndex::TASK);
}

fn threads(random: &mut Random, call: &mut Call, here: CapIndex, there: CapIndex) {
    match random.below(6) {
        0 | 1 => {
            // Threads of its own go on with more calls, or run into what is at odd addresses.
            let seed = random.word();
            let (ip, sp) = registers::prepare(victim::stack(random), victim::calls, seed);
            let ip = if random.once_in(6) { random.one(&[0, 1 << 47, u64::MAX << 47, PAGES, seed]) } else { ip };
            let flags =
                random.one(&[0, thread::EX_REGS_CANCEL, thread::EX_REGS_CANCEL, thread::EX_REGS_TRIGGER_EXCEPTION]);
            call.to(here, protocol::THREAD, &[thread::OP_EX_REGS | flags, ip, sp]);
        }
        2 => call.to(here, protocol::THREAD, &[thread::OP_STATS]),
        3 => call.to(here, protocol::THREAD, &[thread::OP_SWITCH]),
        4 => {
            call.to(here, protocol::THREAD, &[thread::OP_REGISTER_DELETE_IRQ]);
            call.cap_item(random, there);
        }
        _ => call.to(here, protocol::THREAD, &[thread::OP_MODIFY_SENDER, 0, 0, random.odd(), random.odd()]),
    }
}

/// IPC of any kind with the other task, words and items included.
fn to_peer(random: &mut Random, call: &mut Call, there: CapIndex) {
    let peer = random.one(&[PEER_GATE, PEER_GATE, PEER_THREAD, HANDLER, CapIndex::INVALID]);
    call.to(peer, random.below(3) as i64, &[1, 2, 3, 4, 5, 6][..random.below(7) as usize]);
    let operations = [Operation::CALL, Operation::SEND, Operation::WAIT, Operation::REPLY_AND_WAIT];
    call.operation = random.one(&operations);
    for _ in 0..random.below(4) {
        match random.below(4) {
            0 => call.item(MapItem::map(memory(random)).with_flags(random.one(&[0, 0, 2, 1]))),
            1 => call.item(MapItem::map(Flexpage::io(random.below(1 << 16), random.below(12) as u8))),
            _ => call.cap_item(random, there),
        }
    }
}

/// Takes something away that the thread lives on.
fn self_destruction(random: &mut Random, call: &mut Call) {
    let rights = Rights(random.below(16) as u8);
    let page = random.one(&[
        Flexpage::ALL.with_rights(rights),
        Flexpage::memory(0, 63, rights),
        Flexpage::memory(0x34_0000, 12 + random_order(rights), rights),
        Flexpage::object(CapIndex::new(0), 4, rights),
        Flexpage::object(CapIndex::THREAD, 0, Rights::ALL),
        Flexpage::object(CapIndex::PAGER, 0, Rights::ALL),
        Flexpage::object(CapIndex::TASK, 0, Rights::ALL),
        Flexpage::io(0, 16),
        Flexpage::memory(UTCBS, 14, rights),
    ]);
    let mask = random.one(&[task::UNMAP_ALL_SPACES, task::UNMAP_DELETE_OBJECT, 0]);
    call.to(CapIndex::TASK, protocol::TASK, &[task::OP_UNMAP, mask, page.raw()]);
}

/// Any number of pages of the image.
const fn random_order(rights: Rights) -> u8 {
    rights.0 / 2
}

fn noise(random: &mut Random, call: &mut Call) {
    call.cap = any_cap(random);
    call.operation = Operation::from_raw(random.below(16));
    call.label = if random.once_in(3) { random.odd() as i64 >> 16 } else { -(random.below(26) as i64) };
    call.words = random.below(64) as usize;
    call.items = if random.once_in(2) { 0 } else { random.below(64) as usize };
    for index in 0..8 {
        call.utcb.set_mr(index, random.odd());
    }
}

fn change(random: &mut Random, call: &mut Call) {
    match random.below(6) {
        0 => call.cap = any_cap(random),
        1 => call.words = random.below(64) as usize,
        2 => call.items = random.below(4) as usize,
        3 => call.utcb.set_mr(random.below(8) as usize, random.odd()),
        4 => call.operation = Operation::from_raw(random.below(16)),
        _ => call.label = -(random.below(26) as i64),
    }
}

/// Keeps a call from ending the run or filling the log: no power-off, no sleep, no priority above the supervisor's, no text. And
/// tasks get capabilities that do not count, since two that hold each other would rightly live for ever.
fn restrain(random: &mut Random, call: &mut Call) {
    let utcb = call.utcb;
    match call.label {
        protocol::PLATFORM_CONTROL if utcb.mr(0) == 1 && utcb.mr(1) < 2 => utcb.set_mr(1, 2),
        protocol::PLATFORM_CONTROL if utcb.mr(0) == 0 => utcb.set_mr(0, 2),
        protocol::SCHEDULER => {
            for index in [3, 6] {
                // A first word below zero is a class, and the priority is the low part of the other.
                if index < call.words && (index == 6 || utcb.mr(index) as i64 > 0) {
                    utcb.set_mr(index, 1 + random.below(60));
                }
            }
        }
        protocol::TASK if utcb.mr(0) == task::OP_MAP && call.cap != CapIndex::TASK => {
            if Flexpage::from_raw(utcb.mr(2)).kind() == FlexpageKind::Object {
                utcb.set_mr(1, utcb.mr(1) | NO_REFERENCE_COUNT);
            }
        }
        protocol::LOG if utcb.mr(0) & 0xffff == 0 => utcb.set_mr(0, 3),
        protocol::DEBUGGER if utcb.mr(0) >> 8 == 0 => call.words = 2,
        _ => {}
    }
    if call.label == protocol::DEBUGGER && utcb.mr(0) >> 8 != 1 {
        utcb.set_mr(0, 0x101);
    }
}
