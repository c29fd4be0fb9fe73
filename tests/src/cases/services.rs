//! moe and sigma0 as their clients see them: the checks of the test program `services`, and moe's own command line.

use super::POWER_OFF;
use crate::case::{Case, kernel, script};

pub fn cases() -> Vec<Case> {
    let all = format!(
        "local L4 = require(\"L4\");\n\
         L4.default_loader:start({{ caps = {{ sigma0 = L4.Env.sigma0, root = L4.Env.mem_alloc }} }}, \"rom/services\"):wait();\n{POWER_OFF}\n"
    );
    let malformed = format!(
        "local L4 = require(\"L4\");\n\
         print(\"exit\", L4.default_loader:start({{ caps = {{ root = L4.Env.mem_alloc }} }}, \"rom/malformed\"):wait());\n\
         L4.default_loader:start({{}}, \"rom/hello\"):wait();\n{POWER_OFF}\n"
    );
    vec![
        script("services: moe's and sigma0's objects", &all, &["services"])
            .says(&["second-l| other", "first   | one line", "second-l| another line", "third   | without an end"])
            .says(&["moe: there are no DMA spaces here", "services: ", " 0 failed"])
            .never_says("FAILED")
            .powers_off(),
        script("services: malformed requests", &malformed, &["malformed", "hello"])
            .says(&["malformed requests: all servers stand", "exit\t0", "Hello World!"])
            .powers_off(),
        kernel("services: moe's options", "moe --frob --init=elsewhere/ned -- one two", &[])
            .says(&["moe: option '--frob' is unknown and ignored", "moe: starting elsewhere/ned one two"])
            .says(&["moe: cannot start elsewhere/ned", "its path is rom/ned"]),
    ]
}
