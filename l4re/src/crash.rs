//! A crash of the program: its report on the log, and the news to the parent.

use core::ops::Range;

use abi::exc_regs::ExcRegs;
use abi::l4re::rm::flags::KERNEL;
use abi::utcb::{USER_NAME, USER_NUMBERS};
use alloc::string::String;
use furore_elf::Elf;
use l4re::cause::{Access, Cause};
use l4re::report::{Crash, Memory};
use loader::layout::trunc_page;
use syscall::Cap;
use syscall::io::RawOutput;
use syscall::l4re::parent::Parent;

use crate::memory;
use crate::space::Space;

/// What is known of the program before it crashes.
pub struct Crashes {
    /// Its file's name.
    pub program: String,
    /// Its file, attached for good.
    pub file: &'static [u8],
    /// Its distance from the addresses in the file.
    pub load_offset: u64,
    /// The addresses of its code.
    pub code: Range<u64>,
    /// The address of the task's first UTCB.
    pub utcb_area: u64,
    /// Who is told of the end.
    pub parent: Cap<Parent>,
}

/// Where the GS base points within a UTCB: at the word that holds the UTCB's address.
const GS_IN_UTCB: u64 = core::mem::offset_of!(abi::Utcb, address) as u64;

impl Crashes {
    /// Reports a thread's crash and ends the program. Its threads are stopped, and stay so if the parent leaves
    /// the task alive.
    pub fn report(&self, space: &Space, registers: &ExcRegs) {
        let cause = Cause::new(registers, |address, access| space.place(address, access, registers.sp));
        let elf = Elf::parse(self.file).ok();
        let mut name = [0; MAX_NAME];
        let (thread, thread_name) = self.thread(space, registers.gs_base.wrapping_sub(GS_IN_UTCB), &mut name);
        let crash = Crash {
            program: &self.program,
            thread,
            thread_name,
            cause,
            registers,
            elf: elf.as_ref(),
            load_offset: self.load_offset,
            code: self.code.clone(),
        };
        let mut log = RawOutput::new();
        // What the log does not take is lost; the exit code still tells of the crash.
        let _ = crash.write(&mut log, &mut ProgramMemory::new(space));
        let _ = log.flush();
        let _ = self.parent.signal(abi::l4re::parent::SIGNAL_EXIT, cause.exit_code());
    }
}

impl Crashes {
    /// Number and name of the thread with this UTCB, where the runtime of crate `syscall` leaves both. Without
    /// that, the number is the UTCB's in its area.
    fn thread<'a>(&self, space: &Space, utcb: u64, buffer: &'a mut [u8; MAX_NAME]) -> (u64, &'a str) {
        let counted = (utcb.wrapping_sub(self.utcb_area) / abi::utcb::SIZE as u64, "");
        let is_utcb = |address| space.map.find(address).is_some_and(|region| region.flags & KERNEL != 0);
        if !utcb.is_multiple_of(abi::utcb::SIZE as u64) || !is_utcb(utcb) {
            return (0, "");
        }
        let [address, numbers] =
            [USER_NAME, USER_NUMBERS].map(|word| memory::word(utcb + USER_WORDS + word as u64 * 8));
        let length = (numbers & 0xffff) as usize;
        let Some(name) = buffer.get_mut(..length).filter(|_| numbers != 0) else { return counted };
        let mut program = ProgramMemory::new(space);
        for (at, byte) in name.iter_mut().enumerate() {
            let Some(address) = address.checked_add(at as u64) else { return counted };
            let Some(word) = program.word(address & !7) else { return counted };
            *byte = word.to_le_bytes()[(address % 8) as usize];
        }
        core::str::from_utf8(name).map_or(counted, |name| (numbers >> 16, name))
    }
}

/// Longest name of a thread in a report.
const MAX_NAME: usize = 32;
/// Where the words for the program are in a UTCB.
const USER_WORDS: u64 = core::mem::offset_of!(abi::Utcb, user) as u64;

/// The program's memory, mapped before it is looked at.
struct ProgramMemory<'a> {
    space: &'a Space,
    /// The page that was mapped last.
    mapped: Option<u64>,
}

impl<'a> ProgramMemory<'a> {
    fn new(space: &'a Space) -> Self {
        Self { space, mapped: None }
    }
}

impl Memory for ProgramMemory<'_> {
    fn word(&mut self, address: u64) -> Option<u64> {
        if !address.is_multiple_of(8) {
            return None;
        }
        let page = trunc_page(address);
        if self.mapped != Some(page) {
            self.space.page_in(address, Access::Read).ok()?;
            self.mapped = Some(page);
        }
        Some(memory::word(address))
    }
}
