//! Page faults and exceptions that another thread of the program answers.
#![allow(unsafe_code)] // touches memory that is not there, and raises exceptions

use crate::LABEL;
use crate::counter::Counter;
use crate::messages::WINDOW;
use core::arch::asm;
use syscall::abi::exc_regs::{ExcRegs, WORDS};
use syscall::abi::ipc::Operation;
use syscall::abi::{CapIndex, Flexpage, MapItem, Rights, Tag, Timeouts, protocol};
use syscall::memory::Mapping;
use syscall::object::thread::Control;
use syscall::{Result, Task, arch, env, thread};

const PAGE: u64 = 0x1000;
/// The message register with the instruction pointer of an exception.
const IP: usize = core::mem::offset_of!(ExcRegs, ip) / size_of::<u64>();
/// Order of the range that faults are for.
const RANGE: u8 = 24;
const RANGE_PAGES: u64 = (1 << RANGE) / PAGE;

pub fn measure(counter: &Counter) -> Result {
    let mut page = Mapping::anonymous(PAGE as usize)?;
    page.write(0, &[1]);
    let source = page.address() as u64;
    let handler = thread::spawn(move || handle(source))?;
    let gate = env::factory().create_gate(Some(handler.thread().cap()), LABEL)?;
    let counter = *counter;
    let cap = gate.cap().index();
    thread::spawn(move || {
        let handler = Control { pager: Some(cap), exception_handler: Some(cap), ..Control::default() };
        let _ = thread::current().cap().control(handler);
        let mut next = 0;
        counter.count("page fault to a pager that maps 4 KiB, one task", || {
            touch(WINDOW + next * PAGE);
            next = (next + 1) % RANGE_PAGES;
            if next == 0 {
                let _ = Task::this().unmap(Flexpage::memory(WINDOW, RANGE, Rights::RWX), true);
            }
        });
        // SAFETY: the handler lets the thread go on behind the instruction.
        counter.count("exception to a handler and back, one task", || unsafe { asm!("ud2") });
    })?
    .join();
    Ok(())
}

/// Reads a word, which may lead to a page fault.
fn touch(address: u64) {
    // SAFETY: reads memory that is there, or that the handler puts there.
    unsafe { core::ptr::with_exposed_provenance::<u64>(address as usize).read_volatile() };
}

/// Answers page faults with the page at `source`, those that are not for the benchmark's range by touching what is
/// there, and exceptions by going on behind the instruction of two bytes.
fn handle(source: u64) {
    let utcb = arch::utcb();
    let (mut operation, mut tag) = (Operation::WAIT, Tag::new(0, 0, 0, 0));
    loop {
        let (received, _) = arch::invoke(CapIndex::INVALID, operation, 0, tag, Timeouts::NEVER);
        operation = Operation::REPLY_AND_WAIT;
        if received.label() == protocol::EXCEPTION {
            utcb.set_mr(IP, utcb.mr(IP) + 2);
            tag = Tag::new(0, WORDS, 0, 0);
            continue;
        }
        let address = utcb.mr(0) & !7;
        if (WINDOW..WINDOW + (1 << RANGE)).contains(&address) {
            let item = MapItem::map_at(Flexpage::memory(source, 12, Rights::RW), address & !(PAGE - 1));
            utcb.set_mr(0, item.control);
            utcb.set_mr(1, item.flexpage.raw());
            tag = Tag::new(0, 0, 1, 0);
        } else {
            touch(address);
            tag = Tag::new(0, 0, 0, 0);
        }
    }
}
