//! What the entry code calls: system calls, exceptions, timer, interrupts, on their way to `crate::entry`.
//!
//! Invariant: an exception in the kernel is a bug of the kernel and ends in a report; only interrupts that
//! end an idle CPU's wait return from [`from_kernel`].

use core::ptr::NonNull;

use super::frame::{Frame, word};
use super::{irq, lapic, panic};
use crate::invariants;
#[cfg(feature = "measure")]
use crate::measure;

/// Vector of the local timer.
pub const TIMER_VECTOR: u8 = 0xf8;
/// Vector of the local APIC's error interrupt.
pub const LAPIC_ERROR_VECTOR: u8 = 0xfb;
/// Vector of the local APIC's spurious interrupts; its low four bits are 1 for old processors.
pub const SPURIOUS_VECTOR: u8 = 0xff;

const PAGE_FAULT: u64 = 14;
const FIRST_INTERRUPT: u64 = 32;

/// The registers of a trap in the kernel, as the entry code leaves them on the stack: a [`Frame`] up to `ss`.
#[repr(C)]
pub struct TrapFrame {
    unused: u64,
    words: [u64; word::SS + 1],
}

impl TrapFrame {
    /// The register with index `index` (see `frame::word`).
    pub fn word(&self, index: usize) -> u64 {
        self.words[index]
    }
}

/// A system call of the current frame. The entry code has saved all registers, so there are none to preserve.
pub extern "rust-preserve-none" fn system_call(frame: NonNull<Frame>) {
    #[cfg(feature = "measure")]
    measure::begin(measure::SYSTEM_CALL);
    invariants::system_call();
    crate::entry::syscall(frame);
    invariants::check();
    #[cfg(feature = "measure")]
    measure::end();
}

/// The current frame is to be resumed, and has work to do first.
pub extern "C" fn work() {
    #[cfg(feature = "measure")]
    measure::begin(measure::WORK);
    invariants::work();
    crate::entry::work();
    invariants::check();
    #[cfg(feature = "measure")]
    measure::end();
}

/// Another entry from user mode.
pub extern "C" fn from_user(frame: &Frame) {
    let vector = frame.trapno();
    #[cfg(feature = "measure")]
    measure::begin(vector);
    invariants::trap(vector);
    if vector == PAGE_FAULT {
        let address = fault_address();
        frame.set_fault_address(address);
        crate::entry::page_fault(frame, address, frame.error_code());
    } else if vector < FIRST_INTERRUPT {
        crate::entry::exception(frame, vector, frame.error_code());
    } else {
        interrupt(vector as u8);
    }
    invariants::check();
    #[cfg(feature = "measure")]
    measure::end();
}

/// Entry from kernel mode.
pub extern "C" fn from_kernel(frame: &TrapFrame) {
    let vector = frame.word(word::TRAPNO);
    #[cfg(feature = "measure")]
    measure::begin(vector);
    if vector < FIRST_INTERRUPT {
        panic::kernel_trap(frame, fault_address());
    }
    invariants::trap(vector);
    interrupt(vector as u8);
    invariants::check();
    #[cfg(feature = "measure")]
    measure::end();
}

/// NMI, double fault, machine check. An NMI is reported and ignored.
pub extern "C" fn critical(frame: &TrapFrame) {
    const NMI: u64 = 2;
    if frame.word(word::TRAPNO) == NMI {
        panic::report_nmi(frame.word(word::RIP));
    } else {
        panic::kernel_trap(frame, fault_address());
    }
}

fn interrupt(vector: u8) {
    match vector {
        TIMER_VECTOR => {
            lapic::end_of_interrupt();
            crate::entry::timer();
        }
        LAPIC_ERROR_VECTOR => lapic::end_of_interrupt(),
        SPURIOUS_VECTOR => {}
        _ if irq::is_genuine(vector) => crate::entry::interrupt(vector),
        _ => {}
    }
}

fn fault_address() -> u64 {
    ::x86_64::registers::control::Cr2::read_raw()
}
