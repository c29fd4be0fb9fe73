//! The programs that ned has started, and the end of each: ned is the parent to whom they report it.
//!
//! Each program calls a gate of its own, whose label is its number here. Invariant: a program that runs is
//! in the table, with its task, thread, region map and gate; when it ends, all four are deleted, and its
//! exit code stays with whoever holds the [`Child`].
//!
//! Signals are taken in only while ned waits ([`Children::wait`], [`Children::sleep`], the server loop)
//! or asks ([`Children::poll`]). Until then the program that sends one waits in its call.

use alloc::{
    collections::{BTreeMap, VecDeque},
    rc::Rc,
    string::String,
};
use core::cell::{Cell, RefCell};
use lua::{Function, Value};
use syscall::{
    Code, Gate, Owned, Result, Rm, Task, Thread,
    abi::{
        CapIndex, Tag, Timeout,
        l4re::{Opcode, PROTO_PARENT, parent},
    },
    arch::utcb,
    env,
    ipc::{self, Timeouts},
    message::Reader,
};

/// What became of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It runs.
    Running,
    /// It has ended by itself, or crashed, with this code.
    Exited(i64),
    /// A script has ended it.
    Killed,
}

/// The objects of a program that runs.
pub struct Objects {
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

/// A program that was started.
pub struct Child {
    label: u64,
    name: String,
    state: Cell<State>,
    objects: RefCell<Option<Objects>>,
    exit_handler: RefCell<Option<Function>>,
}

impl Child {
    /// The path it was started by.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What became of it, as far as ned has heard.
    pub fn state(&self) -> State {
        self.state.get()
    }

    /// The exit code, for Lua: nil while the program runs, and when it was killed.
    pub fn exit_code(&self) -> Value {
        match self.state() {
            State::Exited(code) => Value::Integer(code),
            State::Running | State::Killed => Value::Nil,
        }
    }

    /// Registers a function for its end. Returns whether there was none before.
    pub fn set_exit_handler(&self, handler: Function) -> bool {
        self.exit_handler.replace(Some(handler)).is_none()
    }
}

/// Labels have their two lowest bits 0.
const LABEL_STEP: u64 = 4;

/// The table of programs.
#[derive(Default)]
pub struct Children {
    running: RefCell<BTreeMap<u64, Rc<Child>>>,
    last_label: Cell<u64>,
    /// Exit handlers of programs that have ended, with the exit codes to call them with.
    due: RefCell<VecDeque<(Function, Value)>>,
}

impl Children {
    /// A gate for the next program, and the label by which its messages are known.
    ///
    /// # Errors
    /// Those of the factory.
    pub fn create_parent_gate(&self) -> Result<(Owned<Gate>, u64)> {
        let label = self.last_label.get() + LABEL_STEP;
        self.last_label.set(label);
        Ok((env::factory().create_gate(Some(env::main_thread()), label)?, label))
    }

    /// Enters a program that was started.
    pub fn add(&self, label: u64, name: &str, objects: Objects) -> Rc<Child> {
        let child = Rc::new(Child {
            label,
            name: name.into(),
            state: Cell::new(State::Running),
            objects: RefCell::new(Some(objects)),
            exit_handler: RefCell::new(None),
        });
        self.running.borrow_mut().insert(label, child.clone());
        child
    }

    /// Whether any program runs.
    pub fn any_running(&self) -> bool {
        !self.running.borrow().is_empty()
    }

    /// Ends a program's life in the table.
    fn end(&self, child: Rc<Child>, state: State) {
        child.state.set(state);
        self.running.borrow_mut().remove(&child.label);
        if let Some(objects) = child.objects.take() {
            objects.delete();
        }
        if let Some(handler) = child.exit_handler.take() {
            self.due.borrow_mut().push_back((handler, child.exit_code()));
        }
    }

    /// Ends a program that runs.
    pub fn kill(&self, child: &Rc<Child>) {
        if child.state() == State::Running {
            self.end(child.clone(), State::Killed);
        }
    }

    /// Waits for the end of a program. Others may end meanwhile.
    ///
    /// # Errors
    /// Those of the IPC.
    pub fn wait(&self, child: &Child) -> Result {
        while child.state() == State::Running {
            self.take(Timeouts::NEVER)?;
        }
        Ok(())
    }

    /// Takes in what programs have to say at this moment.
    pub fn poll(&self) {
        while self.take(Timeouts::ZERO).is_ok() {}
    }

    /// Waits for a time.
    pub fn sleep(&self, microseconds: u64) {
        let receive = Timeout::from_microseconds(microseconds.min(Timeout::MAX_MICROSECONDS));
        // The timeout is how sleeping ends: nobody sends to the invalid capability.
        let _ = ipc::receive(CapIndex::INVALID, Timeouts { send: Timeout::NEVER, receive });
        self.poll();
    }

    /// Waits for one message and takes it in.
    ///
    /// # Errors
    /// Those of the IPC, a timeout among them.
    pub fn take(&self, timeouts: Timeouts) -> Result {
        let (tag, label) = ipc::wait(timeouts)?;
        let answer = match self.understand(tag) {
            Err(error) => error.to_label(),
            Ok((parent::SIGNAL_EXIT, code)) => {
                // The two lowest bits tell the rights of the caller's capability.
                let child = self.running.borrow().get(&(label & !(LABEL_STEP - 1))).cloned();
                if let Some(child) = child {
                    self.end(child, State::Exited(code as i64));
                    return Ok(()); // the caller is gone: there is nobody to answer
                }
                syscall::Error::from(Code::NoEnt).to_label()
            }
            Ok(_) => 0, // no other signal means anything to ned
        };
        // A caller that does not wait for its answer any more does without.
        let _ = ipc::reply(Tag::new(answer, 0, 0, 0));
        Ok(())
    }

    /// Reads the message in the UTCB: a signal and its value.
    fn understand(&self, tag: Tag) -> Result<(u64, u64)> {
        if tag.label() != PROTO_PARENT {
            return Err(Code::BadProto.into());
        }
        let mut request = Reader::new(utcb(), tag);
        if request.get::<Opcode>()? != parent::OP_SIGNAL {
            return Err(Code::NoSys.into());
        }
        Ok((request.get()?, request.get()?))
    }

    /// Calls the exit handlers that are due; `report` hears what goes wrong in them.
    pub fn call_exit_handlers(&self, report: impl Fn(&lua::Error)) {
        loop {
            let due = self.due.borrow_mut().pop_front();
            let Some((handler, code)) = due else { return };
            if let Err(error) = handler.call(&[code]) {
                report(&error);
            }
        }
    }
}
