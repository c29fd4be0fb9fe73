//! Capabilities as Lua values: an object, and the rights that go along when it is handed on.
//!
//! Invariant: a slot that ned received for a script lives as long as any Lua value that names it. All
//! kinds of objects share one class; an object that does not speak an operation's protocol says so.

use alloc::{format, rc::Rc, string::String, vec::Vec};
use loader::Grant;
use lua::{Arguments, Class, Error, Lua, UserData, Value};
use syscall::{
    Cap, Code, Factory, Owned, PlatformControl,
    abi::{self, Rights, l4re::namespace, protocol},
    cap::Anything,
    l4re::namespace::Namespace,
    message::Argument,
};

/// All rights of a server: what `svr()` gives.
const SERVER_RIGHTS: u8 = Rights::ALL.0 | abi::item::OBJECT_RIGHTS as u8;

/// The object behind a capability.
enum Object {
    /// One of ned's own, given back to nobody.
    Borrowed(Cap<Anything>),
    /// One that a script made or looked up.
    Owned(Owned<Anything>),
}

/// A capability as scripts have it.
pub struct Capability {
    object: Rc<Object>,
    /// Rights in the low four bits; flags of the map item, such as the server's right, above.
    rights: u8,
    /// What `tostring` calls the object.
    kind: String,
}

/// What messages call a capability.
pub const NAME: &str = "capability";

impl Capability {
    /// The slot.
    pub fn cap(&self) -> Cap<Anything> {
        match &*self.object {
            Object::Borrowed(cap) => *cap,
            Object::Owned(owned) => owned.cap(),
        }
    }

    /// What a program gets that is given this capability.
    pub fn grant(&self) -> Grant {
        Grant {
            cap: self.cap().index(),
            rights: Rights(self.rights & Rights::ALL.0),
            item_flags: u64::from(self.rights & !Rights::ALL.0),
        }
    }

    /// The same object with other rights, or known as another kind.
    fn with(&self, rights: u8, kind: &str) -> Capability {
        Capability { object: self.object.clone(), rights: rights | Rights::CAP_R.0, kind: kind.into() }
    }
}

/// The error for a failed operation, as scripts see it.
pub fn failed(what: &str, error: syscall::Error) -> Error {
    Error::with_code(format!("{what}: {error}"), error.to_label())
}

/// The capability that is argument `index`.
pub fn argument(arguments: &Arguments, index: usize) -> Result<Rc<Capability>, Error> {
    arguments.user_data(index, NAME)
}

/// The rights that letters such as "rws" stand for.
fn rights_of_letters(letters: &str) -> Result<u8, Error> {
    letters.chars().try_fold(Rights::CAP_R.0, |rights, letter| {
        let right = match letter.to_ascii_lowercase() {
            'r' => Rights::CAP_R.0,
            'w' => Rights::CAP_W.0,
            's' => Rights::CAP_S.0,
            'd' => Rights::CAP_D.0,
            'n' => abi::item::NO_REFERENCE_COUNT as u8,
            'c' => abi::item::OBJECT_RIGHT_1 as u8,
            _ => return Err(Error::new(format!("'{letter}' is no right: use letters of rwsdnc"))),
        };
        Ok(rights | right)
    })
}

/// What a protocol's objects are called.
fn kind_name(number: i64) -> &'static str {
    match number {
        abi::factory::IPC_GATE => "gate",
        protocol::LOG => "log",
        protocol::FACTORY => "factory",
        protocol::SCHEDULER => "scheduler",
        protocol::IRQ_SENDER => "irq",
        protocol::SEMAPHORE => "semaphore",
        abi::l4re::PROTO_DATASPACE => "dataspace",
        abi::l4re::PROTO_NAMESPACE => "namespace",
        abi::l4re::PROTO_RM => "region map",
        _ => "object",
    }
}

/// Makes Lua values of capabilities.
#[derive(Clone)]
pub struct Capabilities {
    class: Class,
}

impl Capabilities {
    /// The class of capabilities, with its methods.
    pub fn new(lua: Lua) -> Capabilities {
        let class = Class::new(lua, NAME);
        let this = Capabilities { class: class.clone() };
        let (mode, svr, create, query, cast) = (this.clone(), this.clone(), this.clone(), this.clone(), this.clone());
        let class = class
            .method("is_valid", |_, arguments| Ok(argument(arguments, 0)?.cap().is_valid()))
            .method("svr", move |_, arguments| {
                let capability = argument(arguments, 0)?;
                Ok(svr.value(capability.with(SERVER_RIGHTS, &capability.kind)))
            })
            .method("m", move |_, arguments| mode.mode(arguments))
            .method("__cast", move |_, arguments| {
                let capability = argument(arguments, 0)?;
                let kind = match arguments.get(1) {
                    Value::String(name) => String::from_utf8_lossy(name).into_owned(),
                    _ => kind_name(arguments.integer(1)?).into(),
                };
                Ok(cast.value(capability.with(capability.rights, &kind)))
            })
            .method("create", move |_, arguments| create.create(arguments))
            .method("__query", move |_, arguments| query.query(arguments))
            .method("__register", |_, arguments| register(arguments))
            .method("system_shutdown", |_, arguments| switch_off(arguments, arguments.integer(1)? != 0))
            .method("shutdown", |_, arguments| switch_off(arguments, false))
            .method("reboot", |_, arguments| switch_off(arguments, true))
            .method("system_suspend", |_, arguments| {
                let platform: Cap<PlatformControl> = argument(arguments, 0)?.cap().cast();
                platform.suspend(arguments.integer(1)? as u16).map_err(|error| failed("suspending the machine", error))
            })
            .metamethod("__tostring", |_, arguments| {
                let capability = argument(arguments, 0)?;
                let (index, rights) = (capability.cap().index().index(), capability.rights);
                Ok(format!("{}: [C:{index:x}] rights {rights:#x}", capability.kind))
            });
        let methods = class.methods();
        methods.set("mode", methods.get("m"));
        methods.set("rights", methods.get("m"));
        this
    }

    /// The table of methods, to which the prelude adds.
    pub fn methods(&self) -> Value {
        self.class.methods().into()
    }

    /// A Lua value for a capability.
    fn value(&self, capability: Capability) -> UserData {
        self.class.create(capability)
    }

    /// A Lua value for one of ned's own capabilities.
    pub fn borrowed<T>(&self, cap: Cap<T>, kind: &str) -> UserData {
        let object = Rc::new(Object::Borrowed(cap.cast()));
        self.value(Capability { object, rights: Rights::CAP_RWS.0, kind: kind.into() })
    }

    /// `m()` gives the rights; `m("rws")` and `m(number)` give the capability with other ones.
    fn mode(&self, arguments: &Arguments) -> Result<Value, Error> {
        let capability = argument(arguments, 0)?;
        let rights = match arguments.get(1) {
            Value::Nil => return Ok(Value::Integer(i64::from(capability.rights & Rights::ALL.0))),
            Value::String(letters) => rights_of_letters(&String::from_utf8_lossy(letters))?,
            _ => u8::try_from(arguments.integer(1)?).map_err(|_| arguments.wrong(1, "number of L4.Rights"))?,
        };
        Ok(self.value(capability.with(rights, &capability.kind)).into())
    }

    /// `factory:create(protocol, arguments…)`.
    fn create(&self, arguments: &Arguments) -> Result<UserData, Error> {
        let factory: Cap<Factory> = argument(arguments, 0)?.cap().cast();
        let number = arguments.integer(1)?;
        let words = (2..arguments.all().len())
            .map(|index| match arguments.get(index) {
                Value::Nil => Ok(Argument::Nil),
                Value::String(text) => Ok(Argument::Str(text)),
                value => {
                    value.as_integer().map(Argument::Signed).ok_or_else(|| arguments.wrong(index, "string or integer"))
                }
            })
            .collect::<Result<Vec<_>, _>>()?;
        let create = || {
            let slot = Owned::<Anything>::empty()?;
            factory.create_in(slot.index(), number, &words, None)?;
            Ok(slot)
        };
        let object = create().map_err(|error| failed(&format!("creating the {}", kind_name(number)), error))?;
        let object = Rc::new(Object::Owned(object));
        Ok(self.value(Capability { object, rights: Rights::CAP_R.0, kind: kind_name(number).into() }))
    }

    /// `namespace:__query(name, rights)`: nil for a name that is not there.
    fn query(&self, arguments: &Arguments) -> Result<Option<UserData>, Error> {
        let directory: Cap<Namespace> = argument(arguments, 0)?.cap().cast();
        let (name, rights) = (arguments.string(1)?, self.rights(arguments, 2)?);
        match directory.query::<Anything>(name) {
            Ok(object) => {
                let object = Rc::new(Object::Owned(object));
                Ok(Some(self.value(Capability { object, rights, kind: "object".into() })))
            }
            Err(error) if error.is(Code::NoEnt) => Ok(None),
            Err(error) => Err(failed(&format!("looking up '{name}'"), error)),
        }
    }

    /// Rights as a number or as letters.
    fn rights(&self, arguments: &Arguments, index: usize) -> Result<u8, Error> {
        match arguments.get(index) {
            Value::String(letters) => rights_of_letters(&String::from_utf8_lossy(letters)),
            _ => u8::try_from(arguments.integer(index)?).map_err(|_| arguments.wrong(index, "number of L4.Rights")),
        }
    }
}

/// `namespace:__register(name, capability)`; with nil the entry is taken out.
fn register(arguments: &Arguments) -> Result<(), Error> {
    let directory: Cap<Namespace> = argument(arguments, 0)?.cap().cast();
    let name = arguments.string(1)?;
    if arguments.get(2).is_nil() {
        return match directory.unlink(name) {
            Err(error) if !error.is(Code::NoEnt) => Err(failed(&format!("taking out '{name}'"), error)),
            _ => Ok(()),
        };
    }
    let entry = argument(arguments, 2)?;
    let flags = namespace::flags::OVERWRITE | u32::from(entry.rights & Rights::ALL.0);
    directory.register(name, entry.cap(), flags).map_err(|error| failed(&format!("registering '{name}'"), error))
}

/// Switches the machine off or restarts it.
fn switch_off(arguments: &Arguments, restart: bool) -> Result<(), Error> {
    let platform: Cap<PlatformControl> = argument(arguments, 0)?.cap().cast();
    if restart {
        platform.reboot().map_err(|error| failed("restarting the machine", error))
    } else {
        platform.shutdown().map_err(|error| failed("switching the machine off", error))
    }
}
