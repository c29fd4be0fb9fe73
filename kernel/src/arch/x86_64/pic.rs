//! The two 8259 interrupt controllers: 16 lines at fixed vectors, on machines without an I/O APIC.
//!
//! Invariant: a line is masked until somebody unmasks it.
#![allow(unsafe_code)] // the controllers' ports

use core::cell::Cell;

use ::x86_64::instructions::port::Port;

use crate::locked::Locked;

/// Vector of line 0.
pub const FIRST_VECTOR: u8 = 0x20;
/// Number of lines.
pub const LINES: u8 = 16;
/// Line of the first controller at which the second one sits.
const CASCADE: u8 = 2;
/// Line that the first controller also reports when there was none.
const SPURIOUS: u8 = 7;

const COMMAND: [u16; 2] = [0x20, 0xa0];
const DATA: [u16; 2] = [0x21, 0xa1];
const END_OF_INTERRUPT: u8 = 0x20;
const READ_IN_SERVICE: u8 = 0x0b;

/// What the mask registers hold.
static MASKS: Locked<Cell<u16>> = Locked::new(Cell::new(!0));

fn write(port: u16, value: u8) {
    // SAFETY: ports of the interrupt controllers, which nobody else drives.
    unsafe { Port::new(port).write(value) };
}

fn read(port: u16) -> u8 {
    // SAFETY: as above.
    unsafe { Port::new(port).read() }
}

/// Puts the lines at vectors of their own and masks all.
pub fn init() {
    let wiring = [1 << CASCADE, CASCADE];
    for controller in 0..2 {
        const INITIALISE_EDGE_CASCADED: u8 = 0x11;
        const MODE_8086: u8 = 0x01;
        write(COMMAND[controller], INITIALISE_EDGE_CASCADED);
        write(DATA[controller], FIRST_VECTOR + 8 * controller as u8);
        write(DATA[controller], wiring[controller]);
        write(DATA[controller], MODE_8086);
        write(DATA[controller], !0);
    }
}

/// Lets the second controller's interrupts reach the first.
pub fn enable() {
    unmask(CASCADE);
}

/// Writes the masks again, which [`init`] has set in the controllers only.
pub fn restore_masks() {
    for (port, masks) in DATA.into_iter().zip(MASKS.get().to_le_bytes()) {
        write(port, masks);
    }
}

/// Whether `line` can be used: it is no line that the controllers use themselves (as Fiasco has it).
pub fn has_line(line: u32) -> bool {
    line < LINES.into() && line != CASCADE.into() && line != SPURIOUS.into()
}

/// Keeps `line` from interrupting.
pub fn mask(line: u8) {
    set_masks(MASKS.get() | 1 << line, line);
}

/// Lets `line` interrupt.
pub fn unmask(line: u8) {
    set_masks(MASKS.get() & !(1 << line), line);
}

fn set_masks(masks: u16, line: u8) {
    MASKS.set(masks);
    let controller = usize::from(line >= 8);
    write(DATA[controller], masks.to_le_bytes()[controller]);
}

/// Tells the controllers that the interrupt of `line` has been taken.
pub fn acknowledge(line: u8) {
    if line >= 8 {
        write(COMMAND[1], END_OF_INTERRUPT);
    }
    write(COMMAND[0], END_OF_INTERRUPT);
}

/// Whether the interrupt of `line` was none: the controllers report lines 7 and 15 also when a line dropped before it
/// was taken.
pub fn is_spurious(line: u8) -> bool {
    if line % 8 != SPURIOUS {
        return false;
    }
    let controller = usize::from(line >= 8);
    write(COMMAND[controller], READ_IN_SERVICE);
    let spurious = read(COMMAND[controller]) & 1 << SPURIOUS == 0;
    if spurious && controller == 1 {
        write(COMMAND[0], END_OF_INTERRUPT); // the first controller did deliver
    }
    spurious
}
