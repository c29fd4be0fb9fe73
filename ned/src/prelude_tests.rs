//! The Lua part of the package L4, on the host: what scripts say becomes what is asked of ned's Rust part.
//! The mock below stands for that part; it keeps what it is asked.

use lua::{Embedder, Error, FileError, Lua, Value};

/// Capabilities are tables with a metatable; `asked` is what `start` was given last.
const MOCK: &str = r#"
    methods = {}
    function capability(name)
      return setmetatable({ name = name }, { __index = methods })
    end
    function methods:m(rights) return capability(self.name .. ":" .. rights) end
    function methods:create(protocol, ...)
      local made = capability(self.name .. " made " .. protocol)
      made.arguments, made.entries = table.pack(...), {}
      return made
    end
    function methods:__query(name, rights) return capability(self.name .. "/" .. name) end
    function methods:__register(name, value) self.entries[name] = value and value.name or "none" end
    function methods:__cast(kind) return capability(self.name .. " as " .. kind) end
    L4 = {
      Env = {
        mem_alloc = capability("mem"), factory = capability("kernel"), scheduler = capability("sched"),
        log = capability("log"), rom = capability("rom"),
      },
      Proto = { Ipc_gate = 0, Log = -13, Namespace = 1, Scheduler = -14 },
      Rights = { ro = 4 },
      Dbg = { Warn = 2 },
      Info = { mword_bits = function() return 64 end },
    }
    native = {
      capability = methods,
      start = function(wishes) asked = wishes return "task" end,
      fail = fail,
    }
"#;

fn write(_: &[u8]) {}

fn read_file(_: &str) -> Result<Vec<u8>, FileError> {
    Err(FileError::NotFound)
}

/// An interpreter with the prelude loaded on top of the mock.
fn interpreter() -> Lua {
    let lua = Lua::new(Embedder { write, read_file });
    let fail = lua.create_function(|_, arguments| Err::<(), _>(Error::new(arguments.string(0)?)));
    lua.globals().set("fail", fail);
    lua.load(MOCK.as_bytes(), "=mock").unwrap().call(&[]).unwrap();
    let globals = lua.globals();
    lua.load_compiled(crate::PRELUDE).unwrap().call(&[globals.get("L4"), globals.get("native")]).unwrap();
    lua
}

/// Runs a script.
fn run(lua: Lua, script: &str) -> Result<Vec<Value>, Error> {
    lua.load(script.as_bytes(), "@rom/test.lua").unwrap().call(&[])
}

/// Runs a script whose assertions all hold.
fn holds(script: &str) {
    if let Err(error) = run(interpreter(), script) {
        panic!("{}\n{}", error.message, error.traceback.unwrap_or_default());
    }
}

/// Runs a script that fails, returns the message.
fn complaint(script: &str) -> String {
    run(interpreter(), script).expect_err("the script fails").message
}

#[test]
fn start_splits_the_command_and_gives_defaults() {
    holds(
        r#"
        assert(L4.default_loader:start({}, "rom/hello  one two", { COLOUR = "blue" }) == "task")
        assert(table.concat(asked.arguments, "|") == "rom/hello|one|two" and asked.environment.COLOUR == "blue")
        assert(asked.caps.rom.name == "rom:r" and asked.mem.name == "mem" and asked.factory.name == "kernel")
        assert(asked.scheduler.name == "sched" and asked.rm_fab.name == "mem" and asked.l4re_dbg == 2)
        assert(asked.log.name == "mem made -13" and asked.log.arguments[1] == "hello" and asked.log.arguments.n == 1)
        assert(asked.service == "rom/l4re" and asked.ldr_flags == 0 and asked.load_base == nil)
        "#,
    );
}

#[test]
fn startv_keeps_arguments_apart() {
    holds(
        r#"
        L4.default_loader:startv({ log = { "tag", "blue" }, l4re_dbg = 0 }, "rom/x", "with space", 7, { A = "1" })
        assert(asked.arguments[2] == "with space" and asked.arguments[3] == 7 and #asked.arguments == 3)
        assert(asked.environment.A == "1" and asked.log.arguments[1] == "tag" and asked.log.arguments[2] == "blue")
        assert(asked.l4re_dbg == 0)
        "#,
    );
}

#[test]
fn capabilities_may_be_functions_tables_and_logs() {
    holds(
        r#"
        local env = { caps = { late = function() return function() return capability("late") end end,
                               dir = { file = L4.Env.rom, inner = {} } }, log = L4.Env.log }
        L4.default_loader:start(env, "rom/x")
        assert(asked.caps.late.name == "late" and asked.log.name == "log")
        assert(asked.caps.dir.name == "mem made 1" and asked.caps.dir.entries.file == "rom")
        assert(asked.caps.dir.entries.inner == "mem made 1")
        assert(type(env.caps.dir) == "table" and env.caps.rom == nil and env.loader == nil, "the script's table is its own")
        local rom = capability("other")
        L4.default_loader:start({ caps = { rom = rom } }, "rom/x")
        assert(asked.caps.rom == rom)
        "#,
    );
}

#[test]
fn what_means_nothing_is_named() {
    holds(
        r#"
        local said = {}
        function print(text) said[#said + 1] = text end
        L4.default_loader:start({ caps = {}, log = {}, mem = L4.Env.mem_alloc, l4re_dbg = 0, ldr_flags = 0 }, "rom/x")
        assert(#said == 0)
        assert(L4.default_loader:start({ cap = {} }, "rom/x one") == "task", "L4Re's scripts may say more")
        assert(#said == 1 and said[1]:find("^ned: note: 'cap' means nothing in what rom/x gets; there are base, caps, "))
        "#,
    );
}

#[test]
fn channels_and_proxies_come_from_factories() {
    holds(
        r#"
        assert(L4.default_loader:new_channel().name == "kernel made 0")
        local proxy = L4.default_loader:create_sched_proxy { prio_offset = 2, cpus = L4.Cpu_set:new { "0-1", 65 } }
        assert(proxy.name == "mem made -14")
        assert(table.concat(proxy.arguments, ",") == "12,2,3,2")
        assert(L4.default_loader:create_sched_proxy({}).arguments.n == 2)
        local own = L4.Loader.new { mem = capability("own") }
        own:start({}, "rom/x")
        assert(asked.mem.name == "own" and asked.log.name == "own made -13" and asked.factory.name == "kernel")
        "#,
    );
}

#[test]
fn cpu_sets_are_sets() {
    holds(
        r#"
        local set = L4.Cpu_set.new and L4.Cpu_set:new { "0-2", 5 }
        assert(tostring(set) == "{0, 1, 2, 5}" and tostring(L4.Cpu_set:new()) == "{ all }")
        assert(tostring(set & L4.Cpu_set:new("2-9")) == "{2, 5}" and tostring(set | L4.Cpu_set:new(9)) == "{0, 1, 2, 5, 9}")
        assert(tostring(set & L4.Cpu_set:new()) == tostring(set) and tostring(set | L4.Cpu_set:new()) == "{ all }")
        assert(tostring(L4.Cpu_set:new {}) == "{}" and not L4.Cpu_set:new():factory_args())
        "#,
    );
}

#[test]
fn name_spaces_are_looked_up_and_filled() {
    holds(
        r#"
        assert(L4.Env.rom:query("x")().name == "rom/x" and L4.Env.rom:q("x")().name == "rom/x")
        local space = L4.default_loader:create_namespace { hello = "rom/hello", none = function() end }
        assert(space.entries.hello == "rom/hello" and space.entries.none == "none")
        space:register("again", L4.Env.log)
        assert(space.entries.again == "log")
        assert(L4.cast("L4Re::Namespace", L4.Env.rom).name == "rom as L4Re::Namespace")
        assert(L4.mangle_class("L4Re::Namespace") == "N4L4Re9NamespaceE")
        "#,
    );
}

#[test]
fn mistakes_name_the_scripts_line() {
    assert!(
        complaint("\nL4.default_loader.start({}, 'rom/x')")
            .starts_with("rom/test.lua:2: this method was called without")
    );
    assert!(complaint("L4.default_loader:start({}, nil)").contains("a string is wanted, this is a nil value"));
    assert!(complaint("L4.default_loader:start('rom/x')").starts_with("rom/test.lua:1: start"));
    assert!(complaint("L4.default_loader:start('rom/x', 'y')").contains("a table is wanted, this is a string value"));
    assert!(complaint("L4.Cpu_set:new('3-1')").contains("'3-1' is no CPU"));
    assert!(complaint("L4.Cpu_set:new(-1)").contains("'-1' is no CPU"));
    assert!(complaint("L4.default_loader:create_namespace { x = 'nothing' }").contains("there is no 'nothing'"));
}
