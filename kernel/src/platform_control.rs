//! Platform control: `l4sys/platform_control.h`.

use crate::arch::{self, power};
use crate::message::{Answer, Message};
use abi::Error;
use abi::platform_control::*;

/// Suspends the machine; the word behind the opcode is ACPI's sleep type, of PM1a in the low byte and of PM1b in the next.
/// The thread has its answer when the machine wakes up, see [`crate::entry::woken`].
fn suspend(message: &Message) -> Answer {
    let types = message.word(1).unwrap_or(0).to_le_bytes();
    let thread = message.sender;
    if message.wants_reply() {
        thread.frame.set_tag(abi::Tag::new(0, 0, 0, 0).raw());
    }
    arch::fpu_save(&thread.fpu);
    Err(match arch::sleep::suspend([types[0], types[1]]) {
        None => Error::NoDev,
        Some(_stayed_awake) => Error::Inval,
    })
}

/// A message to the interrupt controller under the protocol of platform control.
pub fn invoke(message: &Message) -> Answer {
    match message.expect(abi::protocol::PLATFORM_CONTROL)? {
        OP_SHUTDOWN => {
            if message.tag.words() != 2 {
                return Err(Error::Inval);
            }
            match message.word(1)? {
                0 => power::shutdown(),
                1 => power::reboot(),
                _ => {}
            }
            Err(Error::NoSys)
        }
        // One CPU, which cannot be switched off: as Fiasco answers without it.
        OP_CPU_ALLOW_SHUTDOWN => crate::message::ok(0),
        OP_SUSPEND => suspend(message),
        OP_CPU_ENABLE | OP_CPU_DISABLE => Err(Error::NoSys),
        _ => Err(Error::NoSys),
    }
}
