//! Interrupt lines 0 to 15: the two 8259 interrupt controllers.
//!
//! Invariant: a line is masked until somebody unmasks it. An interrupt is acknowledged before it is handled;
//! whoever handles one of a level-triggered line masks the line before the next exit, else it comes again.
#![allow(unsafe_code)] // the controllers' ports

use core::cell::Cell;

use ::x86_64::instructions::port::Port;

/// Vector of line 0.
const FIRST_VECTOR: u8 = 0x20;
/// Number of lines.
pub const LINES: usize = 16;
/// Line of the first controller at which the second one sits.
const CASCADE: u32 = 2;

const COMMAND: [u16; 2] = [0x20, 0xa0];
const DATA: [u16; 2] = [0x21, 0xa1];
const END_OF_INTERRUPT: u8 = 0x20;
const READ_IN_SERVICE: u8 = 0x0b;

struct Masks(Cell<u16>);
// SAFETY: touched with the kernel lock held.
unsafe impl Sync for Masks {}
/// What the mask registers hold.
static MASKS: Masks = Masks(Cell::new(!(1 << CASCADE)));

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
    let wiring = [1 << CASCADE, CASCADE as u8];
    for controller in 0..2 {
        const INITIALISE_EDGE_CASCADED: u8 = 0x11;
        const MODE_8086: u8 = 0x01;
        write(COMMAND[controller], INITIALISE_EDGE_CASCADED);
        write(DATA[controller], FIRST_VECTOR + 8 * controller as u8);
        write(DATA[controller], wiring[controller]);
        write(DATA[controller], MODE_8086);
        write_mask(controller);
    }
}

/// Keeps `line` from interrupting.
pub fn mask(line: u32) {
    set_masks(MASKS.0.get() | bit(line), line);
}

/// Lets `line` interrupt.
pub fn unmask(line: u32) {
    set_masks(MASKS.0.get() & !bit(line), line);
}

/// Tells the controllers that the interrupt of `line` has been taken.
fn acknowledge(line: u32) {
    if line >= 8 {
        write(COMMAND[1], END_OF_INTERRUPT);
    }
    write(COMMAND[0], END_OF_INTERRUPT);
}

fn bit(line: u32) -> u16 {
    assert!((line as usize) < LINES, "interrupt line {line}: there are {LINES}");
    1 << line
}

fn set_masks(masks: u16, line: u32) {
    MASKS.0.set(masks);
    write_mask(usize::from(line >= 8));
}

fn write_mask(controller: usize) {
    write(DATA[controller], MASKS.0.get().to_le_bytes()[controller]);
}

/// The line of an interrupt vector; `None` if there is none, or if the interrupt was spurious: the
/// controllers report lines 7 and 15 also when a line dropped before it was taken.
pub(super) fn accept(vector: u8) -> Option<u32> {
    let line = u32::from(vector.checked_sub(FIRST_VECTOR)?);
    match line {
        7 | 15 => {
            let controller = usize::from(line == 15);
            write(COMMAND[controller], READ_IN_SERVICE);
            if read(COMMAND[controller]) & 0x80 == 0 {
                if line == 15 {
                    write(COMMAND[0], END_OF_INTERRUPT); // the first controller did deliver
                }
                return None;
            }
        }
        0..=14 => {}
        _ => return None,
    }
    acknowledge(line);
    Some(line)
}
