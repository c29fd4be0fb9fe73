//! What the program was given, and by whom. In moe's place it has what the kernel gives: its own objects in fixed slots, and
//! sigma0 for memory. Started by a loader it has an environment: those of the objects that the environment always
//! has, the others by name, and memory from the allocator by way of the region map. Nothing else in this
//! crate tells the two apart; what the loader has not given is an error that names it, and no test runs.
//!
//! The first instructions are here, too: the kernel starts a boot server without a stack, a loader always makes one.
#![allow(unsafe_code)] // the first access to pages

use crate::child::{KIP, map_range};
use alloc::vec::Vec;
use core::arch::global_asm;
use syscall::abi::{PAGE_SIZE, Rights};
use syscall::l4re::mem_alloc::flags::{CONTINUOUS, SUPER_PAGES};
use syscall::l4re::rm::{Attach, flags::RWX};
use syscall::l4re::sigma0::Sigma0;
use syscall::{Cap, Debugger, Icu, Kobject, Result, Task, boot, env};

global_asm!(
    ".pushsection .text.__harness_start, \"ax\", @progbits",
    ".global __harness_start",
    "__harness_start:",
    "test rsp, rsp",
    "jz _boot_start",
    "jmp _start",
    ".popsection",
);

/// What the environment does not have, or not always.
pub struct Given {
    /// The kernel's interrupt controller, which is the machine's power switch as well.
    pub icu: Cap<Icu>,
    /// The kernel's debugger.
    pub debugger: Cap<Debugger>,
    /// sigma0, which has the I/O ports.
    pub sigma0: Cap<Sigma0>,
}

/// Whether a loader has started the program.
fn has_loader() -> bool {
    env::raw().is_some()
}

impl Given {
    /// Finds it.
    ///
    /// # Errors
    /// `Missing` with the name of what a loader has not given.
    pub fn find() -> Result<Self> {
        Ok(Self {
            icu: named("icu", Icu::boot())?,
            debugger: named("jdb", Debugger::boot())?,
            sigma0: named("sigma0", Sigma0::boot())?,
        })
    }

    /// 2^`order` bytes of memory for good, mapped, aligned to their size, and in superpages if they are that large.
    ///
    /// # Errors
    /// Those of who has the memory; `NoMem`.
    pub fn memory(&self, order: u8) -> Result<u64> {
        if !has_loader() {
            return self.sigma0.any_memory(order);
        }
        let size = 1 << order;
        let dataspace = env::mem_alloc().allocate_with(size, CONTINUOUS | SUPER_PAGES, order)?.leak();
        let start = env::rm().attach(Attach { align: order, ..Attach::new(dataspace, size as u64, RWX) })?;
        touch((start, start + size as u64), true);
        Ok(start)
    }

    /// Has the kernel info page mapped at [`KIP`].
    ///
    /// # Errors
    /// Those of who has it.
    pub fn map_kip(&self) -> Result {
        if !has_loader() {
            return boot::map_kip(KIP).map(drop);
        }
        let loaders = core::ptr::from_ref(env::kip()) as u64;
        // Reading it has it mapped, so that it can be mapped again.
        boot::use_kip(loaders)?;
        map_range(Task::this(), (loaders, loaders + PAGE_SIZE as u64), KIP, Rights::RX)?;
        boot::use_kip(KIP).map(drop)
    }
}

/// What the loader has given by this name, or the kernel in this slot.
fn named<T: Kobject>(name: &'static str, slot: Cap<T>) -> Result<Cap<T>> {
    if has_loader() { env::cap(name) } else { Ok(slot) }
}

/// Has the pager map the pages of this range, writable or not, so that they can be mapped on.
pub fn touch((start, end): (u64, u64), writable: bool) {
    for page in (start..end).step_by(PAGE_SIZE) {
        // SAFETY: the callers' ranges are the image, or memory that nobody uses yet; what is written was there before.
        unsafe {
            let value = (page as *const u8).read_volatile();
            if writable {
                (page as *mut u8).write_volatile(value);
            }
        }
    }
}

/// The words behind the program's name where it was started: its arguments, or its module's line.
///
/// # Errors
/// When there is no kernel info page at [`KIP`].
pub fn arguments(program: &str) -> Result<Vec<&'static str>> {
    if has_loader() {
        return Ok(env::args().skip(1).collect());
    }
    let modules = boot::modules(boot::use_kip(KIP)?).1;
    let line = modules.iter().find(|module| module.name() == program).map_or("", |module| module.command_line);
    Ok(line.split_whitespace().skip(1).collect())
}
