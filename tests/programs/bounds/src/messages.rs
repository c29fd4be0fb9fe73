//! Long messages: words, items, text on the console.

use crate::crowd::{EMPTY, EXTRA, make_in, set_buffer_register, start_at, thread, utcb};
use crate::many;
use crate::measure::row;
use crate::place::{OBJECTS, ROOM, TARGET, delete, forever, make_plain, map, pages, superpages};
use harness::call::{no_buffers, outcome, write};
use harness::{Check, same};
use syscall::abi::ipc::Operation;
use syscall::abi::item::CONTINUE;
use syscall::abi::{BufferItem, CapIndex, Flexpage, MapItem, PAGE_SIZE, Rights, Timeouts, debugger, protocol, vcon};
use syscall::arch::invoke;
use syscall::object::thread::Control;
use syscall::{Cap, Irq, Task, Thread, Vcon, ipc, println};

/// All rows.
pub fn rows() -> Check {
    items()?;
    many_items()?;
    answers()?;
    console()?;
    input()
}

/// Empty lines are typed, as many at once as the serial line holds, and echoed.
fn input() -> Check {
    const TYPED: usize = 100;
    row("100 empty lines typed", || {
        println!("bounds: type");
        let mut count = 0;
        while count < TYPED {
            count += Vcon::boot().read(&mut [0; TYPED])?.0;
            crate::measure::rest(1);
        }
        Ok(())
    })
}

/// A thread in its own place in this task that takes one message with this window, behind which come `more` of them.
fn receiver(window: Flexpage, windows: usize) -> Check {
    make_in(EXTRA, Task::this(), utcb(EXTRA), CapIndex::INVALID)?;
    for index in 0..windows {
        set_buffer_register(EXTRA, 2 * index, BufferItem::WINDOW.0);
        set_buffer_register(EXTRA, 2 * index + 1, window.raw());
    }
    set_buffer_register(EXTRA, 2 * windows, 0);
    start_at(EXTRA, 101, CapIndex::INVALID, Operation::WAIT, EMPTY, Timeouts::NEVER)?;
    crate::measure::rest(1);
    Ok(())
}

fn send(words: &[u64], items: &[MapItem]) -> Check {
    no_buffers();
    let tag = write(0, words, items);
    same(outcome(invoke(thread(EXTRA).index(), Operation::SEND, 0, tag, Timeouts::NEVER).0), 0)
}

fn items() -> Check {
    receiver(pages(ROOM, 30), 1)?;
    row("63 words sent", || send(&[7; 63], &[]))?;
    delete(thread(EXTRA).index())?;

    // Items of a whole superpage each, in small pages, one behind the other.
    let source = many::scattered(superpages())?;
    map(source, Task::this(), pages(ROOM, 26), ROOM + (1 << 32))?;
    receiver(pages(ROOM + (2 << 32), 32), 29)?;
    let parts: [MapItem; 29] = core::array::from_fn(|part| {
        let at = part as u64 * 340 * PAGE_SIZE as u64;
        MapItem::map_at(pages(ROOM + (1 << 32) + at, 20), at)
    });
    row("29 items of 256 pages each sent", || send(&[], &parts))?;
    delete(thread(EXTRA).index())?;
    delete(source.index())?;

    let irq: Cap<Irq> = make_plain(protocol::IRQ)?;
    for index in 0..4096 {
        map(Task::this(), Task::this(), irq.flexpage(Rights::CAP_RWS), OBJECTS.offset(index).raw())?;
    }
    receiver(Flexpage::object(TARGET, 12, Rights::NONE), 1)?;
    let capabilities = MapItem::map(Flexpage::object(OBJECTS, 12, Rights::CAP_RWS));
    row("4,096 capabilities sent in one item", || send(&[], &[capabilities]))?;
    delete(thread(EXTRA).index())?;
    delete(irq.index())
}

/// As many items as a message can have, each of which takes as little or as much as a single one can.
fn many_items() -> Check {
    const ITEMS: usize = 29;
    let from = ROOM + (1 << 32);
    let room = pages(ROOM + (2 << 32), 36);
    let source = many::scattered(superpages())?;
    map(source, Task::this(), pages(ROOM, 16), from)?;
    let at = |distance: u64| {
        move |item: usize| {
            MapItem::map_at(pages(from + item as u64 % 16 * PAGE_SIZE as u64, 12), item as u64 * distance)
        }
    };
    let nothing: [MapItem; ITEMS] = core::array::from_fn(|_| MapItem::map_at(pages(from + (1 << 40), 12), 0));
    let void = [MapItem { control: 0, flexpage: Flexpage::from_raw(0) }; ITEMS];
    let close: [MapItem; ITEMS] = core::array::from_fn(at(PAGE_SIZE as u64));
    let far: [MapItem; ITEMS] = core::array::from_fn(at(1 << 30));
    let same_place: [MapItem; ITEMS] = core::array::from_fn(at(0));
    let rows = [
        ("29 void items sent", void),
        ("29 items of nothing sent", nothing),
        ("29 pages sent", close),
        ("29 pages sent to the same places", close),
        ("29 pages sent to one place", same_place),
        ("29 pages sent, far from each other", far),
    ];
    for (name, items) in rows {
        receiver(room, ITEMS)?;
        row(name, || send(&[], &items))?;
        delete(thread(EXTRA).index())?;
    }
    delete(source.index())
}

/// A pager maps pages and refuses the fault: who faulted has no exception handler, which the kernel reports.
fn answers() -> Check {
    let source = many::scattered(superpages())?;
    let from = ROOM + (3 << 32);
    map(source, Task::this(), pages(ROOM, 26), from)?;
    let task = crate::place::make_task()?;
    let areas = [syscall::abi::task::OP_ADD_KU_MEM, pages(ROOM, 12).with_rights(Rights::RW).raw()];
    crate::place::call(task.index(), protocol::TASK, &areas, &[])?;
    let pager = CapIndex::new(0x20);
    task.map_cap(Thread::main(), Rights::CAP_RWS, pager)?;
    for number in (0..29).step_by(4) {
        crate::place::factory().create_in(thread(EXTRA).index(), protocol::THREAD, &[], None)?;
        thread(EXTRA).control(Control {
            pager: Some(pager),
            exception_handler: Some(CapIndex::INVALID),
            bind: Some((task, ROOM)),
            alien: None,
        })?;
        thread(EXTRA).ex_regs(0x1000, 0, 0)?;
        row("a page fault refused, with pages, by a pager", || {
            crate::crowd::run(EXTRA, 100)?;
            let items: [MapItem; 29] = core::array::from_fn(|item| {
                let at = (number * 29 + item) as u64 * PAGE_SIZE as u64;
                let page = MapItem::map_at(pages(from + at, 12), ROOM + (1 << 32) + at);
                // All go to the one window of a page fault.
                MapItem { control: page.control | CONTINUE, ..page }
            });
            no_buffers();
            same(ipc::receive(thread(EXTRA).index(), Timeouts::NEVER)?.label(), protocol::PAGE_FAULT)?;
            let tag = write(-1, &[], &items[..number]);
            same(outcome(invoke(thread(EXTRA).index(), Operation::SEND, 0, tag, Timeouts::NEVER).0), -1)
        })?;
        delete(thread(EXTRA).index())?;
        crate::measure::rest(1);
    }
    delete(task.index())?;
    delete(source.index())
}

fn console() -> Check {
    let text = [0x0a0a_0a0a_0a0a_0a0a_u64; 60];
    let length = 8 * text.len() as u64;
    let mut words = [0; 62];
    words[2..].copy_from_slice(&text);
    words[0] = vcon::OP_WRITE;
    words[1] = length;
    row("480 lines written to the console", || {
        no_buffers();
        let tag = write(protocol::LOG, &words, &[]);
        same(outcome(invoke(CapIndex::LOG, Operation::SEND, 0, tag, Timeouts::NEVER).0), protocol::LOG)
    })?;
    words[0] = debugger::OP_OUT_STRING;
    row("480 lines written by the debugger", || same(forever(CapIndex::DEBUGGER, protocol::DEBUGGER, &words, &[]), 0))?;
    words[0] = debugger::OP_ENTER;
    row("480 lines for the debugger", || same(forever(CapIndex::DEBUGGER, protocol::DEBUGGER, &words, &[]), 0))?;
    words[0] = debugger::OP_OUT_STRING;
    words[2..].fill(u64::from_le_bytes(*b"\x1b[2J\x1b[2J"));
    row("120 times the screen emptied", || same(forever(CapIndex::DEBUGGER, protocol::DEBUGGER, &words, &[]), 0))?;
    words[2..].fill(u64::from_le_bytes(*b"abcdefgh"));
    row("480 characters written by the debugger", || {
        same(forever(CapIndex::DEBUGGER, protocol::DEBUGGER, &words, &[]), 0)
    })?;
    words[2..].fill(0x0909_0909_0909_0909);
    row("480 tabulators written by the debugger", || {
        same(forever(CapIndex::DEBUGGER, protocol::DEBUGGER, &words, &[]), 0)
    })?;
    Ok(())
}
