//! Host tests: a crash's report, line by line.

use super::*;
use crate::cause::Place;
use abi::exc_regs::PAGE_FAULT_TRAP;

/// A stack at 0x1000, one word each.
struct Words(&'static [u64]);

impl Memory for Words {
    fn word(&mut self, address: u64) -> Option<u64> {
        self.0.get(usize::try_from(address.checked_sub(0x1000)? / 8).ok()?).copied()
    }
}

fn report(registers: &ExcRegs, place: Place, stack: &'static [u64]) -> String {
    let cause = Cause::new(registers, |_, _| place);
    let crash = Crash {
        program: "rom/demo",
        thread: 2,
        thread_name: "worker",
        cause,
        registers,
        elf: None,
        load_offset: 0,
        code: 0x40_0000..0x50_0000,
    };
    let mut text = String::new();
    crash.write(&mut text, &mut Words(stack)).unwrap();
    text
}

fn page_fault(address: u64, code: u64) -> ExcRegs {
    ExcRegs {
        trapno: PAGE_FAULT_TRAP,
        pfa: address,
        err: code,
        ip: 0x40_0000,
        rbp: 0x1000,
        sp: 0x1000,
        ..ExcRegs::default()
    }
}

#[test]
fn kinds_of_faults_are_told_apart() {
    let first_line =
        |registers: &ExcRegs, place| report(registers, place, &[]).lines().next().unwrap_or_default().to_string();
    assert_eq!(
        first_line(&page_fault(0x10, 6), Place::Nothing),
        "CRASH of rom/demo, thread 2 (worker): page fault: it writes address 0x10 (null pointer), where nothing is mapped"
    );
    assert!(
        first_line(&page_fault(0x8000_0000, 0x14), Place::Forbidden)
            .ends_with("jumps to address 0x80000000, which is data, not code")
    );
    assert!(first_line(&page_fault(0x7fff_fff8, 6), Place::StackGuard).contains("stack overflow"));
    let divide = ExcRegs { trapno: 0, ..ExcRegs::default() };
    assert!(first_line(&divide, Place::Nothing).ends_with("division by zero, or a quotient that does not fit"));
    assert!(report(&divide, Place::Nothing, &[]).contains("exit code 136"));
    assert!(report(&page_fault(0, 4), Place::Nothing, &[]).contains("exit code 139"));
}

#[test]
fn the_backtrace_follows_frames_and_ends_at_bad_ones() {
    let callers = |stack: &'static [u64]| {
        report(&page_fault(0, 4), Place::Nothing, stack).lines().filter(|line| line.contains("called from")).count()
    };
    // Frame at 0x1000 → 0x1010 → 0.
    assert_eq!(callers(&[0x1010, 0x40_1000, 0, 0x40_2000]), 2);
    // A frame that points down, or to itself, ends the walk after its caller.
    assert_eq!(callers(&[0x1000, 0x40_1000]), 1);
    // One that leaves the memory.
    assert_eq!(callers(&[0x9_0000, 0x40_1000]), 1);
    assert_eq!(callers(&[]), 0);
}

#[test]
fn a_recursion_is_counted() {
    const FRAMES: [u64; 200] = {
        let mut words = [0; 200];
        let mut i = 0;
        while i < 200 {
            words[i] = if i % 2 == 0 { 0x1000 + (i as u64 + 2) * 8 } else { 0x40_1234 };
            i += 1;
        }
        words
    };
    let text = report(&page_fault(0, 4), Place::StackGuard, &FRAMES);
    assert!(text.contains("  called from 0x401234, 100 times\n"));
    assert_eq!(text.matches("called from").count(), 1);
}

#[test]
fn a_long_backtrace_is_cut() {
    const FRAMES: [u64; 200] = {
        let mut words = [0; 200];
        let mut i = 0;
        while i < 200 {
            words[i] = if i % 2 == 0 { 0x1000 + (i as u64 + 2) * 8 } else { 0x40_1000 + i as u64 };
            i += 1;
        }
        words
    };
    let text = report(&page_fault(0, 4), Place::Nothing, &FRAMES);
    assert_eq!(text.matches("called from").count(), MAX_LINES);
    assert!(text.contains("... and so on"));
}

#[test]
fn a_jump_to_nowhere_shows_who_jumped() {
    let registers = ExcRegs { ip: 0x10, ..page_fault(0x10, 0x14) };
    let text = report(&ExcRegs { rbp: 0, ..registers }, Place::Nothing, &[0x40_1000]);
    assert!(text.contains("at 0x10 (not in the program's code)\n  called from 0x401000\n"));
}
