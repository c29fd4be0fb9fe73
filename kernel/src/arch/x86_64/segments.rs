//! Segments: the GDT with Fiasco's selectors (`config_gdt.h`), and the task state segment.
//!
//! Invariant: user programs can load no data-segment selector but [`USER_DATA`], null, and those of their own
//! (`own_segments.rs`). FS and GS hold [`BASE_GUARD`] while nobody has loaded them: a selector that is present only
//! during the instant in which the kernel loads it, so a program that loads FS or GS, and thereby changes its base
//! behind the kernel's back, is noticed at the next switch (`percpu.rs`).
#![allow(unsafe_code)] // loads descriptor tables and segment registers

use core::arch::asm;
use core::cell::Cell;

use super::own_segments::{self, FIRST_USER_DESCRIPTOR, Ldt, OwnSegments, USER_DESCRIPTORS};

/// Kernel code segment.
pub const KERNEL_CODE: u16 = 0x08;
/// Kernel data segment; must follow the code segment (SYSCALL).
pub const KERNEL_DATA: u16 = 0x10;
/// Where SYSRET counts from: 32-bit user code (not present), then data, then 64-bit code.
pub const USER_CODE32: u16 = 0x18 | 3;
/// User data and stack segment.
pub const USER_DATA: u16 = 0x20 | 3;
/// 64-bit user code segment.
pub const USER_CODE: u16 = 0x28 | 3;
/// The selectors that a program may ask for: data, code, and 32-bit code (which is not present).
pub fn user_selectors() -> [u64; 3] {
    [USER_DATA, USER_CODE, USER_CODE32].map(u64::from)
}

/// What FS and GS hold while no program has loaded them.
pub const BASE_GUARD: u16 = 0x30 | 3;
/// The local descriptor table; two entries.
const LDT: u16 = 0x40;
/// Behind the descriptors of a thread's own; two entries.
const TSS: u16 = (8 * (FIRST_USER_DESCRIPTOR + USER_DESCRIPTORS)) as u16;
const ENTRIES: usize = TSS as usize / 8 + 2;
const _: () = assert!(BASE_GUARD > USER_CODE && BASE_GUARD > USER_DATA && BASE_GUARD > USER_CODE32);

const PRESENT: u64 = 1 << 47;
const CODE64: u64 = 0x0020_9b00_0000_0000;
const DATA: u64 = 0x0000_9300_0000_0000;
const DPL3: u64 = 3 << 45;

/// The global descriptor table of a CPU.
#[repr(C, align(16))]
pub struct Gdt([Cell<u64>; ENTRIES]);

impl Gdt {
    /// An empty table.
    pub const fn new() -> Self {
        Self([const { Cell::new(0) }; ENTRIES])
    }

    /// Makes this table the CPU's, with `tss` as its task state segment, and loads all segment registers.
    ///
    /// # Safety
    /// Both live as long as the CPU runs; the caller sets the GS bases afterwards.
    pub unsafe fn load(&'static self, tss: &'static Tss) {
        let code32 = (0x00cf_9b00_0000_ffff | DPL3) & !PRESENT;
        let guard = (DATA | DPL3) & !PRESENT;
        let segments = [0, CODE64, DATA, code32, DATA | DPL3, CODE64 | DPL3, guard];
        for (entry, value) in self.0.iter().zip(segments) {
            entry.set(value);
        }
        let base = tss.base();
        let limit = (Tss::SIZE - 1) as u64;
        self.0[usize::from(TSS / 8)]
            .set((limit & 0xffff) | (base & 0xff_ffff) << 16 | 0x89 << 40 | (base >> 24 & 0xff) << 56);
        self.0[usize::from(TSS / 8) + 1].set(base >> 32);
        let pointer = TablePointer { limit: size_of::<Self>() as u16 - 1, base: self.0.as_ptr() as u64 };
        // SAFETY: the table is complete and static; CS and SS are replaced by equivalent ring-0 segments.
        unsafe {
            asm!(
                "lgdt [{pointer}]",
                "push {code}",
                "lea {scratch}, [rip + 2f]",
                "push {scratch}",
                "retfq",
                "2:",
                "mov ss, {data:x}",
                "xor {scratch:e}, {scratch:e}",
                "mov ds, {scratch:x}",
                "mov es, {scratch:x}",
                "ltr {tss:x}",
                pointer = in(reg) &raw const pointer,
                code = const KERNEL_CODE,
                data = in(reg) u64::from(KERNEL_DATA),
                tss = in(reg) u64::from(TSS),
                scratch = out(reg) _,
            );
        }
        self.load_guard();
    }

    /// Makes these a thread's own descriptors, and its LDT the CPU's.
    pub fn set_own(&self, own: &OwnSegments) {
        let entries = &self.0[FIRST_USER_DESCRIPTOR..];
        for (entry, descriptor) in entries.iter().zip(own.descriptors()) {
            entry.set(descriptor.get());
        }
        let descriptor = own.ldt().map_or([0; 2], Ldt::system_descriptor);
        let place = usize::from(LDT / 8);
        self.0[place].set(descriptor[0]);
        self.0[place + 1].set(descriptor[1]);
        let selector = if descriptor[0] == 0 { 0 } else { LDT };
        // SAFETY: the descriptor was just made; threads keep their task, which keeps its table, and a thread's segments
        // are taken away when another one runs.
        unsafe { own_segments::load_ldt(selector) };
    }

    /// Puts [`BASE_GUARD`] into FS and GS. Both bases are zero afterwards, the kernel's own included.
    pub fn load_guard(&self) {
        let entry = &self.0[usize::from(BASE_GUARD / 8)];
        entry.set(entry.get() | PRESENT);
        // SAFETY: a present, flat data segment; only the bases change, which the callers set again.
        unsafe { asm!("mov fs, {0:x}", "mov gs, {0:x}", in(reg) u64::from(BASE_GUARD), options(nostack)) };
        entry.set(entry.get() & !PRESENT);
    }
}

/// Operand of `lgdt` and `lidt`.
#[repr(C, packed)]
pub struct TablePointer {
    /// Size of the table in bytes, minus one.
    pub limit: u16,
    /// Linear address of the table.
    pub base: u64,
}

/// Number of 32-bit words of the I/O permission bitmap.
pub const IO_WORDS: usize = 65536 / 32;
/// Value of the I/O map base that denies every port.
pub const IO_DENY_ALL: u16 = 0xffff;

/// Task state segment. The hardware's part starts 4 bytes in, so that its 64-bit fields are aligned.
#[repr(C, align(16))]
pub struct Tss {
    pad: u32,
    reserved0: u32,
    rsp: [Cell<u64>; 3],
    reserved1: u64,
    ist: [Cell<u64>; 7],
    reserved2: [u16; 5],
    io_base: Cell<u16>,
    io: [Cell<u32>; IO_WORDS],
    io_end: Cell<u8>,
}

const _: () = assert!(core::mem::offset_of!(Tss, io_base) == 4 + 102 && Tss::IO_OFFSET == 104);

impl Tss {
    const START: usize = 4;
    const SIZE: usize = core::mem::offset_of!(Tss, io_end) + 1 - Self::START;
    const IO_OFFSET: usize = core::mem::offset_of!(Tss, io) - Self::START;

    /// An empty segment; see [`Tss::terminate`].
    pub const fn new() -> Self {
        Self {
            pad: 0,
            reserved0: 0,
            rsp: [const { Cell::new(0) }; 3],
            reserved1: 0,
            ist: [const { Cell::new(0) }; 7],
            reserved2: [0; 5],
            io_base: Cell::new(0),
            io: [const { Cell::new(0) }; IO_WORDS],
            io_end: Cell::new(0),
        }
    }

    /// Denies every port, and ends the bitmap as the processor wants it.
    pub fn terminate(&self) {
        self.io_end.set(!0);
        self.deny_io();
    }

    fn base(&self) -> u64 {
        core::ptr::from_ref(self) as u64 + Self::START as u64
    }

    /// Sets the stack for traps from user mode.
    #[inline(always)]
    pub fn set_trap_stack(&self, end: u64) {
        self.rsp[0].set(end);
    }

    /// Sets interrupt stack `number` (1 to 7) to one that ends at `end`.
    pub fn set_interrupt_stack(&self, number: usize, end: u64) {
        self.ist[number - 1].set(end);
    }

    /// Denies every port.
    pub fn deny_io(&self) {
        self.io_base.set(IO_DENY_ALL);
    }

    /// Makes the processor look at the bitmap.
    pub fn enable_io(&self) {
        self.io_base.set(Self::IO_OFFSET as u16);
    }

    /// Where traps from user mode are saved.
    #[cfg(feature = "invariants")]
    pub fn trap_stack(&self) -> u64 {
        self.rsp[0].get()
    }

    /// Whether the processor looks at the bitmap.
    #[cfg(feature = "invariants")]
    pub fn allows_io(&self) -> bool {
        self.io_base.get() == Self::IO_OFFSET as u16
    }

    /// The bitmap: a set bit denies a port.
    pub fn io_words(&self) -> &[Cell<u32>; IO_WORDS] {
        &self.io
    }
}
