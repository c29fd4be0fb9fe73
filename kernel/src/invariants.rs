//! The fuzzer's kernel looks at itself after each entry, and stops with a report when something does not hold: at all
//! threads, queues, capabilities, references and quotas, and at the tables of pages that have changed; after each n-th
//! entry at all of them.
//!
//! Only a kernel with the feature `invariants` has this; see decision 18. What is checked of an object stands
//! beside it ([`sched::check`], [`object::check`], [`task::check`]), what is checked of a pure structure in the library.

use crate::arch::{self, print, println};
use crate::object::{self, Object};
use crate::sched;
use crate::thread::Thread;
use crate::{locked::Locked, message::UtcbPointer};
use abi::Tag;
use core::cell::Cell;
use kernel::invariant::{Broken, Check, address, ensure};
use kernel::planted;

/// How many entries a report shows.
const SHOWN: usize = 12;
/// How many words of a message it shows.
const WORDS: usize = 6;

/// All tables are looked at after so many entries, unless the command line says otherwise.
const ANEW_EVERY: u64 = 256;

/// An entry into the kernel.
#[derive(Clone, Copy)]
struct Entry {
    /// The vector, or [`SYSTEM_CALL`], or [`WORK`].
    kind: u64,
    /// Number of the thread that ran, or 0.
    thread: u64,
    ip: u64,
    destination: u64,
    tag: u64,
    label: u64,
    timeouts: u32,
    words: [u64; WORDS],
}

const SYSTEM_CALL: u64 = 0x100;
const WORK: u64 = 0x101;

struct Log {
    count: Cell<u64>,
    /// Entries since all tables were looked at.
    fresh: Cell<u64>,
    every: Cell<u64>,
    last: [Cell<Entry>; SHOWN],
}

const NOTHING: Entry =
    Entry { kind: 0, thread: 0, ip: 0, destination: 0, tag: 0, label: 0, timeouts: 0, words: [0; WORDS] };

static LOG: Locked<Log> = Locked::new(Log {
    count: Cell::new(0),
    fresh: Cell::new(0),
    every: Cell::new(ANEW_EVERY),
    last: [const { Cell::new(NOTHING) }; SHOWN],
});

/// Takes an option of the kernel's command line: `-planted=NAME` or `-sweep=N`. False if it is none of them.
pub fn configure(option: &str) -> bool {
    match option.split_once('=') {
        Some(("-sweep", number)) => number.parse().map(|every: u64| LOG.every.set(every.max(1))).is_ok(),
        Some(("-planted", name)) => match planted::BUGS.iter().find(|bug| bug.0 == name) {
            Some(&(_, bug)) => {
                planted::plant(bug);
                true
            }
            None => false,
        },
        _ => false,
    }
}

/// A system call begins.
pub fn system_call() {
    entered(SYSTEM_CALL);
}

/// Work is to be gone on with.
pub fn work() {
    entered(WORK);
}

/// An exception or interrupt begins.
pub fn trap(vector: u64) {
    entered(vector);
}

fn entered(kind: u64) {
    let number = LOG.count.replace(LOG.count.get() + 1);
    let thread = sched::current();
    let mut entry = Entry { kind, ..NOTHING };
    if let Some(Thread { header, frame, task, .. }) = thread {
        entry.thread = header.id();
        entry.ip = frame.ip();
        entry.destination = frame.dest();
        entry.tag = frame.syscall_tag();
        entry.label = frame.label();
        entry.timeouts = frame.timeout();
        if let Some((_, utcb)) = task.get_with() {
            entry.words = core::array::from_fn(|index| UtcbPointer::mr(utcb, index));
        }
    }
    LOG.last[number as usize % SHOWN].set(entry);
}

/// The entry is over: everything is checked.
pub fn check() {
    let entry = LOG.last[LOG.count.get().wrapping_sub(1) as usize % SHOWN].get();
    if let Err(broken) = everything(is_due_anew(entry.kind)) {
        report(broken);
    }
}

/// Whether it is time to look at all tables. Not behind an interrupt: with N = 1 that takes longer than the time to the next
/// one, which would be there already, and nobody would ever run.
fn is_due_anew(kind: u64) -> bool {
    const INTERRUPTS: core::ops::Range<u64> = 32..SYSTEM_CALL;
    let fresh = LOG.fresh.get() + 1;
    let is_due = fresh >= LOG.every.get() && !INTERRUPTS.contains(&kind);
    LOG.fresh.set(if is_due { 0 } else { fresh });
    is_due
}

/// Everything. Of tables of pages only those that have changed, unless `anew`.
fn everything(anew: bool) -> Check {
    sched::check::ready_queue()?;
    sched::check::threads()?;
    if let Some(thread) = sched::current()
        && arch::paging::current_root() != arch::kernel_root()
    {
        let ports = thread.space.get().and_then(|task| task.io.bitmap());
        ensure(arch::has_io_bitmap(ports), "the running thread's ports are loaded", [address(thread), 0])?;
    }
    object::check::all_of_it(anew)
}

fn report(broken: Broken) -> ! {
    println!("\nKERNEL: broken invariant: {broken}");
    for at in broken.of {
        describe(at);
    }
    let count = LOG.count.get();
    println!("KERNEL: found after entry {count}; the last entries:");
    for number in count.saturating_sub(SHOWN as u64)..count {
        show(number + 1, LOG.last[number as usize % SHOWN].get());
    }
    panic!("broken invariant: {}", broken.what)
}

fn show(number: u64, entry: Entry) {
    print!("  {number}: thread {} at {:#x}: ", entry.thread, entry.ip);
    match entry.kind {
        SYSTEM_CALL | WORK => {
            let tag = Tag::from_raw(entry.tag);
            let again = if entry.kind == WORK { "goes on, " } else { "" };
            print!("{again}to {:#x}, label {}, {} words", entry.destination, tag.label(), tag.words());
            print!(", {} items, flags {:#x}", tag.items(), tag.flags());
            println!(", {:#x}, timeouts {:#x}, {:x?}", entry.label, entry.timeouts, entry.words);
        }
        vector => println!("vector {vector}"),
    }
}

/// Says which object an address of a report lies in.
fn describe(at: u64) {
    for header in object::check::all() {
        let (kind, size) = object::check::kind(header);
        let start = object::check::start(header);
        if !(start..start + size).contains(&at) {
            continue;
        }
        let name = header.name();
        let name = core::str::from_utf8(&name).unwrap_or("?").trim_end_matches('\0');
        print!("  {at:#x}: {kind} {} {name}", header.id());
        if let Object::Thread(thread) = header.object() {
            let (state, priority) = (thread.state.get(), thread.priority.get());
            let task = thread.task.get().map_or(0, |task| object::KernelObject::header(task).id());
            print!(", {state:?}, priority {priority}, task {task}, ip {:#x}", thread.frame.ip());
        }
        println!();
        return;
    }
}

/// Processor state that must fit the thread that runs.
pub fn processor() -> Check {
    arch::check_current(sched::current().map(|thread| &thread.frame))
        .map_err(|what| Broken { what, of: [sched::current().map_or(0, address), 0] })
}
