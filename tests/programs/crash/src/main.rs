//! Ends in the way that its argument names: one of the mistakes that a program can make.
#![no_std]
#![no_main]
#![allow(unsafe_code)] // makes the mistakes that safe Rust does not let one make

extern crate alloc;

use alloc::vec::Vec;
use core::arch::asm;
use core::hint::black_box;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use syscall::abi::l4re::slots;
use syscall::abi::{CapIndex, thread::EX_REGS_CANCEL};
use syscall::l4re::rm::flags;
use syscall::{Cap, Factory, Thread, env, println};

syscall::main!(main);

fn main() -> i32 {
    let kind = env::args().nth(1).unwrap_or("nothing");
    println!("will crash by {kind}");
    match kind {
        "null" => dereference_null(),
        "write-code" => write_to_code(),
        "jump-data" => jump_into_data(),
        "stack" => println!("depth {}", overflow_the_stack(1)),
        "divide" => divide_by_zero(),
        "heap" => run_out_of_heap(),
        "undefined" => undefined_instruction(),
        "capability" => call_an_invalid_capability(),
        "thread" => syscall::thread::spawn(dereference_null).expect("no thread").join(),
        "service" => spoil_the_service(),
        "threads" => leave_a_thread_behind(),
        "panic" => panic!("on purpose"),
        other => return other.strip_prefix("exit-").and_then(|code| code.parse().ok()).unwrap_or(1),
    }
    println!("and is still there");
    0
}

#[inline(never)]
fn dereference_null() {
    // SAFETY: not safe, on purpose: nothing is mapped there, and the fault is what is tested.
    unsafe { asm!("mov {0}, [{1}]", out(reg) _, in(reg) black_box(0_u64)) };
}

/// Sends the service's own thread, to which every program has the capability, back to the start of its code without a stack.
fn spoil_the_service() {
    const SERVICE: u64 = 0x7000_0000;
    let mut at = SERVICE;
    while let Ok(found) = env::rm().find(at, SERVICE) {
        if found.flags & flags::X != 0 {
            let thread: Cap<Thread> = Cap::new(CapIndex::new(slots::MAIN_THREAD));
            thread.ex_regs(found.start, 16, EX_REGS_CANCEL).expect("no such thread");
            break;
        }
        at = found.start + found.size;
    }
    dereference_null();
}

/// A thread that crashes while another, of a lower priority but above that of ned, wants to go on.
fn leave_a_thread_behind() {
    static ABOUT_TO_CRASH: AtomicBool = AtomicBool::new(false);
    let spin = || {
        while !ABOUT_TO_CRASH.load(Ordering::Relaxed) {
            core::hint::spin_loop();
        }
        println!("a thread goes on after the crash");
    };
    let crash = || {
        syscall::thread::sleep(Duration::from_millis(50));
        ABOUT_TO_CRASH.store(true, Ordering::Relaxed);
        dereference_null();
    };
    let builder = |priority| syscall::thread::Builder::new().priority(priority);
    builder(101).spawn(crash).expect("no thread");
    builder(100).spawn(spin).expect("no thread").join();
}

#[inline(never)]
fn write_to_code() {
    // SAFETY: as above; code is mapped without the right to write.
    unsafe { asm!("mov byte ptr [{0}], 0", in(reg) write_to_code as fn()) };
}

#[inline(never)]
fn jump_into_data() {
    static mut DATA: [u8; 16] = [0xc3; 16];
    // SAFETY: as above; data is mapped without the right to execute.
    unsafe { asm!("call {0}", in(reg) &raw const DATA, clobber_abi("C")) };
}

#[inline(never)]
fn overflow_the_stack(depth: u64) -> u64 {
    let room = black_box([depth; 64]);
    if black_box(false) {
        return 0;
    }
    overflow_the_stack(depth + 1) + room[(depth % 64) as usize]
}

#[inline(never)]
fn divide_by_zero() {
    // SAFETY: as above; Rust's own division would check.
    unsafe { asm!("div {0}", in(reg) black_box(0_u64), inout("rax") 1_u64 => _, inout("rdx") 0_u64 => _) };
}

#[inline(never)]
fn run_out_of_heap() {
    let mut pieces: Vec<Vec<u8>> = Vec::new();
    loop {
        pieces.push(black_box(Vec::with_capacity(1 << 20)));
    }
}

#[inline(never)]
fn undefined_instruction() {
    // SAFETY: as above.
    unsafe { asm!("ud2") };
}

#[inline(never)]
fn call_an_invalid_capability() {
    let nothing: Cap<Factory> = Cap::new(CapIndex::new(0x7fff));
    nothing.create_factory(4096).expect("a call to a capability that is not there");
}
