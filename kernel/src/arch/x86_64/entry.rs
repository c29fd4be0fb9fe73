//! The way into the kernel and out of it, in assembly.
//!
//! **System call** (`arch/ipc.h`: rax tag, rdx destination, rsi label, r8 timeouts; rcx, r11 and r15 are
//! lost, rax, rsi, rdx are results, everything else is preserved). SYSCALL puts rip into rcx and rflags into
//! r11 and changes neither stack nor GS. r15 is free by convention, so it carries the frame's address: no
//! scratch memory is needed. Every register that must survive goes straight into the current thread's frame,
//! because the thread that returns need not be the one that entered; FPU registers, bases and CR3 are only
//! touched by a switch.
//!
//! **Trap or interrupt from user mode.** The processor pushes ss, rsp, rflags, cs, rip (and an error code)
//! at the TSS's `rsp0`, which is inside the current frame; the stub adds error code 0 and the vector, the
//! common part the other registers. Then the stack is the kernel's and `trap::from_user` gets the frame.
//!
//! **Trap or interrupt in the kernel** is an interrupt that ends the wait of an idle CPU, or a bug.
//! **Exit**: one load of the current frame, `sysretq` if that frame was left by a system call, `iretq` if not,
//! `hlt` if it is the idle frame; where the kernel has work to go on with first, interrupts are let in for a
//! moment and `crate::entry::work` is called. The kernel stack is empty at each exit.
//!
//! Invariant: interrupts are off in the kernel except in the `hlt` and before work; no kernel address is left in a
//! register that a user sees, and neither SYSRETQ nor IRETQ gets a non-canonical address, which they would
//! refuse in kernel mode: `Frame` writes none, and the exit looks at the one that SYSCALL can produce.
#![allow(unsafe_code)] // assembly entry points

use core::arch::naked_asm;
use core::ptr::NonNull;

use super::frame::{Frame, resume, word};
use super::segments::{USER_CODE, USER_DATA};
use super::{percpu, trap};

/// Bytes of one stub of [`stubs`].
pub const STUB_SIZE: u64 = 16;
/// Number of vectors with a stub.
pub const STUBS: usize = 256;

/// Where SYSCALL arrives, and the way out for everybody.
#[unsafe(naked)]
pub unsafe extern "C" fn syscall_entry() {
    naked_asm!(
        "swapgs",
        "mov r15, gs:[{current}]",
        "mov [r15 + {rsp}], rsp",
        "mov rsp, gs:[{stack}]",
        "mov [r15 + {rip}], rcx",
        "mov [r15 + {rflags}], r11",
        "mov [r15 + {rax}], rax",
        "mov [r15 + {rdx}], rdx",
        "mov [r15 + {rsi}], rsi",
        "mov [r15 + {rdi}], rdi",
        "mov [r15 + {r8}], r8",
        "mov [r15 + {r9}], r9",
        "mov [r15 + {r10}], r10",
        "mov [r15 + {rbx}], rbx",
        "mov [r15 + {rbp}], rbp",
        "mov [r15 + {r12}], r12",
        "mov [r15 + {r13}], r13",
        "mov [r15 + {r14}], r14",
        "mov r12, r15", // the handler's argument
        "xor ebp, ebp",
        "call {handler}",
        // The common exit: resumes the current frame. Also entered by jumps; the stack does not matter.
        ".globl kernel_exit",
        "kernel_exit:",
        "mov r15, gs:[{current}]",
        // The same by those who have the current frame's address in r15.
        ".globl kernel_resume",
        "kernel_resume:",
        "cmp qword ptr [r15], {fast}",
        "jne 2f",
        "mov rcx, [r15 + {rip}]",
        "bt rcx, 47", // SYSCALL in the last bytes below 2^47 returns to an address that SYSRET must not see
        "jc 2f",
        "mov r11, [r15 + {rflags}]",
        "mov rax, [r15 + {rax}]",
        "mov rdx, [r15 + {rdx}]",
        "mov rsi, [r15 + {rsi}]",
        "mov rdi, [r15 + {rdi}]",
        "mov r8, [r15 + {r8}]",
        "mov r9, [r15 + {r9}]",
        "mov r10, [r15 + {r10}]",
        "mov rbx, [r15 + {rbx}]",
        "mov rbp, [r15 + {rbp}]",
        "mov r12, [r15 + {r12}]",
        "mov r13, [r15 + {r13}]",
        "mov r14, [r15 + {r14}]",
        "mov rsp, [r15 + {rsp}]",
        "xor r15d, r15d",
        "swapgs",
        "sysretq",
        // Not the quick way: everything, by iretq; in user mode a frame always says "fast".
        "2: cmp qword ptr [r15], {idle}",
        "je 3f",
        "test byte ptr [r15], {work}",
        "jnz 4f",
        "mov qword ptr [r15], {fast}",
        "mov qword ptr [r15 + {ss}], {user_data}", // whatever a program has loaded, IRETQ gets the one it accepts
        "shl qword ptr [r15 + {rip}], 16", // canonical, for IRETQ
        "sar qword ptr [r15 + {rip}], 16",
        "lea rsp, [r15 + 8]",
        "pop r15", "pop r14", "pop r13", "pop r12", "pop r11", "pop r10", "pop r9", "pop r8",
        "pop rdi", "pop rsi", "pop rbp",
        "pop rbx", // the fault address
        "pop rbx", "pop rdx", "pop rcx", "pop rax",
        "add rsp, 16", // vector and error code
        "swapgs",
        "iretq",
        // Idle. The interrupt's own exit goes on from here; nothing on this stack is needed any more.
        "3: mov rsp, gs:[{stack}]",
        "xor ebp, ebp",
        "sti",
        "hlt",
        "cli",
        "jmp kernel_exit",
        // Work of the kernel is due before the frame is resumed: a preemption point, then a part of it.
        "4: mov rsp, gs:[{stack}]",
        "xor ebp, ebp",
        "sti",
        "nop",
        "cli",
        "call {do_work}",
        "jmp kernel_exit",
        current = const percpu::CURRENT,
        stack = const percpu::KERNEL_STACK,
        fast = const resume::FAST,
        idle = const resume::IDLE,
        work = const resume::WORK,
        do_work = sym trap::work,
        rsp = const Frame::offset(word::RSP),
        rip = const Frame::offset(word::RIP),
        ss = const Frame::offset(word::SS),
        user_data = const USER_DATA,
        rflags = const Frame::offset(word::RFLAGS),
        rax = const Frame::offset(word::RAX),
        rdx = const Frame::offset(word::RDX),
        rsi = const Frame::offset(word::RSI),
        rdi = const Frame::offset(word::RDI),
        r8 = const Frame::offset(word::R8),
        r9 = const Frame::offset(word::R9),
        r10 = const Frame::offset(word::R10),
        rbx = const Frame::offset(word::RBX),
        rbp = const Frame::offset(word::RBP),
        r12 = const Frame::offset(word::R12),
        r13 = const Frame::offset(word::R13),
        r14 = const Frame::offset(word::R14),
        handler = sym trap::system_call,
    )
}

/// Leaves the kernel for the frame that [`super::switch_to`] named: the end of `kernel_main`.
pub fn resume_current() -> ! {
    // SAFETY: the exit path needs nothing of this stack.
    unsafe { core::arch::asm!("jmp kernel_exit", options(noreturn)) }
}

/// Leaves the kernel for `frame`, the current one. What the caller has on the stack is forgotten.
#[inline(always)]
pub fn resume(frame: NonNull<Frame>) -> ! {
    #[cfg(feature = "measure")]
    crate::measure::end();
    crate::invariants::check();
    // SAFETY: the exit path needs nothing of this stack, and the kernel keeps nothing on it between entries.
    unsafe { core::arch::asm!("jmp kernel_resume", in("r15") frame.as_ptr(), options(noreturn)) }
}

/// The stubs of vectors 0 to [`STUBS`] − 1, [`STUB_SIZE`] bytes each, for use in the IDT.
#[unsafe(naked)]
pub unsafe extern "C" fn stubs() {
    naked_asm!(
        ".set vector, 0",
        ".rept {stubs}",
        ".balign {size}",
        // Vectors with an error code of the processor's: 8, 10-14, 17, 21, 29, 30.
        ".if vector >= 32",
        "push 0",
        ".elseif ({with_error} >> vector) & 1 == 0",
        "push 0",
        ".endif",
        "push vector",
        "jmp {common}",
        ".set vector, vector + 1",
        ".endr",
        stubs = const STUBS,
        size = const STUB_SIZE,
        with_error = const ERROR_CODES,
        common = sym trap_common,
    )
}

/// Exceptions for which the processor pushes an error code, as a bit mask.
const ERROR_CODES: u64 = 1 << 8 | 0x1f << 10 | 1 << 17 | 1 << 21 | 3 << 29;

/// On the stack: error code and vector above the processor's five words.
#[unsafe(naked)]
unsafe extern "C" fn trap_common() {
    naked_asm!(
        "push rax", "push rcx", "push rdx", "push rbx",
        "sub rsp, 8", // fault address, filled in by `trap`
        "push rbp", "push rsi", "push rdi",
        "push r8", "push r9", "push r10", "push r11", "push r12", "push r13", "push r14", "push r15",
        "lea rdi, [rsp - 8]",
        "test byte ptr [rdi + {cs}], 3",
        "jz 2f",
        "swapgs",
        "mov qword ptr [rdi], {full}",
        "mov rsp, gs:[{stack}]",
        "push 2", // clears AC, DF and whatever else the user has set
        "popfq",
        "xor ebp, ebp",
        "call {from_user}",
        "jmp kernel_exit",
        // Kernel mode. The handler returns only if an idle CPU was interrupted.
        "2: sub rsp, 8",
        "and rsp, -16",
        "cld",
        "call {from_kernel}",
        "jmp kernel_exit",
        cs = const Frame::offset(word::CS),
        full = const resume::FULL,
        stack = const percpu::KERNEL_STACK,
        from_user = sym trap::from_user,
        from_kernel = sym trap::from_kernel,
    )
}

/// NMI, double fault and machine check: on a stack of their own, at any moment, whatever GS holds.
#[unsafe(naked)]
unsafe extern "C" fn critical_common() {
    naked_asm!(
        "push rax", "push rcx", "push rdx", "push rbx",
        "sub rsp, 8",
        "push rbp", "push rsi", "push rdi",
        "push r8", "push r9", "push r10", "push r11", "push r12", "push r13", "push r14", "push r15",
        "sub rsp, 8",
        "mov rdi, rsp",
        "mov rbx, rsp",
        "and rsp, -16",
        "cld",
        "call {handler}",
        "lea rsp, [rbx + 8]",
        "pop r15", "pop r14", "pop r13", "pop r12", "pop r11", "pop r10", "pop r9", "pop r8",
        "pop rdi", "pop rsi", "pop rbp",
        "pop rbx",
        "pop rbx", "pop rdx", "pop rcx", "pop rax",
        "add rsp, 16",
        "iretq",
        handler = sym trap::critical,
    )
}

macro_rules! critical_stub {
    ($name:ident, $vector:literal, $($push:literal)?) => {
        /// Stub of a vector that [`critical_common`] handles.
        #[unsafe(naked)]
        pub unsafe extern "C" fn $name() {
            naked_asm!($($push,)? concat!("push ", $vector), "jmp {}", sym critical_common)
        }
    };
}
critical_stub!(nmi, "2", "push 0");
critical_stub!(double_fault, "8",);
critical_stub!(machine_check, "18", "push 0");

const _: () = assert!(USER_CODE == 0x2b && USER_DATA == 0x23);
