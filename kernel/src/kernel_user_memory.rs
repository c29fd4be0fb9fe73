//! Memory that the kernel and a task both use: UTCBs. It comes in areas, and is freed with the task only.
//!
//! An area's pages lie behind each other in physical memory, so an address in one is found by the task's page tables.
//! Invariant: what is found there stays. An area is therefore cleared page by page, but appears in the task at once.
#![allow(unsafe_code)] // allocates, clears and frees frames

use crate::arch;
use crate::locked::Locked;
use crate::memory::{machine, memory};
use crate::object::RefSlot;
use crate::task::Task;
use abi::{Error, Flexpage, FlexpageKind, PAGE_SIZE, Rights};
use core::cell::Cell;
use core::ptr::NonNull;
#[cfg(feature = "invariants")]
use kernel::invariant::{Broken, address, ensure};
use kernel::mem::{Quota, Slab};
use kernel::planted::{Bug, is_planted};
use kernel::queue::{Linked, Links, List};
use kernel::space::{Budget, Progress};

/// Largest area that one request can add, as a logarithm of bytes (Fiasco's limit).
const MAX_ORDER: u8 = 17;
/// What it costs to enter the pages of the largest area, all at once.
const ENTER_UNITS: u32 = 28;

/// An area of a task.
pub struct Area {
    links: Links<Area>,
    user: u64,
    kernel: NonNull<u8>,
    order: u8,
    /// Its pages are in the task.
    is_entered: Cell<bool>,
}

impl Linked for Area {
    fn links(&self) -> &Links<Self> {
        &self.links
    }
}

static AREAS: Locked<Slab<Area>> = Locked::new(Slab::new());

/// An area that is being added. It goes with this value, unless it was entered.
pub struct Adding {
    task: RefSlot<Task>,
    area: &'static Area,
    /// How many bytes are cleared.
    cleared: u64,
}

impl Adding {
    /// Begins to add an area at the flexpage's place in the task.
    pub fn new(task: &'static Task, flexpage: Flexpage) -> Result<Self, Error> {
        let order = flexpage.order();
        if flexpage.kind() != FlexpageKind::Memory || !(abi::PAGE_SHIFT..=MAX_ORDER).contains(&order) {
            return Err(Error::Inval);
        }
        let (user, size) = (flexpage.address(), 1u64 << order);
        // As in Fiasco any page can be the first.
        if user > arch::USER_END - size {
            return Err(Error::Inval);
        }
        task.quota().charge(cost(order)).map_err(|_| Error::NoMem)?;
        match allocate(user, order) {
            Some(area) => {
                task.kernel_user_memory.push_back(area);
                Ok(Self { task: RefSlot::to(task), area, cleared: 0 })
            }
            None => {
                task.quota().release(cost(order));
                Err(Error::NoMem)
            }
        }
    }

    /// Goes on until done or until the budget is used up. After an error the value is to be dropped.
    pub fn step(&mut self, budget: &Budget) -> Result<Progress, Error> {
        let Some(task) = self.task.get().filter(|task| !task.is_deleted()) else { return Err(Error::NoEnt) };
        while self.cleared < self.area.size() {
            // SAFETY: within the block, which nobody uses yet.
            unsafe { memory().clear(self.area.kernel.add(self.cleared as usize)) };
            self.cleared += PAGE_SIZE as u64;
            budget.take_bytes(PAGE_SIZE as u64);
            if !budget.spend() {
                return Ok(Progress::Preempted);
            }
        }
        if !budget.spend_at_once(ENTER_UNITS >> (MAX_ORDER - self.area.order)) {
            return Ok(Progress::Preempted);
        }
        self.area.enter(task, budget).map(|()| Progress::Done)
    }

    /// Keeps the task.
    #[cfg(feature = "invariants")]
    pub fn task(&self) -> &RefSlot<Task> {
        &self.task
    }
}

impl Drop for Adding {
    fn drop(&mut self) {
        if let Some(task) = self.task.get()
            && !self.area.is_entered.get()
        {
            task.kernel_user_memory.remove(self.area);
            free(self.area, task.quota());
        }
    }
}

impl Area {
    fn size(&self) -> u64 {
        1 << self.order
    }

    /// Lets the pages appear in the task, all or none.
    fn enter(&self, task: &'static Task, budget: &Budget) -> Result<(), Error> {
        let phys = memory().phys(self.kernel);
        for offset in (0..self.size()).step_by(PAGE_SIZE) {
            let page = self.user + offset;
            let entered = task.memory.map_kernel_page(machine(), page, phys + offset, Rights::RW, budget);
            if entered != Ok(true) {
                (self.user..page).step_by(PAGE_SIZE).for_each(|page| task.memory.unmap_kernel_page(machine(), page));
                return Err(if entered.is_ok() { Error::Exist } else { Error::NoMem });
            }
        }
        self.is_entered.set(true);
        Ok(())
    }
}

/// Frees the areas of a task that nobody refers to any more, as far as the budget goes.
pub fn free_all(areas: &List<Area>, quota: &Quota, budget: &Budget) -> Progress {
    while let Some(area) = areas.pop_front() {
        free(area, quota);
        if !budget.spend() {
            return Progress::Preempted;
        }
    }
    Progress::Done
}

/// Gives back what is kept for reuse.
#[cfg(feature = "measure")]
pub fn trim() {
    AREAS.trim(memory());
}

fn cost(order: u8) -> u64 {
    (1 << order) + Slab::<Area>::OBJECT_BYTES
}

fn frames(order: u8) -> usize {
    usize::from(order - abi::PAGE_SHIFT)
}

fn allocate(user: u64, order: u8) -> Option<&'static Area> {
    let kernel = memory().alloc(frames(order))?;
    let new = || Area { links: Links::new(), user, kernel, order, is_entered: Cell::new(false) };
    let area = AREAS.create(memory(), new);
    if area.is_none() {
        // SAFETY: the block that was just allocated.
        unsafe { memory().free(kernel, frames(order)) };
    }
    area
}

/// Frees an area that is on no list and whose pages are mapped nowhere.
fn free(area: &'static Area, quota: &Quota) {
    let (kernel, order) = (area.kernel, area.order);
    // SAFETY: the area came from this slab, its block from `allocate`; it is on no list, so nobody else refers to it.
    unsafe {
        AREAS.destroy(memory(), area);
        memory().free(kernel, frames(order));
    }
    if !is_planted(Bug::QuotaKept) {
        quota.release(cost(order));
    }
}

/// The areas of a task are where they should be; how many frames and bytes of quota they are.
#[cfg(feature = "invariants")]
pub fn check(task: &'static Task) -> Result<(u64, u64), Broken> {
    let (mut frames, mut bytes) = (0, 0);
    task.kernel_user_memory.check()?;
    for area in task.kernel_user_memory.iter() {
        frames += 1 << self::frames(area.order);
        bytes += cost(area.order);
        // A task that is being destroyed loses the pages before the areas.
        let phys = memory().phys(area.kernel);
        let there = task.memory.lookup(machine(), area.user).is_some_and(|page| page.phys == phys);
        let expected = area.is_entered.get() && !task.is_deleted();
        ensure(there || !expected, "kernel-user memory is mapped", [address(task), area.user])?;
    }
    Ok((frames, bytes))
}

/// Frames in use for the descriptions of areas.
#[cfg(feature = "invariants")]
pub fn area_frames() -> Result<u64, Broken> {
    AREAS.check()?;
    Ok(AREAS.frames())
}
