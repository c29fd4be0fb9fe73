//! The parent service: takes in programs' signals on a thread of its own, so that a program that ends is
//! gone at once, whatever the script does. A script may be calling that very program; with the task its
//! gates die, and the script gets an error where it would wait for ever.
//!
//! Each program calls a gate of its own, whose label is its number. Invariant: while a program can
//! signal, its objects are in the table; whoever takes them out, service or script, deletes them.

use alloc::{collections::BTreeMap, string::String, sync::Arc, vec::Vec};
use syscall::{
    Cap, Code, Gate, Owned, Result, Rm, Task, Thread,
    abi::{
        Tag,
        gate::LABEL_RIGHTS_MASK,
        l4re::{Opcode, PROTO_PARENT, parent},
    },
    arch::utcb,
    env,
    ipc::{self, Timeouts},
    message::Reader,
    println,
    sync::{Mutex, channel::Sender},
    thread,
};

/// The objects of a program that runs.
pub struct Objects {
    /// What it was started by.
    pub name: String,
    /// Its silence was reported.
    pub silence_told: bool,
    /// Its task.
    pub task: Owned<Task>,
    /// Its first thread.
    pub thread: Owned<Thread>,
    /// Its region map, as seen from outside.
    pub region_map: Owned<Rm>,
    /// The gate by which it calls ned.
    pub parent: Owned<Gate>,
}

impl Objects {
    /// Deletes all objects. What is gone already, or cannot be deleted, is no matter: the slots are
    /// given back, and nothing refers to the program any more.
    pub fn delete(self) {
        let _ = self.task.delete();
        let _ = self.thread.delete();
        let _ = self.region_map.delete();
        let _ = self.parent.delete();
    }
}

/// What ned's main thread waits for.
#[derive(Debug)]
pub enum Event {
    /// A program has ended.
    Ended(Ended),
    /// Bytes were typed, while the prompt reads the console.
    Typed(Vec<u8>),
}

/// The end of a program.
#[derive(Clone, Copy, Debug)]
pub struct Ended {
    /// Label of its gate.
    pub label: u64,
    /// Its exit code.
    pub code: i64,
}

/// Priority of the service: above all programs, so that none of a program's threads goes on after its end.
pub const PRIORITY: u64 = syscall::object::scheduler::MAX_PRIO - 1;

type Table = Arc<Mutex<BTreeMap<u64, Objects>>>;

/// The service, as the thread of the script sees it.
pub struct Parent {
    table: Table,
    thread: Cap<Thread>,
}

impl Parent {
    /// Starts the service, which sends the ends of programs to `events`.
    ///
    /// # Errors
    /// Those of starting a thread.
    pub fn start(events: Sender<Event>) -> Result<Parent> {
        let table = Table::default();
        let shared = table.clone();
        let service =
            thread::Builder::new().name("parent").priority(PRIORITY).spawn(move || serve(&shared, &events))?;
        Ok(Parent { table, thread: service.thread().cap() })
    }

    /// A gate for a program; its messages carry `label`, whose two lowest bits are 0.
    ///
    /// # Errors
    /// Those of the factory.
    pub fn create_gate(&self, label: u64) -> Result<Owned<Gate>> {
        env::factory().create_gate(Some(self.thread), label)
    }

    /// Enters a program that is about to start.
    pub fn enter(&self, label: u64, objects: Objects) {
        self.table.lock().insert(label, objects);
    }

    /// Takes out a program. Returns whether it was there, and now is gone.
    pub fn end(&self, label: u64) -> bool {
        let objects = self.table.lock().remove(&label);
        objects.map(Objects::delete).is_some()
    }
}

/// Serves for ever.
fn serve(table: &Table, events: &Sender<Event>) {
    loop {
        // A message that could not be received is its sender's mistake, and the sender knows.
        let _ = take(table, events);
    }
}

/// Receives a signal and acts on it.
fn take(table: &Table, events: &Sender<Event>) -> Result {
    let (tag, label) = ipc::wait(Timeouts::NEVER)?;
    let label = label & !LABEL_RIGHTS_MASK;
    let answer = match understand(tag) {
        Ok((parent::SIGNAL_EXIT, code)) => {
            let objects = table.lock().remove(&label);
            if let Some(objects) = objects {
                objects.delete();
                // The caller is gone: there is nobody to answer. The script's thread lives as long as ned.
                let _ = events.send(Event::Ended(Ended { label, code: code as i64 }));
                return Ok(());
            }
            syscall::Error::from(Code::NoEnt).to_label()
        }
        Ok((parent::SIGNAL_SILENT, seconds)) => {
            if let Some(objects) = table.lock().get_mut(&label)
                && !core::mem::replace(&mut objects.silence_told, true)
            {
                let name = &objects.name;
                println!(
                    "ned: still waiting for '{name}': {seconds} s after its start it has done nothing but compute"
                );
                println!("  It has not left the page that its first instruction is on. Is that the right file?");
            }
            0
        }
        Ok(_) => 0, // no other signal means anything to ned
        Err(error) => error.to_label(),
    };
    // A caller that does not wait for its answer any more does without.
    let _ = ipc::reply(Tag::new(answer, 0, 0, 0));
    Ok(())
}

/// Reads the message in the UTCB: a signal and its value.
fn understand(tag: Tag) -> Result<(u64, u64)> {
    if tag.label() != PROTO_PARENT {
        return Err(Code::BadProto.into());
    }
    let mut request = Reader::new(utcb(), tag);
    if request.get::<Opcode>()? != parent::OP_SIGNAL {
        return Err(Code::NoSys.into());
    }
    Ok((request.get()?, request.get()?))
}
