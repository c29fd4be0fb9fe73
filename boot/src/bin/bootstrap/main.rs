//! Bootstrap: from a Multiboot loader to the kernel.
//!
//! `entry.s` brings the CPU into long mode and calls [`bootstrap_main`], which reads what the loader left,
//! plans (in the library part, `lib.rs`), carries the plan out, and enters the kernel with its half of the
//! kernel info page. Invariant: nothing is overwritten before everything has been read and checked; every
//! failure ends in a line that says what to do.
#![no_std]
#![no_main]

mod console;
mod key;
mod load;
mod physical;
mod report;
mod start;
mod stop;
mod trap;
mod video_memory;

use boot::{
    Failure, PhysicalMemory, contents,
    information::Information,
    memory_map::{self, MemoryMap},
    multiboot1, multiboot2,
    options::Options,
    rsdp,
};
use console::println;
use core::convert::Infallible;
use core::sync::atomic::{AtomicBool, Ordering::Relaxed};
use physical::Identity;
pub use stop::halt;

#[allow(unsafe_code)] // entry.s: the way from 32-bit mode to Rust, and from Rust to the kernel
mod assembly {
    core::arch::global_asm!(include_str!("entry.s"), contents_mark = const boot::contents::MARK);

    unsafe extern "C" {
        static _image_start: u8;
        static _image_end: u8;
        static image_contents: [u32; 2];
    }

    /// Where the contents of a single image lie: empty for bootstrap alone.
    pub fn contents() -> core::ops::Range<u64> {
        // SAFETY: two words of bootstrap's file, which nobody writes while it runs.
        let [start, end] = unsafe { (&raw const image_contents).read_volatile() };
        start.into()..end.into()
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
    console::start(framebuffer(magic, address));
    let mut information = gather(magic, address).unwrap_or_else(|failure| stop::stop(&failure));
    let survey = survey(&information).unwrap_or_else(|failure| stop::stop(&failure));
    unpack(&mut information, &survey.map);
    match start(&information, &survey) {
        Ok(never) => match never {},
        Err(failure) => stop::stop(&failure),
    }
}

/// The framebuffer that the loader has set up: asked first, so that all that follows can be said on it.
fn framebuffer(magic: u32, address: u32) -> Option<::console::Mode> {
    if magic == multiboot2::MAGIC {
        multiboot2::framebuffer(&physical::multiboot2_tags(address)?)
    } else {
        multiboot1::framebuffer(&Identity, address.into())
    }
}

/// Copies all that the loader tells, and adds what the image itself holds.
fn gather(magic: u32, address: u32) -> Result<Information, Failure<'static>> {
    let mut information = if magic == multiboot2::MAGIC {
        let tags = physical::multiboot2_tags(address).ok_or(Failure::LoaderInformation("damaged Multiboot 2 tags"))?;
        multiboot2::gather(&tags)?
    } else {
        multiboot1::gather(&Identity, address.into())?
    };
    let contents = assembly::contents();
    let bytes = Identity.bytes(contents.start, contents.end.saturating_sub(contents.start)).unwrap_or_default();
    contents::add(&mut information, contents.start, bytes)?;
    Ok(information)
}

/// What is known before anything is moved.
struct Survey {
    options: Options,
    map: MemoryMap,
}

/// Reads options and memory map, reports, and checks that what the boot needs is there.
fn survey(information: &Information) -> Result<Survey, Failure<'_>> {
    let options = Options::parse(information.options(), |_, _| {});
    console::configure_serial(options.serial_port, options.no_serial);
    if options.serial {
        console::enable_serial();
    }
    report::greeting(information);
    Options::parse(information.options(), |word, advice| println!("bootstrap: {word} is ignored: {advice}"));
    if options.wait {
        println!("bootstrap: waiting for a key, as -wait says");
        let pressed = key::wait();
        println!(
            "bootstrap: {}",
            if pressed { "going on" } else { "there is neither keyboard nor serial line; going on" }
        );
    }

    let map = memory_map::with_options(&information.memory, &options, physical::address_bits());
    report::memory(&map);
    report::modules(information);
    boot::files::check_sources(information, &map)?;
    boot::modules::check(information)?;
    report::unusual_names(information);
    Ok(Survey { options, map })
}

/// Puts what is in the compressed modules in their place.
fn unpack(information: &mut Information, map: &MemoryMap) {
    for index in 0..information.modules.len() {
        let unpacked = load::unpack(information, map, assembly::image(), index);
        if let Some(unpacked) = unpacked.unwrap_or_else(|failure| stop::stop(&failure)) {
            let packed = core::mem::replace(&mut information.modules[index], unpacked);
            report::unpacked(information.name(index), packed.size, unpacked.size);
        }
    }
}

/// Plans, carries the plan out, and enters the kernel; returns only when the plan failed.
fn start<'a>(information: &'a Information, survey: &Survey) -> Result<Infallible, Failure<'a>> {
    let map = &survey.map;
    let root_pointer = rsdp::choose(&Identity, map, information.rsdp.as_ref());
    let layout = load::request(information, map, &survey.options, assembly::image(), &root_pointer)?.plan()?;
    report::layout(map, &layout);
    let descriptors = boot::kip::memory_descriptors(map, &layout)?;

    load::carry_out(information, &layout)?;
    if let Some(byte) = survey.options.fill {
        println!("Filling free memory below 4 GiB with {byte:#04x}");
        load::fill(map, &layout, byte);
    }
    let rsdp = load::hand_on(information, &layout, &descriptors, &root_pointer, &survey.options);
    report::departure(information, &layout, rsdp);
    KERNEL_ENTERED.store(true, Relaxed);
    load::enter_kernel(&layout)
}
