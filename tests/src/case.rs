//! What a test case is: a machine with files, and what must appear in which order. The tables are in [`crate::cases`].

use crate::screen::Picture;
use console::Mode;
use std::time::Duration;

/// How long a machine may take for one step unless the case says otherwise; TCG on a busy machine with two cores.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where the content of a file on the machine comes from.
#[derive(Clone)]
pub enum File {
    /// Written in the case.
    Text(String),
    /// A product, changed: for modules that are broken on purpose.
    Changed {
        /// The product to start from.
        product: &'static str,
        /// What is done to it.
        change: fn(Vec<u8>) -> Vec<u8>,
    },
    /// The single image of the user's menu entry [`IMAGE_ENTRY`], changed.
    Image(fn(Vec<u8>) -> Vec<u8>),
}

/// The entry of the user's menu that the tests' single images are made of.
pub const IMAGE_ENTRY: &str = "Hello and Ackermann, then power off";

/// What the user's image was written to.
#[derive(Clone, Copy)]
pub enum Disk {
    /// A disk at the machine's own controller.
    Fixed,
    /// A USB stick.
    UsbStick,
}

/// How the machine gets bootstrap and the modules.
#[derive(Clone)]
pub enum Boot {
    /// QEMU's own loader: `-kernel` with these arguments for bootstrap, and `-initrd`.
    Kernel {
        /// The file to start, normally `bootstrap`.
        image: &'static str,
        /// Its command line.
        arguments: String,
        /// Module lines: path and arguments.
        modules: Vec<String>,
    },
    /// A CD with this `grub.cfg` or, if it begins with anything but `#cfg`, this `menu.lst` behind the user's `grub.cfg`.
    Cd(String),
    /// The user's CD as `make iso` writes it; the entry with this title, or the default one.
    UserCd(Option<&'static str>),
    /// The same image, written to a disk or a stick.
    UserDisk(Disk, Option<&'static str>),
    /// The network, for a machine that asks for this file: the user's CD's tree from a TFTP server, and the entry with this title.
    Net(&'static str, &'static str),
}

/// One thing to see, in order.
#[derive(Clone)]
pub enum Step {
    /// This text on the serial line, after the last text found.
    Serial(String, Duration),
    /// All of these, in any order, after the last text found.
    SerialAll(Vec<String>, Duration),
    /// This text on the serial line so often so far.
    Times(String, usize),
    /// Nothing at all on the serial line so far from Furore.
    SerialSilent,
    /// This text in a file that QEMU writes, beside the modules.
    Written(&'static str, &'static str),
    /// This key is pressed, by QEMU's name for it, or keys together, joined by `-`.
    Press(&'static str),
    /// The memory at this address is filled with this byte, so many bytes of it.
    Memory { address: u64, size: u64, byte: u8 },
    /// This text is typed on the serial line.
    Type(String),
    /// This text in the rows of the screen, VGA text or graphics, each of which begins and ends with `\n`.
    Screen(String, Duration),
    /// This holds of a picture of the screen.
    Picture(&'static str, fn(&Picture) -> bool, Duration),
    /// A command of QEMU's monitor.
    Monitor(&'static str),
    /// The screen shows the end of what is on the serial line, character by character, on so many columns at least.
    ScreenIsLog(usize, Duration),
    /// Somebody wakes the machine up, which has suspended itself.
    Wake,
    /// The machine still runs after this time.
    StaysUp(Duration),
    /// The machine switches its power off, and not by a reset.
    PowerOff(Duration),
    /// The machine resets itself.
    Reset(Duration),
}

/// A machine and what must appear.
#[derive(Clone)]
pub struct Case {
    /// Said in results; words of it select cases.
    pub name: &'static str,
    /// QEMU's name.
    pub program: &'static str,
    /// How it boots.
    pub boot: Boot,
    /// Files beside the products: name and content.
    pub files: Vec<(&'static str, File)>,
    /// More arguments for QEMU.
    pub qemu: Vec<String>,
    /// Where in its memory the machine has its screen, if none of QEMU's devices has it.
    pub framebuffer: Option<Mode>,
    /// What must be seen.
    pub steps: Vec<Step>,
}

/// A machine that QEMU loads itself with the boot chain's modules, moe's line and `more` after ned; serial on.
pub fn kernel(name: &'static str, moe: &str, more: &[&str]) -> Case {
    let chain = ["kernel", "sigma0", moe, "l4re", "ned"];
    let modules: Vec<&str> = chain.iter().chain(more).copied().collect();
    modules_only(name, &modules)
}

/// A machine that QEMU loads itself with exactly these modules; serial on.
pub fn modules_only(name: &'static str, modules: &[&str]) -> Case {
    let modules = modules.iter().map(|&module| module.to_owned()).collect();
    case(name, Boot::Kernel { image: "bootstrap", arguments: "-serial".to_owned(), modules })
}

/// A machine that runs the Lua text `script` with the programs `programs` in rom/.
pub fn script(name: &'static str, script: &str, programs: &[&str]) -> Case {
    let more: Vec<&str> = ["test.lua"].iter().chain(programs).copied().collect();
    kernel(name, "moe rom/test.lua", &more).text("test.lua", script)
}

/// A case that boots in the given way, with nothing to see yet.
pub fn case(name: &'static str, boot: Boot) -> Case {
    Case {
        name,
        program: "qemu-system-x86_64",
        boot,
        files: Vec::new(),
        qemu: Vec::new(),
        framebuffer: None,
        steps: Vec::new(),
    }
}

impl Case {
    /// Whether a boot module of the machine is the file `name`.
    pub fn needs(&self, name: &str) -> bool {
        matches!(&self.boot, Boot::Kernel { modules, .. } if modules.iter().any(|module| module.split(' ').next() == Some(name)))
    }

    /// Another QEMU.
    pub fn program(mut self, program: &'static str) -> Self {
        self.program = program;
        self
    }

    /// More arguments for QEMU.
    pub fn qemu(mut self, arguments: &str) -> Self {
        self.qemu.extend(arguments.split_whitespace().map(str::to_owned));
        self
    }

    /// Another command line for bootstrap.
    pub fn options(mut self, options: &str) -> Self {
        if let Boot::Kernel { arguments, .. } = &mut self.boot {
            options.clone_into(arguments);
        }
        self
    }

    /// A screen somewhere in the machine's memory, with pixels of 32 bits.
    pub fn framebuffer(mut self, mode: Mode) -> Self {
        self.framebuffer = Some(mode);
        self
    }

    /// A file with this text.
    pub fn text(mut self, name: &'static str, text: &str) -> Self {
        self.files.push((name, File::Text(text.to_owned())));
        self
    }

    /// The single image of [`IMAGE_ENTRY`].
    pub fn image(mut self, name: &'static str, change: fn(Vec<u8>) -> Vec<u8>) -> Self {
        self.files.push((name, File::Image(change)));
        self
    }

    /// A file made from a product.
    pub fn changed(mut self, name: &'static str, product: &'static str, change: fn(Vec<u8>) -> Vec<u8>) -> Self {
        self.files.push((name, File::Changed { product, change }));
        self
    }

    fn step(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    /// These lines on the serial line, in this order.
    pub fn says(mut self, lines: &[&str]) -> Self {
        self.steps.extend(lines.iter().map(|&line| Step::Serial(line.to_owned(), PATIENCE)));
        self
    }

    /// This line on the serial line, within so many seconds.
    pub fn says_within(self, seconds: u64, line: &str) -> Self {
        self.step(Step::Serial(line.to_owned(), Duration::from_secs(seconds)))
    }

    /// These on the serial line, in any order.
    pub fn says_all(self, lines: &[&str]) -> Self {
        self.step(Step::SerialAll(lines.iter().map(|&line| line.to_owned()).collect(), PATIENCE))
    }

    /// This has not been on the serial line.
    pub fn never_says(self, line: &str) -> Self {
        self.said(line, 0)
    }

    /// This has been on the serial line exactly so often.
    pub fn said(self, line: &str, times: usize) -> Self {
        self.step(Step::Times(line.to_owned(), times))
    }

    /// This is typed on the serial line.
    pub fn types(self, text: &str) -> Self {
        self.step(Step::Type(text.to_owned()))
    }

    /// Somebody wakes the machine up, which has suspended itself.
    pub fn wakes(self) -> Self {
        self.step(Step::Wake)
    }

    /// The serial line has been silent.
    pub fn serial_silent(self) -> Self {
        self.step(Step::SerialSilent)
    }

    /// This is on the screen, where rows begin and end with `\n`.
    pub fn shows(self, line: &str) -> Self {
        self.step(Step::Screen(line.to_owned(), PATIENCE))
    }

    /// This, which has a name, holds of a picture of the screen.
    pub fn looks(self, what: &'static str, holds: fn(&Picture) -> bool) -> Self {
        self.step(Step::Picture(what, holds, PATIENCE))
    }

    /// A command of QEMU's monitor is carried out.
    pub fn monitor(self, command: &'static str) -> Self {
        self.step(Step::Monitor(command))
    }

    /// The screen, which has at least so many columns, shows the end of the log.
    pub fn shows_log(self, columns: usize) -> Self {
        self.step(Step::ScreenIsLog(columns, PATIENCE))
    }

    /// This is in a file that QEMU writes.
    pub fn written(self, file: &'static str, line: &'static str) -> Self {
        self.step(Step::Written(file, line))
    }

    /// This key is pressed.
    pub fn presses(self, key: &'static str) -> Self {
        self.step(Step::Press(key))
    }

    /// This is typed on the keyboard.
    pub fn keys(self, text: &str) -> Self {
        text.chars().fold(self, |case, character| case.presses(key(character)))
    }

    /// This much memory holds nothing but this byte.
    pub fn memory_holds(self, address: u64, size: u64, byte: u8) -> Self {
        self.step(Step::Memory { address, size, byte })
    }

    /// Still runs after some seconds.
    pub fn stays_up(self, seconds: u64) -> Self {
        self.step(Step::StaysUp(Duration::from_secs(seconds)))
    }

    /// Resets itself.
    pub fn resets(self) -> Self {
        self.step(Step::Reset(PATIENCE))
    }

    /// Switches its power off.
    pub fn powers_off(self) -> Self {
        self.step(Step::PowerOff(PATIENCE))
    }
}

/// The key of a US keyboard, by QEMU's name for it, that types this character.
fn key(character: char) -> &'static str {
    const LETTERS: &str = "a b c d e f g h i j k l m n o p q r s t u v w x y z";
    const DIGITS: &str = "0 1 2 3 4 5 6 7 8 9";
    match character {
        'a'..='z' => &LETTERS[2 * (character as usize - 'a' as usize)..][..1],
        '0'..='9' => &DIGITS[2 * (character as usize - '0' as usize)..][..1],
        ' ' => "spc",
        '\r' => "ret",
        '.' => "dot",
        ',' => "comma",
        '"' => "shift-apostrophe",
        '(' => "shift-9",
        ')' => "shift-0",
        '*' => "shift-8",
        _ => panic!("no key is known for {character:?}: add it here"),
    }
}
