//! Long messages: words, items, text on the console.

use crate::crowd::{EMPTY, EXTRA, make_in, set_buffer_register, start_at, thread, utcb};
use crate::many;
use crate::measure::row;
use crate::place::{OBJECTS, ROOM, TARGET, delete, forever, make_plain, map, pages, superpages};
use harness::call::{no_buffers, outcome, write};
use harness::{Check, same};
use syscall::abi::ipc::Operation;
use syscall::abi::{BufferItem, CapIndex, Flexpage, MapItem, PAGE_SIZE, Rights, Timeouts, debugger, protocol, vcon};
use syscall::arch::invoke;
use syscall::{Cap, Irq, Task};

/// All rows.
pub fn rows() -> Check {
    items()?;
    console()
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
    words[2..].fill(0x0909_0909_0909_0909);
    row("480 tabulators written by the debugger", || {
        same(forever(CapIndex::DEBUGGER, protocol::DEBUGGER, &words, &[]), 0)
    })?;
    Ok(())
}
