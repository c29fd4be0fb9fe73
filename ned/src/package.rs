//! The Lua package L4: what scripts get from `require("L4")`. Its Rust part is put together here; the
//! rest is in `prelude.lua`.

use crate::{capability::Capabilities, children::Children, constants, start, task};
use alloc::{rc::Rc, string::String};
use lua::{Class, Error, Function, Lua, Table};
use syscall::{cap::Anything, env, time::Duration};

/// Builds the package and runs its prelude.
///
/// # Errors
/// Those of the prelude.
pub fn install(lua: Lua, children: &Rc<Children>) -> Result<(), Error> {
    let capabilities = Capabilities::new(lua);
    let package = lua.create_table();
    constants::install(lua, &package);
    package.set("Env", environment(lua, &capabilities));
    package.set("Info", information(lua));
    for (name, milliseconds) in [("sleep", 1000), ("msleep", 1)] {
        let children = children.clone();
        let sleep = lua.create_function(move |_, arguments| {
            let duration = u64::try_from(arguments.integer(0)?).map_err(|_| arguments.wrong(0, "duration"))?;
            children.sleep(Duration::from_millis(duration.saturating_mul(milliseconds)))
        });
        package.set(name, sleep);
    }

    let native = lua.create_table();
    native.set("capability", capabilities.methods());
    let tasks = task::class(lua, children);
    package.set("tasks", running(lua, children, tasks.clone()));
    native.set("start", start::function(lua, children, tasks));
    native.set("fail", lua.create_function(|_, arguments| Err::<(), _>(Error::new(arguments.string(0)?))));
    lua.load_compiled(ned::PRELUDE)?.call(&[(&package).into(), native.into()])?;
    lua.set_module("L4", package);
    Ok(())
}

/// `L4.tasks()`: the programs that run, by their numbers.
fn running(lua: Lua, children: &Rc<Children>, class: Class) -> Function {
    let children = children.clone();
    lua.create_function(move |lua, _| {
        children.poll();
        let table = lua.create_table();
        for (number, child) in children.running() {
            table.set_index(number as i64, class.create_shared(child));
        }
        Ok(table)
    })
}

/// `L4.Env`: ned's own capabilities, those that every program has and the named ones.
fn environment(lua: Lua, capabilities: &Capabilities) -> Table {
    let table = lua.create_table();
    table.set("parent", capabilities.borrowed(env::parent(), "parent"));
    table.set("mem_alloc", capabilities.borrowed(env::mem_alloc(), "factory"));
    table.set("rm", capabilities.borrowed(env::rm(), "region map"));
    table.set("log", capabilities.borrowed(env::log(), "log"));
    table.set("factory", capabilities.borrowed(env::factory(), "factory"));
    table.set("scheduler", capabilities.borrowed(env::scheduler(), "scheduler"));
    for entry in env::caps() {
        let name = String::from_utf8_lossy(entry.name());
        if let Some(cap) = env::find_cap::<Anything>(&name) {
            table.set(&name, capabilities.borrowed(cap, &name));
        }
    }
    table
}

/// `L4.Info`: the system, in functions.
fn information(lua: Lua) -> Table {
    let kip = lua.create_table();
    kip.set("str", lua.create_function(|_, _| Ok(env::kernel_version())));
    let info = lua.create_table();
    info.set("Kip", kip);
    info.set("arch", lua.create_function(|_, _| Ok("amd64")));
    info.set("platform", lua.create_function(|_, _| Ok(platform_name())));
    info.set("mword_bits", lua.create_function(|_, _| Ok(i64::from(u64::BITS))));
    info
}

/// The platform's name, as the kernel info page gives it.
fn platform_name() -> String {
    let name = &env::kip().platform_name;
    let end = name.iter().position(|byte| *byte == 0).unwrap_or(name.len());
    String::from_utf8_lossy(&name[..end]).into_owned()
}
