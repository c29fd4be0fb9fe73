//! Suspend to RAM (ACPI S3): the machine loses everything but its memory, and the firmware starts the processor again in a
//! page of low memory, in real mode.
//!
//! Nothing of the sleeping processor is saved: as at every exit, all that goes on is in the current frame, so the way
//! back is that of the boot: `wake` → [`wake_up`] → the exit path. What devices have lost their drivers put back.
#![allow(unsafe_code)] // starts a processor, writes the firmware's wake vector

use core::arch::{asm, global_asm};
use core::cell::Cell;

use ::x86_64::instructions::port::Port;

use super::paging::{self, phys_to_virt};
use super::segments::KERNEL_CODE;
use super::{boot, clock, console, entry, idt, irq, kernel_map, percpu, power, timer};
use crate::locked::Locked;

/// What is kept during a sleep.
struct Kept {
    /// The page below 1 MiB; 0: there is none.
    page: Cell<u64>,
    tsc: Cell<u64>,
}

static KEPT: Locked<Kept> = Locked::new(Kept { page: Cell::new(0), tsc: Cell::new(0) });

/// Says which page below 1 MiB is the kernel's, to wake up in.
pub fn set_wake_page(page: u64) {
    KEPT.page.set(page);
}

/// The machine stayed awake: it does not know the sleep type.
pub struct StayedAwake;

/// Suspends the machine with these sleep types for PM1a and PM1b. Nothing if the firmware or the kernel has no way to
/// wake up. It goes on in `crate::entry::woken`.
pub fn suspend(types: [u8; 2]) -> Option<StayedAwake> {
    const WAKE_STATUS: u16 = 1 << 15;
    let sleep = power::sleep()?;
    let page = Some(KEPT.page.get()).filter(|&page| page != 0)?;
    prepare(page);
    // SAFETY: the FACS, which the firmware has for this.
    unsafe { phys_to_virt(sleep.wake_vector).cast::<u32>().write_unaligned(page as u32) };
    for port in sleep.event_ports.into_iter().filter(|&port| port != 0) {
        // SAFETY: a status register of power management; ones clear what they stand for.
        unsafe { Port::<u16>::new(port).write(WAKE_STATUS) };
    }
    irq::save();
    console::close();
    KEPT.tsc.set(clock::tsc());
    // SAFETY: writes the caches back.
    unsafe { asm!("wbinvd", options(nostack)) };
    power::enter_sleep(sleep.control_ports, types);
    power::wait(power::PATIENCE_US);
    console::reopen();
    Some(StayedAwake)
}

unsafe extern "C" {
    static wake_start: u8;
    static wake_root: u8;
    static wake_stack: u8;
    static wake_entry: u8;
    static wake_idt: u8;
    static wake_end: u8;
}

/// Puts the code to wake up with, and what it needs, into its page.
fn prepare(page: u64) {
    let start = &raw const wake_start;
    let length = &raw const wake_end as usize - start as usize;
    assert!(length <= paging::PAGE_SIZE as usize, "the code to wake up with is larger than its page");
    // SAFETY: the page is the kernel's and in the direct map; the code fits.
    unsafe { core::ptr::copy_nonoverlapping(start, phys_to_virt(page), length) };
    percpu::save_boot_cpu();
    let stack = percpu::kernel_stack_end();
    let values = [
        (&raw const wake_root, kernel_map::low_root()),
        (&raw const wake_stack, stack),
        (&raw const wake_entry, wake_up as extern "C" fn() -> ! as usize as u64),
        (&raw const wake_idt, idt::address()),
    ];
    for (place, value) in values {
        let offset = place as u64 - start as u64;
        // SAFETY: as above.
        unsafe { phys_to_virt(page + offset).cast::<u64>().write_unaligned(value) };
    }
}

/// The processor is in long mode again, on the kernel's empty stack, with the exception handlers; all else is to be set up.
extern "C" fn wake_up() -> ! {
    boot::enable_features();
    percpu::restore_boot_cpu();
    idt::enable_syscall();
    irq::restore();
    timer::restore();
    clock::go_on_from(KEPT.tsc.get());
    crate::entry::woken();
    entry::resume_current()
}

// Position-independent: EBX holds where the page lies, and all else is relative to it, by the offsets `at_…`. Real mode, then protected mode with
// flat segments, then, with the kernel's tables and the page itself mapped, long mode, where the kernel's exception handlers
// are loaded first: the segment that their gates name is the same in the table here and in the kernel's.
global_asm!(
    ".pushsection .rodata.wake, \"a\", @progbits",
    ".balign 16",
    "wake_start:",
    ".code16",
    "cli",
    "cld",
    "xor ebx, ebx",
    "mov bx, cs",
    "mov ds, bx",
    "shl ebx, 4",
    "lea eax, [ebx + at_gdt]",
    "mov dword ptr [at_gdt_pointer + 2], eax",
    "lea eax, [ebx + at_protected]",
    "mov dword ptr [at_far], eax",
    "lgdt [at_gdt_pointer]",
    "mov eax, cr0",
    "or al, 1",
    "mov cr0, eax",
    ".byte 0x66, 0xff, 0x2e", // far jump by the pointer at this offset
    ".word at_far",
    ".code32",
    "wake_protected:",
    "mov ax, 0x10",
    "mov ds, ax",
    "mov ss, ax",
    "mov eax, 0x20", // CR4.PAE
    "mov cr4, eax",
    "mov eax, dword ptr [ebx + at_root]",
    "mov cr3, eax",
    "mov ecx, 0xc0000080",
    "xor edx, edx",
    "mov eax, 0x901", // EFER.SCE, LME, NXE
    "wrmsr",
    "mov eax, 0x80010011", // CR0.PG, WP, ET, PE
    "mov cr0, eax",
    "lea eax, [ebx + at_long]",
    "mov dword ptr [ebx + at_far], eax",
    "mov word ptr [ebx + at_far + 4], {kernel_code}",
    ".byte 0xff, 0xab", // far jump by the pointer at EBX plus this offset
    ".long at_far",
    ".code64",
    "wake_long:",
    "mov ebx, ebx",
    "mov rsp, qword ptr [rbx + at_stack]",
    "lidt [rbx + at_idt_pointer]",
    "xor ebp, ebp",
    "mov rax, qword ptr [rbx + at_entry]",
    "call rax",
    "ud2",
    ".balign 8",
    "wake_gdt: .quad 0, 0x00af9b000000ffff, 0x00cf93000000ffff, 0x00cf9b000000ffff",
    "wake_gdt_pointer: .word 31, 0, 0",
    "wake_far: .long 0",
    ".word 0x18",
    ".balign 8",
    ".skip 6",
    "wake_idt_pointer: .word {idt_limit}",
    "wake_idt: .quad 0",
    "wake_root: .quad 0",
    "wake_stack: .quad 0",
    "wake_entry: .quad 0",
    "wake_end:",
    ".set at_gdt_pointer, wake_gdt_pointer - wake_start",
    ".set at_gdt, wake_gdt - wake_start",
    ".set at_protected, wake_protected - wake_start",
    ".set at_far, wake_far - wake_start",
    ".set at_idt_pointer, wake_idt_pointer - wake_start",
    ".set at_root, wake_root - wake_start",
    ".set at_long, wake_long - wake_start",
    ".set at_stack, wake_stack - wake_start",
    ".set at_entry, wake_entry - wake_start",
    ".popsection",
    kernel_code = const KERNEL_CODE,
    idt_limit = const idt::LIMIT,
);
