//! What is left of the service when the service itself faults, most of all because there is no memory for a
//! page that it needs: it tells log and parent, so that the program ends instead of hanging for ever.
//!
//! The region map outside lets a thread that faults in a given range of code go on elsewhere ("rescue jump");
//! the range here is all code but [`service_failed`]. Invariant: what runs from there on touches nothing that
//! [`arm`] has not touched before, so that it needs no memory.
#![allow(unsafe_code)] // a stack of its own, its first instructions, a look at each page of the image

use core::arch::global_asm;
use core::fmt::Write;
use core::ptr::addr_of;
use core::sync::atomic::{AtomicBool, Ordering};

use abi::PAGE_SIZE;
use abi::l4re::parent::SIGNAL_EXIT;
use syscall::io::RawOutput;
use syscall::ipc::{self, Timeouts};
use syscall::{Cap, Result, Rm, env};

use crate::outside;

/// The exit code of a program whose service has failed: 128 plus POSIX's SIGKILL.
const SERVICE_FAILED: u64 = 128 + 9;
/// Bytes of the stack for that.
const STACK_SIZE: usize = 2 * PAGE_SIZE;

#[repr(C, align(4096))]
struct Stack([u8; STACK_SIZE]);

// Mutable, and thus in .bss; only the assembly below and `arm` name it.
static mut STACK: Stack = Stack([0; STACK_SIZE]);
static FAILED: AtomicBool = AtomicBool::new(false);

global_asm!(
    ".pushsection .text.service_failed, \"ax\", @progbits",
    ".global service_failed, service_failed_end",
    "service_failed:",
    "cld",
    "lea rsp, [rip + {stack} + {size}]",
    "xor ebp, ebp",
    "call {failed}",
    "ud2",
    "service_failed_end:",
    ".popsection",
    stack = sym STACK,
    size = const STACK_SIZE,
    failed = sym failed,
);

unsafe extern "C" {
    static __image_start: u8;
    static __text_start: u8;
    static __text_end: u8;
    static service_failed: u8;
    static service_failed_end: u8;
}

/// From now on a fault of the service ends the program with a report.
///
/// # Errors
/// Those of the region map outside.
pub fn arm(outside: Cap<Rm>) -> Result {
    let [image, text, stub, stub_end, end] = [
        addr_of!(__image_start),
        addr_of!(__text_start),
        addr_of!(service_failed),
        addr_of!(service_failed_end),
        addr_of!(__text_end),
    ];
    for page in (image.addr()..end.addr()).step_by(PAGE_SIZE) {
        // SAFETY: a byte of this image's constants and code, which are readable and never change.
        let _ = unsafe { image.with_addr(page).read_volatile() };
    }
    for page in 0..STACK_SIZE / PAGE_SIZE {
        // SAFETY: within the stack, on which nothing runs yet.
        unsafe { (&raw mut STACK).cast::<u8>().add(page * PAGE_SIZE).write_volatile(0) };
    }
    FAILED.store(false, Ordering::Relaxed);
    // Whole pages: what else is on the first and the last one can be run, too.
    let (first, last) = (text.addr() / PAGE_SIZE * PAGE_SIZE, end.addr().next_multiple_of(PAGE_SIZE));
    let target = stub.addr() as u64;
    let ranges = [(first as u64, target), (stub_end.addr() as u64, last as u64)];
    ranges
        .into_iter()
        .filter(|(start, end)| start < end)
        .try_for_each(|(start, end)| outside::add_rescue_jump(outside, start, end, target))
}

/// Reports and ends the program. What it was doing before is lost.
extern "C" fn failed() -> ! {
    if !FAILED.swap(true, Ordering::Relaxed) {
        let name = env::args().next().unwrap_or("?");
        // What the log does not take is lost; the exit code still tells.
        let _ = writeln!(
            RawOutput::new(),
            "l4re: the service of '{name}' cannot go on: it lacks memory, or has faulted; the program ends, exit code {SERVICE_FAILED}"
        );
        let _ = env::parent().signal(SIGNAL_EXIT, SERVICE_FAILED);
    }
    loop {
        // The parent has not ended the task, or even this has failed: nothing else can be done here.
        let _ = ipc::wait(Timeouts::NEVER);
    }
}
