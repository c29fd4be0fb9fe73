//! The serial line, COM1 unless an option says otherwise, 115200 baud, 8n1: output by polling, input by interrupt.
#![allow(unsafe_code)] // claims the port

use uart_16550::backend::PioBackend;
use uart_16550::spec::registers::{IER, LSR};
use uart_16550::{BaudRate, Config, Uart16550};

const COM1: u16 = 0x3f8;
/// How often a byte is offered to a line that has taken the one before. What it then does not take is dropped, and from
/// there on each byte is offered once: a line on which nobody listens does not hold up the screen.
const PATIENCE: u32 = 100_000;

/// The serial line.
pub struct Line {
    uart: Option<Uart16550<PioBackend>>,
    port: u16,
    forbidden: bool,
    patience: u32,
}

impl Line {
    /// A line that is not open.
    pub const fn new() -> Self {
        Self { uart: None, port: COM1, forbidden: false, patience: PATIENCE }
    }

    /// Says where the line is, if not at COM1, and whether it may be used at all.
    pub fn configure(&mut self, port: Option<u16>, forbidden: bool) {
        self.port = port.unwrap_or(COM1);
        self.forbidden = forbidden;
    }

    /// Opens the line; false if there is no port, if it does not send, or if it may not be used.
    pub fn open(&mut self) -> bool {
        if self.uart.is_none() && !self.forbidden {
            // SAFETY: the port belongs to the kernel's console until a task is given it.
            let uart = unsafe { Uart16550::new_port(self.port) };
            let config = Config { baud_rate: BaudRate::Baud115200, ..Config::default() };
            // `init` waits without end for what was sent before, so that has to be out.
            let is_idle = |uart: &mut Uart16550<_>| uart.lsr().contains(LSR::TRANSMITTER_EMPTY);
            self.uart = uart.ok().and_then(|mut uart| {
                let is_ready = (0..PATIENCE).any(|_| is_idle(&mut uart)) && uart.init(config).is_ok();
                is_ready.then_some(uart)
            });
        }
        self.uart.is_some()
    }

    /// Closes the line: it is to be set up anew.
    pub fn close(&mut self) {
        self.uart = None;
    }

    /// Sends `bytes`; a line feed becomes carriage return and line feed.
    pub fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            if byte == b'\n' {
                self.send(b'\r');
            }
            self.send(byte);
        }
    }

    fn send(&mut self, byte: u8) {
        let Some(uart) = &mut self.uart else { return };
        let is_sent = (0..self.patience).any(|_| uart.try_send_byte(byte).is_ok());
        self.patience = if is_sent { PATIENCE } else { 1 };
    }

    /// Says whether the port interrupts when a byte came in.
    pub fn listen(&mut self, listening: bool) {
        if let Some(uart) = &mut self.uart {
            if listening { uart.enable_interrupts(IER::DATA_READY) } else { uart.disable_interrupts(IER::DATA_READY) }
        }
    }

    /// The next byte that came in.
    pub fn read(&mut self) -> Option<u8> {
        self.uart.as_mut()?.try_receive_byte().ok()
    }
}
