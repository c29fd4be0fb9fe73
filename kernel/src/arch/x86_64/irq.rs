//! Where interrupts come from: lines of the I/O APICs or, on machines without, of the 8259s; and messages that devices
//! write to the local APIC (MSI).
//!
//! Invariant: a source is masked and has no vector until it is connected; then it has one of its own, which says whose
//! the interrupt is. Of the 8259s' lines the vectors are fixed. Neighbour: `crate::icu` has what is bound to a vector.

use core::cell::Cell;

use super::firmware::{Firmware, MAX_IO_APICS};
use super::{cpu, io_apic, lapic, pic};
use crate::locked::Locked;

/// Number of message-signalled interrupts (as of Fiasco: 8 less than there are vectors).
pub const MESSAGES: u32 = (END_OF_VECTORS - pic::FIRST_VECTOR - 8) as u32;
/// Vectors from here on are the kernel's own.
const END_OF_VECTORS: u8 = 0xf0;
/// Vectors that the 8259s take, if they are used.
const PIC_VECTORS: core::ops::Range<u8> = pic::FIRST_VECTOR..pic::FIRST_VECTOR + pic::LINES;

/// Most pages that [`register_pages`] names.
pub const MAX_REGISTER_PAGES: usize = 1 + MAX_IO_APICS;

/// The pages of the local and the I/O APICs' registers, which are the kernel's.
pub fn register_pages() -> impl Iterator<Item = u64> {
    core::iter::once(lapic::REGISTERS).chain(io_apic::register_pages())
}

/// What can interrupt.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A line.
    Line(u32),
    /// A message.
    Message(u32),
}

/// The state of the interrupt controllers.
struct Controllers {
    use_io_apic: Cell<bool>,
    /// The lines of the ISA's interrupts.
    isa: [Cell<u32>; ISA_INTERRUPTS],
    /// Whose each vector is.
    vectors: [Cell<Option<Source>>; 256],
    /// The vectors that messages had last.
    messages: [Cell<u8>; MESSAGES as usize],
}

static CONTROLLERS: Locked<Controllers> = Locked::new(Controllers {
    use_io_apic: Cell::new(false),
    isa: [const { Cell::new(0) }; ISA_INTERRUPTS],
    vectors: [const { Cell::new(None) }; 256],
    messages: [const { Cell::new(0) }; _],
});

const ISA_INTERRUPTS: usize = 16;

/// Takes over the interrupt controllers: the I/O APICs, if the firmware names one, else the 8259s.
#[optimize(size)]
pub fn init(firmware: &Firmware) {
    pic::init();
    CONTROLLERS.use_io_apic.set(io_apic::init(firmware));
    for (isa, line) in (0..).zip(&CONTROLLERS.isa) {
        let changed =
            firmware.overrides.iter().flatten().find(|changed| use_io_apic() && u32::from(changed.isa) == isa);
        line.set(changed.map_or(isa, |changed| changed.line));
    }
    if !use_io_apic() {
        pic::enable();
    }
}

/// Keeps what a sleep loses.
pub fn save() {
    io_apic::save();
}

/// Puts everything back as [`save`] found it.
pub fn restore() {
    pic::init();
    if use_io_apic() {
        io_apic::restore();
    } else {
        pic::restore_masks();
    }
}

/// Whether lines are those of I/O APICs, not those of the 8259s.
pub fn use_io_apic() -> bool {
    CONTROLLERS.use_io_apic.get()
}

/// Number of lines.
pub fn lines() -> u32 {
    if use_io_apic() { io_apic::lines() } else { pic::LINES.into() }
}

/// The line of an interrupt of the ISA.
pub fn isa_line(isa: u8) -> Option<Source> {
    CONTROLLERS.isa.get(usize::from(isa)).map(|line| Source::Line(line.get()))
}

/// Address and data of the write that is this message; one that is not connected has vector 0, which means nothing.
pub fn message(number: u32) -> (u64, u32) {
    const ADDRESS: u64 = 0xfee0_0000;
    const ASSERT: u32 = 1 << 14;
    let vector = Source::Message(number).vector().unwrap_or(0);
    (ADDRESS | u64::from(cpu::apic_id()) << 12, ASSERT | u32::from(vector))
}

impl Source {
    /// Whether there is such a source.
    pub fn exists(self) -> bool {
        match self {
            Self::Line(number) if use_io_apic() => io_apic::Line::find(number).is_some(),
            Self::Line(number) => number < pic::LINES.into(),
            Self::Message(number) => number < MESSAGES,
        }
    }

    /// The vector, if the source is connected.
    pub fn vector(self) -> Option<u8> {
        let last = match self {
            Self::Message(number) => CONTROLLERS.messages.get(number as usize)?.get(),
            Self::Line(_) if use_io_apic() => self.io_apic_line()?.vector(),
            Self::Line(_) => self.pic_line()? + pic::FIRST_VECTOR,
        };
        (CONTROLLERS.vectors[usize::from(last)].get() == Some(self)).then_some(last)
    }

    /// Gives the source a vector; it stays masked. Nothing if it has one, must not have one, or if none is left.
    pub fn connect(self) -> Option<u8> {
        if self.vector().is_some() {
            return None;
        }
        let free = |vector: &u8| CONTROLLERS.vectors[usize::from(*vector)].get().is_none();
        let vector = match self {
            Self::Line(number) if !use_io_apic() => {
                pic::has_line(number).then_some(pic::FIRST_VECTOR.wrapping_add(number as u8))
            }
            _ if use_io_apic() => (PIC_VECTORS.start..END_OF_VECTORS).find(free),
            _ => (PIC_VECTORS.end..END_OF_VECTORS).find(free),
        }?;
        CONTROLLERS.vectors[usize::from(vector)].set(Some(self));
        match self {
            Self::Message(number) => CONTROLLERS.messages.get(number as usize)?.set(vector),
            Self::Line(_) => drop(self.io_apic_line().inspect(|line| line.set_vector(vector))),
        }
        Some(vector)
    }

    /// Masks the source and takes its vector away.
    pub fn disconnect(self) {
        self.mask();
        if let Some(vector) = self.vector() {
            CONTROLLERS.vectors[usize::from(vector)].set(None);
        }
    }

    fn io_apic_line(self) -> Option<io_apic::Line> {
        match self {
            Self::Line(number) if use_io_apic() => io_apic::Line::find(number),
            _ => None,
        }
    }

    fn pic_line(self) -> Option<u8> {
        match self {
            Self::Line(number) if !use_io_apic() => u8::try_from(number).ok().filter(|&line| line < pic::LINES),
            _ => None,
        }
    }

    /// Keeps a line from interrupting; messages cannot be kept.
    pub fn mask(self) {
        self.io_apic_line().inspect(|line| line.mask());
        self.pic_line().inspect(|&line| pic::mask(line));
    }

    /// Lets a line interrupt.
    pub fn unmask(self) {
        self.io_apic_line().inspect(|line| line.unmask());
        self.pic_line().inspect(|&line| pic::unmask(line));
    }

    /// Whether the source interrupts as long as it is active, so that it is to be masked until it was dealt with. The
    /// 8259s' lines are treated so, whatever they are.
    pub fn is_level(self) -> bool {
        self.io_apic_line().map_or(self.pic_line().is_some(), io_apic::Line::is_level)
    }

    /// Sets how a line triggers. Only an I/O APIC's can be changed.
    pub fn set_mode(self, is_level: bool, is_low: bool) {
        self.io_apic_line().inspect(|line| line.set_mode(is_level, is_low));
    }
}

fn pic_line_at(vector: u8) -> Option<u8> {
    (!use_io_apic() && PIC_VECTORS.contains(&vector)).then(|| vector - PIC_VECTORS.start)
}

/// Whether the interrupt at `vector` is one.
pub(super) fn is_genuine(vector: u8) -> bool {
    !pic_line_at(vector).is_some_and(pic::is_spurious)
}

/// Lets the next interrupt through. A source that goes on as long as it is active must be masked before.
pub fn acknowledge(vector: u8) {
    match pic_line_at(vector) {
        Some(line) => pic::acknowledge(line),
        None => lapic::end_of_interrupt(),
    }
}
