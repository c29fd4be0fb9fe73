//! Bootstrap's own options: the words behind its name on the menu's `kernel` line. `docs/boot.md` describes each.

use arrayvec::{ArrayString, ArrayVec};
use core::{fmt::Write, ops::Range};

/// The most pieces of RAM that `-mem=` can name.
pub const MAX_PIECES: usize = 16;
/// Room for what is passed on to the kernel, in bytes.
const MAX_KERNEL_LINE: usize = 64;
/// Ports below this one belong to the chips of the board: DMA, interrupts, timer, keyboard, clock.
const FIRST_FREE_PORT: u16 = 0x100;
const WANTS_PORT: &str = "-comport= wants 1 to 4, or the serial line's first port, from 0x100 on";
/// First ports of the serial lines that PCs have had at fixed places, from COM1 on.
const SERIAL_PORTS: [u16; 4] = [0x3f8, 0x2f8, 0x3e8, 0x2e8];

/// The options, as given or by default.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// `-serial`: the output also goes to the serial line, and the kernel is told so.
    pub serial: bool,
    /// `-noserial`: nothing ever goes to the serial line, not even failures; it wins against `-serial`.
    pub no_serial: bool,
    /// `-comport=`: the serial line's first port.
    pub serial_port: u16,
    /// `-comirq=`: the serial line's interrupt, for the kernel.
    pub serial_interrupt: Option<u8>,
    /// `-wait`: waits for a key before anything is done.
    pub wait: bool,
    /// `-maxmem=MiB`: RAM from this address on is left alone; in bytes.
    pub memory_limit: Option<u64>,
    /// `-mem=SIZE@OFFSET`: only this is RAM, as far as the memory map does not say that it is something else.
    pub memory: ArrayVec<Range<u64>, MAX_PIECES>,
    /// `-presetmem=BYTE`: fills free RAM with this before the kernel starts.
    pub fill: Option<u8>,
    /// `-modaddr=ADDRESS`: where the module files go.
    pub module_address: Option<u64>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            serial: false,
            no_serial: false,
            serial_port: SERIAL_PORTS[0],
            serial_interrupt: None,
            wait: false,
            memory_limit: None,
            memory: ArrayVec::new(),
            fill: None,
            module_address: None,
        }
    }
}

impl Options {
    /// Reads the words of the command line and calls `complain` with each that means nothing, and what it should have been; the
    /// boot goes on.
    pub fn parse<'a>(words: impl Iterator<Item = &'a str>, mut complain: impl FnMut(&'a str, &'static str)) -> Self {
        let mut options = Self::default();
        for word in words {
            if let Err(advice) = options.read(word) {
                complain(word, advice);
            }
        }
        options
    }

    /// Reads one word; the error says what it should have been.
    fn read(&mut self, word: &str) -> Result<(), &'static str> {
        let Some((name, value)) = word.split_once('=') else {
            *match word {
                "-serial" => &mut self.serial,
                "-noserial" => &mut self.no_serial,
                "-wait" => &mut self.wait,
                _ => {
                    return Err(
                        "unknown option; there are -serial, -noserial, -comport=, -comirq=, -wait, -maxmem=, -mem=, \
                                -presetmem= and -modaddr=",
                    );
                }
            } = true;
            return Ok(());
        };
        match name {
            "-comport" => {
                let port = number(value).and_then(|port| u16::try_from(port).ok());
                let port = port.ok_or(WANTS_PORT)?;
                self.serial_port = match port {
                    1..=4 => SERIAL_PORTS[usize::from(port) - 1],
                    ..FIRST_FREE_PORT => return Err(WANTS_PORT),
                    other => other,
                };
            }
            "-comirq" => {
                let line = number(value).and_then(|line| u8::try_from(line).ok());
                self.serial_interrupt = Some(line.ok_or("-comirq= wants the number of an interrupt line")?);
            }
            "-maxmem" => {
                let mebibytes = number(value).filter(|size| (1..1 << 40).contains(size));
                self.memory_limit = Some(mebibytes.ok_or("-maxmem= wants a number of MiB")? << 20);
            }
            "-mem" => {
                let piece = value.split_once('@').and_then(|(size, start)| Some((sized(size)?, sized(start)?)));
                let piece = piece.and_then(|(size, start)| Some(start..start.checked_add(size)?));
                let piece = piece.filter(|piece| !piece.is_empty());
                let piece = piece.ok_or("-mem= wants SIZE@OFFSET, such as -mem=64M@0x100000")?;
                self.memory.try_push(piece).map_err(|_| "more than 16 pieces of memory")?;
            }
            "-presetmem" => {
                let byte = number(value).and_then(|byte| u8::try_from(byte).ok());
                self.fill = Some(byte.ok_or("-presetmem= wants a byte, such as -presetmem=0xaa")?);
            }
            "-modaddr" => self.module_address = Some(sized(value).ok_or("-modaddr= wants an address")?),
            _ => return Err("unknown option, or one without a value"),
        }
        Ok(())
    }

    /// What the kernel's command line gets in addition, with a blank before each option.
    pub fn for_kernel(&self) -> ArrayString<MAX_KERNEL_LINE> {
        let mut line = ArrayString::new();
        // There is room for the longest: all numbers have a bound.
        let mut add = |option: core::fmt::Arguments<'_>| {
            let _ = write!(line, " {option}");
        };
        if self.no_serial {
            add(format_args!("-noserial"));
        } else if self.serial {
            add(format_args!("-serial"));
        }
        if self.serial_port != SERIAL_PORTS[0] {
            add(format_args!("-comport={:#x}", self.serial_port));
        }
        if let Some(interrupt) = self.serial_interrupt {
            add(format_args!("-comirq={interrupt}"));
        }
        line
    }
}

/// A number, decimal or with 0x.
fn number(text: &str) -> Option<u64> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) if !digits.starts_with('+') => u64::from_str_radix(digits, 16).ok(),
        None if !text.starts_with('+') => text.parse().ok(),
        _ => None,
    }
}

/// A number, perhaps with K, M or G behind it.
fn sized(text: &str) -> Option<u64> {
    let unit = match text.chars().next_back()? {
        'k' | 'K' => 1 << 10,
        'm' | 'M' => 1 << 20,
        'g' | 'G' => 1 << 30,
        _ => return number(text),
    };
    number(&text[..text.len() - 1])?.checked_mul(unit)
}
