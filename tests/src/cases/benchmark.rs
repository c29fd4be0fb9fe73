//! The figures of the kernel's operations. `make bench` shows them; here they only have to be there.

use super::POWER_OFF;
use crate::case::{Case, script};

pub fn cases() -> Vec<Case> {
    let script_text = format!(
        "local L4 = require(\"L4\");\n\
         local echo, sum = L4.default_loader:new_channel(), L4.default_loader:new_channel();\n\
         L4.default_loader:start({{ caps = {{ echo = echo:svr() }} }}, \"rom/bench server\");\n\
         L4.default_loader:start({{ caps = {{ sum = sum:svr() }} }}, \"rom/bench objects\");\n\
         L4.default_loader:start({{ caps = {{ echo = echo, sum = sum }}, log = {{ \"bench\", \"green\" }} }}, \"rom/bench\"):wait();\n\
         {POWER_OFF}\n"
    );
    vec![
        script("benchmark: instructions of kernel operations", &script_text, &["bench"])
            .qemu("-icount shift=0,align=off,sleep=off")
            .says(&[
                "null system call",
                "call and reply-and-wait, two tasks, 0 words",
                "first touch of an anonymous page",
                "exception to a handler",
            ])
            .powers_off(),
    ]
}
