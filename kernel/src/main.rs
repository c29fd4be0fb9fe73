//! The microkernel: capabilities, tasks, threads and IPC, by L4Re's interface.
//!
//! Boot: `arch` enters [`kernel_main`], which takes memory ([`boot_memory`]), starts the clock, completes
//! the kernel info page ([`kip`]), creates sigma0 and moe ([`boot_tasks`]) and runs them. From then on the
//! kernel runs only in [`entry`]: a system call is an [`invoke`]d capability, which is [`ipc`] with a thread
//! or an operation of an [`object`]. One object, one file. The pure data structures are in the library.
#![no_std]
#![no_main]
#![feature(rust_preserve_none_cc)]
#![feature(optimize_attribute)] // what runs once, or last, is compiled for size
#![allow(missing_docs)] // fields whose name says it; modules, functions and types are documented

mod arch;
mod boot_memory;
mod boot_tasks;
mod debugger;
mod descriptors;
mod entry;
mod factory;
mod fault;
mod gate;
mod icu;
#[cfg_attr(not(feature = "invariants"), path = "invariants_off.rs")]
mod invariants;
mod invoke;
mod ipc;
mod ipc_fast;
mod irq;
mod items;
mod kernel_user;
mod kernel_user_memory;
mod kip;
mod lines;
mod locked;
mod map;
#[cfg(feature = "measure")]
mod measure;
mod memory;
mod message;
mod modify_senders;
mod object;
mod output;
mod platform_control;
mod reply;
mod sched;
mod scheduler;
mod semaphore;
mod sender;
mod task;
mod thread;
mod thread_ops;
mod trampoline;
mod transfer;
mod unmap;
mod upkeep;
mod vcon;
mod vcpu;
mod watch;
mod work;

use arch::{cpu, print, println};
use kernel::options::Options;

/// Sets the kernel up and starts the first tasks. `page` is the kernel info page in the direct map.
#[optimize(size)]
fn kernel_main(page: *mut u8) -> ! {
    #[allow(unsafe_code)] // takes over bootstrap's page
    // SAFETY: arch passes on what bootstrap handed over.
    let mut kip = unsafe { kip::KernelInfoPage::new(page) };
    let options = configure(kip.command_line());
    let image = arch::image_range();
    println!("Furore microkernel {} for x86_64", kip::VERSION);
    println!("Kernel starts at {:#x} and ends at {:#x}", image.start, image.end);
    let (family, model, stepping) = cpu::signature();
    println!("CPU: {} {} ({family:x}:{model:x}:{stepping:x})", cpu::vendor(), cpu::model());
    print!("CPU features:");
    cpu::features().for_each(|name| print!(" {name}"));
    println!();
    println!("Setting up: memory, clock and timer, kernel info page, first tasks");
    boot_memory::initialise(&mut kip, options.memory);
    arch::timer::init();
    println!("Clock: {} kHz", cpu::frequency_khz());
    let controller = if arch::irq::use_io_apic() { "I/O APIC" } else { "8259, no I/O APIC" };
    println!("Interrupts: {} lines ({controller}), {} messages", arch::irq::lines(), arch::irq::MESSAGES);
    kip.complete();
    println!("Kernel info page at {:#x}", kip.phys());
    if options.wait {
        println!("kernel: waiting for a key, as -wait says");
        let pressed = arch::console::wait_for_key();
        println!(
            "kernel: {}",
            if pressed { "going on" } else { "there is neither keyboard nor serial line; going on" }
        );
    }
    if arch::console::uses_serial() && !vcon::listen(options.interrupt_of_serial()) {
        println!("kernel: no input from the serial line: it has no interrupt; -comirq= says which");
    }
    vcon::listen_to_keyboard();
    arch::console::draw_later();
    boot_tasks::start(&kip);
    sched::finish();
    arch::resume_current()
}

/// Reads the options from the kernel's command line, and does what can be done at once.
fn configure(command_line: &'static str) -> Options {
    let options = Options::parse(command_line, |_, _| {});
    arch::console::configure(&options);
    if options.serial && !options.no_serial && !arch::console::uses_serial() {
        println!("kernel: no output on the serial line: there is none, or it does not send");
    }
    Options::parse(command_line, |word, reason| {
        if !invariants::configure(word) {
            println!("kernel: {word} is ignored: {reason}");
        }
    });
    options
}
