//! Platform control: `l4sys/platform_control.h`.

use crate::arch::power;
use crate::message::{Answer, Message};
use abi::Error;
use abi::platform_control::*;

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
        // One CPU, which cannot be switched off, and no sleep states: as Fiasco answers without them.
        OP_CPU_ALLOW_SHUTDOWN => crate::message::ok(0),
        OP_SUSPEND => Err(Error::NoDev),
        OP_CPU_ENABLE | OP_CPU_DISABLE => Err(Error::NoSys),
        _ => Err(Error::NoSys),
    }
}
