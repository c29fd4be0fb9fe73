//! The programs that ned has started, as scripts see them: what became of each, and who wants to know.
//!
//! Invariant: a program that runs, as far as this thread has heard, is in the table. News come from the
//! [`parent`](crate::parent) service and are taken in when ned waits or asks.

use crate::parent::{Ended, Parent};
use crate::shares::Shares;
use alloc::{
    collections::{BTreeMap, VecDeque},
    rc::Rc,
    string::String,
};
use core::cell::{Cell, RefCell};
use lua::{Function, Value};
use syscall::{
    Gate, Owned, Result,
    sync::channel::Receiver,
    time::{Duration, Instant},
};

pub use crate::parent::Objects;

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

/// A program that was started.
pub struct Child {
    label: u64,
    name: String,
    state: Cell<State>,
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

    /// Registers a function for its end. Returns whether there was none before; a second one is refused.
    pub fn set_exit_handler(&self, handler: Function) -> bool {
        let mut registered = self.exit_handler.borrow_mut();
        let free = registered.is_none();
        if free {
            *registered = Some(handler);
        }
        free
    }
}

/// Labels have their two lowest bits 0.
const LABEL_STEP: u64 = 4;

/// The table of programs.
pub struct Children {
    parent: Parent,
    shares: Shares,
    news: Receiver<Ended>,
    running: RefCell<BTreeMap<u64, Rc<Child>>>,
    last_label: Cell<u64>,
    /// Exit handlers of programs that have ended, with the exit codes to call them with.
    due: RefCell<VecDeque<(Function, Value)>>,
}

impl Children {
    /// An empty table, and the service behind it.
    ///
    /// # Errors
    /// Those of starting a thread, and of making the programs' factory.
    pub fn new() -> Result<Children> {
        let (parent, news) = Parent::start()?;
        let (running, last_label, due) = Default::default();
        Ok(Children { parent, shares: Shares::new()?, news, running, last_label, due })
    }

    /// A gate for the next program, and the label by which its messages are known.
    ///
    /// # Errors
    /// Those of the factory.
    pub fn create_parent_gate(&self) -> Result<(Owned<Gate>, u64)> {
        let label = self.last_label.get() + LABEL_STEP;
        self.last_label.set(label);
        Ok((self.parent.create_gate(label)?, label))
    }

    /// Enters a program and lets it start. Where starting fails, its objects are deleted.
    ///
    /// # Errors
    /// Those of `start`.
    pub fn add<E>(
        &self,
        label: u64,
        name: &str,
        objects: Objects,
        start: impl FnOnce() -> Result<(), E>,
    ) -> Result<Rc<Child>, E> {
        self.parent.enter(label, objects);
        if let Err(error) = start() {
            self.parent.end(label);
            return Err(error);
        }
        let (state, exit_handler) = (Cell::new(State::Running), RefCell::new(None));
        let child = Rc::new(Child { label, name: name.into(), state, exit_handler });
        self.running.borrow_mut().insert(label, child.clone());
        Ok(child)
    }

    /// What of the system's memory is for programs.
    pub fn shares(&self) -> &Shares {
        &self.shares
    }

    /// Whether any program runs.
    pub fn any_running(&self) -> bool {
        !self.running.borrow().is_empty()
    }

    /// Notes the end of a program.
    fn note(&self, label: u64, state: State) {
        let child = self.running.borrow_mut().remove(&label);
        let Some(child) = child else { return };
        child.state.set(state);
        if let Some(handler) = child.exit_handler.take() {
            self.due.borrow_mut().push_back((handler, child.exit_code()));
        }
    }

    fn note_news(&self, ended: Ended) {
        self.note(ended.label, State::Exited(ended.code));
    }

    /// Ends a program that runs. One that ends by itself at this moment has its own exit code.
    pub fn kill(&self, child: &Child) {
        if child.state() == State::Running && self.parent.end(child.label) {
            self.note(child.label, State::Killed);
        } else {
            self.wait(child);
        }
    }

    /// Waits for the end of a program. Others may end meanwhile.
    pub fn wait(&self, child: &Child) {
        while child.state() == State::Running {
            self.wait_for_any();
        }
    }

    /// Waits for the end of some program.
    pub fn wait_for_any(&self) {
        if let Ok(ended) = self.news.recv() {
            self.note_news(ended);
        }
    }

    /// Takes in what is known at this moment.
    pub fn poll(&self) {
        while let Ok(ended) = self.news.try_recv() {
            self.note_news(ended);
        }
    }

    /// Waits for a time, and takes in what happens meanwhile.
    pub fn sleep(&self, duration: Duration) {
        let start = Instant::now();
        while let Some(left) = duration.checked_sub(start.elapsed()).filter(|left| !left.is_zero()) {
            if let Ok(ended) = self.news.recv_timeout(left) {
                self.note_news(ended);
            }
        }
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
