//! The interrupt controller: `l4sys/icu.h`; platform control (`l4sys/platform_control.h`) is the same object.

use crate::arch;
use crate::irq::Irq;
use crate::locked::Locked;
use crate::message::{self, Answer, Message, Outcome};
use crate::object::{Header, KernelObject, Object};
use crate::platform_control;
use crate::semaphore::Semaphore;
use abi::icu::*;
use abi::{Error, Rights, protocol};
use core::cell::Cell;
use kernel::mem::Slab;

/// What an interrupt line triggers.
#[derive(Clone, Copy)]
pub enum Bound {
    /// An IRQ object.
    Irq(&'static Irq),
    /// A semaphore, which goes up.
    Semaphore(&'static Semaphore),
}

impl Bound {
    fn set_line(self, line: Option<u32>) {
        match self {
            Self::Irq(irq) => irq.set_line(line),
            Self::Semaphore(semaphore) => semaphore.set_line(line),
        }
    }

    fn line(self) -> Option<u32> {
        match self {
            Self::Irq(irq) => irq.line(),
            Self::Semaphore(semaphore) => semaphore.line(),
        }
    }
}

const LINES: usize = arch::irq::LINES;

/// The interrupt controller. Invariant: an object in the table has its line set, and leaves the table when it is destroyed.
pub struct Icu {
    header: Header,
    lines: [Cell<Option<Bound>>; LINES],
}

static SLAB: Locked<Slab<Icu>> = Locked::new(Slab::new());
static ICU: Locked<Icu> = Locked::new(Icu { header: Header::new(), lines: [const { Cell::new(None) }; LINES] });

impl KernelObject for Icu {
    fn header(&self) -> &Header {
        &self.header
    }

    fn slab() -> &'static Slab<Self> {
        &SLAB
    }

    fn wrap(&'static self) -> Object {
        Object::Icu(self)
    }
}

/// The machine's interrupt controller.
pub fn icu() -> &'static Icu {
    &ICU
}

/// What is bound to an interrupt line.
pub fn bound_to(line: u32) -> Option<Bound> {
    ICU.lines.get(line as usize)?.get()
}

/// Takes an IRQ object off its line, if it has one.
pub fn unbind(irq: &'static Irq) {
    ICU.take_off(Bound::Irq(irq));
}

/// Takes a semaphore off its line, if it has one.
pub fn unbind_semaphore(semaphore: &'static Semaphore) {
    ICU.take_off(Bound::Semaphore(semaphore));
}

impl Icu {
    fn take_off(&self, object: Bound) {
        if let Some(line) = object.line() {
            arch::irq::mask(line);
            self.lines[line as usize].set(None);
            object.set_line(None);
        }
    }

    fn line(&self, number: u64) -> Result<(u32, &Cell<Option<Bound>>), Error> {
        let index = usize::try_from(number).map_err(|_| Error::Inval)?;
        let cell = self.lines.get(index).ok_or(Error::Inval)?;
        Ok((index as u32, cell))
    }

    /// A message to the object.
    pub fn invoke(&'static self, message: &Message) -> Answer {
        if message.tag.label() != protocol::IRQ {
            return platform_control::invoke(message, self);
        }
        match message.opcode()? {
            OP_BIND => {
                let (line, cell) = self.line(message.word(1)?)?;
                let (object, rights) = bindable(message)?;
                if !rights.contains(Rights::CAP_W) {
                    return Err(Error::Perm);
                }
                self.take_off(object);
                if cell.get().is_some() {
                    return Err(Error::Inval);
                }
                cell.set(Some(object));
                object.set_line(Some(line));
                message::ok(0)
            }
            OP_UNBIND => {
                let (_, cell) = self.line(message.word(1)?)?;
                if let Some(object) = cell.get() {
                    self.take_off(object);
                }
                message::ok(0)
            }
            OP_INFO => {
                message.answer(0, 0);
                message.answer(1, LINES as u64);
                message.answer(2, 0);
                message::ok_words(0, 3)
            }
            OP_MSI_INFO => Err(Error::NoSys),
            opcode @ (OP_UNMASK | OP_MASK) => {
                if let Ok((line, cell)) = message.word(1).and_then(|number| self.line(number))
                    && cell.get().is_some()
                {
                    if opcode == OP_MASK { arch::irq::mask(line) } else { arch::irq::unmask(line) }
                }
                Ok(Outcome::NoReply)
            }
            OP_SET_MODE => {
                let (_, cell) = self.line(message.word(1)?)?;
                let mode = message.word(2)?;
                if let Some(Bound::Irq(irq)) = cell.get()
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

fn bindable(message: &Message) -> Result<(Bound, Rights), Error> {
    let (object, attributes) = message.object(0)?;
    let rights = Rights(attributes & 0xf);
    match object {
        Object::Irq(irq) => Ok((Bound::Irq(irq), rights)),
        Object::Semaphore(semaphore) => Ok((Bound::Semaphore(semaphore), rights)),
        _ => Err(Error::Inval),
    }
}
