//! Programs that crash: the report appears, and a program started before goes on. A program that loops at a low priority leaves the rest running.

use super::POWER_OFF;
use crate::case::{Case, script};

/// A machine where `witness` runs, then `crash KIND` ends in a report with `report` in it, and `witness` prints after it.
fn crash(name: &'static str, kind: &str, report: &[&str]) -> Case {
    let text = format!(
        "local L4 = require(\"L4\");\n\
         local w = L4.default_loader:start({{ log = {{ \"witness\", \"green\" }} }}, \"rom/witness 12\");\nL4.msleep(300);\n\
         local code = L4.default_loader:start({{ log = {{ \"crash\", \"red\" }} }}, \"rom/crash {kind}\"):wait();\n\
         print(\"crash reported\", code ~= 0);\nw:wait();\n{POWER_OFF}\n"
    );
    script(name, &text, &["witness", "crash"])
        .says(&["witness 1"])
        .says(report)
        .says(&["crash reported\ttrue", "witness 12", "witness ends"])
        .powers_off()
}

pub fn cases() -> Vec<Case> {
    vec![
        crash("crash: dereferences null", "null", &["CRASH of rom/crash, thread 1 (main): page fault: it reads address 0x0 (null pointer)", "in crash::dereference_null", "in crash::main", "in _start", "rip"]),
        crash("crash: writes to its own code", "write-code", &["CRASH", "page fault: it writes", "in crash::write_to_code"]),
        crash("crash: jumps into data", "jump-data", &["CRASH", "page fault: it jumps to address", "which is data, not code", "in crash::jump_into_data"]),
        crash("crash: overflows its stack", "stack", &["CRASH", "stack overflow", "in crash::overflow_the_stack"]),
        crash("crash: divides by zero", "divide", &["CRASH", "division", "in crash::divide_by_zero"]),
        crash("crash: runs out of heap", "heap", &["crash: thread 'main' panicked at", "memory allocation of 1048576 bytes failed"]),
        crash("crash: panics", "panic", &["crash: thread 'main' panicked at tests/programs/crash/src/main.rs", "on purpose"]),
        crash("crash: an undefined instruction", "undefined", &["CRASH", "invalid opcode", "in crash::undefined_instruction"]),
        crash("crash: a crash in a second thread", "thread", &["CRASH of rom/crash, thread 2", "page fault"]),
        crash(
            "crash: the service code itself",
            "service",
            &["l4re: the service of 'rom/crash' cannot go on", "exit code 137"],
        ),
        crash("crash: no other thread goes on", "threads", &["CRASH of rom/crash, thread 2", "exit code 139"])
            .never_says("a thread goes on"),
        crash("crash: calls an invalid capability", "capability", &["panicked at", "a call to a capability that is not there", "the capability slot is empty"]),
        script(
            "crash: a loop at low priority leaves the others running",
            &format!(
                "local L4 = require(\"L4\");\nL4.default_loader:start({{ log = {{ \"looper\", \"red\" }} }}, \"rom/looper\");\nL4.msleep(200);\n\
                 L4.default_loader:start({{ log = {{ \"witness\", \"green\" }} }}, \"rom/witness 8\"):wait();\n{POWER_OFF}\n"
            ),
            &["looper", "witness"],
        )
        .says(&["spins from now on", "witness 1", "witness 8", "witness ends"])
        .powers_off(),
    ]
}
