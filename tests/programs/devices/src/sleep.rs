//! Suspend to RAM: what a program has, its memory, its registers, its ports, its interrupts, segments of its own, is there
//! when the machine wakes up.
#![allow(unsafe_code)] // an SSE register, segment registers

use core::arch::asm;
use core::sync::atomic::AtomicU64;
use harness::program::expect;
use harness::vectors::{set_upper, upper_or};
use syscall::abi::ipc::Operation;
use syscall::abi::platform_control::OP_SUSPEND;
use syscall::abi::{CapIndex, Tag, Timeouts, protocol};
use syscall::object::thread::Segment;
use syscall::time::kernel_clock_us;
use syscall::{Error, Result, Task, Thread, arch, println};

use crate::clocks::{RTC_INDEX, RTC_LINE, Ticking};
use crate::interrupt::Interrupt;
use crate::ports::{take, write8};

/// ACPI's sleep type for suspend to RAM on QEMU's machines, in both registers.
const SUSPEND_TO_RAM: u64 = 0x0101;
const MARK: u64 = 0x0123_4567_89ab_cdef;

/// Words that segments of this program's begin at, and selectors of these: in the global table, and in the task's local one.
static FIRST_WORDS: [AtomicU64; 2] = [AtomicU64::new(0x1111), AtomicU64::new(0x2222)];
const GLOBAL: u16 = 0x5b;
const LOCAL: u16 = 0x0f;

/// A writable data segment of user mode, of one page from there on.
fn data_segment(at: &AtomicU64) -> u64 {
    const WRITABLE_DATA: u64 = 0x0040_f200_0000_0fff;
    let base = at.as_ptr() as u64;
    WRITABLE_DATA | (base & 0xff_ffff) << 16 | (base >> 24 & 0xff) << 56
}

/// Suspends the machine so many times; from the second time on with segments of the program's own.
pub fn run(rounds: u32) -> Result {
    let interrupt = Interrupt::at(RTC_LINE)?;
    take(RTC_INDEX, 1)?;
    for round in 1..=rounds {
        println!("devices: sleeping {round}");
        let before = kernel_clock_us();
        match round {
            1 => expect(suspend_with_register()? == MARK)?,
            _ => suspend_with_segments()?,
        }
        // Before any other system call: it could load the ports anew.
        write8(RTC_INDEX, 0xd);
        expect(kernel_clock_us() >= before)?;
        // The clock has forgotten that it should tick; the line's way to this thread is as it was.
        let ticking = Ticking::start()?;
        for _ in 0..5 {
            interrupt.wait()?;
            Ticking::acknowledge();
        }
        drop(ticking);
        println!("devices: awake {round}");
    }
    Ok(())
}

/// The selectors are those that were loaded, and lead where they led; so do they when they are loaded again.
fn suspend_with_segments() -> Result {
    let descriptors = FIRST_WORDS.each_ref().map(data_segment);
    Thread::main().set_gdt(0, &descriptors[..1])?;
    Task::this().set_ldt(0, &[0, descriptors[1]])?;
    // SAFETY: segments of this program's, which nothing else uses; it has no thread-local storage.
    unsafe { asm!("mov es, {0:x}", "mov fs, {1:x}", in(reg) GLOBAL, in(reg) LOCAL) };
    expect(suspend_with_register()? == MARK)?;
    let (es, fs): (u16, u16);
    let (first, second, again): (u64, u64, [u64; 2]);
    // SAFETY: reads what the segments begin with.
    unsafe {
        let (global, local): (u64, u64);
        asm!("mov {0:x}, es", "mov {1:x}, fs", "mov {2}, fs:[0]", out(reg) es, out(reg) fs, out(reg) second);
        asm!("mov fs, {0:x}", "mov {1}, fs:[0]", in(reg) es, out(reg) first);
        asm!("mov fs, {0:x}", "mov {1}, fs:[0]", in(reg) GLOBAL, out(reg) global);
        asm!("mov fs, {0:x}", "mov {1}, fs:[0]", in(reg) LOCAL, out(reg) local);
        again = [global, local];
    }
    expect((es, fs) == (GLOBAL, LOCAL))?;
    expect((first, second, again) == (0x1111, 0x2222, [0x1111, 0x2222]))?;
    println!("devices: segments of its own are as they were");
    Thread::main().set_segment_base(Segment::Fs, 0)
}

/// What an SSE register holds after a sleep that it held [`MARK`] before. The upper half of an AVX register, where there is
/// one, holds the same.
fn suspend_with_register() -> Result<u64> {
    set_upper(MARK);
    let registers = arch::utcb();
    registers.set_mr(0, OP_SUSPEND);
    registers.set_mr(1, SUSPEND_TO_RAM);
    let call = CapIndex::ICU.raw() | Operation::CALL.bits();
    let (tag, after): (u64, u64);
    // SAFETY: a system call, with what it changes; its words are in the UTCB.
    unsafe {
        asm!(
            "movq xmm15, {mark}",
            "syscall",
            "movq {mark}, xmm15",
            mark = inout(reg) MARK => after,
            inout("rax") Tag::new(protocol::PLATFORM_CONTROL, 2, 0, 0).raw() => tag,
            inout("rdx") call => _,
            inout("rsi") 0_u64 => _,
            inout("rdi") 0_u64 => _,
            in("r8") u64::from(Timeouts::NEVER.raw()),
            out("rcx") _,
            out("r11") _,
            out("r15") _,
            out("xmm15") _,
        );
    }
    match Tag::from_raw(tag).label() {
        0 => expect(upper_or(after) == after).map(|()| after),
        label => Err(Error::from_label(label)),
    }
}
