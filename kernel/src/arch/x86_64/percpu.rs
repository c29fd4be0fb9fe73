//! What belongs to one CPU: its current frame, what its registers are loaded with, its tables and stacks.
//!
//! Invariant: `gs:0` holds the structure's own address while the kernel runs; `fs_base`, `gs_base` and
//! `root` say what the hardware is loaded with, so that a switch writes only what differs.
#![allow(unsafe_code)] // reaches the structure through gs, and hands out references to the current frame

use core::arch::asm;
use core::cell::Cell;
use core::mem::offset_of;
use core::ptr::NonNull;

use ::x86_64::registers::model_specific::Msr;
use kernel::space::IoBitmap;

use super::frame::Frame;
use super::io_permissions::Loaded;
use super::kernel_map::switch_to_kernel_address_space;
use super::own_segments::{self, OwnSegments};
use super::segments::{Gdt, Tss};

const MSR_FS_BASE: Msr = Msr::new(0xc000_0100);
const MSR_GS_BASE: Msr = Msr::new(0xc000_0101);
/// The user's GS base while the kernel runs; SWAPGS exchanges the two.
const MSR_KERNEL_GS_BASE: Msr = Msr::new(0xc000_0102);

/// Bytes of the kernel stack and of each interrupt stack.
pub const STACK_SIZE: usize = 16 * 1024;
const FAULT_STACK_SIZE: usize = 8 * 1024;

/// State of one CPU.
#[repr(C, align(4096))]
pub struct PerCpu {
    this: Cell<u64>,
    pub(super) current: Cell<*const Frame>,
    kernel_stack: Cell<u64>,
    fs_base: Cell<u64>,
    gs_base: Cell<u64>,
    pub(super) root: Cell<u64>,
    pub(super) io: Loaded,
    pub(super) tss: Tss,
    gdt: Gdt,
    /// The frame whose own segments are loaded: that of the running thread, or none.
    segments_of: Cell<*const Frame>,
}

/// What [`PerCpu::fs_base`] says while segments of a thread's own are loaded: no frame has that base.
const OWN_SEGMENTS: u64 = 1 << 63;

/// `gs` offset of the current frame's address.
pub const CURRENT: usize = offset_of!(PerCpu, current);
/// `gs` offset of the kernel stack's end.
pub const KERNEL_STACK: usize = offset_of!(PerCpu, kernel_stack);

/// A static that only its CPU touches.
#[repr(transparent)]
struct CpuOwned<T>(T);
// SAFETY: the boot CPU is the only one that reaches these, with interrupts off.
unsafe impl<T> Sync for CpuOwned<T> {}

#[repr(C, align(4096))]
struct Stack<const SIZE: usize>(Cell<[u8; SIZE]>);

impl<const SIZE: usize> Stack<SIZE> {
    const fn new() -> Self {
        Self(Cell::new([0; SIZE]))
    }

    fn end(&self) -> u64 {
        self.0.as_ptr() as u64 + SIZE as u64
    }
}

/// The stack on which the kernel runs; below it the linker script leaves an unmapped page.
#[unsafe(link_section = ".kernel_stack")]
static KERNEL_STACK_0: CpuOwned<Stack<STACK_SIZE>> = CpuOwned(Stack::new());
/// Stacks of double fault, NMI and machine check.
static FAULT_STACKS_0: CpuOwned<[Stack<FAULT_STACK_SIZE>; 3]> = CpuOwned([const { Stack::new() }; 3]);
static IDLE: CpuOwned<Frame> = CpuOwned(Frame::idle());

static BOOT_CPU: CpuOwned<PerCpu> = CpuOwned(PerCpu {
    this: Cell::new(0),
    current: Cell::new(core::ptr::null()),
    kernel_stack: Cell::new(0),
    fs_base: Cell::new(0),
    gs_base: Cell::new(0),
    root: Cell::new(0),
    io: Loaded::none(),
    tss: Tss::new(),
    gdt: Gdt::new(),
    segments_of: Cell::new(core::ptr::null()),
});

/// Sets up the boot CPU's structure, its GDT and TSS. Interrupt stacks: 1 double fault, 2 NMI, 3 machine check.
#[optimize(size)]
pub fn init_boot_cpu() {
    let cpu = &BOOT_CPU.0;
    cpu.this.set(core::ptr::from_ref(cpu) as u64);
    cpu.current.set(&raw const IDLE.0);
    cpu.kernel_stack.set(KERNEL_STACK_0.0.end());
    cpu.tss.terminate();
    for (index, stack) in FAULT_STACKS_0.0.iter().enumerate() {
        cpu.tss.set_interrupt_stack(index + 1, stack.end());
    }
    // SAFETY: both are static; the bases are written right below.
    unsafe { cpu.gdt.load(&cpu.tss) };
    cpu.write_bases(0, 0);
}

/// The end of the kernel's stack.
pub fn kernel_stack_end() -> u64 {
    KERNEL_STACK_0.0.end()
}

/// Saves what a sleep loses of this CPU, but for what the frames hold and what [`restore_boot_cpu`] knows.
pub fn save_boot_cpu() {
    // SAFETY: null, or the frame of the running thread.
    if let Some(frame) = unsafe { BOOT_CPU.0.segments_of.get().as_ref() } {
        save_selectors(frame);
    }
}

/// Loads this CPU's tables, segments and address space again, after a sleep has lost them.
pub fn restore_boot_cpu() {
    let cpu = &BOOT_CPU.0;
    // SAFETY: static, and complete since boot; the bases are written right below. The address space that was loaded
    // last still exists: its task is the one that sleeps.
    unsafe {
        cpu.gdt.load(&cpu.tss);
        asm!("mov cr3, {}", in(reg) cpu.root.get(), options(nostack, preserves_flags));
    }
    // SAFETY: null, or the frame of the running thread.
    match unsafe { cpu.segments_of.get().as_ref() } {
        None => cpu.write_bases(cpu.fs_base.get(), cpu.gs_base.get()),
        Some(frame) => {
            cpu.write_bases(0, 0);
            cpu.load_own(frame);
        }
    }
}

impl PerCpu {
    /// This CPU's structure.
    #[inline(always)]
    pub fn get() -> &'static Self {
        let this: *const Self;
        // SAFETY: gs:0 holds the structure's own address, which is static (module invariant).
        unsafe {
            asm!("mov {}, gs:[0]", out(reg) this, options(pure, nomem, nostack, preserves_flags));
            &*this
        }
    }

    /// Loads the address space with this root table.
    #[inline(always)]
    pub(super) fn load_root(&self, root: u64) {
        self.root.set(root);
        // SAFETY: the callers give a root with the kernel's half.
        unsafe { asm!("mov cr3, {}", in(reg) root, options(nostack, preserves_flags)) };
    }

    /// Loads the user's FS and GS bases and, which changes with them, the kernel's own GS base.
    #[cold]
    fn write_bases(&self, fs_base: u64, gs_base: u64) {
        self.gdt.load_guard();
        let mut own = MSR_GS_BASE;
        // SAFETY: `this` is the address of this CPU's structure, as the module's invariant asks for.
        unsafe { own.write(self.this.get()) };
        self.write_fs_base(fs_base);
        self.write_gs_base(gs_base);
    }

    /// Loads the segments of `frame`, where it or the thread that ran has some of its own, or somebody loaded FS or GS.
    #[cold]
    fn switch_segments(&self, frame: &Frame) {
        self.take_own_away();
        if frame.own().are_some() {
            self.load_own(frame);
        } else {
            self.write_bases(frame.fs_base(), frame.gs_base());
        }
    }

    /// The segments of a thread's own, if some are loaded, are saved in its frame and replaced by none.
    fn take_own_away(&self) {
        let frame = self.segments_of.replace(core::ptr::null());
        // SAFETY: null, or the frame of the thread that is running until now.
        if let Some(frame) = unsafe { frame.as_ref() } {
            frame.set_selectors(own_segments::selectors());
            own_segments::load_data(0, 0);
            self.write_bases(0, 0);
            self.gdt.set_own(&OwnSegments::none());
        }
    }

    /// Loads the segments of the frame's own, with the selectors that it holds.
    fn load_own(&self, frame: &Frame) {
        self.gdt.set_own(frame.own());
        let [ds, es, fs, gs] = [0, 16, 32, 48].map(|shift| frame.own().loadable((frame.selectors() >> shift) as u16));
        own_segments::load_data(ds, es);
        own_segments::load_fs_gs(fs, gs);
        let is_null = |selector: u16| selector & !3 == 0;
        let mut gs_base = MSR_GS_BASE;
        // SAFETY: what the load left there is the base of the program's segment; then comes the address of this CPU's
        // structure, as the module's invariant asks for.
        let base = unsafe {
            let base = gs_base.read();
            gs_base.write(self.this.get());
            base
        };
        self.write_gs_base(if is_null(gs) { frame.gs_base() } else { base });
        if is_null(fs) {
            self.write_fs_base(frame.fs_base());
        }
        self.fs_base.set(OWN_SEGMENTS);
        self.segments_of.set(frame);
    }

    fn write_fs_base(&self, base: u64) {
        let mut msr = MSR_FS_BASE;
        // SAFETY: the kernel does not use FS; Frame's invariant says that the base is canonical.
        unsafe { msr.write(base) };
        self.fs_base.set(base);
    }

    fn write_gs_base(&self, base: u64) {
        let mut msr = MSR_KERNEL_GS_BASE;
        // SAFETY: takes effect with the SWAPGS of the exit; Frame's invariant says that it is canonical.
        unsafe { msr.write(base) };
        self.gs_base.set(base);
    }

    /// Loads the FS and GS bases of `frame` where they differ from what is loaded.
    #[inline(always)]
    fn load_bases(&self, frame: &Frame) {
        let (fs_base, gs_base) = (frame.fs_base(), frame.gs_base());
        if !frame.own().guards_intact() {
            return self.switch_segments(frame);
        }
        if fs_base != self.fs_base.get() {
            if !self.segments_of.get().is_null() {
                return self.switch_segments(frame);
            }
            self.write_fs_base(fs_base);
        }
        if gs_base != self.gs_base.get() {
            self.write_gs_base(gs_base);
        }
    }
}

/// Names the frame that the exit path resumes, and loads the address space with root table `root` and, where that
/// differs from the one that is loaded, the ports that go with it.
///
/// The frame must stay where it is until another one is named: the processor stores registers into it. The FPU is
/// the caller's to switch.
#[inline(always)]
pub fn switch_to(frame: NonNull<Frame>, root: u64, ports: impl FnOnce() -> Option<(&'static IoBitmap, u64)>) {
    let cpu = PerCpu::get();
    if cpu.root.get() != root {
        cpu.load_root(root);
        cpu.load_ports(ports());
    }
    cpu.current.set(frame.as_ptr());
    cpu.tss.set_trap_stack(frame.as_ptr() as u64 + Frame::STACK_END as u64);
    // SAFETY: the caller keeps the frame alive while it is current.
    cpu.load_bases(unsafe { frame.as_ref() });
}

/// Lets the CPU wait for an interrupt at the next exit.
pub fn switch_to_idle() {
    switch_to_kernel_address_space();
    let cpu = PerCpu::get();
    cpu.take_own_away();
    cpu.current.set(&raw const IDLE.0);
}

/// What the CPU is loaded with is what `frame`, which is to be resumed, or nobody, needs.
#[cfg(feature = "invariants")]
pub fn check_current(frame: Option<&Frame>) -> Result<(), &'static str> {
    let cpu = PerCpu::get();
    let expected = frame.map_or(&raw const IDLE.0, core::ptr::from_ref);
    let root = ::x86_64::registers::control::Cr3::read_raw().0.start_address().as_u64();
    if cpu.current.get() != expected {
        return Err("the running thread's registers are those to be resumed");
    }
    if cpu.root.get() != root {
        return Err("the loaded space is the one that is noted");
    }
    let Some(frame) = frame else { return Ok(()) };
    if cpu.tss.trap_stack() != core::ptr::from_ref(frame) as u64 + Frame::STACK_END as u64 {
        return Err("traps are saved in the running thread");
    }
    let own = frame.own().are_some();
    if own != core::ptr::eq(cpu.segments_of.get(), frame) {
        return Err("the running thread's own segments are loaded");
    }
    if !own && (cpu.fs_base.get(), cpu.gs_base.get()) != (frame.fs_base(), frame.gs_base()) {
        return Err("the running thread's segment bases are loaded");
    }
    Ok(())
}

/// Whether an idle CPU has work to do before it waits for an interrupt.
pub fn set_idle_work(due: bool) {
    IDLE.0.set_work(due);
}

/// Tells the CPU that the bases or own segments of `frame` were changed, after [`save_selectors`]; loads them if it is
/// the current one.
pub(super) fn bases_changed(frame: &Frame) {
    let cpu = PerCpu::get();
    if !core::ptr::eq(cpu.current.get(), frame) {
        return;
    }
    if frame.own().are_some() {
        cpu.load_own(frame);
    } else {
        cpu.load_bases(frame);
    }
}

/// Saves the selectors in the frame if its own segments are loaded: they are about to be read or changed.
pub(super) fn save_selectors(frame: &Frame) {
    if core::ptr::eq(PerCpu::get().segments_of.get(), frame) {
        frame.set_selectors(own_segments::selectors());
    }
}
