//! Messages with an item, and answers to faults, are on the fast paths what they are on the general one: random ones, each
//! sent twice from the same state, once as it is, and once with the scheduling flag and to receivers with a timeout, so that
//! no fast path takes it. What is told and what is mapped must be the same ([`crate::fast_paths`] does so for words).
#![allow(unsafe_code)] // instructions that fault

use crate::fast_paths::Random;
use crate::make;
use crate::probe::Probe;
use core::arch::asm;
use core::sync::atomic::{AtomicU64, Ordering::Relaxed};
use harness::child::PAGES;
use harness::worker::{Worker, task};
use harness::{Check, holds};
use syscall::abi::exc_regs::WORDS;
use syscall::abi::item::{CONTINUE, FORWARD_MAPPINGS, GRANT, LOCAL_ID, MAP, SINGLE_CAP};
use syscall::abi::{CapIndex, Flexpage, PAGE_SIZE, Rights, Tag, Timeout, Timeouts, ipc::Operation, protocol};
use syscall::arch::{invoke, utcb};
use syscall::object::thread::Control;
use syscall::{Cap, Task};

crate::group!("fast_items": random_items, random_answers_to_page_faults, random_answers_to_exceptions);

const ROUNDS: u64 = 150;
/// Priority of the thread that calls or faults: below the test's.
const CALLER: u64 = 90;
/// The caller's gate to the test.
const GATE: CapIndex = CapIndex::new(0x40);
/// What each of the two tasks has for the other one, to forward to.
const OTHER: CapIndex = CapIndex::new(0x41);
const PAGE: u64 = PAGE_SIZE as u64;
/// Where each of the two tasks has the pages that it sends.
const SOURCE: u64 = 0x2_0000_0000;
/// Where what they receive goes.
const PLACE: u64 = 0x2_0001_0000;
/// How many pages these are, as a logarithm of bytes.
const ORDER: u8 = 14;
/// The label of the caller's last message.
const DONE: i64 = 0x77;
/// Words of an exception's message: the address of the last page fault, the register rax, and the instruction pointer.
const FAULT_ADDRESS: usize = 11;
const RAX: usize = 15;
const IP: usize = 18;

/// What one of the two sends and where it receives: tag, items, buffer descriptor and buffers.
type Side = [u64; 10];

/// What it is told: tag, error code, a checksum of the UTCB, and the first message registers.
type Told = [u64; 8];

/// What the caller sends, and what it is told.
static CALL: [AtomicU64; 10] = [const { AtomicU64::new(0) }; 10];
static ANSWER: [AtomicU64; 8] = [const { AtomicU64::new(0) }; 8];

fn random_side(random: &mut Random) -> Side {
    /// Most often the first.
    fn mostly<T: Copy>(random: &mut Random, usual: T, others: &[T]) -> T {
        if random.below(8) == 0 { random.one(others) } else { usual }
    }
    fn place(random: &mut Random) -> u64 {
        PLACE + random.below(4) * PAGE
    }
    fn item(random: &mut Random) -> [u64; 2] {
        let rights = Rights(mostly(random, 6, &[4, 5, 7, 2, 0]));
        let (page, order) = (SOURCE + random.below(4) * PAGE, mostly(random, 12, &[13, 14, 11]));
        let others = [
            Flexpage::memory(PLACE - PAGE, 12, rights), // where nothing is
            Flexpage::object(CapIndex::new(0x7f), 0, Rights::ALL),
            Flexpage::io(0x80, 0),
            Flexpage::ALL,
        ];
        let flexpage = mostly(random, Flexpage::memory(page, order, rights), &others);
        let control = place(random) | MAP | mostly(random, 0, &[0x10, 0x30, 0xf0, CONTINUE, GRANT]);
        [mostly(random, control, &[control & !MAP, 0]), flexpage.raw()]
    }
    let tag =
        Tag::new(random.one(&[0, 5]), mostly(random, 0, &[1, 2, 8, 59, 61, 62, 63]), mostly(random, 1, &[0, 2]), 0);
    let ([first, page], [second, other]) = (item(random), item(random));
    let small = [12, 11].map(|order| Flexpage::memory(place(random), order, Rights::RWX));
    let others = [small[0], small[1], Flexpage::ALL, Flexpage::INVALID];
    let window = mostly(random, Flexpage::memory(PLACE, ORDER, Rights::RWX), &others);
    let buffer = mostly(random, MAP, &[MAP | LOCAL_ID, MAP | FORWARD_MAPPINGS, 0x7e000 | SINGLE_CAP, 0]);
    let descriptor = mostly(random, 0, &[1]);
    [tag.raw(), first, page, second, other, descriptor, buffer, window.raw(), OTHER.raw(), 0]
}

/// Sends and receives as `side` says, in one system call; `prepare` has a say in the words.
fn exchange(side: Side, to: CapIndex, operation: Operation, is_general: bool, prepare: impl FnOnce()) -> Told {
    let [tag, items @ .., descriptor, buffer0, buffer1, buffer2, buffer3] = side;
    let flag = if is_general { Tag::SCHEDULE } else { 0 };
    let tag = Tag::from_raw(tag | flag);
    utcb().set_bdr(descriptor);
    [buffer0, buffer1, buffer2, buffer3].into_iter().enumerate().for_each(|(index, word)| utcb().set_br(index, word));
    prepare();
    for (index, word) in (tag.words()..63).zip(items).take(2 * tag.items()) {
        utcb().set_mr(index, word);
    }
    let receive = if is_general { Timeout::from_microseconds(1_000_000) } else { Timeout::NEVER };
    let (tag, _) = invoke(to, operation, 0, tag, Timeouts { send: Timeout::NEVER, receive });
    if tag.label() == protocol::EXCEPTION {
        // From whatever the thread did before.
        utcb().set_mr(FAULT_ADDRESS, 0);
    }
    let error = if tag.has_error() { utcb().error() } else { 0 };
    let words = core::array::from_fn::<u64, 5, _>(|index| utcb().mr(index));
    [tag.raw() & !Tag::SCHEDULE, error, checksum(), words[0], words[1], words[2], words[3], words[4]]
}

/// Of message and buffer registers.
fn checksum() -> u64 {
    let registers = (0..63).map(|index| utcb().mr(index)).chain((0..4).map(|index| utcb().br(index)));
    registers.fold(utcb().bdr(), |sum, word| (sum ^ word).wrapping_mul(0x100_0000_01b3))
}

fn fill() {
    (0..63).for_each(|index| utcb().set_mr(index, 0x100 + index as u64));
}

/// Tells the test that this is the end, and, by a checksum, what the UTCB holds.
fn end(value: u64) {
    let sum = checksum();
    utcb().set_mr(0, value);
    utcb().set_mr(1, sum);
    let _ = invoke(GATE, Operation::CALL, 0, Tag::new(DONE, 2, 0, 0), Timeouts::NEVER);
}

fn call(is_general: u64) {
    let side = CALL.each_ref().map(|place| place.load(Relaxed));
    let told = exchange(side, GATE, Operation::CALL, is_general != 0, fill);
    ANSWER.iter().zip(told).for_each(|(place, word)| place.store(word, Relaxed));
    end(0);
}

/// What rax is after this instruction, before which it is 0 and rcx is an address; nearly all other registers are known, too.
macro_rules! with_known_registers {
    ($instruction:literal, $address:expr) => {{
        let value: u64;
        // SAFETY: reads what the test put there, or the test answers with the instruction behind and another value.
        unsafe {
            asm!(
                $instruction,
                inout("rax") 0u64 => value, inout("rcx") $address => _, inout("rdx") 0xd1u64 => _,
                inout("rsi") 0x51u64 => _, inout("rdi") 0xd2u64 => _, inout("r8") 8u64 => _, inout("r9") 9u64 => _,
                inout("r10") 10u64 => _, inout("r11") 11u64 => _, inout("r12") 12u64 => _, inout("r13") 13u64 => _,
                inout("r14") 14u64 => _, inout("r15") 15u64 => _,
            )
        };
        value
    }};
}

fn fault(_: u64) {
    fill();
    end(with_known_registers!("mov rax, [rcx]", PLACE + PAGE));
}

fn raise(_: u64) {
    fill();
    end(with_known_registers!("ud2", 0u64));
}

/// What is compared: what the caller and the test are told, and what is in the two windows.
type Observation = ([Told; 3], [[Option<(u64, bool)>; 4]; 2]);

/// The caller, in a task of its own, and who looks what is mapped in the test's task and in the caller's.
struct Scene {
    tasks: [Cap<Task>; 2],
    caller: Worker,
    probes: [Probe; 2],
}

impl Scene {
    fn new() -> Check<Self> {
        let tasks = [Task::this(), task()?.leak()];
        tasks[1].map_cap(make::gate(0x30)?, Rights::ALL, GATE)?;
        tasks[0].map_cap(tasks[1], Rights::ALL, OTHER)?;
        tasks[1].map_cap(tasks[0], Rights::ALL, OTHER)?;
        let caller = Worker::create_in(tasks[1])?;
        caller.thread.control(Control { pager: Some(GATE), exception_handler: Some(GATE), bind: None, alien: None })?;
        for page in 0..12 {
            // SAFETY: pages of the test's own.
            unsafe { ((PAGES + page * PAGE) as *mut u64).write_volatile(100 + page) };
        }
        Ok(Self { tasks, caller, probes: [Probe::new(tasks[0])?, Probe::new(tasks[1])?] })
    }

    /// Empties the windows, or puts one page there, and lays out what can be sent.
    fn lay_out(&self, is_taken: bool) -> Check {
        for (number, task) in (0..).zip(self.tasks) {
            task.unmap(Flexpage::memory(PLACE, ORDER, Rights::RWX), true)?;
            for page in 0..4 {
                let from = PAGES + (4 * number + page) * PAGE;
                task.map(Task::this(), Flexpage::memory(from, 12, Rights::RW), SOURCE + page * PAGE)?;
            }
            if is_taken {
                task.map(Task::this(), Flexpage::memory(PAGES + 8 * PAGE, 12, Rights::R), PLACE + 2 * PAGE)?;
            }
        }
        // Whoever calls last is who the test owes a reply, and a thread that is started anew waits for none.
        self.caller.start(CALLER, end, 0)?;
        exchange([0; 10], CapIndex::INVALID, Operation::WAIT, false, fill);
        Ok(())
    }

    /// The caller does `work`, and the test answers as `side` says.
    fn observe(&self, work: fn(u64), side: Side, is_taken: bool, is_general: bool) -> Check<Observation> {
        self.lay_out(is_taken)?;
        ANSWER.iter().for_each(|place| place.store(0, Relaxed));
        let anybody = CapIndex::INVALID;
        self.caller.start(CALLER, work, is_general.into())?;
        let first = exchange(side, anybody, Operation::WAIT, is_general, fill);
        let is_exception = Tag::from_raw(first[0]).label() == protocol::EXCEPTION;
        let answer = exchange(side, anybody, Operation::REPLY_AND_WAIT, is_general, || {
            if is_exception {
                utcb().set_mr(RAX, 0x5a5a);
                utcb().set_mr(IP, utcb().mr(IP) + 2);
            } else {
                fill();
            }
        });
        if Tag::from_raw(answer[0]).has_error() {
            // Who called has learnt of the failure, too.
            exchange([0; 10], anybody, Operation::WAIT, is_general, || ());
        }
        let mut seen = [[None; 4]; 2];
        for (probe, seen) in self.probes.iter().zip(&mut seen) {
            for (page, seen) in (0..).map(|page| PLACE + page * PAGE).zip(seen) {
                *seen = match probe.read(page)? {
                    Some(value) => Some((value, probe.writes(page + 8, 1)?)),
                    None => None,
                };
            }
        }
        Ok(([ANSWER.each_ref().map(|place| place.load(Relaxed)), first, answer], seen))
    }

    fn compare(&self, random: &mut Random, work: fn(u64), side: Side) -> Check<Observation> {
        let is_taken = random.below(4) == 0;
        let [plain, general] = [false, true].map(|is_general| self.observe(work, side, is_taken, is_general));
        let (plain, general) = (plain?, general?);
        if plain != general {
            let call = CALL.each_ref().map(|place| place.load(Relaxed));
            syscall::println!("{call:x?} and {side:x?}, taken: {is_taken}:\n{plain:x?}\n{general:x?}");
            holds(false)?;
        }
        Ok(plain)
    }
}

/// Compares [`ROUNDS`] of them, of which some, but not all, are to map a page to the window of the caller.
fn compare_all(work: fn(u64), mut side: impl FnMut(&mut Random) -> Side) -> Check {
    let (scene, mut random) = (Scene::new()?, Random::new(3));
    let mut mapped = 0;
    for _ in 0..ROUNDS {
        let call = random_side(&mut random);
        CALL.iter().zip(call).for_each(|(place, word)| place.store(word, Relaxed));
        let side = side(&mut random);
        let (_, [_, callers]) = scene.compare(&mut random, work, side)?;
        mapped += u64::from(callers.iter().flatten().any(|(value, _)| (100..104).contains(value)));
    }
    holds(mapped > ROUNDS / 10 && mapped < ROUNDS)
}

fn random_items() -> Check {
    compare_all(call, random_side)
}

fn random_answers_to_page_faults() -> Check {
    compare_all(fault, |random| {
        let [tag, rest @ ..] = random_side(random);
        let tag = Tag::from_raw(tag);
        let label = random.one(&[0, 0, 0, 5, -1]);
        let [a, b, c, d, e, f, g, h, i] = rest;
        [Tag::new(label, tag.words(), tag.items(), 0).raw(), a, b, c, d, e, f, g, h, i]
    })
}

fn random_answers_to_exceptions() -> Check {
    compare_all(raise, |random| {
        let [tag, a, b, c, d, e, f, g, h, i] = random_side(random);
        let words = random.one(&[WORDS, WORDS, WORDS, WORDS - 1, 0, 59]);
        [Tag::new(0, words, Tag::from_raw(tag).items(), 0).raw(), a, b, c, d, e, f, g, h, i]
    })
}
