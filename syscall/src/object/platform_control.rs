//! Platform control: switching the machine off, restarting and suspending it. The kernel's ICU object
//! speaks this protocol too.

use abi::{CapIndex, platform_control::*, protocol};

use crate::{Cap, Result, cap::Kobject, ipc::Message};

/// Platform control.
pub struct PlatformControl;

impl Kobject for PlatformControl {
    const PROTOCOL: i64 = protocol::PLATFORM_CONTROL;
    const NAME: &'static str = "platform control";
}

impl PlatformControl {
    /// The kernel's, as boot servers have it.
    pub const fn boot() -> Cap<PlatformControl> {
        Cap::new(CapIndex::ICU)
    }
}

impl Cap<PlatformControl> {
    fn operation(self, opcode: u64, argument: u64) -> Result {
        Message::new(protocol::PLATFORM_CONTROL).with(opcode).with(argument).call(self.index()).map(drop)
    }

    /// Switches the machine off; returns only if that fails.
    ///
    /// # Errors
    /// Those of the IPC; `NoSys` when the machine has no way that the kernel knows.
    pub fn shutdown(self) -> Result {
        self.operation(OP_SHUTDOWN, 0)
    }

    /// Restarts the machine; returns only if that fails.
    ///
    /// # Errors
    /// As for [`shutdown`](Self::shutdown).
    pub fn reboot(self) -> Result {
        self.operation(OP_SHUTDOWN, 1)
    }

    /// Suspends the machine, with this sleep type of ACPI's (PM1a's in the low byte, PM1b's in the next); returns when it
    /// wakes up. What devices have lost is their drivers' to put back.
    ///
    /// # Errors
    /// Those of the IPC; `NoDev` when the machine cannot be suspended, `Inval` when it stayed awake.
    pub fn suspend(self, sleep_type: u16) -> Result {
        self.operation(OP_SUSPEND, sleep_type.into())
    }
}
