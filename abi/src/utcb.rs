//! The user-level thread control block (`l4sys/utcb.h`, `arch/utcb.h`): message, buffer and thread registers.

use crate::Tag;

/// Number of message registers.
pub const MESSAGE_REGISTERS: usize = 63;
/// Number of buffer registers.
pub const BUFFER_REGISTERS: usize = 58;
/// Size of a UTCB in bytes; consecutive UTCBs lie this far apart (`L4_UTCB_OFFSET`).
pub const SIZE: usize = 1024;

/// Bit of the buffer descriptor: the receiver takes part in FPU transfer (`L4_UTCB_INHERIT_FPU`).
pub const INHERIT_FPU: u64 = 1 << 24;

/// Which of the words for the program holds the address of the thread's name (Furore's runtime; read by l4re for
/// crash reports).
pub const USER_NAME: usize = 1;
/// Which of the words for the program holds the name's length in bytes (bits 0 to 15) and the thread's number
/// (from bit 16).
pub const USER_NUMBERS: usize = 2;

/// A user-level thread control block.
#[derive(Clone, Copy)]
#[repr(C)]
pub struct Utcb {
    /// Message registers: untyped words first, then typed items of two words.
    pub mr: [u64; MESSAGE_REGISTERS],
    /// The address of this UTCB in its task, to which the GS base points. Written by the kernel.
    pub address: u64,
    /// Buffer descriptor: first memory buffer in bits 0 to 4, first I/O buffer in 5 to 9, first object buffer in 10 to 14, flags from 24.
    pub bdr: u64,
    /// Buffer registers: receive items, absolute timeouts.
    pub br: [u64; BUFFER_REGISTERS],
    /// Error register of the last failed IPC.
    pub error: u64,
    /// Set to zero by the kernel when it no longer uses this UTCB.
    pub free_marker: u64,
    /// For the program; the kernel never touches them.
    pub user: [u64; 3],
}

impl Utcb {
    /// A UTCB of zeroes.
    pub const fn new() -> Self {
        Self {
            mr: [0; MESSAGE_REGISTERS],
            address: 0,
            bdr: 0,
            br: [0; BUFFER_REGISTERS],
            error: 0,
            free_marker: 0,
            user: [0; 3],
        }
    }

    /// Position of the first word of typed item `item` of a message with tag `tag`, if it is within the message registers.
    pub const fn item_position(tag: Tag, item: usize) -> Option<usize> {
        let position = tag.words() + 2 * item;
        if position + 1 < MESSAGE_REGISTERS { Some(position) } else { None }
    }
}

impl Default for Utcb {
    fn default() -> Self {
        Self::new()
    }
}

const _: () = {
    assert!(size_of::<Utcb>() == SIZE);
    assert!(core::mem::offset_of!(Utcb, bdr) == 64 * 8);
    assert!(core::mem::offset_of!(Utcb, error) == 123 * 8);
};
