//! Interrupt lines (`l4sys/icu.h`): the machine's, and those by which kernel objects tell of something.
//!
//! One IRQ object or semaphore can be bound to each. Whether the line is masked is a state of that object, its
//! [`Wiring`], as it is in Fiasco: it goes with the object from line to line. Invariant: what is bound to a line has
//! that line set, and leaves it when it is destroyed. [`crate::icu`] has the machine's lines; [`crate::scheduler`] and
//! [`crate::vcon`] have one each.

use crate::arch::irq::Source;
use crate::icu;
use crate::irq::Irq;
use crate::message::{self, Answer, Message, Outcome};
use crate::object::Object;
use crate::semaphore::Semaphore;
use crate::vcon;
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
    /// The kernel's console, for its input. Programs cannot take it off its line.
    Console,
    /// The kernel's console, for the keyboard, until a program binds the line: the keyboard is its driver's then.
    Keyboard,
}

impl Bound {
    /// The object that the first item of a message names.
    fn named(message: &Message) -> Result<(Self, Rights), Error> {
        if message.tag.items() == 0 {
            return Err(Error::MsgTooShort);
        }
        Self::item(message)
    }

    /// Like [`named`](Self::named); it is an invalid argument that there is no item.
    pub fn item(message: &Message) -> Result<(Self, Rights), Error> {
        let (object, attributes) = message.object(0)?;
        let rights = Rights(attributes & 0xf);
        match object {
            Object::Irq(irq) => Ok((Self::Irq(irq), rights)),
            Object::Semaphore(semaphore) => Ok((Self::Semaphore(semaphore), rights)),
            _ => Err(Error::Inval),
        }
    }

    fn wiring(self) -> Option<&'static Wiring> {
        match self {
            Self::Irq(irq) => Some(&irq.wiring),
            Self::Semaphore(semaphore) => Some(&semaphore.wiring),
            Self::Console | Self::Keyboard => None,
        }
    }

    /// Its line was raised, or what else it tells of has come.
    pub fn raise(self) {
        match self {
            Self::Irq(irq) => irq.trigger(),
            Self::Semaphore(semaphore) => semaphore.trigger(),
            Self::Console => vcon::vcon().receive(),
            Self::Keyboard => vcon::vcon().receive_keys(),
        }
    }
}

/// An IRQ object's or a semaphore's side of its line.
pub struct Wiring {
    line: Cell<Option<Line>>,
    is_unmasked: Cell<bool>,
    is_level: Cell<bool>,
}

impl Wiring {
    /// Not wired yet.
    pub const fn new(is_unmasked: bool) -> Self {
        Self { line: Cell::new(None), is_unmasked: Cell::new(is_unmasked), is_level: Cell::new(false) }
    }

    /// Whether the line goes on triggering until it is masked, so that it is to be masked until it was dealt with.
    pub fn is_level(&self) -> bool {
        self.is_level.get()
    }

    /// Whether there is a line.
    #[inline(always)]
    pub fn is_wired(&self) -> bool {
        self.line.get().is_some()
    }

    /// Keeps the line from triggering.
    pub fn mask(&self) {
        if self.is_unmasked.replace(false)
            && let Some(line) = self.line.get()
        {
            line.mask();
        }
    }

    /// Lets the line trigger.
    pub fn unmask(&self) {
        if !self.is_unmasked.replace(true)
            && let Some(line) = self.line.get()
        {
            line.unmask();
        }
    }

    fn attach(&self, line: Line) {
        self.is_level.set(line.is_level());
        self.line.set(Some(line));
        if self.is_unmasked.get() {
            line.unmask();
        }
    }

    /// Leaves the line, if there is one.
    pub fn detach(&self) {
        self.is_level.set(false);
        if let Some(line) = self.line.take() {
            line.disconnect();
        }
    }
}

/// An interrupt line.
#[derive(Clone, Copy)]
pub enum Line {
    /// A kernel object's, which holds what is bound to it. Nothing masks it.
    Object(&'static Cell<Option<Bound>>),
    /// The machine's.
    Machine(Source),
}

impl Line {
    /// What is bound to it.
    pub fn bound(self) -> Option<Bound> {
        match self {
            Self::Object(place) => place.get(),
            Self::Machine(source) => icu::bound_at(source.vector()?),
        }
    }

    /// Binds the line, which stays masked. `Inval` if it is bound, or cannot be.
    pub fn connect(self, bound: Bound) -> Result<(), Error> {
        self.take_keyboard();
        match self {
            Self::Object(place) if place.get().is_none() => place.set(Some(bound)),
            Self::Object(_) => return Err(Error::Inval),
            Self::Machine(source) => icu::set_bound_at(source.connect().ok_or(Error::Inval)?, Some(bound)),
        }
        Ok(())
    }

    /// A program drives what is at the line: the kernel's console gives the keyboard up.
    fn take_keyboard(self) {
        if matches!(self.bound(), Some(Bound::Keyboard)) {
            self.disconnect();
        }
    }

    fn disconnect(self) {
        match self {
            Self::Object(place) => place.set(None),
            Self::Machine(source) => {
                if let Some(vector) = source.vector() {
                    source.disconnect();
                    icu::set_bound_at(vector, None);
                }
            }
        }
    }

    fn mask(self) {
        if let Self::Machine(source) = self {
            source.mask();
        }
    }

    /// Lets the line trigger.
    pub fn unmask(self) {
        if let Self::Machine(source) = self {
            source.unmask();
        }
    }

    fn is_level(self) -> bool {
        matches!(self, Self::Machine(source) if source.is_level())
    }

    /// Sets how the line triggers. `Inval` for the console's, which is not masked: it would be raised for ever if that did not fit.
    fn set_mode(self, mode: u64) -> Result<(), Error> {
        if matches!(self.bound(), Some(Bound::Console)) {
            return Err(Error::Inval);
        }
        if let Self::Machine(source) = self
            && mode & MODE_SET != 0
        {
            self.take_keyboard();
            source.set_mode(mode & MODE_LEVEL != 0, mode & (MODE_NEGATIVE | MODE_BOTH) != 0);
        }
        if let Some(wiring) = self.bound().and_then(Bound::wiring) {
            wiring.is_level.set(self.is_level());
        }
        Ok(())
    }
}

/// An interrupt controller.
pub trait Controller: 'static {
    /// Features, number of lines, number of messages.
    fn info(&self) -> [u64; 3];

    /// The line, if there is one with this number.
    fn line(&'static self, number: u64) -> Option<Line>;

    /// Address and data of a message.
    fn message(&self, number: u64) -> Result<(u64, u32), Error>;
}

/// The one line of a kernel object.
pub struct ObjectLine(Cell<Option<Bound>>);

impl ObjectLine {
    /// A line that nothing is bound to.
    pub const fn new() -> Self {
        Self(Cell::new(None))
    }

    /// Binds an IRQ object or a semaphore, which leaves the line that it had. `Busy` if something is bound already.
    pub fn bind(&'static self, object: Bound) -> Result<(), Error> {
        let wiring = object.wiring().ok_or(Error::Inval)?;
        if self.0.get().is_some() {
            return Err(Error::Busy);
        }
        wiring.detach();
        let line = Line::Object(&self.0);
        line.connect(object)?;
        wiring.attach(line);
        Ok(())
    }

    /// Unbinds what is bound, if anything.
    pub fn unbind(&self) {
        if let Some(wiring) = self.0.get().and_then(Bound::wiring) {
            wiring.detach();
        }
    }

    /// Triggers what is bound to it.
    pub fn raise(&self) {
        if let Some(bound) = self.0.get() {
            bound.raise();
        }
    }
}

impl Controller for ObjectLine {
    fn info(&self) -> [u64; 3] {
        [0, 1, 0]
    }

    fn line(&'static self, number: u64) -> Option<Line> {
        (number == 0).then_some(Line::Object(&self.0))
    }

    fn message(&self, _number: u64) -> Result<(u64, u32), Error> {
        Err(Error::NoSys)
    }
}

/// A message to a controller under the protocol of interrupts.
pub fn invoke(controller: &'static impl Controller, message: &Message) -> Answer {
    match message.opcode()? {
        OP_BIND => {
            let number = message.word(1)?;
            let (object, rights) = Bound::named(message)?;
            if !rights.contains(Rights::CAP_W) {
                return Err(Error::Perm);
            }
            let wiring = object.wiring().ok_or(Error::Inval)?;
            wiring.detach();
            let line = controller.line(number).ok_or(Error::Inval)?;
            line.connect(object)?;
            wiring.attach(line);
            message::ok(0)
        }
        OP_UNBIND => {
            let number = message.word(1)?;
            Bound::named(message)?;
            if let Some(wiring) = wired(controller, number) {
                wiring.detach();
            }
            message::ok(0)
        }
        OP_INFO => {
            for (index, value) in controller.info().into_iter().enumerate() {
                message.answer(index, value);
            }
            message::ok_words(0, 3)
        }
        OP_MSI_INFO => {
            let (number, _source) = (message.word(1)?, message.word(2)?);
            let (address, data) = controller.message(number)?;
            message.answer(0, address);
            message.answer(1, data.into());
            message::ok_words(0, 2)
        }
        opcode @ (OP_UNMASK | OP_MASK) => {
            if let Some(wiring) = message.word(1).ok().and_then(|number| wired(controller, number)) {
                if opcode == OP_MASK { wiring.mask() } else { wiring.unmask() }
            }
            Ok(Outcome::NoReply)
        }
        OP_SET_MODE => {
            let (number, mode) = (message.word(1)?, message.word(2)?);
            controller.line(number).ok_or(Error::Inval)?.set_mode(mode)?;
            message::ok(0)
        }
        _ => Err(Error::NoSys),
    }
}

/// The wiring of what is bound to a line.
fn wired(controller: &'static impl Controller, number: u64) -> Option<&'static Wiring> {
    controller.line(number)?.bound()?.wiring()
}
