//! Started programs as Lua values: `name`, `state`, `exit_code`, `wait`, `kill`, `exit_handler`.
//!
//! L4Re's ned forgets a program once its end was waited for; here code and state stay readable.

use crate::children::{Child, Children, State};
use alloc::{format, rc::Rc, string::String};
use lua::{Arguments, Class, Error, Lua, Value};

/// What messages call a started program.
const NAME: &str = "task";

/// The task that is argument 0.
fn task(arguments: &Arguments) -> Result<Rc<Child>, Error> {
    arguments.user_data(0, NAME)
}

/// The class of tasks. Its values are of type `Child`.
pub fn class(lua: Lua, children: &Rc<Children>) -> Class {
    let (waiting, killing, asking, coding, handling) =
        (children.clone(), children.clone(), children.clone(), children.clone(), children.clone());
    Class::new(lua, NAME)
        .method("wait", move |_, arguments| {
            let child = task(arguments)?;
            waiting.wait(&child)?;
            Ok(child.exit_code())
        })
        .method("kill", move |_, arguments| {
            let child = task(arguments)?;
            killing.poll();
            killing.kill(&child);
            Ok(match child.state() {
                State::Exited(code) => Value::Integer(code),
                State::Running | State::Killed => "killed".into(),
            })
        })
        .method("name", |_, arguments| Ok(String::from(task(arguments)?.name())))
        .method("state", move |_, arguments| {
            let child = task(arguments)?;
            asking.poll();
            Ok(match child.state() {
                State::Running => "running",
                State::Exited(_) | State::Killed => "zombie",
            })
        })
        .method("exit_code", move |_, arguments| {
            let child = task(arguments)?;
            coding.poll();
            Ok(child.exit_code())
        })
        .method("exit_handler", move |_, arguments| {
            let (child, handler) = (task(arguments)?, arguments.function(1)?);
            handling.poll();
            if child.state() != State::Running {
                handler.call(&[child.exit_code()])?;
                return Ok(false);
            }
            if child.set_exit_handler(handler) {
                Ok(true)
            } else {
                Err(Error::new("this task has an exit handler already"))
            }
        })
        .metamethod("__tostring", |_, arguments| {
            let child = task(arguments)?;
            Ok(format!("task: {} ({:?})", child.name(), child.state()))
        })
        .metamethod("__eq", |_, arguments| {
            let other: Rc<Child> = arguments.user_data(1, NAME)?;
            Ok(Rc::ptr_eq(&task(arguments)?, &other))
        })
}
