//! What is typed on the console while the prompt runs: a thread of its own reads it, so that Ctrl-C is heard
//! whatever the script does. Neighbours: the kernel's console, which tells of input by an interrupt;
//! [`children`](crate::children), where the bytes come out; moe, which keeps what programs say off the line.

use crate::parent::{Event, PRIORITY};
use core::sync::atomic::{AtomicBool, Ordering::Relaxed};
use lua::Error;
use syscall::{
    Cap, Icu, Irq, Log, Owned, Result,
    abi::vcon::{ECHO, ICANON, READ_SIZE},
    env, io,
    ipc::Timeouts,
    message::Argument,
    sync::channel::Sender,
    thread::{self, JoinHandle},
};

/// The console's only line.
const LINE: u64 = 0;
const CTRL_C: u8 = 3;

/// Whether Ctrl-C was typed since what runs began.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);
/// Whether the reader is to end.
static ENDED: AtomicBool = AtomicBool::new(false);

/// Whether what runs is to be interrupted.
pub fn interrupted() -> bool {
    INTERRUPTED.load(Relaxed)
}

/// Begins something that can be interrupted.
pub fn begin() {
    INTERRUPTED.store(false, Relaxed);
}

/// For work that waits.
///
/// # Errors
/// It is to be interrupted.
pub fn check() -> core::result::Result<(), Error> {
    if interrupted() { Err(Error::new("interrupted")) } else { Ok(()) }
}

/// The console while the prompt has it. Dropping it gives the console back as it was; what was typed meanwhile and
/// read by nobody is gone.
pub struct Terminal {
    /// Input, output and local flags from before.
    attributes: [u64; 3],
    /// Triggered by input; and by the end, of which [`ENDED`] tells.
    irq: Owned<Irq>,
    reader: Option<JoinHandle<()>>,
    /// Logs of moe's without tags, which sees to it that lines of programs go above the one that is being typed:
    /// that one, and all else that ned says.
    row: Owned<Log>,
    lines: Owned<Log>,
}

/// Lets what is typed come as it is, one [`Event::Typed`] after the other.
///
/// # Errors
/// Those of the console, of moe's factory, and of starting a thread.
pub fn open(events: Sender<Event>) -> Result<Terminal> {
    let attributes = env::log().attributes()?;
    let log = || env::mem_alloc().as_factory().create(&[Argument::Str(b"")]);
    let irq = env::factory().create_irq()?;
    let mut terminal = Terminal { attributes, irq, reader: None, row: log()?, lines: log()? };
    io::set_log(terminal.lines.cap());
    let [input, output, local] = attributes;
    env::log().set_attributes([input, output, local & !(ECHO | ICANON)])?;
    ENDED.store(false, Relaxed);
    let irq = terminal.irq.cap();
    let report = move || {
        if let Err(error) = read(irq, &events) {
            syscall::println!("ned: the prompt cannot read the console any more: {error}");
        }
    };
    terminal.reader = Some(thread::Builder::new().name("terminal").priority(PRIORITY).spawn(report)?);
    Ok(terminal)
}

impl Terminal {
    /// Writes to the row that is being typed, at once.
    pub fn write(&self, text: &str) {
        // There is no other place to report that the console does not work.
        let _ = self.row.write(text.as_bytes());
    }
}

/// Reads the console until the terminal ends.
fn read(irq: Cap<Irq>, events: &Sender<Event>) -> Result {
    irq.bind_thread(thread::current().cap(), 0)?;
    env::log().cast::<Icu>().bind(LINE, irq)?;
    while !ENDED.load(Relaxed) {
        let mut bytes = [0; READ_SIZE];
        let (count, more) = env::log().read(&mut bytes)?;
        if bytes[..count].contains(&CTRL_C) {
            INTERRUPTED.store(true, Relaxed);
        }
        if count > 0 && events.send(Event::Typed(bytes[..count].into())).is_err() {
            return Ok(()); // nobody reads any more
        }
        if !more {
            irq.receive(Timeouts::NEVER)?;
        }
    }
    Ok(())
}

impl Drop for Terminal {
    fn drop(&mut self) {
        ENDED.store(true, Relaxed);
        // What fails here has failed to begin, and was reported then.
        let _ = self.irq.trigger();
        if let Some(reader) = self.reader.take() {
            reader.join();
        }
        let _ = env::log().cast::<Icu>().unbind(LINE, self.irq.cap());
        let _ = env::log().set_attributes(self.attributes);
        io::set_log(env::log());
        begin();
    }
}
