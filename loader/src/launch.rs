//! The start itself: a task with the service image, a stack and capabilities, and a thread that runs
//! (libloader's `Loader::launch` and `Remote_app_model`).
//!
//! Order matters in one place only: the thread runs last, when everything it will touch is there.

use abi::l4re::aux_vector::L4Aux;
use abi::l4re::env::Env;
use abi::l4re::{rm, slots};
use abi::{CapIndex, Flexpage, MapItem, PAGE_SIZE, Rights};
use alloc::format;
use alloc::vec::Vec;
use furore_elf::{Elf, Kind};
use syscall::Cap;
use syscall::message::Argument;
use syscall::object::{factory::Factory, scheduler::Scheduler, task::Task, thread::Control, thread::Thread};

use crate::error::{During, Error};
use crate::image::{self, Content, Piece, Wishes};
use crate::stack::{self, CapEntry, Contents};
use crate::{AppModel, Grant, Program, Result, layout};

/// Where the caller wants the new task and its first thread: two empty slots. After an error they may
/// hold objects, which the caller deletes as it does when the program has ended.
#[derive(Clone, Copy, Debug)]
pub struct Slots {
    /// For the task.
    pub task: CapIndex,
    /// For the thread.
    pub thread: CapIndex,
}

/// Starts a program: when this returns, its first thread is ready to run in the service image.
///
/// # Errors
/// What went wrong and while doing what; nothing of the program runs then.
pub fn start<M: AppModel>(model: &mut M, program: &Program, slots: Slots) -> Result<()> {
    let service = model.open_file(program.service)?;
    let bytes = model.bytes(&service)?;
    let elf = Elf::parse(&bytes).map_err(|error| unfit(program.service, &error))?;
    let wishes = image::wishes(
        &elf,
        Wishes {
            stack_address: layout::SERVICE_STACK_ADDRESS,
            stack_size: layout::SERVICE_STACK_SIZE,
            kip: layout::KIP_ADDRESS,
        },
    )?;
    let pieces = image::plan(&elf)?;
    let load_offset = match (elf.kind(), pieces.first()) {
        (Kind::Relocatable, Some(first)) => layout::SERVICE_RELOCATION_BASE.wrapping_sub(first.start),
        _ => 0,
    };
    for piece in &pieces {
        place(model, &service, piece, load_offset, program.service)?;
    }

    let named = name_slots(program);
    let stack = initial_stack(program, &elf, load_offset, &wishes, &named)?;
    let memory = model.allocate(wishes.stack_size)?;
    let offset = stack.pointer - wishes.stack_address;
    model.write(&memory, offset, &stack.bytes)?;
    model.attach(wishes.stack_address, wishes.stack_size, Some(&memory), 0, rm::flags::RW, "[stack]")?;
    let utcb_area = 1 << layout::UTCB_AREA_ORDER;
    model.attach(layout::UTCB_AREA, utcb_area, None, 0, rm::flags::RW | rm::flags::KERNEL, "[utcb]")?;
    let kip = model.kip()?;
    model.attach(wishes.kip, PAGE_SIZE as u64, Some(&kip), 0, rm::flags::RX, "[kip]")?;

    let (task, thread) = create(program, slots)?;
    hand_over(program, task, thread, &named)?;
    run(program, task, thread, elf.entry().wrapping_add(load_offset), stack.pointer)
}

/// The error for a file that is no program.
pub fn unfit(name: &str, error: &furore_elf::Error) -> Error {
    Error::plain(format!("'{name}' {error}"), abi::Error::Inval.into())
}

/// Lays one piece of the image into the region map.
fn place<M: AppModel>(model: &mut M, file: &M::Dataspace, piece: &Piece, load_offset: u64, name: &str) -> Result<()> {
    let start = piece.start.wrapping_add(load_offset);
    match &piece.content {
        Content::Shared { file_offset } => model.attach(start, piece.size, Some(file), *file_offset, piece.flags, name),
        Content::Private(parts) => {
            let memory = model.allocate(piece.size)?;
            for part in parts {
                model.copy(&memory, part.at, file, part.file_offset, part.length)?;
            }
            model.attach(start, piece.size, Some(&memory), 0, piece.flags, name)
        }
    }
}

/// Gives each named capability its slot in the new task.
fn name_slots<'a>(program: &Program<'a>) -> Vec<(CapEntry<'a>, Grant)> {
    let mut free = slots::FIRST_FREE;
    let mut next = |name: &str| match name {
        "jdb" => CapIndex::DEBUGGER,
        _ => {
            free += 1;
            CapIndex::new(free - 1)
        }
    };
    program.caps.iter().map(|cap| (CapEntry { name: cap.name, cap: next(cap.name) }, cap.grant)).collect()
}

fn initial_stack(
    program: &Program,
    elf: &Elf,
    load_offset: u64,
    wishes: &Wishes,
    named: &[(CapEntry, Grant)],
) -> Result<stack::Stack> {
    let caps: Vec<CapEntry> = named.iter().map(|(entry, _)| *entry).collect();
    let slot = |number| CapIndex::new(number).raw();
    let optional = |grant: Option<Grant>, number| grant.map_or(CapIndex::INVALID.raw(), |_| slot(number));
    let contents = Contents {
        args: program.args,
        environment: program.environment,
        caps: &caps,
        env: Env {
            parent: slot(slots::PARENT),
            rm: slot(slots::EXTERNAL_RM),
            mem_alloc: slot(slots::ALLOCATOR),
            log: optional(program.base.log, slots::LOG),
            main_thread: slot(slots::MAIN_THREAD),
            factory: slot(slots::FACTORY),
            scheduler: slot(slots::SCHEDULER),
            itas: CapIndex::INVALID.raw(),
            dbg_events: optional(program.base.dbg_events, slots::DEBUG_EVENTS),
            first_free_cap: slots::FIRST_FREE + caps.len() as u64,
            first_free_reply_cap: 0,
            utcb_area: Flexpage::memory(layout::UTCB_AREA, layout::UTCB_AREA_ORDER, Rights::NONE).raw(),
            first_free_utcb: layout::UTCB_AREA + abi::utcb::SIZE as u64,
            caps: 0,
        },
        aux: L4Aux {
            binary: 0,
            kip_ds: slot(slots::KIP),
            dbg_lvl: program.debug_level,
            ldr_flags: program.loader_flags,
            ldr_base: program.load_base,
        },
        kip: wishes.kip,
        program_headers: image::program_headers(elf, load_offset),
    };
    let top = wishes.stack_address + wishes.stack_size;
    stack::build(top, wishes.stack_size as usize / 2, &contents)
}

fn create(program: &Program, slots: Slots) -> Result<(Cap<Task>, Cap<Thread>)> {
    let factory: Cap<Factory> = Cap::new(program.base.factory.cap);
    let utcbs = Flexpage::memory(layout::UTCB_AREA, layout::UTCB_AREA_ORDER, Rights::NONE);
    factory
        .create_in(slots.task, abi::protocol::TASK, &[Argument::Flexpage(utcbs)], None)
        .during("creating the task")?;
    factory.create_in(slots.thread, abi::protocol::THREAD, &[], None).during("creating its first thread")?;
    Ok((Cap::new(slots.task), Cap::new(slots.thread)))
}

/// Maps all capabilities to their slots.
fn hand_over(program: &Program, task: Cap<Task>, thread: Cap<Thread>, named: &[(CapEntry, Grant)]) -> Result<()> {
    let base = &program.base;
    let fixed = [
        (slots::TASK, Some(Grant::full(task.index())), "task"),
        (slots::FACTORY, Some(base.factory), "factory"),
        (slots::MAIN_THREAD, Some(Grant::full(thread.index())), "thread"),
        (slots::LOG, base.log, "log"),
        (slots::SCHEDULER, Some(base.scheduler), "scheduler"),
        (slots::EXTERNAL_RM, Some(base.region_map), "region map"),
        (slots::ALLOCATOR, Some(base.mem_alloc), "memory allocator"),
        (slots::PARENT, Some(base.parent), "parent"),
        (slots::KIP, Some(base.kip), "kernel info page"),
        (slots::DEBUG_EVENTS, base.dbg_events, "debugger events"),
    ];
    for (slot, grant, name) in fixed {
        if let Some(grant) = grant {
            hand_over_one(task, CapIndex::new(slot), grant, name)?;
        }
    }
    named.iter().try_for_each(|(entry, grant)| hand_over_one(task, entry.cap, *grant, entry.name))
}

fn hand_over_one(task: Cap<Task>, slot: CapIndex, grant: Grant, name: &str) -> Result<()> {
    let flexpage = Flexpage::object(grant.cap, 0, grant.rights | Rights::CAP_R);
    let item = MapItem::map_at(flexpage, slot.raw()).with_flags(grant.item_flags);
    task.map_item(Task::this(), item).during(format_args!("handing over the capability '{name}'"))
}

fn run(program: &Program, task: Cap<Task>, thread: Cap<Thread>, entry: u64, stack: u64) -> Result<()> {
    let region_map = CapIndex::new(slots::EXTERNAL_RM);
    let control = Control {
        pager: Some(region_map),
        exception_handler: Some(region_map),
        bind: Some((task, layout::UTCB_AREA)),
        alien: None,
    };
    thread.control(control).during("binding the first thread to its task")?;
    let scheduler: Cap<Scheduler> = Cap::new(program.base.scheduler.cap);
    scheduler
        .run_thread(thread, Scheduler::any_cpu(), program.priority.into(), 0)
        .during("giving the first thread its priority")?;
    thread.ex_regs(entry, stack, 0).during("starting the first thread").map(drop)
}
