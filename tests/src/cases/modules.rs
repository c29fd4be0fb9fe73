//! Boot modules that are missing or broken: one line says which, and what to do, on the serial line and the screen.

use crate::broken;
use crate::case::{Boot, Case, case, modules_only, script};
use crate::menu::menu;

/// The boot chain without one of its modules.
fn without(name: &'static str, missing: &'static str) -> Case {
    let chain = ["kernel", "sigma0", "moe", "l4re", "ned"];
    let rest: Vec<&str> = chain.into_iter().filter(|&module| module != missing).collect();
    modules_only(name, &rest).says(&[&format!("module /{missing}")]).shows(missing)
}

/// The boot chain with `module` replaced by a broken one, of which bootstrap says `complaint`.
fn broken_module(name: &'static str, module: &'static str, change: fn(Vec<u8>) -> Vec<u8>, complaint: &str) -> Case {
    modules_only(name, &["kernel", "sigma0", "moe", "l4re", "ned"])
        .changed(module, module, change)
        .says(&[&format!("module \"{module}\""), complaint])
        .shows(module)
}

/// A program that is broken: ned's program fails by `complaint`, and the script goes on.
fn broken_program(name: &'static str, change: fn(Vec<u8>) -> Vec<u8>, complaint: &str) -> Case {
    let text = "local L4 = require(\"L4\");\n\
        print(pcall(function() local p = L4.default_loader:start({}, \"rom/wrong\"); print(\"exit\", p:wait()); end));\n\
        L4.default_loader:start({}, \"rom/hello\"):wait();\nL4.Env.icu:shutdown();\n";
    script(name, text, &["wrong", "hello"])
        .changed("wrong", "hello", change)
        .says(&[complaint, "Hello World!"])
        .powers_off()
}

const HELLO: &str = "local L4 = require(\"L4\");\nL4.default_loader:start({}, \"rom/hello\");\n";

pub fn cases() -> Vec<Case> {
    let menu_without_moe = menu("bootstrap -serial", &["kernel", "sigma0", "l4re", "ned"]);
    let mut cases = vec![
        without("modules: no kernel", "kernel"),
        without("modules: no sigma0", "sigma0"),
        without("modules: no moe", "moe"),
        without("modules: no l4re", "l4re"),
        without("modules: no ned", "ned"),
        modules_only("modules: none at all", &[]).says(&["module /kernel"]).shows("kernel"),
        case("modules: a menu on CD without moe", Boot::Cd(menu_without_moe)).says(&["module /moe"]).shows("moe"),
        script("modules: of two with the same name the latter is in rom/", HELLO, &["hello", "other/hello"])
            .changed("other/hello", "ackermann", broken::whole)
            .says(&["note: modules 7 and 8 have the same name; in rom/ it is the latter's", "a(3,0) = 5"]),
        modules_only("modules: without -serial a failure goes to both all the same", &["kernel", "sigma0"])
            .options("")
            .says(&["module /moe"])
            .shows("moe"),
        broken_module("modules: sigma0 over bootstrap", "sigma0", broken::over_bootstrap, "overlap"),
        broken_program("modules: a program that is no ELF file", broken::not_elf, "is not an ELF file"),
        broken_program("modules: a program that is truncated", broken::truncated, "is truncated"),
        broken_program(
            "modules: a program that is empty",
            broken::empty,
            "'rom/wrong' is empty: copy or build it again",
        ),
        broken_program("modules: a program for 32 bits", broken::class_32, "32-bit"),
        broken_program("modules: a program whose segments overlap", broken::overlapping, "overlap"),
        broken_program("modules: a program with its entry outside", broken::entry_outside, "entry point"),
    ];
    for (module, names) in [
        (
            "kernel",
            [
                "modules: kernel is no ELF file",
                "modules: kernel truncated",
                "modules: kernel for 32 bits",
                "modules: kernel overlaps",
                "modules: kernel entry outside",
            ],
        ),
        (
            "moe",
            [
                "modules: moe is no ELF file",
                "modules: moe truncated",
                "modules: moe for 32 bits",
                "modules: moe overlaps",
                "modules: moe entry outside",
            ],
        ),
    ] {
        let [no_elf, truncated, class, overlap, entry] = names;
        cases.extend([
            broken_module(no_elf, module, broken::not_elf, "is not an ELF file"),
            broken_module(truncated, module, broken::truncated, "is truncated"),
            broken_module(class, module, broken::class_32, "32-bit"),
            broken_module(overlap, module, broken::overlapping, "overlap"),
            broken_module(entry, module, broken::entry_outside, "entry point"),
        ]);
    }
    cases
}
