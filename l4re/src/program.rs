//! Loading and starting the program: its ELF file from a name space, its segments, stack and main thread.

use core::ops::Range;

use abi::l4re::{aux_vector, rm};
use abi::{CapIndex, PAGE_SHIFT, PAGE_SIZE};
use alloc::rc::Rc;
use furore_elf::{Elf, Kind};
use l4re::cause::Access;
use loader::image::{self, Content, Piece, Wishes};
use loader::region::Attach;
use loader::stack::{self, Contents};
use loader::{During, Error, Result, layout};
use syscall::l4re::rm::Attach as AttachOutside;
use syscall::l4re::{dataspace::Dataspace, mem_alloc::MemAlloc, rm::Rm};
use syscall::object::{scheduler::Scheduler, thread::Control};
use syscall::{Cap, Owned, Task, Thread};

use crate::memory;
use crate::space::{Backing, Space};

/// A file attached for good, to be read by the service.
pub struct File {
    /// Its dataspace.
    pub dataspace: Rc<Owned<Dataspace>>,
    /// Its content.
    pub bytes: &'static [u8],
}

impl File {
    /// Attaches the file to the region map outside, so that the service, which nobody else pages, can read
    /// it. To be done before [`Space::new`] asks what lies where.
    ///
    /// # Errors
    /// Those of the dataspace and the region map.
    pub fn attach(dataspace: Owned<Dataspace>, outside: Cap<Rm>, name: &str) -> Result<Self> {
        let size = dataspace.cap().size().during(format_args!("asking for the size of '{name}'"))?;
        if size == 0 {
            // Nothing can be attached: what is wrong with the file says who reads it.
            return Ok(Self { dataspace: Rc::new(dataspace), bytes: &[] });
        }
        let flags = rm::flags::R | rm::flags::SEARCH_ADDR;
        let place = AttachOutside { start: FILES, name, ..AttachOutside::new(dataspace.cap(), size, flags) };
        let start = outside.attach(place).during(format_args!("attaching '{name}'"))?;
        Ok(Self { dataspace: Rc::new(dataspace), bytes: memory::attached(start, size as usize) })
    }
}

/// Where files are attached for the service (`Loader_vma_start` of l4re_itas), far from any program.
const FILES: u64 = 0x7fff_0020_0000;

/// A program in memory, not yet running.
pub struct Loaded {
    /// First instruction.
    pub entry: u64,
    /// Distance from the addresses in the file.
    pub load_offset: u64,
    /// The addresses of its code.
    pub code: Range<u64>,
    /// Its stack.
    pub stack: Wishes,
}

/// Lays the file's segments and a stack with a guard page below it into the space.
///
/// # Errors
/// What is wrong with the file, or what could not be had.
pub fn load(
    space: &mut Space,
    allocator: Cap<MemAlloc>,
    file: &File,
    elf: &Elf,
    load_base: u64,
    kip: u64,
) -> Result<Loaded> {
    let mut stack = image::wishes(
        elf,
        Wishes { stack_address: aux_vector::DEFAULT_STACK_ADDR, stack_size: aux_vector::DEFAULT_STACK_SIZE, kip },
    )?;
    let pieces = image::plan(elf)?;
    let (load_offset, in_area) = place(space, elf, &pieces, load_base)?;
    for piece in &pieces {
        attach_piece(space, allocator, file, piece, load_offset, in_area)?;
    }
    let code = pieces.iter().filter(|piece| piece.flags & rm::flags::X != 0);
    let code = code.map(|piece| piece.start.wrapping_add(load_offset)..piece.end().wrapping_add(load_offset));
    let code = code.reduce(|low, high| low.start..high.end).unwrap_or_default();
    stack.stack_address = attach_stack(space, allocator, &stack).during("laying out the stack")?;
    Ok(Loaded { entry: elf.entry().wrapping_add(load_offset), load_offset, code, stack })
}

/// Where the file goes: as linked, or at the base asked for, or at the first place that is free, which is
/// then reserved as an area.
fn place(space: &mut Space, elf: &Elf, pieces: &[Piece], load_base: u64) -> Result<(u64, u32)> {
    const CHOOSE: u64 = u64::MAX;
    match elf.kind() {
        Kind::Fixed => Ok((0, 0)),
        Kind::Relocatable if load_base != CHOOSE => Ok((load_base, 0)),
        Kind::Relocatable => {
            let start = pieces.first().map_or(0, |piece| piece.start);
            let size = pieces.last().map_or(0, Piece::end) - start;
            let align = elf.alignment().ilog2().max(PAGE_SHIFT.into()) as u8;
            let base = space
                .map
                .reserve(layout::PROGRAM_RELOCATION_BASE, size, rm::flags::SEARCH_ADDR, align)
                .map_err(|error| Error::new("finding a place for the program", error.error().into()))?;
            Ok((base.wrapping_sub(start), rm::flags::IN_AREA))
        }
    }
}

fn attach_piece(
    space: &mut Space,
    allocator: Cap<MemAlloc>,
    file: &File,
    piece: &Piece,
    load_offset: u64,
    in_area: u32,
) -> Result<()> {
    let start = piece.start.wrapping_add(load_offset);
    let (memory, offset) = match &piece.content {
        Content::Shared { file_offset } => (file.dataspace.clone(), *file_offset),
        Content::Private(parts) => {
            let memory = allocator
                .allocate(piece.size as usize)
                .during(format_args!("allocating {} KiB for the segment at {start:#x}", piece.size / 1024))?;
            for part in parts {
                memory
                    .cap()
                    .copy_in(part.at, file.dataspace.cap(), part.file_offset, part.length)
                    .during(format_args!("copying the segment at {start:#x}"))?;
            }
            (Rc::new(memory), 0)
        }
    };
    space
        .attach(Attach {
            start,
            size: piece.size,
            flags: piece.flags | in_area,
            align: PAGE_SHIFT,
            offset,
            backing: Backing::Dataspace { memory, client: CapIndex::INVALID },
        })
        .map(drop)
        .during(format_args!("attaching the segment at {start:#x}"))
}

/// Lays out the stack and its guard page: at the address asked for, or above it where something else is
/// (L4Re's moe puts a service's own stack there). Returns its address.
fn attach_stack(space: &mut Space, allocator: Cap<MemAlloc>, stack: &Wishes) -> syscall::Result<u64> {
    const GUARD: u64 = PAGE_SIZE as u64;
    let memory = Rc::new(allocator.allocate(stack.stack_size as usize)?);
    let wanted = stack.stack_address.saturating_sub(GUARD);
    let area = space.map.reserve(wanted, GUARD + stack.stack_size, rm::flags::SEARCH_ADDR, PAGE_SHIFT);
    space.attach(Attach {
        start: area.map_err(|error| error.error())? + GUARD,
        size: stack.stack_size,
        flags: rm::flags::RW | rm::flags::IN_AREA,
        align: PAGE_SHIFT,
        offset: 0,
        backing: Backing::Dataspace { memory, client: CapIndex::INVALID },
    })
}

/// Puts arguments, environment and auxiliary vector on the program's stack and returns the stack pointer.
///
/// # Errors
/// Those of [`stack::build`] and of mapping the stack.
pub fn fill_stack(space: &Space, stack: &Wishes, contents: &Contents) -> Result<u64> {
    let top = stack.stack_address + stack.stack_size;
    let filled = stack::build(top, stack.stack_size as usize / 2, contents)?;
    for page in (layout::trunc_page(filled.pointer)..top).step_by(PAGE_SIZE) {
        space.page_in(page, Access::Write).during("mapping the stack")?;
    }
    memory::write(filled.pointer, &filled.bytes);
    Ok(filled.pointer)
}

/// Lets `thread` run the program, with `pager` for its page faults and exceptions.
///
/// # Errors
/// Those of the kernel and the scheduler.
pub fn run(
    thread: Cap<Thread>,
    scheduler: Cap<Scheduler>,
    pager: CapIndex,
    utcb: u64,
    entry: u64,
    stack_pointer: u64,
) -> Result<()> {
    let control =
        Control { pager: Some(pager), exception_handler: Some(pager), bind: Some((Task::this(), utcb)), alien: None };
    thread.control(control).during("binding the main thread")?;
    scheduler
        .run_thread(thread, Scheduler::any_cpu(), abi::l4re::MAIN_THREAD_PRIO, 0)
        .during("giving the main thread its priority")?;
    thread.ex_regs(entry, stack_pointer, 0).during("starting the main thread").map(drop)
}
