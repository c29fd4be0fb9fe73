//! Interrupt lines (`l4sys/icu.h`): the machine's, and those by which kernel objects tell of something.
//!
//! One IRQ object or semaphore can be bound to each. Invariant: what is bound to a line has that line set,
//! and leaves it when it is destroyed. [`crate::icu`] has the machine's; [`crate::scheduler`] and [`crate::vcon`] have one each.

use crate::arch;
use crate::irq::Irq;
use crate::message::{self, Answer, Message, Outcome};
use crate::object::Object;
use crate::semaphore::Semaphore;
use abi::icu::*;
use abi::{Error, Rights};
use core::cell::Cell;

/// What an interrupt line triggers.
#[derive(Clone, Copy)]
pub enum Bound {
    /// An IRQ object.
    Irq(&'static Irq),
    /// A semaphore, which goes up.
    Semaphore(&'static Semaphore),
}

impl Bound {
    /// The object that the first item of a message names.
    fn named(message: &Message) -> Result<(Self, Rights), Error> {
        if message.tag.items() == 0 {
            return Err(Error::MsgTooShort);
        }
        let (object, attributes) = message.object(0)?;
        let rights = Rights(attributes & 0xf);
        match object {
            Object::Irq(irq) => Ok((Self::Irq(irq), rights)),
            Object::Semaphore(semaphore) => Ok((Self::Semaphore(semaphore), rights)),
            _ => Err(Error::Inval),
        }
    }

    fn line(self) -> &'static Cell<Option<Line>> {
        match self {
            Self::Irq(irq) => &irq.line,
            Self::Semaphore(semaphore) => &semaphore.line,
        }
    }

    /// Takes the object off its line, if it has one.
    pub fn unbind(self) {
        if let Some(line) = self.line().take() {
            line.mask();
            line.bound.set(None);
        }
    }
}

/// An interrupt line.
#[derive(Clone, Copy)]
pub struct Line {
    bound: &'static Cell<Option<Bound>>,
    /// Its number at the machine's interrupt controller; a kernel object's line is none of these.
    wire: Option<u32>,
}

impl Line {
    /// Keeps the line from triggering.
    pub fn mask(self) {
        if let Some(wire) = self.wire {
            arch::irq::mask(wire);
        }
    }

    /// Lets the line trigger.
    pub fn unmask(self) {
        if let Some(wire) = self.wire {
            arch::irq::unmask(wire);
        }
    }
}

/// The lines of one interrupt controller.
pub struct Lines<const COUNT: usize> {
    bound: [Cell<Option<Bound>>; COUNT],
    are_wires: bool,
}

impl<const COUNT: usize> Lines<COUNT> {
    /// The machine's.
    pub const fn wires() -> Self {
        Self { bound: [const { Cell::new(None) }; COUNT], are_wires: true }
    }

    /// Those of a kernel object.
    pub const fn of_object() -> Self {
        Self { bound: [const { Cell::new(None) }; COUNT], are_wires: false }
    }

    /// What is bound to a line.
    pub fn bound_to(&self, line: u32) -> Option<Bound> {
        self.bound.get(line as usize)?.get()
    }

    fn line(&'static self, number: u64) -> Result<Line, Error> {
        let index = usize::try_from(number).map_err(|_| Error::Inval)?;
        let bound = self.bound.get(index).ok_or(Error::Inval)?;
        Ok(Line { bound, wire: self.are_wires.then_some(index as u32) })
    }

    /// A message to the controller under the protocol of interrupts.
    pub fn invoke(&'static self, message: &Message) -> Answer {
        match message.opcode()? {
            OP_BIND => {
                let number = message.word(1)?;
                let (object, rights) = Bound::named(message)?;
                if !rights.contains(Rights::CAP_W) {
                    return Err(Error::Perm);
                }
                object.unbind();
                let line = self.line(number)?;
                if line.bound.get().is_some() {
                    return Err(Error::Inval);
                }
                line.bound.set(Some(object));
                object.line().set(Some(line));
                message::ok(0)
            }
            OP_UNBIND => {
                let number = message.word(1)?;
                Bound::named(message)?;
                if let Some(object) = self.line(number).ok().and_then(|line| line.bound.get()) {
                    object.unbind();
                }
                message::ok(0)
            }
            OP_INFO => {
                message.answer(0, 0);
                message.answer(1, COUNT as u64);
                message.answer(2, 0);
                message::ok_words(0, 3)
            }
            OP_MSI_INFO => message.word(2).and(Err(Error::NoSys)),
            opcode @ (OP_UNMASK | OP_MASK) => {
                if let Ok(line) = message.word(1).and_then(|number| self.line(number))
                    && line.bound.get().is_some()
                {
                    if opcode == OP_MASK { line.mask() } else { line.unmask() }
                }
                Ok(Outcome::NoReply)
            }
            OP_SET_MODE => {
                let (number, mode) = (message.word(1)?, message.word(2)?);
                let line = self.line(number)?;
                if let Some(Bound::Irq(irq)) = line.bound.get()
                    && mode & MODE_SET != 0
                {
                    irq.set_level_triggered(mode & MODE_LEVEL != 0);
                }
                message::ok(0)
            }
            _ => Err(Error::NoSys),
        }
    }
}
