//! ned, the init process: runs the Lua script that its command line names. The script starts programs,
//! gives each its first capabilities, and can wait for their ends.
//!
//! Everything that scripts see is the package L4 ([`package`] and `prelude.lua`), as L4Re's ned offers
//! it. ned takes memory and L4Re's objects from moe, starts programs by the crate `loader`, and hears of
//! their ends as their parent ([`parent`], [`children`]).

#![no_std]
#![no_main]
extern crate alloc;

mod capability;
mod children;
mod console;
mod constants;
mod package;
mod parent;
mod prompt;
mod shares;
mod start;
mod task;
mod terminal;

use alloc::rc::Rc;
use children::Children;
use lua::{Error, Lua};
use ned::options::{self, Afterwards, Options};
use syscall::{env, println};

syscall::main!(main);

/// Runs statements and script, then does as the options say. Returns ned's exit code: 1 after an error
/// of the script.
fn main() -> i32 {
    println!("ned: init process; its scripts are Lua 5.4 and start programs by require(\"L4\")");
    let options = match Options::parse(env::args().skip(1)) {
        Ok(options) => options,
        Err(error) => {
            println!("ned: {error}; its command line is {}", options::USAGE);
            return 1;
        }
    };
    let children = match Children::new() {
        Ok(children) => Rc::new(children),
        Err(error) => {
            println!("ned: cannot prepare for programs: {error}");
            return 1;
        }
    };
    let lua = Lua::new(console::EMBEDDER);
    let outcome = run(lua, &options, &children);
    if let Err(error) = &outcome {
        console::report(error);
    }
    match options.afterwards {
        Afterwards::Exit => {}
        Afterwards::WaitAndExit => serve(&children, || children.any_running()),
        Afterwards::Stay => serve(&children, || true),
        Afterwards::Prompt => {
            prompt::run(lua, &children);
            serve(&children, || true);
        }
    }
    i32::from(outcome.is_err())
}

/// Runs what the options name. The first error ends it.
fn run(lua: Lua, options: &Options, children: &Rc<Children>) -> Result<(), Error> {
    lua.without_collecting(|| package::install(lua, children))?;
    for statement in &options.statements {
        lua.load(statement.as_bytes(), statement)?.call(&[])?;
    }
    let Some(script) = options.script.first() else {
        if options.statements.is_empty() && options.afterwards != Afterwards::Prompt {
            console::explain_missing_script();
        }
        return Ok(());
    };
    let arguments = lua.create_table();
    for (index, argument) in (0..).zip(&options.script) {
        arguments.set_index(index, *argument);
    }
    lua.globals().set("arg", arguments);
    println!("ned: running '{script}'");
    let chunk = lua.load_file(script).map_err(|error| console::advise(error, script))?;
    chunk.call(&[])?;
    lua.collect_garbage();
    Ok(())
}

/// Serves programs that ned has started, while `wanted`.
fn serve(children: &Children, wanted: impl Fn() -> bool) {
    children.call_exit_handlers(console::report);
    while wanted() {
        children.wait_for_any();
        children.call_exit_handlers(console::report);
    }
}
