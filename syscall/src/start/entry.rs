//! The first instructions of programs, boot servers and service code, and what they set up.
//! Machine part of `start`: built for the target only.
#![allow(unsafe_code)] // first instructions, static stack, symbols of the linker script

use core::arch::global_asm;

use super::{BOOT_FIRST_FREE_CAP, BOOT_STACK_SIZE};
use crate::{cap, env, heap, heap::Supply, io, object::thread::Segment, process, stack::InitialStack, thread};

global_asm!(
    ".pushsection .text._boot_start, \"ax\", @progbits",
    ".global _boot_start",
    "_boot_start:",
    "lea rsp, [rip + {stack} + {size}]",
    "xor ebp, ebp",
    "call {enter}",
    "ud2",
    ".popsection",
    stack = sym BOOT_STACK,
    size = const BOOT_STACK_SIZE,
    enter = sym enter_boot,
);

macro_rules! entry_on_initial_stack {
    ($name:literal, $enter:path) => {
        global_asm!(
            concat!(".pushsection .text.", $name, ", \"ax\", @progbits"),
            concat!(".global ", $name),
            concat!($name, ":"),
            "mov rdi, rsp",
            "xor ebp, ebp",
            // How far the image lies from where it was linked; __link_base is absolute, thus not relocated.
            "lea rsi, [rip + __image_start]",
            "movabs rax, offset __link_base",
            "sub rsi, rax",
            "and rsp, -16",
            "call {enter}",
            "ud2",
            ".popsection",
            enter = sym $enter,
        );
    };
}
entry_on_initial_stack!("_start", enter_program);
entry_on_initial_stack!("_service_start", enter_service);

#[repr(C, align(16))]
struct Stack([u8; BOOT_STACK_SIZE]);

// Mutable, and thus in .bss; only the assembly above names it.
static mut BOOT_STACK: Stack = Stack([0; BOOT_STACK_SIZE]);

unsafe extern "Rust" {
    safe fn __syscall_main() -> i32;
    safe fn __syscall_boot_main() -> !;
    safe fn __syscall_service_main(stack: InitialStack) -> !;
}

/// An entry of the ELF section `.rela.dyn`.
#[repr(C)]
struct Relocation {
    offset: u64,
    info: u64,
    addend: u64,
}

/// ELF's relocation "base address plus addend", the only kind in a static image.
const R_X86_64_RELATIVE: u64 = 8;

/// Adapts a position-independent image to where it lies; nothing to do in other images.
fn relocate(displacement: u64) {
    let (mut at, end): (*const Relocation, *const Relocation);
    // SAFETY: only computes two addresses: relative to the instruction, since any other way to them would itself
    // have to be relocated first.
    unsafe {
        core::arch::asm!(
            "lea {}, [rip + __rela_start]",
            "lea {}, [rip + __rela_end]",
            out(reg) at,
            out(reg) end,
            options(pure, nomem, nostack, preserves_flags),
        );
    }
    while at < end {
        // SAFETY: the linker script puts all entries between the two symbols; they speak of writable
        // words of this image, which nobody has used yet.
        unsafe {
            let Relocation { offset, info, addend } = at.read();
            if info & 0xffff_ffff == R_X86_64_RELATIVE {
                (offset.wrapping_add(displacement) as *mut u64).write_volatile(addend.wrapping_add(displacement));
            }
            at = at.add(1);
        }
    }
}

fn set_up(stack: *const u64, displacement: u64) -> InitialStack {
    relocate(displacement);
    // SAFETY: the assembly above passes the first stack pointer.
    let stack = unsafe { InitialStack::new(stack) };
    env::set_stack(stack);
    cap::reserve_below(env::raw().map_or(BOOT_FIRST_FREE_CAP, |env| env.first_free_cap as usize));
    io::set_log(env::log());
    thread::control::set_current(core::ptr::null());
    stack
}

extern "C" fn enter_program(stack: *const u64, displacement: u64) -> ! {
    set_up(stack, displacement);
    heap::set_supply(Supply::Dataspaces);
    set_up_thread_local_storage();
    process::exit(__syscall_main())
}

/// Gives the main thread its copy of the thread-local variables, for good.
fn set_up_thread_local_storage() {
    match thread::tls::Block::new() {
        Ok(None) => {}
        Ok(Some(block)) => {
            let set = env::main_thread().set_segment_base(Segment::Fs, block.thread_pointer());
            core::mem::forget(block);
            set.expect("the kernel sets the main thread's FS base");
        }
        Err(error) => panic!("no memory for thread-local storage: {error}"),
    }
}

extern "C" fn enter_service(stack: *const u64, displacement: u64) -> ! {
    __syscall_service_main(set_up(stack, displacement))
}

/// `kip`: the kernel starts sigma0 with the address of the kernel info page in the first argument's
/// register, and moe with 0 there (Fiasco's `Thread::user_invoke`).
extern "C" fn enter_boot(kip: u64) -> ! {
    if kip != 0 {
        env::set_kip(kip);
    }
    cap::reserve_below(BOOT_FIRST_FREE_CAP);
    io::set_log(env::log());
    thread::control::set_current(core::ptr::null());
    __syscall_boot_main()
}
