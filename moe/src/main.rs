//! moe, the root task: makes name spaces, dataspaces, region maps, logs, scheduler proxies and factories
//! for everyone, offers the boot modules as `rom/`, and starts the first program, ned, of which it is
//! the pager.
//!
//! This file is the way from the first instruction to the server loop. Neighbours: sigma0, from which
//! all memory comes; the crate `loader`, which starts ned; everyone whom ned gives one of moe's objects.
#![no_std]
#![no_main]

extern crate alloc;

mod boot_fs;
mod machine;
mod server;

use alloc::rc::Rc;

use moe::options::Options;
use syscall::{Debugger, Scheduler, Task, Thread, boot, println};

use crate::boot_fs::BootFs;
use crate::machine::Kernel;
use crate::server::Server;

syscall::boot_main!(main);

/// Priority of moe's thread: it serves everyone, and briefly.
const PRIORITY: u64 = 255;
/// Where the kernel info page is mapped: far above all memory, which is mapped one to one.
const KIP_ADDRESS: u64 = 0x7ff0_0000_0000;

fn main() -> ! {
    let me = Thread::main();
    if let Err(error) = Scheduler::boot().run_thread(me, Scheduler::any_cpu(), PRIORITY, 0) {
        println!("moe: could not set my priority: {error}");
    }
    // Names are for a debugger only, which need not be there.
    let _ = Debugger::boot().set_name(Task::this(), "moe");
    let _ = Debugger::boot().set_name(me, "moe");

    let kip = match boot::map_kip(KIP_ADDRESS) {
        Ok(kip) => kip,
        Err(error) => panic!("sigma0 does not give me the kernel info page: {error}"),
    };
    let (_, modules) = boot::modules(kip);
    let command_line = boot_fs::own_command_line(&modules);
    println!("moe: root task; my command line is: {command_line}");
    let options = Options::parse(command_line, |word| {
        println!("moe: option '{word}' is unknown and ignored");
    });

    let store = Rc::new(moe::store::Store::new(Kernel::new(&modules)));
    let mut server = match Server::new(store, boot::memory_descriptors(kip)) {
        Ok(server) => server,
        Err(error) => panic!("cannot make my first objects: {error}"),
    };
    let (memory, reserve) = server.memory();
    println!(
        "moe: {} KiB of memory for programs, {} KiB more for what serves them",
        memory.saturating_sub(reserve) >> 10,
        reserve >> 10
    );
    let files = match BootFs::new(&mut server, &modules, KIP_ADDRESS) {
        Ok(files) => files,
        Err(error) => panic!("cannot offer the boot modules: {error}"),
    };
    if let Some(mode) = boot::framebuffer(kip)
        && let Err(error) = server.offer_screen(mode)
    {
        println!("moe: cannot offer the screen: {error}");
    }
    if let Err(error) = server.start(&files, &options) {
        println!("moe: cannot start {}: {error}", options.init);
        boot_fs::explain_missing(&files, &options);
    }
    server.run()
}
