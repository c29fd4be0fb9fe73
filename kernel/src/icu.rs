//! The interrupt controller: `l4sys/icu.h`; platform control (`l4sys/platform_control.h`) is the same object.
//!
//! Its lines are the machine's: first those of wires, then, with [`FLAG_MSI`] in their number, messages (MSI).

use crate::arch::irq::{self, Source};
use crate::lines::{self, Bound, Controller, Line};
use crate::locked::Locked;
use crate::message::{Answer, Message};
use crate::object::{Header, KernelObject, Object};
use crate::platform_control;
use abi::icu::FLAG_MSI;
use abi::{Error, protocol};
use core::cell::Cell;
use kernel::mem::Slab;

/// The interrupt controller.
pub struct Icu {
    header: Header,
    /// What is bound to the line that has this vector.
    bound: [Cell<Option<Bound>>; 256],
}

static SLAB: Locked<Slab<Icu>> = Locked::new(Slab::new());
static ICU: Locked<Icu> = Locked::new(Icu { header: Header::new(), bound: [const { Cell::new(None) }; 256] });

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

/// What is bound to the line that has this vector.
pub fn bound_at(vector: u8) -> Option<Bound> {
    ICU.bound[usize::from(vector)].get()
}

/// Says what is bound to the line that has this vector.
pub fn set_bound_at(vector: u8, bound: Option<Bound>) {
    ICU.bound[usize::from(vector)].set(bound);
}

/// The line that has this vector was raised.
pub fn raised(vector: u8) {
    if let Some(bound) = bound_at(vector) {
        bound.raise();
    }
}

/// The source with this number, which may not exist.
fn source(number: u64) -> Option<Source> {
    let number = u32::try_from(number).ok()?;
    let message = number & FLAG_MSI as u32 != 0;
    Some(if message { Source::Message(number & !FLAG_MSI as u32) } else { Source::Line(number) })
}

impl Controller for Icu {
    fn info(&self) -> [u64; 3] {
        [FLAG_MSI, irq::lines().into(), irq::MESSAGES.into()]
    }

    fn line(&'static self, number: u64) -> Option<Line> {
        source(number).filter(|source| source.exists()).map(Line::Machine)
    }

    fn message(&self, number: u64) -> Result<(u64, u32), Error> {
        match source(number).filter(|source| source.exists()) {
            Some(Source::Message(number)) => Ok(irq::message(number)),
            _ => Err(Error::Range),
        }
    }
}

impl Icu {
    /// A message to the object.
    #[inline(never)]
    pub fn invoke(&'static self, message: &Message) -> Answer {
        if message.tag.label() != protocol::IRQ {
            return platform_control::invoke(message);
        }
        lines::invoke(self, message)
    }
}
