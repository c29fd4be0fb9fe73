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
        crash("crash: dereferences null", "null", &["page fault", "0x0"]),
        crash("crash: writes to its own code", "write-code", &["page fault"]),
        crash("crash: jumps into data", "jump-data", &["page fault"]),
        crash("crash: overflows its stack", "stack", &["stack overflow"]),
        crash("crash: divides by zero", "divide", &["divi"]),
        crash("crash: runs out of heap", "heap", &["memory"]),
        crash("crash: panics", "panic", &["panicked"]),
        crash("crash: an undefined instruction", "undefined", &["invalid opcode"]),
        crash("crash: a crash in a second thread", "thread", &["page fault"]),
        crash("crash: calls an invalid capability", "capability", &["capability"]),
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
