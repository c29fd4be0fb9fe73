//! What is typed on the console while the prompt runs: a thread of its own reads it, so that Ctrl-C is heard
//! whatever the script does. Neighbours: the kernel's console, which tells of input by an interrupt;
//! [`children`](crate::children), where the bytes come out.

use crate::parent::{Event, PRIORITY};
use core::sync::atomic::{AtomicBool, Ordering::Relaxed};
use lua::Error;
use syscall::{
    Icu, Result,
    abi::vcon::{ECHO, ICANON, READ_SIZE},
    env,
    ipc::Timeouts,
    sync::channel::Sender,
    thread,
};

/// The console's only line.
const LINE: u64 = 0;
const CTRL_C: u8 = 3;

/// Whether Ctrl-C was typed since what runs began.
static INTERRUPTED: AtomicBool = AtomicBool::new(false);

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

/// Lets what is typed come as it is, one [`Event::Typed`] after the other.
///
/// # Errors
/// Those of the console and of starting a thread.
pub fn open(events: Sender<Event>) -> Result {
    let [input, output, local] = env::log().attributes()?;
    env::log().set_attributes([input, output, local & !(ECHO | ICANON)])?;
    let irq = env::factory().create_irq()?.leak();
    let reader = move || -> Result {
        irq.bind_thread(thread::current().cap(), 0)?;
        env::log().cast::<Icu>().bind(LINE, irq)?;
        loop {
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
    };
    let report = move || {
        if let Err(error) = reader() {
            syscall::println!("ned: the prompt cannot read the console any more: {error}");
        }
    };
    thread::Builder::new().name("terminal").priority(PRIORITY).spawn(report).map(drop)
}
