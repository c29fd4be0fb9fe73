//! What belongs to a thread beside its general registers: segment bases, FPU state, flags, across switches and calls.
#![allow(unsafe_code)] // instructions that fault, registers that tests look at

use crate::make::{self, code, note, noted};
use crate::threads::{HIGH, control, wait, watch};
use core::arch::asm;
use harness::call::no_buffers;
use harness::child::PAGES;
use harness::vectors::{avx, set_upper, upper_or};
use harness::worker::{UTCBS, Worker, spawn};
use harness::{Check, same};
use syscall::abi::utcb::INHERIT_FPU;
use syscall::abi::{CapIndex, Error, Rights, Tag, Timeout, Timeouts, protocol, thread::*};
use syscall::arch::utcb;
use syscall::object::thread::Segment;
use syscall::{Cap, Task, Thread};

crate::group!("registers":
    segment_info, segment_base_wrong_segment, segment_base_non_canonical, segment_base_too_few_words, fs_base_survives_switch,
    gs_base_survives_switch, avx_is_on_where_there, fpu_survives_switch, fpu_does_not_leak, fpu_transferred_with_exception, fpu_handed_on_by_flag, registers_survive_calls,
    flags_survive_call);

fn segment_info() -> Check {
    same(control(make::me().index(), &[OP_SEGMENT_INFO], &[]), 0)?;
    let (data, code): (u16, u16);
    // SAFETY: reads segment registers.
    unsafe { asm!("mov {0:x}, ss", "mov {1:x}, cs", out(reg) data, out(reg) code) };
    same((utcb().mr(0), utcb().mr(1)), (u64::from(data), u64::from(code)))
}

fn segment_base_wrong_segment() -> Check {
    same(control(make::me().index(), &[OP_SET_SEGMENT_BASE | 2 << 16, 0], &[]), code(Error::Inval))
}

fn segment_base_non_canonical() -> Check {
    let words = [OP_SET_SEGMENT_BASE, 0x8000_0000_0000_0000];
    same(control(make::me().index(), &words, &[]), code(Error::Inval))
}

fn segment_base_too_few_words() -> Check {
    same(control(make::me().index(), &[OP_SET_SEGMENT_BASE], &[]), code(Error::MsgTooShort))
}

/// Sets its FS base to a word of its own and reads it again and again.
fn read_fs(which: u64) {
    let address = PAGES + which * 8;
    // SAFETY: the test's own page.
    unsafe { (address as *mut u64).write_volatile(which) };
    let me = Cap::<Thread>::new(CapIndex::new(0x300 + which));
    let _ = me.set_segment_base(Segment::Fs, address);
    for _ in 0..200 {
        let value: u64;
        // SAFETY: the base was set to a word of the test's.
        unsafe { asm!("mov {}, fs:[0]", out(reg) value) };
        if value != which {
            return note(which, -1);
        }
        make::rest(0);
        Thread::yield_now();
    }
    note(which, 1);
}

fn fs_base_survives_switch() -> Check {
    for which in 1..=2 {
        let worker = Worker::create_in(Task::this())?;
        Task::this().map_cap(worker.thread, Rights::ALL, CapIndex::new(0x300 + which))?;
        worker.start(90, read_fs, which)?;
    }
    make::rest(50);
    same((noted(1), noted(2)), (1, 1))
}

/// The GS base leads to the thread's own UTCB.
fn read_gs(which: u64) {
    let own = utcb().address();
    for _ in 0..100 {
        Thread::yield_now();
        if utcb().address() != own {
            return note(which, -1);
        }
    }
    note(which, own as i64);
}

fn gs_base_survives_switch() -> Check {
    spawn(90, read_gs, 1)?;
    spawn(90, read_gs, 2)?;
    make::rest(50);
    same((noted(1), noted(2)), (UTCBS as i64 + 1024, UTCBS as i64 + 2048))
}

fn use_avx(_: u64) {
    // SAFETY: changes registers that nothing uses; the exception of one of the two goes to the test.
    unsafe { asm!("vzeroupper", "int3", options(nomem, nostack)) };
}

/// A processor that has AVX is let use it; on another one its instructions are invalid.
fn avx_is_on_where_there() -> Check {
    const BREAKPOINT: u64 = 3;
    const INVALID_OPCODE: u64 = 6;
    let (is_there, is_on) = avx();
    same(is_on, is_there)?;
    watch(use_avx, 0)?;
    wait()?;
    same(utcb().mr(16), if is_there { BREAKPOINT } else { INVALID_OPCODE })
}

fn keep_fpu(which: u64) {
    let value = 0x0101_0101_0101_0101 * which;
    set_upper(value);
    for _ in 0..200 {
        let kept: u64;
        // SAFETY: other threads run between the two moves; nothing else happens.
        unsafe {
            asm!("movq xmm7, {}", in(reg) value, out("xmm7") _);
            asm!("movq xmm7, {}", in(reg) value, out("xmm7") _);
        }
        // SAFETY: as above; the system call is a yield, which keeps all other registers.
        unsafe {
            asm!(
                "movq xmm7, {value}", "movq xmm15, {value}",
                "mov rax, 0", "mov rdx, {dest}", "mov rsi, 0", "mov r8d, 0x04000400",
                "syscall",
                "movq {kept}, xmm7",
                value = in(reg) value, kept = lateout(reg) kept, dest = in(reg) CapIndex::INVALID.raw() | 2,
                out("rax") _, out("rdx") _, out("rsi") _, out("rdi") _, out("r8") _, out("rcx") _, out("r11") _, out("r15") _,
                out("xmm7") _, out("xmm15") _,
            );
        }
        if (kept, upper_or(value)) != (value, value) {
            return note(which, -1);
        }
    }
    note(which, 1);
}

fn fpu_survives_switch() -> Check {
    for which in 1..=3 {
        spawn(90, keep_fpu, which)?;
    }
    make::rest(50);
    same((noted(1), noted(2), noted(3)), (1, 1, 1))
}

fn look_at_fpu(_: u64) {
    let (low, control): (u64, u32);
    let mut mxcsr = 0_u32;
    // SAFETY: reads registers.
    unsafe {
        asm!("movq {}, xmm12", out(reg) low);
        asm!("stmxcsr [{}]", in(reg) &raw mut mxcsr);
    }
    control = mxcsr;
    note(1, low as i64);
    note(2, i64::from(control));
    note(3, upper_or(0) as i64);
}

fn fpu_does_not_leak() -> Check {
    // SAFETY: loads a register.
    unsafe { asm!("movq xmm12, {}", in(reg) 0x5ec3_e700_0000_0001_u64, out("xmm12") _) };
    set_upper(0x5ec3_e700_0000_0002);
    spawn(HIGH, look_at_fpu, 0)?;
    same((noted(1), noted(2), noted(3)), (0, 0x1f80, 0))
}

fn trap_with_fpu(_: u64) {
    set_upper(0x77);
    // SAFETY: loads a register; the exception goes to the test.
    unsafe { asm!("movq xmm9, {}", "ud2", in(reg) 0x77_u64, out("xmm9") _) };
}

/// What xmm9, cleared before, holds behind an open wait with this buffer descriptor, and what its upper half, or the
/// same where there is none.
fn fpu_behind_wait(descriptor: u64) -> (u64, u64) {
    set_upper(0);
    utcb().set_bdr(descriptor);
    utcb().set_br(0, 0);
    let got: u64;
    let timeouts = Timeouts { send: Timeout::ZERO, receive: Timeout::from_microseconds(500_000) };
    // SAFETY: a system call that receives; the register comes with the message.
    unsafe {
        asm!(
            "xorps xmm9, xmm9", "syscall", "movq {got}, xmm9",
            got = lateout(reg) got,
            inlateout("rax") 0_u64 => _, inlateout("rdx") CapIndex::INVALID.raw() | 6 => _, inlateout("rsi") 0_u64 => _,
            in("r8") u64::from(timeouts.raw()), lateout("rdi") _, lateout("rcx") _, lateout("r11") _, lateout("r15") _,
            out("xmm9") _,
        );
    }
    (got, upper_or(got))
}

fn fpu_transferred_with_exception() -> Check {
    watch(trap_with_fpu, 0)?;
    same(fpu_behind_wait(INHERIT_FPU), (0x77, 0x77))
}

/// Sends to a gate, with or without the flag that hands the FPU on.
fn send_with_fpu(gate_and_flag: u64) {
    let flags = if gate_and_flag & 1 != 0 { Tag::TRANSFER_FPU } else { 0 };
    set_upper(0x99);
    // SAFETY: a system call that sends, with a known register.
    unsafe {
        asm!(
            "movq xmm9, {value}", "syscall",
            value = in(reg) 0x99_u64,
            inlateout("rax") Tag::new(1, 0, 0, flags).raw() => _, inlateout("rdx") gate_and_flag & !0xfff | 1 => _,
            inlateout("rsi") 0_u64 => _, in("r8") 0_u64,
            lateout("rdi") _, lateout("rcx") _, lateout("r11") _, lateout("r15") _, out("xmm9") _,
        );
    }
}

/// The sender has to say so, with the special right to whom it sends, and the receiver, too; whoever is there first.
fn fpu_handed_on_by_flag() -> Check {
    const LOW: u64 = 90;
    let sender = Worker::create_in(Task::this())?;
    let gate = make::gate(0x40)?;
    for priority in [LOW, HIGH] {
        for rights in [Rights::CAP_RWS, Rights::CAP_RW] {
            for (flag, descriptor) in [(1, INHERIT_FPU), (1, 0), (0, INHERIT_FPU), (0, 0)] {
                let to = make::with_rights(gate, rights)?.index().raw();
                sender.start(priority, send_with_fpu, to | flag)?;
                let wanted = rights == Rights::CAP_RWS && flag == 1 && descriptor == INHERIT_FPU;
                same(fpu_behind_wait(descriptor), if wanted { (0x99, 0x99) } else { (0, 0) })?;
            }
        }
    }
    Ok(())
}

fn registers_survive_calls() -> Check {
    let sum: u64;
    no_buffers();
    utcb().set_mr(0, 2);
    utcb().set_mr(1, CapIndex::TASK.raw());
    // SAFETY: a system call, which keeps the registers that are looked at.
    unsafe {
        asm!(
            "push rbx", "push rbp",
            "mov rbx, 1", "mov rbp, 2", "mov r9, 4", "mov r10, 8", "mov r12, 16", "mov r13, 32", "mov r14, 64",
            "syscall",
            "lea rax, [rbx + rbp]", "add rax, r9", "add rax, r10", "add rax, r12", "add rax, r13", "add rax, r14", "add rax, r8",
            "pop rbp", "pop rbx",
            inlateout("rax") Tag::new(protocol::TASK, 2, 0, 0).raw() => sum,
            inlateout("rdx") CapIndex::TASK.raw() | 3 => _, inlateout("rsi") 0_u64 => _, in("r8") 0_u64,
            lateout("rdi") _, lateout("rcx") _, lateout("r11") _, lateout("r15") _,
            out("r9") _, out("r10") _, out("r12") _, out("r13") _, out("r14") _,
        );
    }
    same(sum, 127)
}

/// The direction flag survives, as all user flags do.
fn flags_survive_call() -> Check {
    let flags: u64;
    no_buffers();
    // SAFETY: a system call that yields; the direction flag is cleared again at once.
    unsafe {
        asm!(
            "std", "syscall", "pushfq", "pop {flags}", "cld",
            flags = lateout(reg) flags,
            inlateout("rax") 0_u64 => _, inlateout("rdx") CapIndex::INVALID.raw() | 2 => _, inlateout("rsi") 0_u64 => _,
            in("r8") 0x0400_0400_u64, lateout("rdi") _, lateout("rcx") _, lateout("r11") _, lateout("r15") _,
        );
    }
    same(flags & 0x600, 0x600)
}
