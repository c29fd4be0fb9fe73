//! The kernel's first instructions, and the order in which the CPU is set up.
//!
//! Bootstrap enters [`entry`] in long mode, interrupts off, with page tables that map the first 4 GiB one to
//! one and the kernel's image high; RDI holds the physical address of the kernel info page, RSI that of what is on
//! the screen. From `kernel_main` on, page tables, tables and per-CPU state are the kernel's own.
//!
//! Bootstrap's exception handlers need bootstrap's page tables. They stay in charge until the last instruction before
//! the kernel's are loaded, and from that one on the kernel takes the screen over, at the latest in order to report.
#![allow(unsafe_code)] // first instructions, control registers

use core::arch::naked_asm;

use ::x86_64::registers::control::{Cr0, Cr0Flags, Cr4, Cr4Flags, Efer, EferFlags};
use abi::kip::Kip;

use super::firmware::Firmware;
use super::kernel_map::switch_to_kernel_address_space;
use super::{console, cpu, fpu, idt, irq, kernel_map, paging, percpu, power};

unsafe extern "C" {
    static __kernel_stack_end: u8;
}

/// The ELF entry point.
#[unsafe(naked)]
#[unsafe(no_mangle)]
#[unsafe(link_section = ".text.entry")]
unsafe extern "C" fn entry() -> ! {
    naked_asm!(
        "cli",
        "cld",
        "lea rsp, [rip + {stack}]",
        "xor ebp, ebp",
        "call {start}",
        "ud2",
        stack = sym __kernel_stack_end,
        start = sym start,
    )
}

// The kernel proper: gets the address of the kernel info page in the direct map, ends in `resume_current`.
const KERNEL_MAIN: fn(*mut u8) -> ! = crate::kernel_main;

#[optimize(size)]
extern "C" fn start(kip: u64, screen: u64) -> ! {
    enable_features();
    fpu::use_avx();
    kernel_map::build_boot_map();
    percpu::init_boot_cpu();
    console::announce(screen);
    idt::load();
    switch_to_kernel_address_space();
    console::init();
    idt::enable_syscall();
    let kip = paging::phys_to_virt(kip);
    // SAFETY: bootstrap hands over a kernel info page; the direct map reaches it.
    let firmware = Firmware::read(unsafe { (*kip.cast::<Kip>()).acpi_rsdp_addr });
    power::init(firmware.power);
    irq::init(&firmware);
    KERNEL_MAIN(kip)
}

/// Control registers as the kernel wants them, whatever bootstrap or a sleep left.
pub(super) fn enable_features() {
    let features = cpu::security_features();
    let mut cr4 = Cr4Flags::PHYSICAL_ADDRESS_EXTENSION
        | Cr4Flags::PAGE_GLOBAL
        | Cr4Flags::OSFXSR
        | Cr4Flags::OSXMMEXCPT_ENABLE
        | Cr4Flags::MACHINE_CHECK_EXCEPTION;
    cr4.set(Cr4Flags::SUPERVISOR_MODE_EXECUTION_PROTECTION, features.smep);
    cr4.set(Cr4Flags::SUPERVISOR_MODE_ACCESS_PREVENTION, features.smap);
    cr4.set(Cr4Flags::USER_MODE_INSTRUCTION_PREVENTION, features.umip);
    cr4.set(Cr4Flags::OSXSAVE, cpu::has_avx());
    let cr0 = Cr0Flags::PROTECTED_MODE_ENABLE
        | Cr0Flags::MONITOR_COPROCESSOR
        | Cr0Flags::EXTENSION_TYPE
        | Cr0Flags::NUMERIC_ERROR
        | Cr0Flags::WRITE_PROTECT
        | Cr0Flags::ALIGNMENT_MASK
        | Cr0Flags::PAGING;
    cpu::set_cache_types();
    // SAFETY: long mode stays on; SMEP and SMAP only forbid what the kernel does not do: its image and its
    // data lie in supervisor pages in bootstrap's tables, too.
    unsafe {
        Efer::write(Efer::read() | EferFlags::SYSTEM_CALL_EXTENSIONS | EferFlags::NO_EXECUTE_ENABLE);
        Cr0::write_raw(cr0.bits());
        Cr4::write_raw(cr4.bits());
    }
    fpu::enable_avx();
}
