//! `l4re`, the service code in every task: it runs first, on a thread of its own, loads the program and
//! then serves it as region mapper, pager and exception handler (L4Re's `l4re_itas`).
//!
//! The task, this image, its stack and its capabilities come from moe (for ned) or ned (for the others),
//! by crate `loader`. The service itself is paged by the region map outside of the task; everything else
//! in the task is in its own list ([`space`]). A program that cannot be loaded, and one that crashes, is
//! reported on its log and to its parent.
#![no_std]
#![no_main]

extern crate alloc;

mod crash;
mod memory;
mod outside;
mod program;
mod registers;
mod rescue;
mod service;
mod space;

use abi::l4re::aux_vector;
use abi::l4re::env::Env;
use abi::l4re::parent::SIGNAL_EXIT;
use abi::{CapIndex, Flexpage};
use alloc::string::ToString;
use alloc::vec::Vec;
use furore_elf::Elf;
use loader::stack::{CapEntry, Contents};
use loader::{During, Result};
use syscall::object::scheduler::{MAX_PRIO, Scheduler};
use syscall::stack::InitialStack;
use syscall::{Code, env, println};

use crash::Crashes;
use program::File;
use service::Service;
use space::Space;

// The heap is part of the image: one that grew by attaching memory would have to ask the region map that
// this is. It has room for some thousand regions, and takes memory only as far as it is used.
syscall::service_main!(main, heap = 256 * 1024);

/// Capability slots that the service keeps for itself, behind those it was started with: one for each
/// dataspace that is attached, and a few more (`Max_local_rm_caps` of l4re_itas).
const OWN_SLOTS: u64 = 1024;

/// The exit code of a program that could not be started, as POSIX shells have it.
const CANNOT_RUN: u64 = 126;

fn main(_stack: InitialStack) -> ! {
    match prepare() {
        Ok(service) => service.run(),
        Err(error) => {
            println!("l4re: cannot start '{}': {error}", env::args().next().unwrap_or("?"));
            loop {
                // The parent ends the task; should it not, there is nothing else to do here.
                let _ = env::parent().signal(SIGNAL_EXIT, CANNOT_RUN);
            }
        }
    }
}

/// Loads the program and starts its main thread.
fn prepare() -> Result<Service> {
    rescue::arm(env::rm()).during("preparing for the case that memory runs out")?;
    let missing =
        |what: &str| loader::Error::new(alloc::format!("looking for {what} on the stack"), Code::Inval.into());
    let name = env::args().next().ok_or_else(|| missing("the program's name"))?;
    let given = env::raw().ok_or_else(|| missing("the environment"))?;
    let aux = memory::l4_aux().ok_or_else(|| missing("the auxiliary data"))?;
    let kip = env::auxiliary(aux_vector::L4_KIP).ok_or_else(|| missing("the kernel info page"))?;

    let dataspace = env::open(name).during("opening the file")?;
    let file = File::attach(dataspace, env::rm(), name)?;
    let elf = Elf::parse(file.bytes).map_err(|error| loader::unfit(name, &error))?;
    let slots_end = given.first_free_cap + OWN_SLOTS;
    let mut space = Space::new(env::rm(), slots_end).during("asking what lies in the task")?;
    let loaded = program::load(&mut space, env::mem_alloc(), &file, &elf, aux.ldr_base, kip)?;

    let gate = env::factory().create_gate(Some(env::main_thread()), 0).during("creating the region map's gate")?;
    let thread = env::factory().create_thread().during("creating the main thread")?;
    let window = syscall::cap::allocate().during("finding a free slot")?;
    let contents = Contents {
        args: &env::args().collect::<Vec<_>>(),
        environment: &env::vars().collect::<Vec<_>>(),
        caps: &named_caps(),
        env: Env {
            rm: gate.index().raw(),
            main_thread: thread.index().raw(),
            first_free_cap: slots_end,
            first_free_utcb: given.first_free_utcb + abi::utcb::SIZE as u64,
            ..*given
        },
        aux: *aux,
        kip,
        program_headers: loader::image::program_headers(&elf, loaded.load_offset),
    };
    let stack_pointer = program::fill_stack(&space, &loaded.stack, &contents)?;
    // The program's faults are to be served before anything of lower priority goes on.
    env::scheduler()
        .run_thread(env::main_thread(), Scheduler::any_cpu(), MAX_PRIO, 0)
        .during("raising the service's priority")?;
    let pager = gate.leak().index();
    program::run(thread.leak(), env::scheduler(), pager, given.first_free_utcb, loaded.entry, stack_pointer)?;
    let crashes = Crashes {
        program: name.to_string(),
        file: file.bytes,
        load_offset: loaded.load_offset,
        code: loaded.code,
        utcb_area: Flexpage::from_raw(given.utcb_area).address(),
        parent: env::parent(),
    };
    Ok(Service { space, crashes, window, ended: false })
}

/// The named capabilities, which the program finds in the same slots.
fn named_caps() -> Vec<CapEntry<'static>> {
    let named = env::caps().filter_map(|entry| {
        let name = core::str::from_utf8(entry.name()).ok()?;
        Some(CapEntry { name, cap: CapIndex::from_raw(entry.cap) })
    });
    named.collect()
}
