//! ned's scripts: the slides' one to the letter, typographic quotes, errors, and what ned offers a script.

use super::POWER_OFF;
use crate::case::{Case, kernel, script};

const SLIDES: &str = "local L4 = require(\"L4\");\nL4.default_loader:start({}, \"rom/hello\");\n";
const SLIDES_TYPOGRAPHIC: &str = "local L4 = require(\"L4\");\nL4.default_loader:start({}, \u{201e}rom/hello\");\n";

/// A script of these lines, after `require` and before the power-off.
fn lines(name: &'static str, text: &str, programs: &[&str]) -> Case {
    script(name, &format!("local L4 = require(\"L4\");\n{text}\n{POWER_OFF}\n"), programs)
}

pub fn cases() -> Vec<Case> {
    vec![
        script("script: the slides' two lines", SLIDES, &["hello"]).says(&["Hello World!"]).stays_up(1),
        script("script: the slides' typographic quote is named with its line", SLIDES_TYPOGRAPHIC, &["hello"])
            .says(&["rom/test.lua:2:", "rom/test.lua:2:", "U+201E", "type \" instead"])
            .stays_up(1),
        kernel("script: one that is missing", "moe rom/nowhere.lua", &["hello"]).says(&["ned: error: cannot read 'rom/nowhere.lua'", "module /nowhere.lua"]).stays_up(1),
        script("script: a syntax error", "local L4 = require(\"L4\");\nlocal = 5;\n", &[]).says(&["test.lua:2:", "near '='"]).stays_up(1),
        script(
            "script: a run-time error has a traceback",
            "local function inner() error(\"deep down\") end\nlocal function outer() inner() end\nouter()\n",
            &[],
        )
        .says(&["test.lua:1: deep down", "traceback", "inner", "outer"])
        .stays_up(1),
        script("script: a program that is not there", "local L4 = require(\"L4\");\nL4.default_loader:start({}, \"rom/nobody\");\n", &[])
            .says(&["ned: error: rom/test.lua:2: cannot start 'rom/nobody'", "module /nobody"])
            .stays_up(1),
        script("script: a program by its compressed file's name", "local L4 = require(\"L4\");\nL4.default_loader:start({}, \"rom/hello.gz\");\n", &["hello"])
            .says(&["cannot start 'rom/hello.gz'", "it is 'rom/hello'"])
            .stays_up(1),
        lines(
            "script: wait, exit_code and state of a task",
            "local p = L4.default_loader:start({ log = { \"first\", \"cyan\" } }, \"rom/hello\");\n\
             print(\"wait gives\", p:wait());\nprint(\"exit code\", p:exit_code(), \"state\", p:state());",
            &["hello"],
        )
        .says(&["first", "Hello World!", "wait gives\t0", "exit code\t0\tstate\tzombie"])
        .powers_off(),
        lines(
            "script: startv",
            "L4.default_loader:startv({ log = { \"vector\", \"red\" } }, \"rom/hello\"):wait();",
            &["hello"],
        )
        .says(&["vector", "Hello World!"])
        .powers_off(),
        lines(
            "script: arguments and environment reach the program",
            "L4.default_loader:start({ log = { \"echo\", \"b\" } }, \"rom/echo one two\", { COLOUR = \"blue\" }):wait();",
            &["echo"],
        )
        .says(&["argument rom/echo", "argument one", "argument two", "COLOUR=blue"])
        .powers_off(),
        lines(
            "syscall: the runtime's own checks",
            "print(\"exit\", L4.default_loader:start({}, \"rom/runtime one two\", { COLOUR = \"blue\" }):wait());",
            &["runtime"],
        )
        .says(&["ok: heap", "ok: thread-local storage", "ok: capabilities in messages", " 0 failed", "exit\t0"])
        .powers_off(),
        lines(
            "script: a program's exit value reaches the script",
            "print(\"value\", L4.default_loader:start({}, \"rom/crash exit-42\"):wait());",
            &["crash"],
        )
        .says(&["value\t42"])
        .powers_off(),
        lines(
            "script: kill ends a program that never does",
            "local p = L4.default_loader:start({}, \"rom/witness 1000000\");\nL4.msleep(300);\np:kill();\nprint(\"killed, state\", p:state());\n\
             L4.default_loader:start({}, \"rom/hello\"):wait();",
            &["witness", "hello"],
        )
        .says(&["witness 1", "killed, state", "Hello World!"])
        .powers_off(),
        lines(
            "script: client and server over a channel",
            "local ch = L4.default_loader:new_channel();\n\
             L4.default_loader:start({ caps = { calculator = ch:svr() }, log = { \"server\", \"blue\" } }, \"rom/server\");\n\
             L4.default_loader:start({ caps = { calculator = ch }, log = { \"client\", \"green\" } }, \"rom/client\"):wait();",
            &["server", "client"],
        )
        .says(&["client: 20 + 22 = 42", "client: 50 - 8 = 42", "client: 1 / 0: the server says: "])
        .powers_off(),
        lines(
            "script: a client without the capability is refused",
            "local ch = L4.default_loader:new_channel();\n\
             L4.default_loader:start({ caps = { calculator = ch:svr() }, log = { \"server\", \"blue\" } }, \"rom/server\");\n\
             L4.default_loader:start({ log = { \"client\", \"green\" } }, \"rom/client\"):wait();",
            &["server", "client"],
        )
        .says(&["client: I was given no capability 'calculator'", "client: refused: "])
        .never_says("= 42")
        .powers_off(),
    ]
}
