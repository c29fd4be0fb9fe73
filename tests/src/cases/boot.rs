//! The ways to start: the CD with and without more memory, on the VGA screen, under UEFI, by Multiboot 2, by QEMU's own loader;
//! machines that cannot run Furore; bootstrap without a loader.

use crate::broken;
use crate::case::{Boot, Case, case, kernel, modules_only};
use crate::menu::{RUNS_SCRIPT, grub_cfg, menu};

const HELLO: &str =
    "local L4 = require(\"L4\");\nL4.default_loader:start({}, \"rom/hello\"):wait();\nL4.Env.icu:shutdown();\n";
const HELLO_STAYS: &str = "local L4 = require(\"L4\");\nL4.default_loader:start({}, \"rom/hello\");\n";
const ACKERMANN: [&str; 6] =
    ["a(3,0) = 5", "a(3,1) = 13", "a(3,2) = 29", "a(3,3) = 61", "a(3,4) = 125", "a(3,5) = 253"];

/// What a machine without long mode is told.
const NO_LONG_MODE: &str = "this CPU has no 64-bit mode";

pub fn cases() -> Vec<Case> {
    vec![
        case("cd: the default entry runs hello and ackermann and stays up", Boot::UserCd(None))
            .says(&["Hello World!"])
            .says_all(&ACKERMANN)
            .shows("a(3,5) = 253")
            .shows("hello   | Hello World!")
            .stays_up(3),
        // OVMF copies the screen to the serial line, so what GRUB complains of is seen there.
        case("cd: the default entry under UEFI, without a complaint of GRUB's", Boot::UserCd(None))
            .qemu("-bios /usr/share/ovmf/OVMF.fd")
            .says_within(60, "Welcome to GRUB!")
            .says(&["Furore bootstrap"])
            .never_says("error:")
            .says(&["the sum of their results is 486"]),
        case("cd: the default entry with 512 MB", Boot::UserCd(None))
            .qemu("-m 512")
            .says(&["Hello World!"])
            .says_all(&ACKERMANN)
            .stays_up(1),
        case("cd: the entry of make run powers off", Boot::UserCd(Some("Hello and Ackermann, then power off")))
            .says(&["Hello World!"])
            .says_all(&ACKERMANN)
            .powers_off(),
        case("cd: Getting Started stays up and says that no script was named", Boot::UserCd(Some("Getting Started")))
            .says(&["ned: no script was named", "module /moe rom/hello.lua", "module /hello.lua"])
            .stays_up(2),
        case("cd: Hello as in the slides", Boot::UserCd(Some("Hello"))).says(&["Hello World!"]).stays_up(1),
        case("cd: Client and server", Boot::UserCd(Some("Client and server")))
            .says(&["client  | client: 20 + 22 = 42", "stranger| client: refused: "])
            .stays_up(1),
        case(
            "cd: without -serial the screen shows it and the serial line is silent",
            Boot::Cd(menu("bootstrap", &RUNS_SCRIPT)),
        )
        .text("test.lua", HELLO_STAYS)
        .shows("Hello World!")
        .serial_silent(),
        case("cd: an edited menu", Boot::Cd(menu("bootstrap -serial", &RUNS_SCRIPT)))
            .text("test.lua", HELLO)
            .says(&["Hello World!"])
            .powers_off(),
        case("cd: Multiboot 2", Boot::Cd(grub_cfg("", "multiboot2", &RUNS_SCRIPT, "")))
            .text("test.lua", HELLO)
            .says(&["Hello World!"])
            .powers_off(),
        // Multiboot 1 hands on no root pointer; the user's grub.cfg puts one where bootstrap looks.
        case("cd: UEFI, Multiboot 1 without ACPI", Boot::Cd(grub_cfg("", "multiboot", &RUNS_SCRIPT, "")))
            .text("test.lua", HELLO_STAYS)
            .qemu("-bios /usr/share/ovmf/OVMF.fd")
            .says_within(60, "no ACPI root pointer")
            .says(&["insmod loadbios, fakebios", "Hello World!"]),
        case("cd: UEFI", Boot::UserCd(Some("Hello and Ackermann, then power off")))
            .qemu("-bios /usr/share/ovmf/OVMF.fd")
            .says(&["Hello World!"])
            .says_all(&ACKERMANN)
            .powers_off(),
        kernel("kernel: hello by QEMU's own loader", "moe rom/test.lua", &["test.lua", "hello"])
            .text("test.lua", HELLO)
            .says(&["Hello World!"])
            .powers_off(),
        kernel("kernel: hello in 32 MB", "moe rom/test.lua", &["test.lua", "hello"])
            .qemu("-m 32")
            .text("test.lua", HELLO)
            .says(&["Hello World!"])
            .powers_off(),
        case("cd: hello in 32 MB", Boot::Cd(menu("bootstrap -serial", &RUNS_SCRIPT)))
            .qemu("-m 32")
            .text("test.lua", HELLO)
            .says(&["Hello World!"])
            .powers_off(),
        kernel("kernel: hello in 8 MB", "moe rom/test.lua", &["test.lua", "hello"])
            .qemu("-m 8")
            .text("test.lua", HELLO)
            .says(&["Hello World!"])
            .powers_off(),
        kernel("kernel: with 3 GB", "moe rom/test.lua", &["test.lua", "hello"])
            .qemu("-m 3072")
            .text("test.lua", HELLO)
            .says(&["Hello World!"])
            .powers_off(),
        kernel("kernel: too little memory says how much is needed", "moe rom/test.lua", &["test.lua", "hello"])
            .qemu("-m 4")
            .text("test.lua", HELLO)
            .says(&["too little memory", "needs", "KiB"])
            .shows("too little memory"),
        modules_only("kernel: a CPU without long mode", &["kernel"]).program("qemu-system-i386").shows(NO_LONG_MODE),
        case("cd: a CPU without long mode", Boot::UserCd(None)).program("qemu-system-i386").shows(NO_LONG_MODE),
        Case {
            boot: Boot::Kernel { image: "unloaded", arguments: String::new(), modules: Vec::new() },
            ..modules_only("kernel: bootstrap without a Multiboot loader", &[])
        }
        .changed("unloaded", "bootstrap", broken::without_loader)
        .says(&["not started by a Multiboot loader"])
        .shows("not started by a Multiboot loader"),
    ]
}
