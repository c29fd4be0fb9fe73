//! A crash of the program: its report on the log, and the news to the parent.

use abi::exc_regs::ExcRegs;
use alloc::string::String;
use furore_elf::Elf;
use l4re::cause::{Access, Cause};
use l4re::report::{Crash, Memory};
use syscall::io::RawOutput;
use syscall::Cap;
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
    /// The address of the task's first UTCB.
    pub utcb_area: u64,
    /// Who is told of the end.
    pub parent: Cap<Parent>,
}

/// Where the GS base points within a UTCB: at the word that holds the UTCB's address.
const GS_IN_UTCB: u64 = core::mem::offset_of!(abi::Utcb, address) as u64;

impl Crashes {
    /// Reports a thread's crash and ends the program. If the parent leaves the task alive, the thread stays
    /// stopped and the others go on.
    pub fn report(&self, space: &Space, registers: &ExcRegs) {
        let cause = Cause::new(registers, |address, access| space.place(address, access, registers.sp));
        let elf = Elf::parse(self.file).ok();
        let utcb = registers.gs_base.wrapping_sub(GS_IN_UTCB);
        let crash = Crash {
            program: &self.program,
            thread: utcb.wrapping_sub(self.utcb_area) / abi::utcb::SIZE as u64,
            thread_name: "",
            cause,
            registers,
            elf: elf.as_ref(),
            load_offset: self.load_offset,
        };
        let mut log = RawOutput::new();
        // What the log does not take is lost; the exit code still tells of the crash.
        let _ = crash.write(&mut log, &mut Stack { space });
        let _ = log.flush();
        let _ = self.parent.signal(abi::l4re::parent::SIGNAL_EXIT, cause.exit_code());
    }
}

/// The program's memory, mapped before it is looked at.
struct Stack<'a> {
    space: &'a Space,
}

impl Memory for Stack<'_> {
    fn word(&mut self, address: u64) -> Option<u64> {
        if address % 8 != 0 {
            return None;
        }
        self.space.page_in(address, Access::Read).ok()?;
        Some(memory::word(address))
    }
}
