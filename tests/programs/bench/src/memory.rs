//! Mapping and unmapping of pages, and pages on demand.

use crate::counter::Counter;
use crate::messages::WINDOW;
use syscall::abi::ipc::Operation;
use syscall::abi::{Flexpage, MapItem, Rights, Tag, Timeouts};
use syscall::memory::Mapping;
use syscall::{Gate, Result, Task, arch, env};

pub fn measure(counter: &Counter) -> Result {
    let mut page = Mapping::anonymous(0x1000)?;
    page.write(0, &[1]);
    let source = Flexpage::memory(page.address() as u64, 12, Rights::RW);
    let task = Task::this();
    counter.count("map and unmap of 4 KiB, by calls to the own task", || {
        let _ = task.map_item(task, MapItem::map_at(source, WINDOW));
        let _ = task.unmap(Flexpage::memory(WINDOW, 12, Rights::RWX), true);
    });
    let server = env::cap::<Gate>("echo")?.index();
    let item = MapItem::map(source);
    counter.count("map of 4 KiB by IPC and unmap, two tasks", || {
        arch::utcb().set_mr(0, item.control);
        arch::utcb().set_mr(1, item.flexpage.raw());
        arch::invoke(server, Operation::CALL, 0, Tag::new(0, 0, 1, 0), Timeouts::NEVER);
        let _ = task.unmap(source.with_rights(Rights::RWX), false);
    });
    const PAGES: usize = 1001;
    let mut fresh = Mapping::anonymous(PAGES * 0x1000)?;
    let mut next = 0;
    counter.count("first touch of an anonymous page", || {
        fresh.write(next * 0x1000, &[1]);
        next += 1;
    });
    Ok(())
}
