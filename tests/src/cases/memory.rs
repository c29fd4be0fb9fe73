//! Memory as machines have it: more than 4 GB, holes in the middle, and little.

use super::POWER_OFF;
use crate::case::{Boot, Case, case, kernel};
use crate::menu::{RUNS_SCRIPT, grub_cfg};

/// Two programs that take all memory there is, one after the other.
const HUNGRY: &str = "local L4 = require(\"L4\");\nfor round = 1, 2 do\n\
    print(\"round\", round, L4.default_loader:start({ log = { \"hog\" } }, \"rom/hog pages\"):wait());\nend\n\
    L4.default_loader:start({}, \"rom/hello\"):wait();\n";

/// GRUB takes these pieces out of the memory map that it hands on.
const HOLES: &str = "insmod mmap\ncutmem 17M 18M\ncutmem 24M 24580K\ncutmem 200M 100G";

fn hungry(case: Case) -> Case {
    case.text("test.lua", &format!("{HUNGRY}{POWER_OFF}\n"))
}

pub fn cases() -> Vec<Case> {
    let kernel = |name: &'static str| hungry(kernel(name, "moe rom/test.lua", &["test.lua", "hog", "hello"]));
    let eaten = [
        "for which there is no memory left",
        "round\t1",
        "for which there is no memory left",
        "round\t2",
        "Hello World!",
    ];
    let with_holes = grub_cfg(HOLES, "multiboot", &[&RUNS_SCRIPT[..], &["hog"]].concat(), "");
    vec![
        kernel("memory: 8 GB are seen by all")
            .text("test.lua", &format!("local L4 = require(\"L4\");\n{POWER_OFF}\n"))
            .qemu("-m 8G")
            .says(&["100000000 - 23fffffff", "RAM in all     7.9 GiB", "KiB of 8388092 KiB RAM"])
            .says(&["sigma0: 81", "KiB of RAM are free", "  100000000 - 23fffffff", "moe: 812"])
            .powers_off(),
        // Too little below 4 GB for two programs that take all: what they get lies above.
        kernel("memory: programs use what lies above 4 GB")
            .options("-serial -mem=640K@0 -mem=15M@1M -mem=48M@5G")
            .qemu("-m 8G")
            .says(&["140000000 - 142ffffff", "moe: 5"])
            .says(&eaten)
            .powers_off(),
        hungry(case("memory: holes in the middle, cut by GRUB", Boot::Cd(with_holes)))
            .qemu("-m 256")
            .says(&["1100000 - 11fffff", "1800000 - 1800fff"])
            .says(&eaten)
            .powers_off(),
    ]
}
