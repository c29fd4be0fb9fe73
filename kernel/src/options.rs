//! The kernel's options: the words behind its name on its menu line, to which bootstrap adds its own about the serial line.
//! `docs/boot.md` describes each.

/// The options, as given or by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// `-serial`: the serial line shows what the screen shows.
    pub serial: bool,
    /// `-noserial`: nothing ever goes to the serial line; it wins against `-serial`.
    pub no_serial: bool,
    /// `-comport=`: the serial line's first port, if not COM1's.
    pub serial_port: Option<u16>,
    /// `-comirq=`: the serial line's interrupt, if not its port's usual one.
    pub serial_interrupt: Option<u8>,
    /// `-noscreen`: nothing goes to the screen but the kernel's last words.
    pub no_screen: bool,
    /// `-wait`: waits for a key before the first tasks are started.
    pub wait: bool,
    /// `-kmemsize=KiB`: the kernel's memory, in bytes.
    pub memory: Option<u64>,
}

/// Ports below this one belong to the chips of the board: DMA, interrupts, timer, keyboard, clock.
const FIRST_FREE_PORT: u16 = 0x100;
/// Options of Fiasco's for its debugger, which is not here.
const FOR_A_DEBUGGER: [&str; 4] = ["-nojdb", "-serial_esc", "-esc", "-jdb_never_stop"];

impl Options {
    /// Reads a command line (the kernel's name first) and calls `complain` with each word that means nothing, and why; the boot
    /// goes on.
    pub fn parse<'a>(command_line: &'a str, mut complain: impl FnMut(&'a str, &'static str)) -> Self {
        let mut options = Self::default();
        for word in command_line.split_ascii_whitespace().skip(1) {
            if let Err(reason) = options.read(word) {
                complain(word, reason);
            }
        }
        options
    }

    /// The ISA's interrupt of the serial line: as said, or as a PC's serial port at this place has it.
    pub fn interrupt_of_serial(&self) -> Option<u8> {
        self.serial_interrupt.or(match self.serial_port {
            None | Some(0x3f8 | 0x3e8) => Some(4),
            Some(0x2f8 | 0x2e8) => Some(3),
            Some(_) => None,
        })
    }

    /// Reads one word; the error says why it is ignored.
    fn read(&mut self, word: &str) -> Result<(), &'static str> {
        let (name, value) = word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value)));
        let value = value.map(number);
        match (name, value) {
            ("-serial", None) => self.serial = true,
            ("-noserial", None) => self.no_serial = true,
            ("-noscreen", None) => self.no_screen = true,
            ("-wait", None) => self.wait = true,
            ("-comport", Some(port)) => {
                let port = port.and_then(|port| u16::try_from(port).ok()).filter(|port| *port >= FIRST_FREE_PORT);
                self.serial_port = Some(port.ok_or("-comport= wants the line's first port, such as 0x2f8 for COM2")?);
            }
            ("-comirq", Some(line)) => {
                let line = line.and_then(|line| u8::try_from(line).ok());
                self.serial_interrupt = Some(line.ok_or("-comirq= wants the number of an interrupt line")?);
            }
            ("-kmemsize", Some(kib)) => {
                let bytes = kib.filter(|&kib| kib > 0).and_then(|kib| kib.checked_mul(1024));
                self.memory = Some(bytes.ok_or("-kmemsize= wants a number of KiB")?);
            }
            (name, _) if FOR_A_DEBUGGER.contains(&name) || name == "-jdb_cmd" => {
                return Err("this kernel has no debugger");
            }
            _ => {
                return Err(
                    "unknown option; there are -serial, -noserial, -comport=, -comirq=, -noscreen, -wait and -kmemsize=",
                );
            }
        }
        Ok(())
    }
}

/// A number, decimal or with 0x.
fn number(text: &str) -> Option<u64> {
    let (digits, radix) = text.strip_prefix("0x").map_or((text, 10), |digits| (digits, 16));
    if digits.starts_with('+') { None } else { u64::from_str_radix(digits, radix).ok() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(line: &str) -> (Options, Vec<(&str, &str)>) {
        let mut complaints = Vec::new();
        let options = Options::parse(line, |word, reason| complaints.push((word, reason)));
        (options, complaints)
    }

    #[test]
    fn serial_ports_have_their_usual_interrupts() {
        let interrupt = |line: &str| Options::parse(line, |_, _| {}).interrupt_of_serial();
        assert_eq!(
            [interrupt("k"), interrupt("k -comport=0x2f8"), interrupt("k -comport=0x3000")],
            [Some(4), Some(3), None]
        );
        assert_eq!(interrupt("k -comport=0x3000 -comirq=17"), Some(17));
    }

    #[test]
    fn each_option_is_read() {
        let (options, complaints) =
            read("/kernel -serial -noserial -comport=0x2f8 -comirq=3 -noscreen -wait -kmemsize=8192");
        assert_eq!(complaints, []);
        let expected = Options {
            serial: true,
            no_serial: true,
            serial_port: Some(0x2f8),
            serial_interrupt: Some(3),
            no_screen: true,
            wait: true,
            memory: Some(8 << 20),
        };
        assert_eq!(options, expected);
        assert_eq!(read(""), (Options::default(), Vec::new()));
        assert_eq!(read("-serial").0, Options::default(), "the first word is the kernel's name");
    }

    #[test]
    fn the_book_explains_each_option() {
        let (_, table) = include_str!("../../docs/boot.md").split_once("\nThe kernel's stand").unwrap();
        let (table, _) = table.split_once("\n## ").unwrap();
        let rows = table.lines().filter_map(|line| line.strip_prefix("| `")?.split(" | ").next());
        let explained = rows.flat_map(|row| row.split(['`', '=', ',', ' ']).filter(|word| word.starts_with('-')));
        let (_, complaints) = read("k -unknown");
        let known = complaints[0].1.split([' ', ',', '=']).filter(|word| word.starts_with('-'));
        assert_eq!(explained.collect::<Vec<_>>(), known.collect::<Vec<_>>());
    }

    #[test]
    fn what_means_nothing_is_named_with_the_reason() {
        let (options, complaints) = read(
            "k -serail -wait=1 -nojdb -jdb_cmd=JH -comport=65536 -comport=2 -comirq=x -kmemsize=0 -kmemsize=0x3fffffffffffffff -comport",
        );
        assert_eq!(options, Options::default());
        let reasons = ["unknown option", "unknown option", "no debugger", "no debugger", "first port", "first port"];
        let more = ["an interrupt line", "a number of KiB", "a number of KiB", "unknown option"];
        assert_eq!(complaints.len(), reasons.len() + more.len());
        for ((word, reason), expected) in complaints.iter().zip(reasons.iter().chain(&more)) {
            assert!(reason.contains(expected), "{word}: {reason}");
        }
    }

    proptest! {
        #[test]
        fn no_command_line_panics(line in "k( -?(kmemsize|comport|comirq|noscreen|\\PC{0,6})(=[0-9x+-]{0,24})?){0,20}") {
            let _ = read(&line);
        }
    }
}
