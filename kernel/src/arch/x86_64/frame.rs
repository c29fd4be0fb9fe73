//! The saved user state of a thread.
//!
//! A [`Frame`] is where the entry code stores registers, without a copy in between: for traps the processor
//! itself pushes into it, because the TSS's `rsp0` points at [`Frame::STACK_END`] of the current frame.
//! The words stand in the order of `l4_exc_regs_t` (`arch/utcb.h`), so an exception message is one copy.
//!
//! Invariant: whatever the rest of the kernel writes here can be returned to safely: instruction and stack
//! pointers are canonical, flags hold only bits a user may set, code and stack segment are the user's fixed ones.

use core::cell::Cell;

use super::own_segments::{Descriptor, Ldt, OwnSegments};
use super::segments::{USER_CODE, USER_DATA};
use super::{paging, percpu};

/// Words of an exception message: `sizeof(l4_exc_regs_t) / 8`.
pub const EXC_REGS: usize = 26;

/// Indices into [`Frame::words`].
pub(super) mod word {
    pub const R15: usize = 0;
    pub const R14: usize = 1;
    pub const R13: usize = 2;
    pub const R12: usize = 3;
    pub const R11: usize = 4;
    pub const R10: usize = 5;
    pub const R9: usize = 6;
    pub const R8: usize = 7;
    pub const RDI: usize = 8;
    pub const RSI: usize = 9;
    pub const RBP: usize = 10;
    pub const CR2: usize = 11;
    pub const RBX: usize = 12;
    pub const RDX: usize = 13;
    pub const RCX: usize = 14;
    pub const RAX: usize = 15;
    pub const TRAPNO: usize = 16;
    pub const ERROR: usize = 17;
    pub const RIP: usize = 18;
    pub const CS: usize = 19;
    pub const RFLAGS: usize = 20;
    pub const RSP: usize = 21;
    pub const SS: usize = 22;
    pub const FS_BASE: usize = 23;
    pub const GS_BASE: usize = 24;
    pub const SEGMENTS: usize = 25;
}

/// How the exit path resumes a frame.
pub(super) mod resume {
    /// `sysretq`: the frame was left by SYSCALL; rcx, r11 and r15 are lost.
    pub const FAST: u64 = 0;
    /// `iretq`: every register is restored.
    pub const FULL: u64 = 1;
    /// There is no user state: wait for an interrupt.
    pub const IDLE: u64 = 2;
    /// Bit beside the others: first let interrupts come, then call `crate::entry::work`.
    pub const WORK: u64 = 4;
}

/// Flags that a user program may set: CF PF AF ZF SF TF DF OF RF AC ID.
const USER_FLAGS: u64 = 0x0025_0dd5 | 0x0001_0000;
/// Bit 1 is always set in RFLAGS, and user programs always run with interrupts on.
const FIXED_FLAGS: u64 = 0x202;

/// Saved user registers of one thread, and how to return to them. First field of a thread object.
#[repr(C, align(16))]
pub struct Frame {
    resume: Cell<u64>,
    words: [Cell<u64>; EXC_REGS],
    own: OwnSegments,
}

const _: () = assert!(Frame::STACK_END.is_multiple_of(16));

impl Frame {
    /// Byte offset of word `index` of the frame; for the entry code.
    pub(super) const fn offset(index: usize) -> usize {
        8 + 8 * index
    }

    /// Byte offset just behind the registers that the processor pushes on a trap.
    pub(super) const STACK_END: usize = Self::offset(word::SS) + 8;

    /// A user thread that has never run: all registers zero, interrupts on.
    pub const fn new_user() -> Self {
        let words = [const { Cell::new(0) }; EXC_REGS];
        let frame = Self { resume: Cell::new(resume::FULL), words, own: OwnSegments::none() };
        frame.words[word::CS].replace(USER_CODE as u64);
        frame.words[word::SS].replace(USER_DATA as u64);
        frame.words[word::RFLAGS].replace(FIXED_FLAGS);
        frame
    }

    /// The frame that stands for "no thread": the exit path halts until an interrupt.
    pub(super) const fn idle() -> Self {
        let frame = Self::new_user();
        frame.resume.replace(resume::IDLE);
        frame
    }

    #[inline(always)]
    fn get(&self, index: usize) -> u64 {
        self.words[index].get()
    }

    #[inline(always)]
    fn put(&self, index: usize, value: u64) {
        self.words[index].set(value);
    }

    /// Instruction pointer.
    #[inline(always)]
    pub fn ip(&self) -> u64 {
        self.get(word::RIP)
    }

    /// Sets the instruction pointer; a non-canonical one is made canonical.
    #[inline(always)]
    pub fn set_ip(&self, ip: u64) {
        self.put(word::RIP, paging::canonical(ip));
    }

    /// Stack pointer.
    #[inline(always)]
    pub fn sp(&self) -> u64 {
        self.get(word::RSP)
    }

    /// Sets the stack pointer; a non-canonical one is made canonical.
    #[inline(always)]
    pub fn set_sp(&self, sp: u64) {
        self.put(word::RSP, paging::canonical(sp));
    }

    /// Flags register.
    #[inline(always)]
    pub fn flags(&self) -> u64 {
        self.get(word::RFLAGS)
    }

    /// Sets the flags a user may set; the others keep what user programs always have.
    #[inline(always)]
    pub fn set_flags(&self, flags: u64) {
        self.put(word::RFLAGS, (flags & USER_FLAGS) | FIXED_FLAGS);
    }

    /// Sets the first argument register, rdi: what sigma0 finds at its start.
    pub fn set_argument(&self, value: u64) {
        self.put(word::RDI, value);
    }

    /// Sets the first two argument registers, rdi and rsi.
    pub fn set_arguments(&self, first: u64, second: u64) {
        self.put(word::RDI, first);
        self.put(word::RSI, second);
    }

    /// System call: message tag (rax). The registers of a system call are those of `arch/ipc.h`.
    #[inline(always)]
    pub fn syscall_tag(&self) -> u64 {
        self.get(word::RAX)
    }

    /// System call: result tag (rax).
    #[inline(always)]
    pub fn set_tag(&self, tag: u64) {
        self.put(word::RAX, tag);
    }

    /// System call: label to send (rsi).
    #[inline(always)]
    pub fn label(&self) -> u64 {
        self.get(word::RSI)
    }

    /// System call: label received (rsi).
    #[inline(always)]
    pub fn set_label(&self, label: u64) {
        self.put(word::RSI, label);
    }

    /// System call: capability index and flags (rdx).
    #[inline(always)]
    pub fn dest(&self) -> u64 {
        self.get(word::RDX)
    }

    /// System call: send and receive timeout (low half of r8).
    #[inline(always)]
    pub fn timeout(&self) -> u32 {
        self.get(word::R8) as u32
    }

    /// Number of the last exception.
    pub fn trapno(&self) -> u64 {
        self.get(word::TRAPNO)
    }

    /// The processor's error code of the last exception.
    pub fn error_code(&self) -> u64 {
        self.get(word::ERROR)
    }

    /// Address of the last page fault.
    pub fn fault_address(&self) -> u64 {
        self.get(word::CR2)
    }

    /// The system-call instruction that the thread is in will be executed again. What SYSCALL lost reads as its results.
    pub fn rewind_system_call(&self) {
        const LENGTH: u64 = 2;
        self.put(word::RCX, self.ip());
        self.put(word::R11, self.flags());
        self.set_ip(self.ip().wrapping_sub(LENGTH));
        self.resume_full();
    }

    /// Lets the thread begin anew at `ip`, with all other registers zero but the stack pointer and the first argument.
    pub fn enter(&self, ip: u64, sp: u64, argument: u64) {
        for index in 0..word::RIP {
            self.put(index, 0);
        }
        self.set_argument(argument);
        self.set_ip(ip);
        self.set_sp(sp);
        self.set_flags(0);
        self.resume_full();
    }

    /// Records an exception that the kernel raises itself (`ex_regs`, alien threads, trampolines).
    pub fn set_trap(&self, trapno: u64, error_code: u64, fault_address: u64) {
        self.put(word::TRAPNO, trapno);
        self.put(word::ERROR, error_code);
        self.put(word::CR2, fault_address);
    }

    pub(super) fn set_fault_address(&self, address: u64) {
        self.put(word::CR2, address);
    }

    /// Base of the FS segment: thread-local storage.
    pub fn fs_base(&self) -> u64 {
        self.get(word::FS_BASE)
    }

    /// Base of the GS segment: where the UTCB's address is found.
    pub fn gs_base(&self) -> u64 {
        self.get(word::GS_BASE)
    }

    /// Sets the base of FS; false, and nothing changes, if `base` is not canonical.
    #[must_use]
    pub fn set_fs_base(&self, base: u64) -> bool {
        self.set_base(word::FS_BASE, base)
    }

    /// Sets the base of GS; false, and nothing changes, if `base` is not canonical.
    #[must_use]
    pub fn set_gs_base(&self, base: u64) -> bool {
        self.set_base(word::GS_BASE, base)
    }

    /// The segments of the thread's own.
    #[inline(always)]
    pub(super) fn own(&self) -> &OwnSegments {
        &self.own
    }

    /// Sets a descriptor in the GDT of the thread's own, one that is allowed.
    pub fn set_descriptor(&self, index: usize, descriptor: Descriptor) {
        self.change_own(|own| own.set_descriptor(index, descriptor));
    }

    /// Sets the LDT that the thread uses, which stays until another one is set; or the one that is set has changed.
    pub fn set_ldt(&self, ldt: Option<&'static Ldt>) {
        if ldt.is_some() || self.own.ldt().is_some() {
            self.change_own(|own| own.set_ldt(ldt));
        }
    }

    /// Whether the thread uses an LDT.
    pub fn has_ldt(&self) -> bool {
        self.own.ldt().is_some()
    }

    fn change_own(&self, change: impl Fn(&OwnSegments)) {
        percpu::save_selectors(self);
        change(&self.own);
        percpu::bases_changed(self);
    }

    /// The selectors in DS, ES, FS and GS, from the lowest bits up, as they were saved.
    pub(super) fn selectors(&self) -> u64 {
        self.get(word::SEGMENTS)
    }

    /// Sets what [`selectors`](Self::selectors) returns.
    pub(super) fn set_selectors(&self, selectors: u64) {
        self.put(word::SEGMENTS, selectors);
    }

    /// Exchanges the selectors in DS, ES, FS and GS, if the thread has segments of its own.
    pub fn exchange_selectors(&self, new: u64) -> Option<u64> {
        percpu::save_selectors(self);
        self.own.are_some().then(|| {
            let old = self.selectors();
            self.set_selectors(new);
            percpu::bases_changed(self);
            old
        })
    }

    /// Sets the bases of FS and GS, made canonical.
    pub fn set_bases(&self, fs_base: u64, gs_base: u64) {
        percpu::save_selectors(self);
        self.put(word::FS_BASE, paging::canonical(fs_base));
        self.put(word::GS_BASE, paging::canonical(gs_base));
        percpu::bases_changed(self);
    }

    fn set_base(&self, index: usize, base: u64) -> bool {
        let ok = paging::canonical(base) == base;
        if ok {
            percpu::save_selectors(self);
            // The base of a segment that is loaded is its descriptor's.
            let shift = if index == word::FS_BASE { 32 } else { 48 };
            self.set_selectors(self.selectors() & !(0xffff << shift));
            self.put(index, base);
            percpu::bases_changed(self);
        }
        ok
    }

    /// The next return restores every register (`iretq`), r15, rcx and r11 included.
    #[inline(always)]
    pub fn resume_full(&self) {
        self.resume.set(resume::FULL | self.resume.get() & resume::WORK);
    }

    /// Before the frame is resumed next, interrupts may come in, and then `crate::entry::work` is called.
    pub fn set_work(&self, due: bool) {
        let how = self.resume.get() & !resume::WORK;
        self.resume.set(how | if due { resume::WORK } else { 0 });
    }

    /// Whether [`set_work`](Self::set_work) said that there is work.
    pub fn is_work_due(&self) -> bool {
        self.resume.get() & resume::WORK != 0
    }

    /// Gives each register with its place in `l4_exc_regs_t` to `put`. The data segments read as 0, unless the thread
    /// has some of its own.
    #[inline]
    pub fn read_exc_regs(&self, put: impl Fn(usize, u64)) {
        if self.own.are_some() {
            percpu::save_selectors(self);
        }
        for index in 0..EXC_REGS {
            put(index, self.get(index));
        }
    }

    /// Takes over the registers that `get` gives for the places in `l4_exc_regs_t`, made safe; the segments stay as
    /// they are, unless the thread has some of its own. The next return restores everything.
    #[inline]
    pub fn write_exc_regs(&self, get: impl Fn(usize) -> u64) {
        self.write_registers(&get);
        if self.own.are_some() {
            self.set_selectors(get(word::SEGMENTS));
        }
        self.put(word::FS_BASE, paging::canonical(get(word::FS_BASE)));
        self.put(word::GS_BASE, paging::canonical(get(word::GS_BASE)));
        percpu::bases_changed(self);
    }

    /// As [`write_exc_regs`](Self::write_exc_regs), but for the bases of FS and GS, which stay.
    #[inline]
    pub fn write_registers(&self, get: impl Fn(usize) -> u64) {
        for index in 0..word::RIP {
            self.put(index, get(index));
        }
        self.set_ip(get(word::RIP));
        self.set_flags(get(word::RFLAGS));
        self.set_sp(get(word::RSP));
        self.resume_full();
    }
}
