//! Page-fault trampolines: `l4sys/pf_trampoline.h`.
//!
//! A thread that has one goes on at its handler when it faults, on the stack that it was on, and without a message to
//! its pager. While the handler runs the trampoline is off, so that a fault of the handler is an ordinary one.

use crate::fault;
use crate::kernel_user;
use crate::message::{self, Answer, Message, Outcome};
use crate::sched;
use crate::thread::Thread;
use abi::Error;
use abi::exc_regs::EX_REGS_TRAP;
use abi::pf_trampoline::{IN_PROGRESS, PfTrampoline, REGISTERS, TRIGGER_EXCEPTION};
use abi::thread::*;
use core::cell::Cell;

/// What a thread has for its trampoline.
pub struct Trampoline {
    state: Cell<Option<&'static PfTrampoline>>,
    /// Where the program has the state.
    address: Cell<u64>,
    is_on: Cell<bool>,
}

impl Trampoline {
    /// Of a thread without one.
    pub const fn new() -> Self {
        Self { state: Cell::new(None), address: Cell::new(0), is_on: Cell::new(false) }
    }

    /// A stopped thread is about to lose its task, and with it the state.
    pub fn forget(&self) {
        self.state.set(None);
        self.is_on.set(false);
    }
}

/// Lets a thread that faulted go on at its handler, which gets `word`, if it has one that does not run already.
pub fn takes(thread: &'static Thread, word: u64) -> bool {
    let trampoline = &thread.trampoline;
    let (Some(state), Some(utcb)) = (trampoline.state.get(), thread.utcb()) else { return false };
    if !trampoline.is_on.replace(false) {
        return false;
    }
    thread.frame.read_exc_regs(|index, value| {
        if index < REGISTERS {
            state.registers[index].set(value);
        }
    });
    state.saved_mr0.set(utcb.mr(0));
    state.flags.set(state.flags.get() | IN_PROGRESS);
    thread.frame.set_ip(state.handler_ip.get());
    thread.frame.set_arguments(trampoline.address.get(), word);
    true
}

impl Thread {
    /// The operations on a thread's trampoline.
    #[inline(never)] // keeps them out of the way of operations that matter more
    pub fn pf_trampoline(&'static self, message: &Message) -> Answer {
        if message.tag.items() > 0 {
            return Err(Error::MsgTooLong);
        }
        let expect = |words: usize| match message.tag.words() {
            found if found > words => Err(Error::MsgTooLong),
            found if found < words => Err(Error::MsgTooShort),
            _ => Ok(()),
        };
        let (trampoline, operation) = (&self.trampoline, message.opcode()? & !OPCODE_MASK);
        match operation {
            PF_TRAMPOLINE_SETUP => {
                expect(2)?;
                let (address, task) = (message.word(1)?, self.task.get().ok_or(Error::Inval)?);
                let state = kernel_user::at(task, address).ok_or(Error::Inval)?;
                trampoline.state.set(Some(state));
                trampoline.address.set(address);
                trampoline.is_on.set(true);
                message::ok(0)
            }
            PF_TRAMPOLINE_RESUME | PF_TRAMPOLINE_REFLECT => {
                expect(1)?;
                if !sched::is_current(self) {
                    return Err(Error::Perm);
                }
                self.end_of_handler(operation == PF_TRAMPOLINE_REFLECT)
            }
            PF_TRAMPOLINE_DISABLE => {
                expect(1)?;
                message.answer(0, trampoline.is_on.replace(false).into());
                message::ok_words(0, 1)
            }
            PF_TRAMPOLINE_ENABLE => {
                expect(1)?;
                trampoline.state.get().ok_or(Error::Inval)?;
                trampoline.is_on.set(true);
                message::ok(0)
            }
            _ => Err(Error::NoSys),
        }
    }

    /// The handler of the running thread is done: the thread goes on, or the fault becomes an exception.
    fn end_of_handler(&'static self, reflect: bool) -> Answer {
        let (Some(state), Some(utcb)) = (self.trampoline.state.get(), self.utcb()) else {
            return Err(Error::Inval);
        };
        if self.trampoline.is_on.replace(true) {
            return Err(Error::Inval);
        }
        utcb.set_mr(0, state.saved_mr0.get());
        let flags = state.flags.get();
        state.flags.set(flags & !(IN_PROGRESS | TRIGGER_EXCEPTION));
        self.frame.write_registers(|index| state.registers[index].get());
        // Nothing is left of the system call that could be reported.
        self.alien_has_called.set(false);
        if reflect {
            fault::exception(self);
        } else if flags & TRIGGER_EXCEPTION != 0 {
            self.frame.set_trap(EX_REGS_TRAP, 0, 0);
            fault::exception(self);
        }
        Ok(Outcome::Done)
    }
}
