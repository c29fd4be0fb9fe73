//! Programs that take all of something: they get errors or end with a report, and the rest of the system goes on.

use super::POWER_OFF;
use crate::case::{Case, script};

/// A machine where `hog` takes all it can get of each of `kinds` in turn while `witness` prints; ned hears of each end.
fn hog(name: &'static str, kinds: &[(&str, &[&str])]) -> Case {
    let list: Vec<String> = kinds.iter().map(|(kind, _)| format!("\"{kind}\"")).collect();
    let text = format!(
        "local L4 = require(\"L4\");\n\
         local w = L4.default_loader:start({{ log = {{ \"witness\", \"green\" }} }}, \"rom/witness 1000\");\n\
         for _, kind in ipairs {{ {} }} do\n\
           print(\"end of\", kind, L4.default_loader:start({{ log = {{ \"hog\", \"red\" }} }}, \"rom/hog \" .. kind):wait());\n\
           L4.default_loader:start({{}}, \"rom/hello\"):wait();\n\
         end\n\
         print(\"witness\", w:state());\n{POWER_OFF}\n",
        list.join(", ")
    );
    let mut case = script(name, &text, &["witness", "hog", "hello"]).says(&["witness 1"]);
    for (kind, said) in kinds {
        case = case.says(said).says(&[&format!("end of\t{kind}"), "Hello World!"]);
    }
    case.says(&["witness\trunning"]).never_says("moe: no page").never_says("moe: thread").powers_off()
}

pub fn cases() -> Vec<Case> {
    let held = |kind: &str| {
        format!(
            "local L4 = require(\"L4\");\n\
             local w = L4.default_loader:start({{ log = {{ \"witness\", \"green\" }} }}, \"rom/witness 1000\");\n\
             local hog = L4.default_loader:start({{ log = {{ \"hog\", \"red\" }} }}, \"rom/hog {kind} keep\");\n\
             L4.sleep(2);\nprint(\"another program\", pcall(function()\n\
             return L4.default_loader:start({{}}, \"rom/hello\"):wait() end));\n\
             hog:kill();\nprint(\"witness\", w:state());\n\
             L4.default_loader:start({{ log = {{ \"after\" }} }}, \"rom/hello\"):wait();\n{POWER_OFF}\n"
        )
    };
    let keeping = |name: &'static str, kind: &str| {
        script(name, &held(kind), &["witness", "hog", "hello"])
            .says(&["and keeps them", "witness ", "another program", "witness\trunning", "after   | Hello World!"])
            .powers_off()
    };
    vec![
        hog(
            "exhaustion: memory",
            &[
                ("dataspaces", &["dataspaces until: "]),
                ("pages", &["CRASH of rom/hog", "for which there is no memory left"]),
                ("heap", &["memory allocation of 100000 bytes failed"]),
                ("dataspaces", &["dataspaces until: "]),
            ],
        ),
        hog(
            "exhaustion: the kernel's objects",
            &[
                ("threads", &["threads until: "]),
                ("semaphores", &["semaphores until: "]),
                ("tasks", &["tasks until: "]),
            ],
        ),
        hog(
            "exhaustion: moe's objects",
            &[
                ("factories", &["factories until: "]),
                ("maps", &["maps until: "]),
                ("proxies", &["proxies until: "]),
                ("names", &["names until: "]),
            ],
        ),
        hog("exhaustion: regions", &[("regions", &["regions until: "])]),
        keeping("exhaustion: memory that is kept", "dataspaces"),
        keeping("exhaustion: threads that are kept", "threads"),
        keeping("exhaustion: moe's objects that are kept", "factories"),
    ]
}
