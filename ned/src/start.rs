//! `native.start`: from the table that the prelude makes of a script's wishes to a running program.

use crate::{
    capability::{Capability, failed},
    children::{Child, Children, Objects},
};
use alloc::{format, rc::Rc, string::String, vec::Vec};
use loader::{BaseCaps, Grant, NamedCap, Program, Remote, Slots};
use lua::{Class, Error, Function, Lua, Table, UserData, Value};
use syscall::{Cap, Code, Factory, Owned, Rm, abi::l4re::env::EnvCap, cap::Anything, env, l4re::namespace::Namespace};

/// Priority of a program's first thread until the service code raises it to its own.
const FIRST_PRIORITY: u8 = 2;

/// The Lua function that starts a program, and returns it as a value of `class`.
pub fn function(lua: Lua, children: &Rc<Children>, class: Class) -> Function {
    let children = children.clone();
    lua.create_function(move |_, arguments| -> Result<UserData, Error> {
        children.poll();
        let wishes = Wishes::read(&arguments.table(0)?)?;
        wishes.check_program()?;
        Ok(class.create_shared(wishes.start(&children)?))
    })
}

/// What a program is to be started with; everything a value of its own, so that nothing that Lua collects
/// meanwhile is missing.
struct Wishes {
    /// The program, then its arguments.
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    caps: Vec<(String, Rc<Capability>)>,
    log: Option<Rc<Capability>>,
    mem: Rc<Capability>,
    factory: Rc<Capability>,
    scheduler: Rc<Capability>,
    rm_fab: Rc<Capability>,
    dbg_events: Option<Rc<Capability>>,
    service: String,
    loader_flags: u64,
    debug_level: u64,
    load_base: u64,
}

/// A capability of the table; none for nil.
fn optional(table: &Table, field: &str) -> Result<Option<Rc<Capability>>, Error> {
    let value = table.get(field);
    if value.is_nil() {
        return Ok(None);
    }
    value.as_user_data().map(Some).ok_or_else(|| {
        Error::new(format!("'{field}' of a program is a capability, this is a {} value", value.type_name()))
    })
}

/// A capability that a program cannot do without.
fn required(table: &Table, field: &str) -> Result<Rc<Capability>, Error> {
    optional(table, field)?.ok_or_else(|| Error::new(format!("a program wants a capability as '{field}'")))
}

/// An argument or a variable as text.
fn text(value: &Value, what: &str) -> Result<String, Error> {
    match value {
        Value::String(bytes) => Ok(String::from_utf8_lossy(bytes).into_owned()),
        Value::Integer(number) => Ok(format!("{number}")),
        Value::Number(number) => Ok(format!("{number}")),
        other => Err(Error::new(format!("{what} of a program is a string, this is a {} value", other.type_name()))),
    }
}

/// A whole number, or what to take where there is none.
fn number(table: &Table, field: &str, default: u64) -> u64 {
    table.get(field).as_integer().map_or(default, |number| number as u64)
}

impl Wishes {
    fn read(table: &Table) -> Result<Wishes, Error> {
        let field =
            |name: &str| table.get(name).as_table().cloned().ok_or_else(|| Error::new(format!("no table '{name}'")));
        let arguments = field("arguments")?;
        let arguments = (1..=arguments.length() as i64)
            .map(|index| text(&arguments.get_index(index), "an argument"))
            .collect::<Result<Vec<_>, _>>()?;
        let environment = field("environment")?
            .pairs()
            .iter()
            .map(|(name, value)| Ok((text(name, "a variable's name")?, text(value, "a variable's value")?)))
            .collect::<Result<Vec<_>, Error>>()?;
        let mut caps = field("caps")?
            .pairs()
            .iter()
            .map(|(name, value)| {
                let name = text(name, "a capability's name")?;
                if name.len() > EnvCap::NAME_MAX {
                    let longest = EnvCap::NAME_MAX;
                    return Err(Error::new(format!("the capability name '{name}' is longer than {longest} bytes")));
                }
                let capability = value.as_user_data().ok_or_else(|| {
                    Error::new(format!("caps.{name} is a capability, this is a {} value", value.type_name()))
                })?;
                Ok((name, capability))
            })
            .collect::<Result<Vec<_>, Error>>()?;
        caps.sort_by(|a, b| a.0.cmp(&b.0)); // a table has no order, the program's slots shall have one
        Ok(Wishes {
            arguments,
            environment,
            caps,
            log: optional(table, "log")?,
            mem: required(table, "mem")?,
            factory: required(table, "factory")?,
            scheduler: required(table, "scheduler")?,
            rm_fab: required(table, "rm_fab")?,
            dbg_events: optional(table, "dbg_events")?,
            service: text(&table.get("service"), "the service code")?,
            loader_flags: number(table, "ldr_flags", 0),
            debug_level: number(table, "l4re_dbg", 0),
            load_base: number(table, "load_base", u64::MAX),
        })
    }

    /// The program's path.
    fn program(&self) -> Result<&str, Error> {
        self.arguments
            .first()
            .map(String::as_str)
            .ok_or_else(|| Error::new("start wants the path of a program, such as \"rom/hello\""))
    }

    /// Sees to it that the program will be found, in the name space where the service code will look for
    /// it. What only the service can find out is left to it.
    fn check_program(&self) -> Result<(), Error> {
        let program = self.program()?;
        let Some((directory, file)) = program.split_once('/') else {
            return Err(Error::new(format!(
                "cannot start '{program}': a program is named by its path; is it 'rom/{program}'?"
            )));
        };
        let Some((_, namespace)) = self.caps.iter().find(|(name, _)| name == directory) else {
            return Err(Error::new(format!("cannot start '{program}': the program gets no capability '{directory}'")));
        };
        let namespace: Cap<Namespace> = namespace.cap().cast();
        match namespace.query::<Anything>(file) {
            Err(error) if error.is(Code::NoEnt) => {
                let advice = match (directory, file.strip_suffix(".gz")) {
                    ("rom", Some(name)) => format!("; a compressed module is unpacked: it is 'rom/{name}'"),
                    ("rom", None) => format!("; add the line  module /{file}  to the entry of menu.lst"),
                    _ => String::new(),
                };
                let message = format!("cannot start '{program}': there is no such file{advice}");
                Err(Error::with_code(message, error.to_label()))
            }
            _ => Ok(()),
        }
    }

    /// Starts the program.
    fn start(&self, children: &Children) -> Result<Rc<Child>, Error> {
        let name = self.program()?;
        let making = |error| failed(&format!("cannot start '{name}'"), error);
        let factory: Cap<Factory> = self.rm_fab.cap().cast();
        let region_map = factory.create::<Rm>(&[]).map_err(making)?;
        let (parent, label) = children.create_parent_gate().map_err(making)?;
        let objects = Objects {
            name: name.into(),
            silence_told: false,
            task: Owned::empty().map_err(making)?,
            thread: Owned::empty().map_err(making)?,
            region_map,
            parent,
        };
        let (factory, _own_factory) = children.shares().kernel_objects(self.factory.grant()).map_err(making)?;
        let kip = loader::own_kip();
        // The service code's memory is ned's: a program that has used up its own is still served.
        let mut model = Remote::new(env::mem_alloc(), objects.region_map.cap(), kip);
        let arguments: Vec<&str> = self.arguments.iter().map(String::as_str).collect();
        let environment: Vec<(&str, &str)> = self.environment.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        let caps: Vec<NamedCap> =
            self.caps.iter().map(|(name, capability)| NamedCap { name, grant: capability.grant() }).collect();
        let program = Program {
            service: &self.service,
            args: &arguments,
            environment: &environment,
            base: BaseCaps {
                factory,
                scheduler: self.scheduler.grant(),
                mem_alloc: children.shares().memory(self.mem.grant()),
                parent: Grant::full(objects.parent.index()),
                region_map: Grant::full(objects.region_map.index()),
                log: self.log.as_ref().map(|log| log.grant()),
                dbg_events: self.dbg_events.as_ref().map(|events| events.grant()),
                kip: Grant::full(kip.index()),
            },
            caps: &caps,
            loader_flags: self.loader_flags,
            debug_level: self.debug_level,
            load_base: self.load_base,
            priority: FIRST_PRIORITY,
        };
        let slots = Slots { task: objects.task.index(), thread: objects.thread.index() };
        children
            .add(label, name, objects, || loader::start(&mut model, &program, slots))
            .map_err(|error| Error::with_code(format!("cannot start '{name}': {error}"), error.cause.to_label()))
    }
}
