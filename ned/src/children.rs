//! The programs that ned has started, as scripts see them: what became of each, and who wants to know.
//!
//! Invariant: a program that runs, as far as this thread has heard, is in the table. Events come from the
//! [`parent`](crate::parent) service and from the [`terminal`](crate::terminal), and are taken in when ned
//! waits or asks: this is the one place where ned waits.

use crate::parent::{Event, Parent};
use crate::shares::Shares;
use crate::terminal;
use alloc::{
    collections::{BTreeMap, VecDeque},
    rc::Rc,
    string::String,
    vec::Vec,
};
use core::cell::{Cell, RefCell};
use lua::{Function, Value};
use syscall::{
    Gate, Owned, Result,
    sync::channel::{Receiver, Sender, channel},
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
    events: Receiver<Event>,
    sender: Sender<Event>,
    /// What was typed and not read yet.
    typed: RefCell<VecDeque<u8>>,
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
        let (sender, events) = channel();
        let parent = Parent::start(sender.clone())?;
        let (typed, running, last_label, due) = Default::default();
        Ok(Children { parent, shares: Shares::new()?, events, sender, typed, running, last_label, due })
    }

    /// Where others send events to.
    pub fn sender(&self) -> Sender<Event> {
        self.sender.clone()
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

    fn take_in(&self, event: Event) {
        match event {
            Event::Ended(ended) => self.note(ended.label, State::Exited(ended.code)),
            Event::Typed(bytes) => self.typed.borrow_mut().extend(bytes),
        }
    }

    /// The next byte that was typed.
    pub fn typed(&self) -> Option<u8> {
        self.typed.borrow_mut().pop_front()
    }

    /// Forgets what was typed and not read yet.
    pub fn forget_typed(&self) {
        self.poll();
        self.typed.borrow_mut().clear();
    }

    /// The programs that run, by their numbers.
    pub fn running(&self) -> Vec<(u64, Rc<Child>)> {
        self.running.borrow().iter().map(|(label, child)| (label / LABEL_STEP, child.clone())).collect()
    }

    /// Ends a program that runs. One that ends by itself at this moment has its own exit code.
    pub fn kill(&self, child: &Child) {
        if child.state() == State::Running && self.parent.end(child.label) {
            self.note(child.label, State::Killed);
        }
        while child.state() == State::Running {
            self.wait_for_any();
        }
    }

    /// Waits for the end of a program. Others may end meanwhile.
    ///
    /// # Errors
    /// Who sits at the prompt interrupted it.
    pub fn wait(&self, child: &Child) -> Result<(), lua::Error> {
        while child.state() == State::Running {
            self.wait_for_any();
            terminal::check()?;
        }
        Ok(())
    }

    /// Waits until something happens.
    pub fn wait_for_any(&self) {
        if let Ok(event) = self.events.recv() {
            self.take_in(event);
        }
    }

    /// Takes in what is known at this moment.
    pub fn poll(&self) {
        while let Ok(event) = self.events.try_recv() {
            self.take_in(event);
        }
    }

    /// Waits for a time, and takes in what happens meanwhile.
    ///
    /// # Errors
    /// Who sits at the prompt interrupted it.
    pub fn sleep(&self, duration: Duration) -> Result<(), lua::Error> {
        let start = Instant::now();
        while let Some(left) = duration.checked_sub(start.elapsed()).filter(|left| !left.is_zero()) {
            if let Ok(event) = self.events.recv_timeout(left) {
                self.take_in(event);
            }
            terminal::check()?;
        }
        Ok(())
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
