//! The registers in an exception message.

use abi::exc_regs::ExcRegs;
use syscall::arch::UtcbRef;

/// Reads them, in the order of `l4_exc_regs_t`.
pub fn from_message(message: UtcbRef) -> ExcRegs {
    let mut position = 0;
    let mut next = || {
        position += 1;
        message.mr(position - 1)
    };
    let mut registers = ExcRegs {
        r15: next(),
        r14: next(),
        r13: next(),
        r12: next(),
        r11: next(),
        r10: next(),
        r9: next(),
        r8: next(),
        rdi: next(),
        rsi: next(),
        rbp: next(),
        pfa: next(),
        rbx: next(),
        rdx: next(),
        rcx: next(),
        rax: next(),
        trapno: next(),
        err: next(),
        ip: next(),
        cs: next(),
        flags: next(),
        sp: next(),
        ss: next(),
        fs_base: next(),
        gs_base: next(),
        ..ExcRegs::default()
    };
    let selectors = next();
    [registers.ds, registers.es, registers.fs, registers.gs] = [0, 16, 32, 48].map(|shift| (selectors >> shift) as u16);
    registers
}
