//! An IRQ object at a line of the machine's controller, for as long as a check runs.

use syscall::abi::{Timeout, Timeouts};
use syscall::{Code, Factory, Icu, Irq, Owned, Result, Thread};

/// An interrupt of the machine.
pub struct Interrupt {
    line: u64,
    irq: Owned<Irq>,
}

impl Interrupt {
    /// Binds `line` to this thread, and lets it interrupt.
    pub fn at(line: u64) -> Result<Self> {
        let irq = Factory::boot().create_irq()?;
        irq.bind_thread(Thread::main(), 0)?;
        Icu::boot().bind(line, *irq)?;
        irq.unmask()?;
        Ok(Self { line, irq })
    }

    /// Unmasks the line, and waits for the interrupt so many microseconds. Whether it came.
    pub fn comes_within(&self, microseconds: u64) -> Result<bool> {
        let timeouts = Timeouts { send: Timeout::ZERO, receive: Timeout::from_microseconds(microseconds) };
        match self.irq.receive(timeouts) {
            Ok(()) => Ok(true),
            Err(error) if error == syscall::abi::IpcError::ReceiveTimeout.into() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Waits for the interrupt for a second; `NoEnt` when it did not come.
    pub fn wait(&self) -> Result {
        if self.comes_within(1_000_000)? { Ok(()) } else { Err(Code::NoEnt.into()) }
    }
}

impl Drop for Interrupt {
    fn drop(&mut self) {
        let _ = Icu::boot().unbind(self.line, *self.irq);
    }
}
