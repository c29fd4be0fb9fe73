//! The report of a crash: a few lines on the program's log.
//!
//! Pure: what is printed comes in as [`Crash`], the program's memory as [`Memory`], its ELF file as
//! [`Elf`](furore_elf::Elf).

use core::fmt::{self, Write};
use core::ops::Range;

use abi::exc_regs::ExcRegs;
use furore_elf::Elf;

use crate::cause::Cause;

/// Read access to the crashed program's memory.
pub trait Memory {
    /// The word at `address`, or `None` where there is none that can be read.
    fn word(&mut self, address: u64) -> Option<u64>;
}

/// A crash.
pub struct Crash<'a> {
    /// The program's file.
    pub program: &'a str,
    /// Number of the thread in its task; 1 is the main thread.
    pub thread: u64,
    /// The thread's name, empty where it has none.
    pub thread_name: &'a str,
    /// What happened.
    pub cause: Cause,
    /// The registers at that moment.
    pub registers: &'a ExcRegs,
    /// The program's file, for names; none prints addresses alone.
    pub elf: Option<&'a Elf<'a>>,
    /// How far the program lies from the addresses in its file.
    pub load_offset: u64,
    /// The addresses of its code.
    pub code: Range<u64>,
}

/// Lines of a backtrace at most.
const MAX_LINES: usize = 16;
/// Frames that are followed at most.
const MAX_FRAMES: usize = 100_000;

/// The return address in `frame`, which moves up to the frame of that caller; 0 ends the way.
fn next_caller(frame: &mut u64, memory: &mut dyn Memory) -> Option<u64> {
    let this = *frame;
    if this == 0 || !this.is_multiple_of(8) {
        return None;
    }
    let next = memory.word(this)?;
    let caller = memory.word(this.checked_add(8)?)?;
    *frame = if next > this { next } else { 0 };
    (caller != 0).then_some(caller)
}

impl Crash<'_> {
    /// Writes the report, one line ending after each piece of information.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(&self, out: &mut dyn Write, memory: &mut dyn Memory) -> fmt::Result {
        let Self { program, thread, cause, registers, .. } = self;
        write!(out, "CRASH of {program}, thread {thread}")?;
        if !self.thread_name.is_empty() {
            write!(out, " ({})", self.thread_name)?;
        }
        writeln!(out, ": {cause}")?;
        writeln!(out, "  at {}", self.place(registers.ip))?;
        self.backtrace(out, memory)?;
        self.registers(out)?;
        writeln!(out, "  exit code {}", cause.exit_code())
    }

    /// Follows the frame pointers upwards, as long as they ascend. Calls from one place in a row, as a
    /// recursion makes them, are counted on one line.
    fn backtrace(&self, out: &mut dyn Write, memory: &mut dyn Memory) -> fmt::Result {
        let mut frame = self.registers.rbp;
        // A jump to nowhere has pushed its return address and no frame yet.
        let lost = !self.code.contains(&self.registers.ip);
        let mut caller = memory.word(self.registers.sp).filter(|caller| lost && self.code.contains(caller));
        let mut frames = 0;
        for _ in 0..MAX_LINES {
            let (place, mut calls) = match caller.take().or_else(|| next_caller(&mut frame, memory)) {
                Some(place) => (place, 1_u64),
                None => return Ok(()),
            };
            while frames < MAX_FRAMES {
                frames += 1;
                caller = next_caller(&mut frame, memory);
                if caller != Some(place) {
                    break;
                }
                calls += 1;
            }
            write!(out, "  called from {}", self.place(place))?;
            match calls {
                1 => writeln!(out)?,
                _ => writeln!(out, ", {calls} times")?,
            }
            if caller.is_none() {
                return Ok(());
            }
        }
        writeln!(out, "  ... and so on")
    }

    fn registers(&self, out: &mut dyn Write) -> fmt::Result {
        let r = self.registers;
        let named = [
            ("rax", r.rax),
            ("rbx", r.rbx),
            ("rcx", r.rcx),
            ("rdx", r.rdx),
            ("rsi", r.rsi),
            ("rdi", r.rdi),
            ("rbp", r.rbp),
            ("rsp", r.sp),
            ("r8 ", r.r8),
            ("r9 ", r.r9),
            ("r10", r.r10),
            ("r11", r.r11),
            ("r12", r.r12),
            ("r13", r.r13),
            ("r14", r.r14),
            ("r15", r.r15),
            ("rip", r.ip),
            ("flg", r.flags),
        ];
        for line in named.chunks(3) {
            for (name, value) in line {
                write!(out, "  {name} {value:016x}")?;
            }
            writeln!(out)?;
        }
        Ok(())
    }

    fn place(&self, ip: u64) -> impl fmt::Display {
        fmt::from_fn(move |f| {
            write!(f, "{ip:#x}")?;
            if !self.code.contains(&ip) {
                return f.write_str(" (not in the program's code)");
            }
            match self.elf.and_then(|elf| elf.symbol_at(ip.wrapping_sub(self.load_offset))) {
                Some(symbol) => write!(f, " in {} + {:#x}", symbol.name, symbol.offset),
                None => Ok(()),
            }
        })
    }
}

#[cfg(test)]
mod tests;
