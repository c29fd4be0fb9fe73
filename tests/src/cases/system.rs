//! What each stage says on its way, in order: bootstrap, kernel, sigma0, moe, ned, l4re, the programs.

use super::POWER_OFF;
use crate::case::{Case, script};

pub fn cases() -> Vec<Case> {
    let hello = format!(
        "local L4 = require(\"L4\");\nL4.default_loader:start({{ log = {{ \"hello\", \"cyan\" }} }}, \"rom/hello\"):wait();\n{POWER_OFF}\n"
    );
    let thread_local = |program: &str| {
        format!(
            "local L4 = require(\"L4\");\nprint(\"exit\", L4.default_loader:start({{}}, \"rom/{program}\"):wait());\n{POWER_OFF}\n"
        )
    };
    let ackermann =
        format!("local L4 = require(\"L4\");\nL4.default_loader:start({{}}, \"rom/ackermann\"):wait();\n{POWER_OFF}\n");
    vec![
        script("system: every stage speaks, in order", &hello, &["hello"])
            .says(&["Furore bootstrap", "Memory map:", "Boot modules:", "What lies where", "Starting kernel at"])
            .says(&[
                "Furore microkernel",
                "Kernel starts at",
                "ends at",
                "CPU: ",
                "Kernel memory: ",
                "Started sigma0 at",
            ])
            .says(&[
                "sigma0: root pager; kernel info page at",
                "of RAM are free",
                "ranges of RAM: ",
                "  rwx  free",
                "ranges of I/O ports: ",
            ])
            .says(&[
                "moe: root task; my command line is: moe rom/test.lua",
                "KiB of memory for programs",
                "file rom/l4re",
                "file rom/ned",
                "file rom/test.lua",
                "file rom/hello",
                "name space rom/: 4 files",
                "moe: starting rom/ned rom/test.lua",
            ])
            .says(&["ned: running 'rom/test.lua'", "hello   | Hello World!"])
            .powers_off(),
        script("system: thread-local variables in a static program", &thread_local("tls"), &["tls"])
            .says(&["round 2: the other thread's own: true", "code at 0x100", "storage: sound", "exit\t0"])
            .powers_off(),
        script("system: thread-local variables in a static-pie program", &thread_local("tls-pie"), &["tls-pie"])
            .says(&["round 2: the other thread's own: true", "code at 0x2", "storage: sound", "exit\t0"])
            .powers_off(),
        script("system: ackermann's six threads", &ackermann, &["ackermann"])
            .says_all(&["a(3,0) = 5", "a(3,1) = 13", "a(3,2) = 29", "a(3,3) = 61", "a(3,4) = 125", "a(3,5) = 253"])
            .powers_off(),
    ]
}
