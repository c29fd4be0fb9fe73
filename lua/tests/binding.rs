//! The binding as a program sees it: chunks, values, functions, errors, files.

use lua::{Class, Embedder, Error, FileError, Lua, Value};
use std::{
    cell::Cell,
    rc::Rc,
    sync::{
        Mutex,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
};

static OUTPUT: Mutex<Vec<u8>> = Mutex::new(Vec::new());

fn write(text: &[u8]) {
    OUTPUT.lock().unwrap().extend_from_slice(text);
}

fn read_file(path: &str) -> Result<Vec<u8>, FileError> {
    match path {
        "rom/good.lua" => Ok(b"#!lua\nreturn { name = ..., answer = 42 }\n".to_vec()),
        "rom/quotes.lua" => Ok("local x =\n „rom/hello\"\n".as_bytes().to_vec()),
        "rom/locked.lua" => Err(FileError::Refused),
        _ => Err(FileError::NotFound),
    }
}

fn interpreter() -> Lua {
    Lua::new(Embedder { write, read_file })
}

/// Runs text, returns its results.
fn run(lua: Lua, text: &str) -> Result<Vec<Value>, Error> {
    lua.load(text.as_bytes(), "@test.lua")?.call(&[])
}

/// Runs text that fails, returns its error.
fn failure(lua: Lua, text: &str) -> Error {
    run(lua, text).expect_err("the text fails")
}

#[test]
fn values_go_both_ways() {
    let lua = interpreter();
    let results = run(lua, "return nil, true, 3, 0.5, 'a\\0b', {1, 2}, print, coroutine.create(print)").unwrap();
    assert_eq!(results.len(), 8);
    assert!(results[0].is_nil());
    assert!(matches!(results[1], Value::Boolean(true)));
    assert_eq!(results[2].as_integer(), Some(3));
    assert!(matches!(results[3], Value::Number(0.5)));
    assert_eq!(results[4].as_str(), Some("a\0b"));
    assert_eq!(results[5].as_table().unwrap().length(), 2);
    assert_eq!(results[6].type_name(), "function");
    assert_eq!(results[7].type_name(), "thread");
    let identity = run(lua, "return function(...) return ... end").unwrap();
    let again = identity[0].as_function().unwrap().call(&results).unwrap();
    assert_eq!(again.len(), 8);
    assert!(again[5].as_table() == results[5].as_table());
}

#[test]
fn tables_are_read_and_written() {
    let lua = interpreter();
    let table = lua.create_table();
    table.set("key", "value");
    table.set_index(1, 10);
    table.set("gone", true);
    table.set("gone", Value::Nil);
    lua.globals().set("t", &table);
    assert_eq!(run(lua, "return t.key .. t[1]").unwrap()[0].as_str(), Some("value10"));
    assert_eq!(table.pairs().len(), 2);
    assert_eq!(table.get_index(1).as_integer(), Some(10));
    assert!(!table.has_metatable());
    table.set_metatable(&lua.create_table());
    assert!(table.has_metatable());
}

#[test]
fn many_values_fit() {
    let lua = interpreter();
    lua.globals().set("count", lua.create_function(|_, arguments| Ok(arguments.all().len() as i64)));
    lua.globals().set("many", lua.create_function(|_, _| Ok(vec![Value::Integer(1); 5000])));
    assert_eq!(run(lua, "return count(many())").unwrap()[0].as_integer(), Some(5000));
    assert_eq!(run(lua, "return many()").unwrap().len(), 5000);
}

#[test]
fn errors_of_rust_functions_name_the_script_line() {
    let lua = interpreter();
    lua.globals().set("fail", lua.create_function(|_, _| Err::<(), _>(Error::new("it broke"))));
    lua.globals().set("want", lua.create_function(|_, arguments| arguments.string(0).map(|_| ())));
    let error = failure(lua, "local x = 1\nfail()\n");
    assert_eq!(error.message, "test.lua:2: it broke");
    let traceback = error.traceback.unwrap();
    assert!(traceback.contains("in function 'fail'") && traceback.contains("test.lua:2: in main chunk"), "{traceback}");
    assert_eq!(failure(lua, "want({})").message, "test.lua:1: bad argument #1 (string expected, got table)");
    assert_eq!(failure(lua, "want()").message, "test.lua:1: bad argument #1 (string expected, got no value)");
    assert_eq!(run(lua, "local ok, m = pcall(fail) return m").unwrap()[0].as_str(), Some("test.lua:1: it broke"));
}

#[test]
fn library_chunks_blame_their_caller() {
    let lua = interpreter();
    lua.globals().set("fail", lua.create_function(|_, _| Err::<(), _>(Error::new("it broke"))));
    lua.load(b"function library()\n local x = 1\n fail()\n return x end", "=ned").unwrap().call(&[]).unwrap();
    assert_eq!(failure(lua, "\n\nlibrary()").message, "test.lua:3: it broke");
}

#[test]
fn errors_with_a_code_are_tables() {
    let lua = interpreter();
    lua.globals().set("fail", lua.create_function(|_, _| Err::<(), _>(Error::with_code("no memory", -12))));
    let results = run(lua, "local ok, e = pcall(function() fail() end) return e.msg, e.code, tostring(e)").unwrap();
    assert_eq!(results[0].as_str(), Some("test.lua:1: no memory"));
    assert_eq!(results[1].as_integer(), Some(-12));
    assert_eq!(results[2].as_str(), Some("test.lua:1: no memory"));
    let shown = "error(setmetatable({}, { __tostring = function() return 'shown' end }))";
    assert_eq!(failure(lua, shown).message, "shown");
    assert_eq!(failure(lua, "error({})").message, "the error is a table value");
    assert_eq!(failure(lua, "error()").message, "the error is a nil value");
    let error = failure(lua, "fail()");
    assert_eq!((error.message.as_str(), error.code), ("test.lua:1: no memory", Some(-12)));
}

#[test]
fn errors_cross_rust_functions_unharmed() {
    struct Canary(Rc<Cell<u32>>);
    impl Drop for Canary {
        fn drop(&mut self) {
            self.0.set(self.0.get() + 1);
        }
    }
    let lua = interpreter();
    let drops = Rc::new(Cell::new(0));
    let counter = drops.clone();
    let call = move |_: Lua, arguments: &lua::Arguments| {
        let _canary = Canary(counter.clone());
        arguments.function(0)?.call(&arguments.all()[1..])
    };
    lua.globals().set("call", lua.create_function(call));
    let error = failure(lua, "call(call, call, error, {msg = 'deep', code = 7})");
    assert_eq!((error.message.as_str(), error.code), ("deep", Some(7)));
    assert_eq!(drops.get(), 3);
    let error = failure(lua, "call(coroutine.wrap(function() call(coroutine.yield) end))");
    assert!(error.message.contains("attempt to yield across a C-call boundary"), "{error}");
    assert_eq!(drops.get(), 5);
}

#[test]
fn coroutines_call_rust_functions() {
    let lua = interpreter();
    lua.globals().set("triple", lua.create_function(|_, arguments| Ok(arguments.integer(0)? * 3)));
    let text = "local c = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(triple(i)) end end)
                return c() + c() + c()";
    assert_eq!(run(lua, text).unwrap()[0].as_integer(), Some(18));
}

#[test]
fn classes_carry_rust_values() {
    let lua = interpreter();
    let class = Class::new(lua, "Counter")
        .method("add", |_, arguments| {
            let counter = arguments.user_data::<Cell<i64>>(0, "Counter")?;
            counter.set(counter.get() + arguments.integer(1)?);
            Ok(counter.get())
        })
        .metamethod("__tostring", |_, arguments| {
            Ok(format!("Counter({})", arguments.user_data::<Cell<i64>>(0, "Counter")?.get()))
        });
    let counter = class.create(Cell::new(5i64));
    lua.globals().set("counter", counter.clone());
    assert_eq!(run(lua, "return counter:add(2)").unwrap()[0].as_integer(), Some(7));
    assert_eq!(run(lua, "return tostring(counter)").unwrap()[0].as_str(), Some("Counter(7)"));
    assert_eq!(counter.get::<Cell<i64>>().unwrap().get(), 7);
    assert!(counter.get::<String>().is_none());
    assert!(failure(lua, "counter.add({}, 1)").message.contains("Counter expected, got table"));
    assert!(failure(lua, "counter.nothing()").message.contains("nil value (field 'nothing')"));
}

#[test]
fn values_are_dropped_when_lua_lets_go() {
    let lua = interpreter();
    let shared = Rc::new(());
    let class = Class::new(lua, "Held");
    lua.globals().set("held", class.create(shared.clone()));
    lua.collect_garbage();
    assert_eq!(Rc::strong_count(&shared), 2);
    run(lua, "debug.getmetatable(held).__gc(held)").unwrap();
    assert_eq!(Rc::strong_count(&shared), 1);
    run(lua, "debug.getmetatable(held).__gc(held) held = nil").unwrap();
    lua.collect_garbage();
    assert_eq!(Rc::strong_count(&shared), 1);
}

#[test]
fn require_is_luas_own_and_reads_through_the_embedder() {
    let lua = interpreter();
    let results = run(lua, "local m = require('good') return m.name, m.answer, m == require('good')").unwrap();
    assert_eq!(results[0].as_str(), Some("good"));
    assert_eq!(results[1].as_integer(), Some(42));
    assert!(matches!(results[2], Value::Boolean(true)));
    let error = failure(lua, "require('absent')");
    assert!(error.message.contains("no file 'rom/absent.lua'"), "{error}");
    lua.set_module("L4", lua.create_table());
    assert_eq!(run(lua, "return type(require('L4'))").unwrap()[0].as_str(), Some("table"));
    let error = failure(lua, "dofile('rom/locked.lua')");
    assert!(error.message.contains("no right to read it"), "{error}");
}

#[test]
fn typography_is_explained_wherever_text_is_loaded() {
    let lua = interpreter();
    let error = lua.load("f(\n„a\")".as_bytes(), "@test.lua").unwrap_err();
    assert!(error.message.starts_with("test.lua:2: unexpected symbol near"), "{error}");
    assert!(error.hint.unwrap().starts_with("test.lua:2: „ is U+201E DOUBLE LOW-9 QUOTATION MARK"));
    let error = failure(lua, "require('quotes')");
    assert!(error.hint.unwrap().starts_with("rom/quotes.lua:2: „ is U+201E"));
    let error = lua.load_file("rom/quotes.lua").unwrap_err();
    assert!(error.hint.unwrap().starts_with("rom/quotes.lua:2: „"));
    assert_eq!(lua.load_file("rom/none.lua").unwrap_err().message, "cannot read 'rom/none.lua': no such file");
}

#[test]
fn binary_chunks_are_refused() {
    assert!(interpreter().load(b"\x1bLua", "=x").unwrap_err().message.contains("attempt to load a binary chunk"));
}

#[test]
fn compiled_chunks_run_and_altered_ones_do_not() {
    let lua = interpreter();
    let mut chunk = lua.compile(b"local x = ... return x + 1", "=ahead").unwrap();
    let other = interpreter();
    assert_eq!(other.load_compiled(&chunk).unwrap().call(&[41.into()]).unwrap()[0].as_integer(), Some(42));
    assert!(lua.compile(b"local = 1", "=ahead").unwrap_err().message.starts_with("ahead:1:"));
    let last = chunk.len() - 1;
    chunk[last] ^= 1;
    assert!(lua.load_compiled(&chunk).is_err());
    assert!(lua.load_compiled(b"").is_err());
}

#[test]
fn deep_recursion_is_an_error() {
    let lua = interpreter();
    assert!(failure(lua, "local function f() return 1 + f() end f()").message.contains("stack overflow"));
    let error = failure(lua, "local function f(s) return (s:gsub('.', f)) end f('x')");
    assert!(error.message.contains("C stack overflow"), "{error}");
}

#[test]
fn running_code_can_be_interrupted() {
    static ASKED: AtomicBool = AtomicBool::new(false);
    let lua = interpreter();
    lua.interrupt_when(|| ASKED.load(Relaxed));
    lua.globals().set(
        "ask",
        lua.create_function(|_, _| {
            ASKED.store(true, Relaxed);
            Ok(())
        }),
    );
    let error = failure(lua, "ask() while true do pcall(function() while true do end end) end");
    assert_eq!(error.message, "interrupted");
    ASKED.store(false, Relaxed);
    assert_eq!(
        run(lua, "local n = 0 for i = 1, 100000 do n = n + i end return n").unwrap()[0].as_integer(),
        Some(5000050000)
    );
}

#[test]
fn print_writes_through_the_embedder() {
    run(interpreter(), "print('one', 2, 3.0) warn('care', 'ful')").unwrap();
    let output = String::from_utf8(OUTPUT.lock().unwrap().clone()).unwrap();
    assert!(output.contains("one\t2\t3.0\n") && output.contains("Lua warning: careful\n"), "{output}");
}

#[test]
fn the_libraries_work() {
    let text = r##"
        assert(string.format("%5.2f", 3.14159) == " 3.14")
        assert(string.format("%q", 0.1) == "0x1.999999999999ap-4")
        assert(tostring(1e15) == "1e+15" and tostring(2^53) == "9.007199254741e+15")
        assert(tostring(0.1) == "0.1" and tostring(-0.0) == "-0.0" and 1e308 * 10 == math.huge)
        assert(tonumber("0x.8p1") == 1.0 and tonumber("1e2") == 100.0 and tonumber("z") == nil)
        assert(("x"):rep(3, ",") == "x,x,x" and ("hello"):find("l+") == 3)
        assert(("a b c"):gsub("%s", "") == "abc" and ("Key=1"):match("(%w+)=(%d)") == "Key")
        local t = {} for i = 1, 1000 do t[i] = (i * 7919) % 1009 end
        table.sort(t) for i = 2, 1000 do assert(t[i - 1] <= t[i]) end
        assert(math.floor(-0.5) == -1 and math.abs(math.sin(math.pi)) < 1e-15 and 7 // 2 == 3 and 7.5 % 2 == 1.5)
        assert(math.type(math.random(10)) == "integer" and utf8.char(8222) == "„" and utf8.len("„") == 1)
        assert(select("#", table.unpack({}, 1, 100)) == 100 and string.pack("<i4", 1) == "\1\0\0\0")
        assert(load("return 1 + 1")() == 2 and not load("x ="))
        goto done
        ::done::
        do local c <close> = setmetatable({}, { __close = function() closed = true end }) end
        assert(closed)
    "##;
    run(interpreter(), text).unwrap();
}
