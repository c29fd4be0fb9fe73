//! Bootstrap: from a Multiboot loader to the kernel.
//!
//! `entry.s` brings the CPU into long mode and calls [`bootstrap_main`], which reads what the loader left,
//! plans (in the library part, `lib.rs`), carries the plan out, and enters the kernel with its half of the
//! kernel info page. Invariant: nothing is overwritten before everything has been read and checked; every
//! failure ends in a line that says what to do.
#![no_std]
#![no_main]

mod console;
mod load;
mod physical;
mod report;
mod start;
mod stop;
mod trap;

use boot::{Failure, information::Information, memory_map, multiboot1, multiboot2, options::Options, rsdp};
use console::println;
use core::ops::Range;
use core::sync::atomic::{AtomicBool, Ordering::Relaxed};
use physical::Identity;
pub use stop::halt;

#[allow(unsafe_code)] // entry.s: the way from 32-bit mode to Rust, and from Rust to the kernel
mod assembly {
    core::arch::global_asm!(include_str!("entry.s"));

    unsafe extern "C" {
        static _image_start: u8;
        static _image_end: u8;
    }

    /// Where bootstrap lies.
    pub fn image() -> core::ops::Range<u64> {
        &raw const _image_start as u64..&raw const _image_end as u64
    }
}

static KERNEL_ENTERED: AtomicBool = AtomicBool::new(false);

/// Who is to be named in a report.
pub fn stage() -> &'static str {
    if KERNEL_ENTERED.load(Relaxed) { "kernel, before it had its own fault handlers" } else { "bootstrap" }
}

/// Called by `entry.s` with what EAX and EBX held.
#[unsafe(no_mangle)]
#[allow(unsafe_code)] // called from assembly by its name
extern "C" fn bootstrap_main(magic: u32, address: u32) -> ! {
    trap::take_over();
    console::clear();
    let information = gather(magic, address).unwrap_or_else(|failure| stop::stop(&failure));
    match boot(&information) {
        Ok(never) => match never {},
        Err(failure) => stop::stop(&failure),
    }
}

/// Copies all that the loader tells.
fn gather(magic: u32, address: u32) -> Result<Information, Failure<'static>> {
    if magic == multiboot2::MAGIC {
        let tags = physical::multiboot2_tags(address).ok_or(Failure::LoaderInformation("damaged Multiboot 2 tags"))?;
        multiboot2::gather(&tags)
    } else {
        multiboot1::gather(&Identity, address.into())
    }
}

/// The whole boot; returns only when it failed.
fn boot(information: &Information) -> Result<core::convert::Infallible, Failure<'_>> {
    let command_line = information.text(information.command_line);
    let options = Options::parse(command_line, |_, _| {});
    if options.serial {
        console::enable_serial();
    }
    report::greeting(information);
    Options::parse(command_line, |word, hint| println!("  note: option \"{word}\" is ignored: {hint}"));

    let mut map = memory_map::normalise(&information.memory);
    if let Some(limit) = options.memory_limit {
        memory_map::limit_ram(&mut map, limit);
    }
    let bootstrap: Range<u64> = assembly::image();
    report::memory(&map);
    report::modules(information);
    boot::files::check_sources(information, &map)?;
    boot::modules::check(information)?;
    report::unusual_names(information);

    let root_pointer = rsdp::choose(&Identity, &map, information.rsdp.as_ref());
    let layout = load::request(information, &map, bootstrap, &root_pointer)?.plan()?;
    report::layout(&map, &layout);
    let descriptors = boot::kip::memory_descriptors(&map, &layout)?;

    load::carry_out(information, &layout)?;
    let rsdp = load::hand_on(information, &layout, &descriptors, &root_pointer, options.serial);
    report::departure(information, &layout, rsdp);
    KERNEL_ENTERED.store(true, Relaxed);
    load::enter_kernel(&layout)
}
