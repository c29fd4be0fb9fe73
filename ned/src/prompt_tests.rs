//! The Lua part of the prompt, on the host: what is completed, and how values are shown.

use lua::{Embedder, FileError, Lua, Value};
use std::{borrow::ToOwned, string::String, vec::Vec};

/// What the name space rom/ lists.
const FILES: &str = "5:hello\n9:hello.lua\n10:fbdemo two\n";

/// The package with what the tests look at.
const PACKAGE: &str = "return { Env = { rom = 1, rm = 2 }, default_loader = setmetatable({}, {
  __index = { start = function(_, _, command) return command end, new_channel = print } }) }";

fn prompt() -> (Lua, Vec<Value>) {
    let lua = Lua::new(Embedder { write: |_| {}, read_file: |_| Err(FileError::NotFound) });
    let package = lua.load(PACKAGE.as_bytes(), "=package").unwrap().call(&[]).unwrap();
    let read = lua.create_function(|_, arguments| Ok((arguments.string(0)? == "rom/.dirinfo").then_some(FILES)));
    let tools = lua.load_compiled(crate::PROMPT).unwrap().call(&[package[0].clone(), read.into()]).unwrap();
    (lua, tools)
}

fn completed(text: &str) -> (i64, Vec<String>) {
    let (_, tools) = prompt();
    let found = tools[0].as_function().unwrap().call(&[text.into()]).unwrap();
    (found[0].as_integer().unwrap(), found[1..].iter().map(|name| name.as_str().unwrap().to_owned()).collect())
}

#[test]
fn names_are_completed() {
    assert_eq!(completed("x = L4.Env.r"), (1, ["rm", "rom"].map(String::from).to_vec()));
    assert_eq!(completed("L4.default_loader:"), (0, ["new_channel", "start"].map(String::from).to_vec()));
    assert_eq!(completed("st"), (2, ["start", "string"].map(String::from).to_vec()));
    assert_eq!(completed("if x the"), (3, ["then"].map(String::from).to_vec()));
    assert_eq!(completed("nothing.here."), (0, Vec::new()));
    assert_eq!(completed("L4.Env.rom.x"), (1, Vec::new()));
    assert!(completed("").1.contains(&"help".to_owned()));
}

#[test]
fn files_are_completed_in_strings() {
    assert_eq!(completed("start 'he"), (2, ["hello", "hello.lua"].map(String::from).to_vec()));
    assert_eq!(completed("x = run(\"r"), (1, ["rom/"].map(String::from).to_vec()));
    assert_eq!(completed("dofile 'he"), (2, Vec::new()));
    assert_eq!(completed("dofile 'it\\'s' dofile \"rom/hello."), (6, ["hello.lua"].map(String::from).to_vec()));
    assert_eq!(completed("start 'rom/f"), (1, ["fbdemo two"].map(String::from).to_vec()));
    assert_eq!(completed("start 'nowhere/h"), (1, Vec::new()));
    assert_eq!(completed("start 'hello argument"), (0, Vec::new()));
    assert_eq!(completed("print('a') st"), (2, ["start", "string"].map(String::from).to_vec()));
}

#[test]
fn values_are_shown() {
    let (lua, tools) = prompt();
    let show = |expression: &str| {
        let values = lua.load(format!("return {expression}").as_bytes(), "=test").unwrap().call(&[]).unwrap();
        let described = tools[1].as_function().unwrap().call(&values).unwrap();
        described.first().and_then(Value::as_str).unwrap_or("").to_owned()
    };
    assert_eq!(show("1, 'a', nil"), "1\t\"a\"\tnil");
    assert_eq!(show("{ 1, 2, x = true, ['a b'] = 0.5 }"), "{ 1, 2, [\"a b\"] = 0.5, x = true }");
    assert_eq!(show("{}"), "{}");
    assert_eq!(show("(function() end)()"), "");
    assert!(show("table.pack(string.byte(('x'):rep(99), 1, -1))").contains("... 76 more"));
}

#[test]
fn short_names_mean_rom() {
    let (lua, _) = prompt();
    let started =
        |text: &str| lua.load(text.as_bytes(), "=test").unwrap().call(&[]).unwrap()[0].as_str().map(String::from);
    assert_eq!(started("return start 'hello a/b'").as_deref(), Some("rom/hello a/b"));
    assert_eq!(started("return start 'disk/hello'").as_deref(), Some("disk/hello"));
}
