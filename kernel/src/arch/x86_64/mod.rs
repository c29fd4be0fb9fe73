//! x86_64: entry and exit, descriptor tables, page tables, clock and timer, console, interrupts, power.
//!
//! Control flow: [`boot`] is entered by bootstrap and calls `crate::kernel_main`, which ends in
//! [`resume_current`]. From then on the kernel runs only between an entry (`entry.rs`: system calls,
//! `trap.rs`: the rest) and the common exit, which resumes the frame that [`switch_to`] named.
//! One CPU runs today; its state is a [`percpu::PerCpu`], found through `gs`.

mod backtrace;
mod boot;
pub mod clock;
pub mod console;
pub mod cpu;
mod entry;
mod firmware;
pub mod fpu;
mod frame;
mod idt;
mod io_apic;
mod io_permissions;
pub mod irq;
pub mod kernel_map;
mod lapic;
mod own_segments;
pub mod paging;
mod panic;
mod percpu;
mod pic;
pub mod power;
mod segments;
pub mod sleep;
mod symbols;
pub mod timer;
mod trap;

pub(crate) use console::{print, println};
pub use entry::{resume, resume_current};
pub use fpu::{FpuState, fpu_enable, fpu_restore, fpu_save};
pub use frame::Frame;
pub use io_permissions::load_ports;
pub use kernel_map::{
    image_phys_range, image_range, init_paging, kernel_root, kernel_root_template, switch_to_kernel_address_space,
};
pub use own_segments::{Descriptor, FIRST_USER_DESCRIPTOR, Ldt, USER_DESCRIPTORS};
pub use paging::{USER_END, flush_all, flush_page, phys_to_virt, virt_to_phys};
pub use percpu::{set_idle_work, switch_to, switch_to_idle};
pub use segments::user_selectors;
#[cfg(feature = "invariants")]
pub use {io_permissions::has_io_bitmap, percpu::check_current};
