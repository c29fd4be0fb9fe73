//! The interrupt controller: `l4sys/icu.h`; platform control (`l4sys/platform_control.h`) is the same object.

use crate::arch;
use crate::lines::{Bound, Lines};
use crate::locked::Locked;
use crate::message::{Answer, Message};
use crate::object::{Header, KernelObject, Object};
use crate::platform_control;
use abi::protocol;
use kernel::mem::Slab;

/// The interrupt controller.
pub struct Icu {
    header: Header,
    lines: Lines<{ arch::irq::LINES }>,
}

static SLAB: Locked<Slab<Icu>> = Locked::new(Slab::new());
static ICU: Locked<Icu> = Locked::new(Icu { header: Header::new(), lines: Lines::wires() });

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
    ICU.lines.bound_to(line)
}

impl Icu {
    /// A message to the object.
    pub fn invoke(&'static self, message: &Message) -> Answer {
        if message.tag.label() != protocol::IRQ {
            return platform_control::invoke(message);
        }
        self.lines.invoke(message)
    }
}
