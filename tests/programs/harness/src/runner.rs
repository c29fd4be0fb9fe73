//! Runs all tests one after the other and prints what they found: a line a test, a line a group, and a last
//! line with the counts.

use crate::call::no_buffers;
use crate::check::{Check, Failure};
use crate::child::{Child, Memory, PAGER, QUOTA, code, data};
use crate::given::{self, Given};
use crate::quota;
use crate::stretch;
use alloc::format;
use core::sync::atomic::{AtomicPtr, Ordering::Relaxed};
use syscall::abi::{Tag, protocol};
use syscall::arch::{UtcbRef, utcb};
use syscall::ipc::{self, Timeout, Timeouts};
use syscall::{Gate, Owned, PlatformControl, Scheduler, env, println};

/// A test.
pub struct Test {
    /// Its name; with its group's name and a dot before it, unique.
    pub name: &'static str,
    /// What it does.
    pub run: fn() -> Check,
}

/// Tests that look at the same thing.
pub struct Group {
    /// Its name.
    pub name: &'static str,
    /// Its tests.
    pub tests: &'static [Test],
}

/// Protocol of the message in which a test tells its outcome: words are the text's length and the text.
const OUTCOME: i64 = 0x600d;
/// Label of the gate to the runner.
const LABEL: u64 = 0x10;
/// Time limit of a test in microseconds.
const LIMIT_US: u64 = 10_000_000;

static GROUPS: AtomicPtr<Group> = AtomicPtr::new(core::ptr::null_mut());

/// What all tests of a run share.
struct Runner {
    given: Given,
    memory: Memory,
    gate: Owned<Gate>,
}

/// Runs the tests of these groups, then switches the machine off. The program's arguments choose among them by
/// their full names: `only=word` takes those with the word in the name, `without=word` leaves them out; both can be repeated.
pub fn run(program: &str, groups: &'static [Group]) -> ! {
    let (runner, words) = match set_up().and_then(|runner| Ok((runner, given::arguments(program)?))) {
        Ok(ready) => ready,
        Err(failure) => panic!("{program}: cannot start: {failure:?}"),
    };
    GROUPS.store(groups.as_ptr().cast_mut(), Relaxed);
    let (mut passed, mut failed) = (0, 0);
    let mut free = None;
    for (index, group) in groups.iter().enumerate() {
        let (mut group_passed, mut group_failed) = (0, 0);
        for (number, test) in group.tests.iter().enumerate() {
            let name = format!("{}.{}", group.name, test.name);
            if !is_chosen(&words, &name) {
                continue;
            }
            stretch::longest();
            let outcome = runner.one(work, (index as u64) << 32 | number as u64, LIMIT_US);
            let bounded = stretch::check();
            match outcome.and(bounded).and_then(|()| same_memory(&mut free)) {
                Ok(()) => {
                    println!("{program}: {name} ok");
                    group_passed += 1;
                }
                Err(failure) => {
                    println!("{program}: {name} FAIL: {failure:?}");
                    group_failed += 1;
                }
            }
        }
        if group_passed + group_failed > 0 {
            println!("{program}: group {}: {group_passed} passed, {group_failed} failed", group.name);
        }
        passed += group_passed;
        failed += group_failed;
    }
    if let Some(free) = free {
        println!("{program}: {free} bytes of kernel memory are free, as after the first test");
    }
    println!("{program}: {} tests, {failed} failed", passed + failed);
    switch_off()
}

/// Whether the program's arguments want a test with this full name.
fn is_chosen(arguments: &[&str], name: &str) -> bool {
    let words = |choice| arguments.iter().filter_map(move |word| word.strip_prefix(choice));
    let is_among = |choice| words(choice).any(|word| name.contains(word));
    (words("only=").next().is_none() || is_among("only=")) && !is_among("without=")
}

/// That as much of the kernel's memory is free as after the first test, where the kernel tells.
fn same_memory(first: &mut Option<u64>) -> Check {
    let Some(now) = quota::kernel_memory() else { return Ok(()) };
    let first = *first.get_or_insert(now);
    if now == first {
        return Ok(());
    }
    Err(Failure::new(format_args!("{now} bytes of kernel memory are free, not {first}")))
}

/// Runs `work` for each of the arguments in a task of its own, as tests are run, each for at most so many microseconds;
/// hands what it finds to `found`. A `work` ends with [`tell`].
///
/// # Errors
/// When the tasks cannot be made.
pub fn each(
    work: fn(u64),
    arguments: impl Iterator<Item = u64>,
    limit_us: u64,
    mut found: impl FnMut(u64, Check),
) -> Check {
    let runner = set_up()?;
    for argument in arguments {
        found(argument, runner.one(work, argument, limit_us));
    }
    Ok(())
}

/// Switches the machine off.
pub fn switch_off() -> ! {
    let _ = Given::find().and_then(|given| given.icu.cast::<PlatformControl>().shutdown());
    panic!("the machine cannot be switched off")
}

fn set_up() -> Check<Runner> {
    let me = env::main_thread();
    env::scheduler().run_thread(me, Scheduler::any_cpu(), 255, 0)?;
    let given = Given::find()?;
    given.map_kip()?;
    given::touch(code(), false);
    given::touch(data(), true);
    let memory = Memory::take(&given)?;
    let gate = env::factory().create_gate(Some(me), LABEL)?;
    Ok(Runner { given, memory, gate })
}

/// In the child: does the test, and tells what it found.
#[allow(unsafe_code)] // the table of groups
fn work(which: u64) {
    env::forget();
    let (group, number) = ((which >> 32) as usize, which as u32 as usize);
    // SAFETY: `run` has stored the start of a static table that has so many groups.
    let group = unsafe { &*GROUPS.load(Relaxed).add(group) };
    tell((group.tests[number].run)());
}

/// In the child: tells the runner what a test found.
pub fn tell(outcome: Check) {
    let text = match &outcome {
        Ok(()) => &[][..],
        Err(failure) => failure.text(),
    };
    let registers = utcb();
    registers.set_mr(0, text.len() as u64);
    for (index, part) in text.chunks(8).enumerate() {
        let mut word = [0; 8];
        word[..part.len()].copy_from_slice(part);
        registers.set_mr(1 + index, u64::from_le_bytes(word));
    }
    let tag = Tag::new(OUTCOME, 1 + text.len().div_ceil(8), 0, 0);
    let _ = ipc::send(PAGER, tag, Timeouts::NEVER);
}

impl Runner {
    /// Runs `work(argument)` in a task of its own, and says what it found.
    fn one(&self, work: fn(u64), argument: u64, limit_us: u64) -> Check {
        let factory = env::factory().create_factory(QUOTA)?;
        let before = quota::left(*factory);
        let child = Child::start(&self.given, &self.memory, factory, *self.gate, work, argument)?;
        let outcome = wait_for_outcome(limit_us);
        let factory = child.end();
        let after = quota::left(*factory);
        outcome?;
        if after == before {
            return Ok(());
        }
        Err(Failure::new(format_args!("{} bytes of kernel memory are lost", before as i64 - after as i64)))
    }
}

fn wait_for_outcome(limit_us: u64) -> Check {
    no_buffers();
    let limit = Timeouts { send: Timeout::ZERO, receive: Timeout::from_microseconds(limit_us) };
    match ipc::wait(limit) {
        Ok((tag, _)) => read_outcome(tag, utcb()),
        Err(error) => Err(Failure::new(format_args!("no outcome after {} s: {error}", limit_us / 1_000_000))),
    }
}

fn read_outcome(tag: Tag, registers: UtcbRef) -> Check {
    match tag.label() {
        OUTCOME if registers.mr(0) == 0 => Ok(()),
        OUTCOME => {
            let length = (registers.mr(0) as usize).min(crate::check::TEXT);
            let mut text = [0; crate::check::TEXT];
            for (index, part) in text[..length].chunks_mut(8).enumerate() {
                let word = registers.mr(1 + index).to_le_bytes();
                part.copy_from_slice(&word[..part.len()]);
            }
            let text = core::str::from_utf8(&text[..length]).unwrap_or("a text that is not UTF-8");
            Err(Failure::new(format_args!("{text}")))
        }
        protocol::PAGE_FAULT => {
            let (address, ip) = (registers.mr(0), registers.mr(1));
            Err(Failure::new(format_args!("page fault at {address:#x}, ip {ip:#x}")))
        }
        protocol::EXCEPTION => {
            let (trap, ip) = (registers.mr(16), registers.mr(18));
            Err(Failure::new(format_args!("exception {trap} at ip {ip:#x}")))
        }
        other => Err(Failure::new(format_args!("a message with label {other}"))),
    }
}
