//! The kernel's console as an object: `l4sys/vcon.h`.
//!
//! Input comes from the serial line and from the keyboard by their interrupts, waits in a ring, and raises the console's
//! line when the ring was empty before (as in Fiasco): a program reads until nothing is left, then waits. Invariant: when
//! the ring is full, the serial line keeps what follows, and does not interrupt, until somebody has read; keys are lost.

use crate::arch::console;
use crate::arch::irq;
use crate::lines::{self, Bound, Line, ObjectLine};
use crate::locked::Locked;
use crate::message::{self, Answer, Message, Outcome};
use crate::object::{Header, KernelObject, Object};
use crate::output;
use crate::watch;
use crate::work;
use abi::vcon::*;
use abi::{Error, Rights, protocol};
use core::cell::Cell;
use kernel::line_discipline;
use kernel::mem::Slab;
use kernel::ring::Ring;
use kernel::space::Progress;

/// Bytes of input that wait for a reader.
const INPUT_SIZE: usize = 1024;
/// Bytes that one interrupt takes: what a serial port has room for.
const BURST: usize = 16;

/// Scan codes that one interrupt takes: more than any keyboard and its controller hold.
const KEYS: usize = 256;
/// The keyboard's interrupt of the ISA.
const KEYBOARD_INTERRUPT: u8 = 1;

/// The console.
pub struct Vcon {
    header: Header,
    /// Raised when input comes.
    line: ObjectLine,
    input: Ring<INPUT_SIZE>,
    is_full: Cell<bool>,
    is_listening: Cell<bool>,
    input_flags: Cell<u64>,
    output_flags: Cell<u64>,
    local_flags: Cell<u64>,
}

static SLAB: Locked<Slab<Vcon>> = Locked::new(Slab::new());
static VCON: Locked<Vcon> = Locked::new(Vcon {
    header: Header::new(),
    line: ObjectLine::new(),
    input: Ring::new(),
    is_full: Cell::new(false),
    is_listening: Cell::new(false),
    input_flags: Cell::new(ICRNL),
    output_flags: Cell::new(ONLCR),
    local_flags: Cell::new(ECHO),
});

impl KernelObject for Vcon {
    fn header(&self) -> &Header {
        &self.header
    }

    fn slab() -> &'static Slab<Self> {
        &SLAB
    }

    fn wrap(&'static self) -> Object {
        Object::Vcon(self)
    }
}

/// The one console.
pub fn vcon() -> &'static Vcon {
    &VCON
}

/// Starts to listen to the serial line, if it is in use, by this interrupt of the ISA's. False if that cannot be.
pub fn listen(interrupt: Option<u8>) -> bool {
    let can_listen = interrupt.is_some_and(|interrupt| take_line(interrupt, Bound::Console));
    VCON.is_listening.set(can_listen);
    console::listen(can_listen);
    can_listen
}

/// Starts to listen to the keyboard, if there is one.
pub fn listen_to_keyboard() {
    if console::start_keyboard() {
        take_line(KEYBOARD_INTERRUPT, Bound::Keyboard);
    }
}

fn take_line(interrupt: u8, bound: Bound) -> bool {
    irq::isa_line(interrupt).map(Line::Machine).is_some_and(|line| {
        let is_free = line.connect(bound).is_ok();
        if is_free {
            line.unmask();
        }
        is_free
    })
}

impl Vcon {
    /// The machine woke up from a sleep, in which serial line and keyboard were reset.
    pub fn woken(&self) {
        console::reopen();
        console::listen(self.is_listening.get() && !self.is_full.get());
        let keyboard = irq::isa_line(KEYBOARD_INTERRUPT).and_then(|source| Line::Machine(source).bound());
        if let Some(Bound::Keyboard) = keyboard {
            console::start_keyboard();
        }
    }

    /// The serial line has input.
    pub fn receive(&self) {
        for _ in 0..BURST.min(self.input.room()) {
            let Some(byte) = console::read_byte() else { break };
            self.take_in(&[byte]);
            if work::budget().is_used_up() {
                break;
            }
        }
        // There may be more, of which the line tells only if it drops first.
        console::listen(false);
        self.is_full.set(self.input.room() == 0);
        if !self.is_full.get() {
            console::listen(true);
        }
    }

    /// The keyboard has input.
    pub fn receive_keys(&self) {
        // It tells of a key only if it was read to the end before; what it holds by itself are few.
        for _ in 0..KEYS {
            let Some(key) = console::read_key() else { return };
            let bytes = key.as_slice();
            if bytes.len() <= self.input.room() {
                self.take_in(bytes);
            }
        }
    }

    /// Keeps bytes for which there is room, shows them if that is wanted, and tells whoever waits for input.
    fn take_in(&self, bytes: &[u8]) {
        let was_empty = self.input.is_empty();
        for &byte in bytes {
            self.input.push(byte);
            if self.local_flags.get() & ECHO != 0 {
                let shown = if byte == b'\r' && self.input_flags.get() & ICRNL != 0 { b'\n' } else { byte };
                console::write(&[shown]);
                work::budget().take(output::units(shown, 0));
            }
        }
        if was_empty && !bytes.is_empty() {
            self.line.raise();
        }
    }

    /// A message to the object.
    #[inline(never)]
    pub fn invoke(&'static self, message: &Message) -> Answer {
        match message.tag.label() {
            protocol::LOG => {}
            protocol::IRQ => return lines::invoke(&self.line, message),
            _ => return Err(Error::BadProto),
        }
        match message.opcode()? & OPCODE_MASK {
            OP_WRITE => Ok(match self.write(message) {
                Progress::Done => Outcome::NoReply,
                Progress::Preempted => Outcome::Preempted,
            }),
            OP_READ => self.read(message),
            OP_SET_ATTR => {
                self.input_flags.set(message.word(1)?);
                self.output_flags.set(message.word(2)? | ONLCR);
                self.local_flags.set(message.word(3)?);
                message::ok(0)
            }
            OP_GET_ATTR => {
                message.answer(1, self.input_flags.get());
                message.answer(2, self.output_flags.get());
                message.answer(3, self.local_flags.get());
                message::ok_words(0, 4)
            }
            _ => Err(Error::NoSys),
        }
    }

    fn write(&self, message: &Message) -> Progress {
        let written = output::begun(message);
        let length = message.utcb.mr(1) as usize;
        if message.tag.words() < 2 || length > WRITE_SIZE {
            return Progress::Done;
        }
        watch::heard(message.sender);
        let mut bytes = [0; WRITE_SIZE];
        for (index, word) in bytes.chunks_exact_mut(8).enumerate().take(length.div_ceil(8)) {
            word.copy_from_slice(&message.utcb.mr(2 + index).to_le_bytes());
        }
        let mut count = 0;
        for index in 0..length {
            if let Some(byte) = line_discipline::output(bytes[index], self.output_flags.get()) {
                bytes[count] = byte;
                count += 1;
            }
        }
        output::go_on(message, &bytes[..count], written)
    }

    fn read(&self, message: &Message) -> Answer {
        if !message.wants_reply() {
            return message::ok(0);
        }
        message.require(Rights::CAP_W)?;
        let wanted = ((message.word(0)? >> 16) as usize & 0xffff).min(READ_SIZE);
        let mut bytes = [0; READ_SIZE];
        let mut count = 0;
        let mut drained = false;
        // No more than fit are looked at, whatever of them is left out.
        for _ in 0..wanted {
            let Some(byte) = self.input.pop() else {
                drained = true;
                break;
            };
            if let Some(byte) = line_discipline::input(byte, self.input_flags.get()) {
                bytes[count] = byte;
                count += 1;
            }
        }
        if self.is_full.get() && self.input.room() > 0 {
            self.is_full.set(false);
            console::listen(true);
        }
        for (index, word) in bytes[..count].chunks(8).enumerate() {
            let mut raw = [0; 8];
            raw[..word.len()].copy_from_slice(word);
            message.answer(1 + index, u64::from_le_bytes(raw));
        }
        message.answer(0, count as u64 | if drained { READ_STAT_DONE } else { 0 });
        message::ok(0)
    }
}
